//! Workers that are processes of their own.
#![allow(dead_code, reason = "no test program needs all of it")]

use std::{
    fs,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Server;

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// A process that is killed with its test.
pub(crate) struct Process {
    pub(crate) child: Child,
    /// Open as long as the test is there; who waits for a child that has it closes it.
    _input: ChildStdin,
}

impl Process {
    pub(crate) fn start(mode: &str, folder: &Path) -> Self {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["child", mode, folder.to_str().unwrap(), "0"]);
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        Process { child, _input: input }
    }

    /// Tells it to end.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
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
