//! What hub, clients and workers say to each other, without sockets, clocks and threads.
//!
//! Each of the three is a state machine: it is given the [frames](Frame) that arrive and, now and then, the time; what it wants
//! sent is taken from it. So every order of events can be tried out in one thread; the crate's threads and sockets only carry.
//!
//! Time is the time on a clock of the caller's, which only goes on.
#![doc = ""]
#![doc = include_str!("../docs/wire.md")]

mod calls;
mod content;
mod fields;
mod frame;
mod hub;
mod numbered;
mod reject;
mod session;
mod work;

use self::numbered::{Keyed, NumberedSet};
pub use self::{
    calls::{Call, Calls, Outcome},
    content::Content,
    frame::{Frame, Head, Hello, Malformed, Served, VERSION, Welcome, frames},
    hub::{Hub, HubOptions, HubStats, NoWorker, PeerId},
    reject::Reject,
    session::{Heard, Session},
    work::{Job, Lease, Work, WorkStats},
};
pub(crate) use self::{
    fields::{MAX_LIST, MAX_TEXT},
    numbered::Numbered,
};

/// Takes all there is, and leaves room for as much.
fn take_all<T>(all: &mut Vec<T>) -> Vec<T> {
    if all.is_empty() {
        return Vec::new();
    }
    let room = Vec::with_capacity(all.len());
    std::mem::replace(all, room)
}
