//! Lines that are written at once.

use std::time::SystemTime;

use super::{
    super::{Record, line::write_gap},
    batch::Batch,
};
use crate::caught::caught;

/// How many bytes are written at once; the last line may go beyond.
const BYTES: usize = 256 << 10;

/// Whole lines, each with its line feed.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    /// How many of the lines are records.
    pub(super) records: usize,
    /// How many records could not be made a line.
    pub(super) poisoned: usize,
}

impl Chunk {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        // One large record is not to take its room for ever.
        self.bytes.shrink_to(2 * BYTES);
        (self.records, self.poisoned) = (0, 0);
    }

    /// Takes records out of the batch until it is full.
    pub(super) fn fill(&mut self, batch: &mut Batch) {
        if batch.gap > 0 {
            self.gap(std::mem::take(&mut batch.gap));
        }
        while self.bytes.len() < BYTES
            && let Some(record) = batch.pop()
        {
            self.push(&record);
        }
    }

    fn push(&mut self, record: &Record) {
        let start = self.bytes.len();
        let line = &mut self.bytes;
        if caught(|| record.write_line(line)).is_some() {
            self.records += 1;
            make_one_line(&mut self.bytes[start..]);
            self.bytes.push(b'\n');
            return;
        }
        self.bytes.truncate(start);
        self.poisoned += 1;
        self.gap(1);
        tracing::error!(target: "linkbus", message_name = &*record.message, "a record cannot be written as JSON, and was dropped");
    }

    fn gap(&mut self, dropped: u64) {
        write_gap(SystemTime::now(), dropped, &mut self.bytes);
        self.bytes.push(b'\n');
    }
}

/// Within a text JSON escapes them; between values, where a type that writes its own JSON may have put them, they say nothing.
fn make_one_line(line: &mut [u8]) {
    if line.contains(&b'\n') || line.contains(&b'\r') {
        line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    }
}
