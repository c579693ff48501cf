//! The shop as services, on several machines if need be, over NATS: each has one [`Part`] or more, and a front end takes the
//! requests.
//!
//! The modules do not know of it: what has a handler in a process is handled there, and the rest goes through the server.

mod front;
mod refusals;
mod service;
mod settled;

use std::time::Duration;

use bus_nats::{Begin, NatsConfig, Redelivery, StreamSettings};
use linkbus::layer::{Reason, Retry};

pub use self::{
    front::open_front,
    service::{Service, run_service},
};
use crate::soon_again;

/// How much of the disk of the server each stream may take, which the server sets aside: 64 MiB.
const STREAM: u64 = 64 << 20;

/// What a program of the shop is told that is called `name`. A service that is new hears the events that were before it. What
/// fails is tried again for some minutes, which a service may be away that is asked.
fn config(server: &str, name: &str) -> NatsConfig {
    let mut streams = StreamSettings::default();
    streams.max_bytes = STREAM;
    NatsConfig::new(server)
        .group(name)
        .begin(Begin::First)
        .streams(streams)
        .redelivery(Redelivery::new().max_attempts(10))
}

/// Asks again when nobody answers: a service that was killed is there again in some seconds. What failed for good is no such
/// case.
fn until_somebody_answers() -> Retry {
    let again = Retry::new().base(Duration::from_millis(100)).cap(Duration::from_secs(2)).max_attempts(10);
    again.on_transient().when(|failed| failed.reason() == Reason::NoHandler)
}

/// Tries again for some minutes, too, what a service does for itself.
fn patient() -> Retry {
    soon_again().cap(Duration::from_secs(10)).max_attempts(20)
}
