//! Servers that tests start themselves, and what the tests have in common.
#![allow(dead_code, reason = "no test program needs all of it")]

use std::{
    error::Error,
    fs,
    io::Write as _,
    iter::successors,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, Once},
    thread,
    time::Duration,
};

use async_nats::jetstream::{self, message::StreamMessage};
use bus_nats::{Nats, NatsClient, NatsConfig, StreamSettings, WorkerHandle, WorkerStats};
use linkbus::{
    Builder, Bus,
    layer::{Dispatch, Observer},
    transport::Endpoint,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{sync::Semaphore, task::JoinHandle};

/// Where the programs of servers are, with `:` between them.
const PROGRAMS: &str = "LINKBUS_NATS_SERVERS";

/// A server with JetStream, on a port and in a folder of its own. It ends with its test.
pub(crate) struct Server {
    program: PathBuf,
    child: Child,
    folder: tempfile::TempDir,
    url: String,
}

impl Server {
    /// One of each version; none, and a notice, if nobody says where they are.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        programs().into_iter().map(|program| Server::start(&program, ""))
    }

    /// The same, with something more in the configuration.
    pub(crate) fn each_with(more: &str) -> impl Iterator<Item = Self> + use<'_> {
        programs().into_iter().map(move |program| Server::start(&program, more))
    }

    pub(crate) fn start(program: &Path, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "jetstream {{ store_dir: {0:?} }}\nports_file_dir: {0:?}\n{more}\n",
            folder.path().display().to_string()
        );
        fs::write(folder.path().join("server.conf"), config).unwrap();
        let child = spawn(program, folder.path(), "-1");
        let url = address(folder.path(), child.id());
        Server { program: program.to_owned(), child, folder, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn config(&self) -> NatsConfig {
        config(&self.url)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to end, and waits for that.
    pub(crate) fn end(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }

    /// Stops all of it, as a machine that cannot be reached; until [`thaw`](Self::thaw).
    pub(crate) fn freeze(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
    }

    pub(crate) fn thaw(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).unwrap();
    }

    /// Starts it again, at the same port, with what it kept.
    pub(crate) fn restart(&mut self) {
        let port = self.url.rsplit(':').next().unwrap().to_owned();
        self.child = spawn(&self.program, self.folder.path(), &port);
        address(self.folder.path(), self.child.id());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A configuration with streams for which any disk has room: what they may take is set aside.
pub(crate) fn config(url: &str) -> NatsConfig {
    NatsConfig::new(url).streams(settings(StreamSettings::default()))
}

pub(crate) fn settings(mut streams: StreamSettings) -> StreamSettings {
    streams.max_bytes = 16 << 20;
    streams
}

fn spawn(program: &Path, folder: &Path, port: &str) -> Child {
    let mut command = Command::new(program);
    command.arg("-c").arg(folder.join("server.conf")).args(["-a", "127.0.0.1", "-p", port]);
    command.arg("-l").arg(folder.join("server.log"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("{} cannot be started: {error}", program.display()))
}

/// Where a server listens, as it writes when it is ready.
fn address(folder: &Path, process: u32) -> String {
    let ending = format!("_{process}.ports");
    for _ in 0..6_000 {
        let ports = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let written = ports.filter(|path| path.to_string_lossy().ends_with(&ending));
        let mut texts = written.filter_map(|path| fs::read_to_string(path).ok());
        let ports = texts.find_map(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
        if let Some(url) = ports.and_then(|ports| ports["nats"][0].as_str().map(str::to_owned)) {
            return url;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the server is not ready: {}", fs::read_to_string(folder.join("server.log")).unwrap_or_default());
}

/// The programs of servers.
pub(crate) fn programs() -> Vec<PathBuf> {
    static NOTICE: Once = Once::new();
    if let Some(programs) = std::env::var_os(PROGRAMS) {
        return std::env::split_paths(&programs).collect();
    }
    let notice = "notice: tests of bus-nats need servers, and are left out: run `cargo xtask ci nats`, or say with \
                  LINKBUS_NATS_SERVERS=/path/to/nats-server where one is\n";
    // Not a macro: what those print is kept back.
    NOTICE.call_once(|| std::io::stderr().write_all(notice.as_bytes()).unwrap());
    Vec::new()
}

/// What the environment says, or what does for a test that is run often.
pub(crate) fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |number| number.parse().expect("a number"))
}

/// What is waited for, or a panic after a minute: on a busy machine all takes longer.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("what was waited for did not happen")
}

/// Waits until it is so.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    soon(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// What a user is told who shows an error with all its causes.
pub(crate) fn told(error: &dyn Error) -> String {
    let causes = successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A worker that runs until it is stopped.
pub(crate) struct Running {
    pub(crate) handle: WorkerHandle,
    running: JoinHandle<WorkerStats>,
}

impl Running {
    pub(crate) async fn start(config: &NatsConfig, bus: Builder<Bus>) -> Self {
        Running::serve(config, &bus.replayable().build().unwrap()).await
    }

    pub(crate) async fn serve(config: &NatsConfig, bus: &Bus) -> Self {
        let worker = Nats::worker(config, Endpoint::new(bus).unwrap()).await.unwrap();
        Running { handle: worker.handle(), running: tokio::spawn(worker.run()) }
    }

    /// Waits until nothing waits for it or is with it.
    pub(crate) async fn idle(&self) {
        while self.handle.lag().await.unwrap().iter().any(|lag| lag.waiting > 0 || lag.under_way > 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn stop(self) -> WorkerStats {
        self.handle.stop();
        soon(self.running).await.unwrap()
    }

    /// Waits until it ends by itself.
    pub(crate) async fn wait(self) {
        self.running.await.unwrap();
    }

    /// Ends it where it stands.
    pub(crate) fn abort(self) {
        self.running.abort();
    }
}

pub(crate) async fn client(config: &NatsConfig) -> NatsClient {
    Nats::client(config).await.unwrap()
}

/// A client that knows nothing of linkbus.
pub(crate) async fn plain(server: &Server) -> async_nats::Client {
    async_nats::connect(server.url()).await.unwrap()
}

/// Whether the server keeps messages until they are due.
pub(crate) async fn keeps_for_later(server: &Server) -> bool {
    plain(server).await.is_server_compatible(2, 12, 0)
}

/// The first message of a stream.
pub(crate) async fn first_of(server: &Server, stream: &str) -> StreamMessage {
    let stream = jetstream::new(plain(server).await).get_stream(stream).await.unwrap();
    let first = stream.cached_info().state.first_sequence;
    stream.get_raw_message(first).await.unwrap()
}

/// A header of a message; nothing if it has none of that name.
pub(crate) fn header(message: &StreamMessage, name: &str) -> String {
    message.headers.get(name).map(ToString::to_string).unwrap_or_default()
}

/// How many messages are in a stream.
pub(crate) async fn kept(server: &Server, stream: &str) -> u64 {
    let stream = jetstream::new(plain(server).await).get_stream(stream).await.unwrap();
    stream.cached_info().state.messages
}

/// Notes at which attempt each dispatch is.
#[derive(Clone, Default)]
pub(crate) struct Attempts(pub(crate) Arc<Mutex<Vec<u32>>>);

impl Observer for Attempts {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        self.0.lock().unwrap().push(dispatch.attempt());
    }

    fn end(&self, _: &mut Dispatch<'_>) {}
}

/// Handlers wait here.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn new() -> Self {
        Gate(Arc::new(Semaphore::new(0)))
    }

    pub(crate) fn pass(&self) -> impl Future<Output = ()> + Send + use<> {
        let permits = Arc::clone(&self.0);
        async move { permits.acquire().await.unwrap().forget() }
    }

    pub(crate) fn open(&self) {
        self.0.add_permits(1_000_000);
    }
}
