//! What can go wrong when a hub, a client or a worker is opened.

use std::{io, path::PathBuf, time::Duration};

use crate::protocol::Reject;

/// Why a hub, a client or a worker could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The endpoint cannot be understood.
    #[error("`{endpoint}` is no endpoint: {problem}")]
    Endpoint {
        /// As it was given.
        endpoint: String,
        /// What is wrong, and what to write instead.
        problem: &'static str,
    },
    /// The endpoint can be reached from other machines, and nothing would be encrypted.
    #[error(
        "`{endpoint}` can be reached from other machines, and what is sent is not encrypted: give the hub and whoever \
         connects keys with `.curve(..)` (feature `curve` of bus-zmq), or use `ipc://`, or an address of this machine \
         (`tcp://127.0.0.1:5555`); `.dangerously_without_encryption()` allows it all the same"
    )]
    NotEncrypted {
        /// As it was given.
        endpoint: String,
    },
    /// A hub has keys and allows nobody's.
    #[error(
        "nobody could connect to `{endpoint}`: give the public keys of clients and workers to `CurveServer::allow`; \
         `.dangerously_allow_everybody()` lets in whoever comes"
    )]
    NobodyAllowed {
        /// As it was given.
        endpoint: String,
    },
    /// The folder of the socket could be used by others.
    #[error("`{}` cannot hold the socket: {problem}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong, and what to do.
        problem: &'static str,
    },
    /// There is something at the place of the socket that is none.
    #[error("`{}` is no socket of this user: remove it, or take another endpoint", path.display())]
    Occupied {
        /// What is there.
        path: PathBuf,
    },
    /// Another program listens at the place of the socket, and is no hub of this crate.
    #[error("another program listens at `{}`: end it, or take another endpoint", path.display())]
    InUse {
        /// Where it listens.
        path: PathBuf,
    },
    /// Another hub serves the endpoint.
    #[error(
        "another hub serves `{endpoint}`: close it, or take another endpoint; clients and workers may be many, a hub is one"
    )]
    AlreadyServed {
        /// As it was given.
        endpoint: String,
    },
    /// A message that a worker serves has a name that fits into no frame.
    #[error(
        "the name `{beginning}..` has {size} bytes, and at most {limit} are carried: give the message a shorter one with `name = \"..\"`"
    )]
    NameTooLong {
        /// How the name begins.
        beginning: String,
        /// How many bytes it has.
        size: usize,
        /// How many it may have.
        limit: usize,
    },
    /// A worker serves more messages than it can tell its hub.
    #[error(
        "the bus handles {count} messages, and a worker serves at most {limit}: give several workers a part of the modules each"
    )]
    TooManyNames {
        /// How many it serves.
        count: usize,
        /// How many it may serve.
        limit: usize,
    },
    /// The system refused.
    #[error("cannot open `{endpoint}`")]
    System {
        /// As it was given.
        endpoint: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Why a client or a worker is not ready: what [`ZmqClient::ready`](crate::ZmqClient::ready), [`served`](crate::ZmqClient::served),
/// [`WorkerHandle::ready`](crate::WorkerHandle::ready) and [`ZmqWorker::run`](crate::ZmqWorker::run) fail with.
///
/// All but [`Closed`](NotReady::Closed) may pass: the client or worker goes on looking for its hub by itself, and whoever waits anew
/// hears of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// No hub answers, for as long as `hub_grace` says: 10 s.
    #[error(
        "no hub answers at `{endpoint}` for {after:?}: start one with `Zmq::hub()`; one with keys answers only who has `.curve(..)`, too"
    )]
    NoHub {
        /// Where it was looked for.
        endpoint: String,
        /// For how long.
        after: Duration,
    },
    /// Somebody answers, and the keys do not fit.
    #[error("`{endpoint}` lets nobody in from here: {problem}")]
    LockedOut {
        /// Where the hub should be.
        endpoint: String,
        /// What is wrong, and what to do.
        problem: &'static str,
    },
    /// The hub does not take this client or worker.
    #[error("the hub at `{endpoint}` refuses")]
    Refused {
        /// Where the hub is.
        endpoint: String,
        /// What it says.
        source: Reject,
    },
    /// It was closed.
    #[error("it is closed")]
    Closed,
}
