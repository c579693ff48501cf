//! What is known about one message.

use linkbus::recording::{Ended, RecordRef};

use super::{
    durations::Durations,
    timeline::{Micros, Timeline},
};

#[derive(Default)]
pub(super) struct Row {
    pub(super) durations: Durations,
    pub(super) timeline: Timeline,
    /// How often it ended otherwise than with a success, in the order in which that was first seen.
    failures: Vec<(Ended, u64)>,
}

impl Row {
    pub(super) fn add(&mut self, record: &RecordRef<'_>, at: Micros) {
        self.durations.add(record.duration);
        self.timeline.add(at);
        if !record.is_success() {
            self.add_failure(record.ended);
        }
    }

    fn add_failure(&mut self, ended: Ended) {
        match self.failures.iter_mut().find(|(known, _)| *known == ended) {
            Some((_, count)) => *count += 1,
            None => self.failures.push((ended, 1)),
        }
    }

    /// The most frequent first.
    pub(super) fn failures(&self) -> Vec<(&'static str, u64)> {
        let mut failures: Vec<_> = self.failures.iter().map(|&(ended, count)| (ended.label(), count)).collect();
        failures.sort_by_key(|&(label, count)| (u64::MAX - count, label));
        failures
    }
}
