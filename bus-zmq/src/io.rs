//! Threads and sockets: what carries the frames of the protocol.

mod hub;
mod outgoing;
mod peer;
mod place;
mod role;
mod wake;

pub(crate) use self::{
    hub::{HubPort, open_hub},
    place::Place,
    role::Role,
    wake::{Inbox, Wake},
};

/// The most bytes of several frames that are sent as one message of ZeroMQ.
const BATCH: usize = 64 << 10;

/// How many bytes a message of ZeroMQ may have, so that each content of up to `max_frame` fits.
fn max_message(max_frame: usize) -> i64 {
    i64::try_from(max_frame.saturating_add(2 * BATCH)).unwrap_or(i64::MAX)
}
