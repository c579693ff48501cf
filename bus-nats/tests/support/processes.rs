//! Workers that are processes of their own.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::support::Server;

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// A process that is killed with its test.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn start(mode: &str, folder: &Path) -> Self {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["child", mode, folder.to_str().unwrap(), "0"]);
        Process(program.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A folder that tells worker processes where the server is.
pub(crate) fn folder(server: &Server) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("url"), server.url()).unwrap();
    folder
}

/// Where the server is, for a worker process.
pub(crate) fn url(folder: &Path) -> String {
    fs::read_to_string(folder.join("url")).unwrap()
}

/// Ends a worker process when its test is gone, whatever became of it.
pub(crate) fn die_with_test() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
}
