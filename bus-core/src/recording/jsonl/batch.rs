//! Records in a ring.

use std::collections::VecDeque;

use super::super::Record;

/// Records in their order; so many are missing in front of the first.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) gap: u64,
    records: VecDeque<Record>,
    bytes: usize,
}

impl Batch {
    pub(super) fn with_capacity(records: usize) -> Self {
        Batch { records: VecDeque::with_capacity(records), ..Batch::default() }
    }

    /// Whether it is the ring that was made for as many records as may wait, not one without any room.
    pub(super) fn has_ring(&self) -> bool {
        self.records.capacity() > 0
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn pop(&mut self) -> Option<Record> {
        let record = self.records.pop_front()?;
        self.bytes -= record.size();
        Some(record)
    }

    pub(super) fn push(&mut self, record: Record) {
        self.bytes += record.size();
        self.records.push_back(record);
    }

    pub(super) fn drop_oldest(&mut self) -> Option<Record> {
        let oldest = self.pop()?;
        self.gap += 1;
        Some(oldest)
    }
}
