//! What the tests over sockets have in common.
#![allow(dead_code, reason = "no test program needs all of it")]

use std::{future::Future, time::Duration};

use bus_zmq::{ClientBuilder, HubBuilder, WorkerBuilder, Zmq};

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
        Zmq::hub().endpoint(self.endpoint()).heartbeat(Duration::from_millis(300))
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        Zmq::client().endpoint(self.endpoint())
    }

    pub(crate) fn worker(&self) -> WorkerBuilder {
        Zmq::worker().endpoint(self.endpoint())
    }
}

/// What is waited for, or a panic after twenty seconds.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("what was waited for did not happen")
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
