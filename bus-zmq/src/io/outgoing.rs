//! Frames that wait until a socket takes them.

use std::{collections::VecDeque, time::Duration};

use super::{BATCH, LINGER, socket::Unsent};
use crate::protocol::Frame;

/// Frames that wait until a socket takes them, as messages of ZeroMQ: several small ones are one.
#[derive(Default)]
pub(super) struct Outgoing {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
    /// One that was sent: room for the next.
    spare: Vec<u8>,
    ends_with_heartbeat: bool,
    /// Until when it waits for somebody who has no session.
    give_up: Option<Duration>,
}

impl Outgoing {
    /// Adds a frame. As long as nothing is sent, hellos and heartbeats do not add up: before a hello, nothing is of use any more, and
    /// a second heartbeat says what the first one says.
    pub(super) fn push(&mut self, frame: &Frame) {
        let is_heartbeat = matches!(frame, Frame::Heartbeat { .. });
        match frame {
            Frame::Hello(_) => self.clear(),
            _ if is_heartbeat && self.ends_with_heartbeat && !self.is_empty() => return,
            _ => {}
        }
        self.ends_with_heartbeat = is_heartbeat;
        self.append(frame);
    }

    fn append(&mut self, frame: &Frame) {
        if self.messages.back().is_none_or(|last| last.len() >= BATCH) {
            self.messages.push_back(std::mem::take(&mut self.spare));
        }
        let last = self.messages.back_mut().expect("there is one now");
        let before = last.len();
        frame.append_to(last);
        self.bytes += last.len() - before;
    }

    fn clear(&mut self) {
        self.messages.clear();
        self.bytes = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it waits for somebody who takes nothing now, and has a session or not.
    pub(super) fn waits(&mut self, has_session: bool, now: Duration) -> bool {
        self.give_up = if has_session { None } else { self.give_up.or(Some(now.saturating_add(LINGER))) };
        self.give_up.is_none_or(|give_up| now < give_up)
    }

    /// Gives messages to the socket until it takes no more, or there are none.
    pub(super) fn send(&mut self, mut send: impl FnMut(&[u8]) -> Result<(), Unsent>) -> Result<(), Unsent> {
        while let Some(message) = self.messages.front() {
            send(message)?;
            self.bytes -= message.len();
            self.recycle();
        }
        Ok(())
    }

    /// The first message is sent. What it had in memory is used again, unless that is much.
    fn recycle(&mut self) {
        let spare = self.messages.pop_front().filter(|message| message.capacity() <= 2 * BATCH);
        self.spare = spare.unwrap_or_default();
        self.spare.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Hello, frames};

    /// What is sent at last, when nothing could be sent before.
    fn sent(pushed: &[Frame]) -> Vec<Frame> {
        let mut outgoing = Outgoing::default();
        for frame in pushed {
            outgoing.push(frame);
            assert!(outgoing.send(|_| Err(Unsent::Gone)).is_err());
        }
        let mut sent = Vec::new();
        let all = outgoing.send(|message| {
            sent.extend(frames(message).map(|frame| Frame::from_bytes(frame.unwrap()).unwrap()));
            Ok(())
        });
        assert_eq!((all.is_ok(), outgoing.bytes(), outgoing.is_empty()), (true, 0, true));
        sent
    }

    fn hello(session: u32) -> Frame {
        Frame::Hello(Hello { session, ..Hello::default() })
    }

    fn heartbeat(frames: u64) -> Frame {
        Frame::Heartbeat { frames, events: 0 }
    }

    #[test]
    fn of_hellos_that_nobody_takes_the_last_one_is_kept_and_nothing_before_it() {
        assert_eq!(sent(&[Frame::Return { lease: 1 }, heartbeat(1), hello(2), hello(3)]), [hello(3)]);
    }

    #[test]
    fn what_waits_for_somebody_without_a_session_is_given_up_soon() {
        let mut outgoing = Outgoing::default();
        let waits = [(false, 0), (false, 1), (true, 3), (false, 3), (false, 4), (false, 5)]
            .map(|(has_session, half)| outgoing.waits(has_session, LINGER / 2 * half));
        assert_eq!(waits, [true, true, true, true, true, false]);
    }

    #[test]
    fn heartbeats_that_nobody_takes_do_not_add_up() {
        let credit = Frame::Credit { events: 1 };
        let pushed = [heartbeat(0), heartbeat(0), credit.clone(), heartbeat(1), heartbeat(1)];
        assert_eq!(sent(&pushed), [heartbeat(0), credit, heartbeat(1)]);
    }
}
