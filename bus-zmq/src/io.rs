//! Threads and sockets: what carries the frames of the protocol.

mod hub;
mod libzmq;
#[cfg(feature = "curve")]
mod omq;
mod outgoing;
mod peer;
mod place;
mod role;
mod socket;
mod wake;

use std::time::Duration;

pub(crate) use self::{
    hub::{HubPort, open_hub},
    place::Place,
    role::Role,
    socket::LockedOut,
    wake::{Inbox, Wake},
};

/// The most bytes of several frames that are sent as one message of ZeroMQ.
const BATCH: usize = 64 << 10;

/// How many messages of ZeroMQ wait in a connection, each way. What is more than that waits with us, where it is counted.
const HIGH_WATER: u16 = 64;

/// How long a hub that is gone is waited for before a peer connects again.
const RECONNECT: Duration = Duration::from_millis(50);

/// How long what was said last is kept for peers that are slow, when a hub closes.
const LINGER: Duration = Duration::from_millis(250);

/// How many bytes a message of ZeroMQ may have, so that each content of up to `max_frame` fits.
fn max_message(max_frame: usize) -> usize {
    max_frame.saturating_add(2 * BATCH)
}
