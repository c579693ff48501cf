//! What the tests over sockets have in common.
#![allow(dead_code, reason = "no test program needs all of it")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bus_zmq::{ClientBuilder, HubBuilder, WorkStats, WorkerBuilder, WorkerHandle, Zmq};
use linkbus::{Builder, Bus, transport::Endpoint};
use tokio::{sync::Semaphore, task::JoinHandle};

/// An endpoint of its own, in a folder that is removed with it.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    /// The folder of the socket, which the first one makes who needs it.
    pub(crate) fn folder(&self) -> std::path::PathBuf {
        self.0.path().join("run")
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("ipc://{}", self.folder().join("bus").display())
    }

    pub(crate) fn hub(&self) -> HubBuilder {
        Zmq::hub().endpoint(self.endpoint())
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        Zmq::client().endpoint(self.endpoint())
    }

    pub(crate) fn worker(&self) -> WorkerBuilder {
        Zmq::worker().endpoint(self.endpoint())
    }
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

/// A worker that runs until it is stopped.
pub(crate) fn run(builder: WorkerBuilder, bus: Builder<Bus>) -> (WorkerHandle, JoinHandle<WorkStats>) {
    let worker = builder.connect(Endpoint::new(&bus.build().unwrap()).unwrap()).unwrap();
    (worker.handle(), tokio::spawn(async { worker.run().await.unwrap() }))
}

/// Handlers wait here, and are counted.
#[derive(Clone)]
pub(crate) struct Gate {
    permits: Arc<Semaphore>,
    arrived: Arc<AtomicUsize>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Gate { permits: Arc::new(Semaphore::new(0)), arrived: Arc::default() }
    }

    pub(crate) fn pass(&self) -> impl Future<Output = ()> + Send + use<> {
        self.arrived.fetch_add(1, Ordering::Relaxed);
        let permits = Arc::clone(&self.permits);
        async move { permits.acquire().await.unwrap().forget() }
    }

    pub(crate) fn open(&self) {
        self.permits.add_permits(1_000);
    }

    pub(crate) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }
}
