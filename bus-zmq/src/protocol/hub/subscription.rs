//! The events for one subscriber.

use std::collections::VecDeque;

use super::HubOptions;
use crate::protocol::{Content, Frame};

/// The events for one subscriber. It has some credit; what it has none for waits here.
pub(super) struct Subscription {
    credit: u32,
    /// The number of the last event, dropped or not.
    last: u64,
    waiting: VecDeque<(u64, Content)>,
    bytes: usize,
    /// What waits, and what was sent and is not done with.
    unfinished: u64,
}

/// Too many are waiting.
pub(super) struct Full;

impl Subscription {
    pub(super) fn new(credit: u32) -> Self {
        Subscription { credit, last: 0, waiting: VecDeque::new(), bytes: 0, unfinished: 0 }
    }

    /// What is sent now, if anything is.
    pub(super) fn offer(&mut self, content: &Content, options: &HubOptions) -> Result<Option<Frame>, Full> {
        self.last += 1;
        if self.credit > 0 && self.waiting.is_empty() {
            self.credit -= 1;
            self.unfinished += 1;
            return Ok(Some(Frame::Event { number: self.last, content: content.clone() }));
        }
        if self.waiting.len() >= options.event_messages || self.bytes + content.len() > options.event_bytes {
            return Err(Full);
        }
        self.bytes += content.len();
        self.unfinished += 1;
        self.waiting.push_back((self.last, content.clone()));
        Ok(None)
    }

    /// What was waiting for this credit.
    pub(super) fn add_credit(&mut self, events: u32) -> Vec<Frame> {
        self.credit = self.credit.saturating_add(events);
        self.unfinished = self.unfinished.saturating_sub(events.into());
        let count = self.waiting.len().min(usize::try_from(self.credit).unwrap_or(usize::MAX));
        self.credit -= u32::try_from(count).expect("no more than the credit");
        let frames: Vec<_> =
            self.waiting.drain(..count).map(|(number, content)| Frame::Event { number, content }).collect();
        let sent = frames.iter().map(|frame| if let Frame::Event { content, .. } = frame { content.len() } else { 0 });
        self.bytes -= sent.sum::<usize>();
        frames
    }

    pub(super) fn unfinished(&self) -> u64 {
        self.unfinished
    }

    /// The number up to which everything was sent or dropped.
    pub(super) fn told(&self) -> u64 {
        self.waiting.front().map_or(self.last, |(number, _)| number - 1)
    }

    /// Drops what waits; gives how much that was.
    pub(super) fn clear(&mut self) -> u64 {
        self.bytes = 0;
        self.waiting.drain(..).count() as u64
    }
}
