//! Frames that wait until a socket takes them.

use std::collections::VecDeque;

use super::{BATCH, socket::Unsent};
use crate::protocol::Frame;

/// Frames that wait until a socket takes them, as messages of ZeroMQ: several small ones are one.
#[derive(Default)]
pub(super) struct Outgoing {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
    /// One that was sent: room for the next.
    spare: Vec<u8>,
}

impl Outgoing {
    pub(super) fn push(&mut self, frame: &Frame) {
        if self.messages.back().is_none_or(|last| last.len() >= BATCH) {
            self.messages.push_back(std::mem::take(&mut self.spare));
        }
        let last = self.messages.back_mut().expect("there is one now");
        let before = last.len();
        frame.append_to(last);
        self.bytes += last.len() - before;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
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
