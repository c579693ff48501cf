//! When turns were made.

use std::time::{Duration, Instant};

/// From the start of the first turn to the end of the last.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub(crate) start: Instant,
    pub(crate) end: Instant,
}

impl Span {
    /// From `start` until now.
    pub(crate) fn since(start: Instant) -> Self {
        Self { start, end: Instant::now() }
    }

    /// How long it took.
    pub fn duration(self) -> Duration {
        self.end - self.start
    }

    /// From the first start of all callers to the last end: callers that did not run side by side count twice.
    pub(crate) fn of_all(callers: &[Span]) -> Self {
        let start = callers.iter().map(|caller| caller.start).min().expect("there is a caller");
        let end = callers.iter().map(|caller| caller.end).max().expect("there is a caller");
        Self { start, end }
    }

    /// Whether there was a time when both were under way.
    #[cfg(test)]
    pub(crate) fn meets(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }
}
