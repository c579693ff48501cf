//! Records in the order in which their dispatches began, as far as that can be had from the order in which they ended.

use std::{cmp::Reverse, collections::BinaryHeap, time::SystemTime};

use super::super::Record;

/// How many records are held back, in case one comes that began before them.
const WINDOW: usize = 1024;

pub(super) struct InOrder<I> {
    records: I,
    /// The earliest on top; of those that began together, the one that came first.
    held: BinaryHeap<Reverse<Held>>,
    came: u64,
}

struct Held {
    at: SystemTime,
    came: u64,
    record: Record,
}

impl<I: Iterator<Item = Record>> InOrder<I> {
    pub(super) fn new(records: I) -> Self {
        InOrder { records, held: BinaryHeap::new(), came: 0 }
    }
}

impl<I: Iterator<Item = Record>> Iterator for InOrder<I> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        while self.held.len() < WINDOW {
            let Some(record) = self.records.next() else { break };
            self.came += 1;
            self.held.push(Reverse(Held { at: record.at, came: self.came, record }));
        }
        self.held.pop().map(|Reverse(held)| held.record)
    }
}

impl Held {
    fn key(&self) -> (SystemTime, u64) {
        (self.at, self.came)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
