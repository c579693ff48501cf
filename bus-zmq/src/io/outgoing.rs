//! Frames that wait until a socket takes them.

use std::collections::VecDeque;

use super::{BATCH, socket::Unsent};
use crate::protocol::Frame;

/// Frames that wait until a socket takes them, as messages of ZeroMQ: several small ones are one.
#[derive(Default)]
pub(super) struct Outgoing {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Outgoing {
    pub(super) fn push(&mut self, frame: &Frame) {
        if self.messages.back().is_none_or(|last| last.len() >= BATCH) {
            self.messages.push_back(Vec::new());
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
            self.messages.pop_front();
        }
        Ok(())
    }
}
