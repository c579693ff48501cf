//! What a thread does for a client or a worker.

use std::time::Duration;

use super::LockedOut;
use crate::protocol::{Frame, Malformed, frames};

/// A client or a worker, as the thread sees it that has its connection.
pub(crate) trait Role: Send {
    /// Does what the program asked for since, and what is due.
    fn work(&mut self, now: Duration, out: &mut Vec<Frame>);

    /// Notes a frame, or bytes that are none.
    fn receive(&mut self, frame: Result<Frame, Malformed>, now: Duration, out: &mut Vec<Frame>);

    /// Notes why the hub does not let this process in, or that nothing is known of that.
    fn lock_out(&mut self, why: Option<LockedOut>);

    /// Tells the program what has come of all that.
    fn report(&mut self);

    /// Whether the program has asked for nothing that was not looked at.
    fn is_quiet(&self) -> bool;

    /// When [`work`](Self::work) has something to do, without being asked.
    fn next_work(&self) -> Duration;

    /// Whether it needs the connection no more.
    fn is_over(&self) -> bool;

    /// Tells the program that the connection is no more.
    fn end(&mut self);
}

/// A role for tests that has nothing to do. Whenever it was asked whether it is quiet, there is something: the moment at which a
/// wake could be lost.
#[cfg(test)]
pub(super) struct Busy(pub(super) std::sync::Arc<super::Wake>);

#[cfg(test)]
impl Role for Busy {
    fn work(&mut self, _: Duration, _: &mut Vec<Frame>) {}

    fn receive(&mut self, _: Result<Frame, Malformed>, _: Duration, _: &mut Vec<Frame>) {}

    fn lock_out(&mut self, _: Option<LockedOut>) {}

    fn report(&mut self) {}

    fn is_quiet(&self) -> bool {
        self.0.wake();
        true
    }

    fn next_work(&self) -> Duration {
        Duration::MAX
    }

    fn is_over(&self) -> bool {
        false
    }

    fn end(&mut self) {}
}

/// The frames of a message of ZeroMQ.
pub(super) fn read(message: &[u8]) -> impl Iterator<Item = Result<Frame, Malformed>> {
    frames(message).map(|frame| frame.and_then(Frame::from_bytes))
}
