//! The front end: it takes the requests, and has the hub through which they go.

use std::{
    env,
    fs::Permissions,
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use bus_zmq::{NoWorker, Zmq, ZmqHub};
use linkbus::{
    AnyError, Builder, Bus, Kind,
    layer::{Trace, only},
};
use storage::Database;
use tempfile::TempDir;
use tokio::process::Command;

use super::{between_processes, kill::Kill, settled::Settled, supervisor::Supervisor, thrice};
use crate::{ListLetters, Part, Place, ReplayLetters, Stop, recorded};

/// How a shop of several processes behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Whether each request waits for all that comes of it, as it does in one process: for a script.
    pub is_settled: bool,
    /// The part whose process is killed while it has a command.
    pub kill: Option<Part>,
}

/// A shop of several processes.
pub struct Split {
    bus: Bus,
    hub: Arc<ZmqHub>,
    supervisor: Supervisor,
    folder: TempDir,
}

impl Split {
    /// Starts the processes, and waits until everything is served. Data that is to be kept nowhere is kept in a folder that
    /// is removed at the end, because a process that is killed has to find it again.
    ///
    /// # Errors
    /// A process that cannot be started or gives up, a socket that cannot be made, or that it was asked to stop.
    pub async fn open(place: &Place, records: Option<&Path>, manner: Manner, stop: &Stop) -> Result<Self, AnyError> {
        let folder = tempfile::Builder::new().prefix("shop-").permissions(Permissions::from_mode(0o700)).tempdir()?;
        let data = data(place, &folder);
        // Held until all have it open: SQLite does not wait for its turn to begin or to end the sharing of a file.
        let _shared = Database::open(&Place::File(data.clone()), "")?;
        let start = Start { endpoint: format!("ipc://{}/bus", folder.path().display()), data, records };
        // What the orders have to settle waits for the stock.
        let hub = Arc::new(Zmq::hub().endpoint(&start.endpoint).no_worker(NoWorker::Queue).start()?);
        let supervisor = Supervisor::start(|part| start.command(part))?;
        let client = Zmq::client().join(&hub)?;
        let bus = between_processes(recorded(Bus::empty(), records)?.layer(Trace::new()), thrice())
            .message::<ListLetters>()
            .message::<ReplayLetters>();
        let bus = layers(bus, manner, &hub, &supervisor).transport(client.clone()).build()?;
        let mut split = Split { bus, hub, supervisor, folder };
        let served = tokio::select! {
            served = client.served(names(&split.bus)) => served.map_err(AnyError::from),
            error = split.supervisor.failed() => Err(error),
            () = stop.asked() => Err("stopped before all processes were there".into()),
        };
        match served {
            Ok(()) => Ok(split),
            Err(error) => {
                // What goes wrong now comes of it.
                let _ = split.close().await;
                Err(error)
            }
        }
    }

    /// What takes the requests.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Lets every process finish, and leaves nothing behind.
    ///
    /// # Errors
    /// A process that ended in another way than it should, or a folder that cannot be removed.
    pub async fn close(self) -> Result<(), AnyError> {
        self.bus.close().await?;
        let ended = self.supervisor.close().await;
        self.hub.close().await;
        self.folder.close()?;
        ended
    }
}

/// Where the data is.
fn data(place: &Place, folder: &TempDir) -> PathBuf {
    match place {
        Place::File(file) => file.clone(),
        Place::Memory => folder.path().join("shop.sqlite"),
    }
}

/// What a process is told.
struct Start<'a> {
    endpoint: String,
    data: PathBuf,
    records: Option<&'a Path>,
}

impl Start<'_> {
    fn command(&self, part: Part) -> io::Result<Command> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--module", part.name(), "--hub", &self.endpoint, "--db"]).arg(&self.data);
        if let Some(records) = self.records {
            command.arg("--record").arg(records);
        }
        Ok(command)
    }
}

fn layers(bus: Builder<Bus>, manner: Manner, hub: &Arc<ZmqHub>, supervisor: &Supervisor) -> Builder<Bus> {
    let bus = if manner.is_settled { bus.layer(Settled(Arc::clone(hub))) } else { bus };
    match manner.kill {
        Some(part) => bus.layer(only(Kind::Command, Kill::new(part, Arc::clone(hub), supervisor.running()))),
        None => bus,
    }
}

/// Everything that has to be served: all that `bus` can send, and that is no event.
fn names(bus: &Bus) -> Vec<&'static str> {
    let wiring = bus.wiring();
    [wiring.registered_queries(), wiring.registered_commands(), wiring.registered_tasks()].concat()
}
