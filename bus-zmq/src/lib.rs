#![doc = include_str!("../README.md")]

mod address;
mod client;
mod contact;
#[cfg(feature = "curve")]
mod curve;
mod drops;
/// Without the feature nobody has keys.
#[cfg(not(feature = "curve"))]
mod curve {
    #[derive(Clone, Debug)]
    pub(crate) enum CurveServer {}

    #[derive(Clone, Debug)]
    pub(crate) enum CurveClient {}
}
mod error;
mod hub;
mod io;
pub mod protocol;
mod reach;
mod worker;

#[cfg(feature = "curve")]
pub use self::curve::{Curve, CurveClient, CurveServer, KeyError, PublicKey, SecretKey};
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
