#![doc = include_str!("../README.md")]

mod address;
mod client;
mod error;
mod hub;
mod io;
pub mod protocol;
mod worker;

pub use self::{
    client::{ClientBuilder, ZmqClient},
    error::{NotReady, OpenError},
    hub::{HubBuilder, ZmqHub},
    protocol::{HubStats, NoWorker, WorkStats},
    worker::{WorkerBuilder, WorkerHandle, ZmqWorker},
};

/// Where everything begins: a hub, clients and workers.
#[derive(Clone, Copy, Debug)]
pub struct Zmq;

impl Zmq {
    /// What clients and workers connect to.
    pub fn hub() -> HubBuilder {
        HubBuilder::default()
    }

    /// What a bus sends through.
    pub fn client() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// What handles messages for other processes.
    pub fn worker() -> WorkerBuilder {
        WorkerBuilder::default()
    }
}
