#![doc = include_str!("../README.md")]

mod client;
mod config;
mod connection;
mod dead_letters;
mod error;
mod headers;
mod health;
mod later;
mod names;
mod permissions;
mod publish;
mod redelivery;
mod streams;
mod worker;

use linkbus::transport::Endpoint;

pub use self::{
    client::NatsClient,
    config::{Begin, Hearers, NatsConfig},
    dead_letters::NatsDeadLetters,
    error::{Difference, Differences, OpenError},
    health::Health,
    redelivery::Redelivery,
    streams::{Storage, StreamSettings, WhenFull},
    worker::{Lag, NatsWorker, WorkerHandle, WorkerStats},
};

/// What is on the wire, for programs without linkbus.
#[doc = include_str!("../docs/wire.md")]
pub mod wire {}

/// Where everything begins: clients, workers, and dead letters.
///
/// The README has a program.
#[derive(Clone, Copy, Debug)]
pub struct Nats;

impl Nats {
    /// Connects what a bus sends through.
    ///
    /// # Errors
    /// [`OpenError`] if no server can be reached, it cannot be used, or a stream is not as it should be.
    pub async fn client(config: &NatsConfig) -> Result<NatsClient, OpenError> {
        NatsClient::open(config).await
    }

    /// Connects what handles messages for other processes, by what `endpoint` serves. From now on no event is missed.
    ///
    /// # Errors
    /// [`OpenError`], as for [`client`](Self::client), or if a consumer is not as it should be.
    pub async fn worker(config: &NatsConfig, endpoint: Endpoint) -> Result<NatsWorker, OpenError> {
        NatsWorker::open(config, endpoint).await
    }

    /// Connects what lists and replays the messages that workers gave up: [`NatsDeadLetters`] has an example.
    ///
    /// # Errors
    /// [`OpenError`], as for [`client`](Self::client).
    pub async fn dead_letters(config: &NatsConfig) -> Result<NatsDeadLetters, OpenError> {
        NatsDeadLetters::open(config).await
    }
}
