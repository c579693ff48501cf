//! How many dispatches came to the limits, and what became of them.

use std::{
    ops::Add,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// What came to the limits so far. Made by [`Concurrency::stats`](super::Concurrency::stats).
///
/// Taken while dispatches run, the figures may be of slightly different moments; when nothing runs they are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConcurrencyStats {
    /// Dispatches that have their permits now.
    pub in_flight: usize,
    /// Dispatches that wait for one now.
    pub waiting: usize,
    /// Dispatches that were let in, those in flight included.
    pub admitted: u64,
    /// Dispatches that failed with `Overloaded`.
    pub rejected: u64,
    /// Dispatches that were dropped while they waited, or whose time-out was over.
    pub abandoned: u64,
    /// Dispatches from inside others, which go past the limits. In none of the other figures.
    pub nested: u64,
}

impl ConcurrencyStats {
    /// All that asked to be let in: `admitted + rejected + abandoned + waiting`.
    pub fn offered(&self) -> u64 {
        self.admitted + self.rejected + self.abandoned + self.waiting as u64
    }
}

impl Add for ConcurrencyStats {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        ConcurrencyStats {
            in_flight: self.in_flight + other.in_flight,
            waiting: self.waiting + other.waiting,
            admitted: self.admitted + other.admitted,
            rejected: self.rejected + other.rejected,
            abandoned: self.abandoned + other.abandoned,
            nested: self.nested + other.nested,
        }
    }
}

/// The figures of one message.
#[derive(Default)]
pub(super) struct Tally {
    admitted: AtomicU64,
    /// Of the admitted ones, those that are over.
    ended: AtomicU64,
    rejected: AtomicU64,
    abandoned: AtomicU64,
    nested: AtomicU64,
    waiting: AtomicUsize,
}

impl Tally {
    pub(super) fn stats(&self) -> ConcurrencyStats {
        let ended = self.ended.load(Relaxed);
        let admitted = self.admitted.load(Relaxed);
        ConcurrencyStats {
            in_flight: usize::try_from(admitted.saturating_sub(ended)).unwrap_or(usize::MAX),
            waiting: self.waiting.load(Relaxed),
            admitted,
            rejected: self.rejected.load(Relaxed),
            abandoned: self.abandoned.load(Relaxed),
            nested: self.nested.load(Relaxed),
        }
    }

    pub(super) fn admitted(&self) {
        self.admitted.fetch_add(1, Relaxed);
    }

    pub(super) fn ended(&self) {
        self.ended.fetch_add(1, Relaxed);
    }

    pub(super) fn rejected(&self) {
        self.rejected.fetch_add(1, Relaxed);
    }

    pub(super) fn nested(&self) {
        self.nested.fetch_add(1, Relaxed);
    }

    /// Somebody waits, until this is dropped: as one who gave up, unless [`Waiting::over`] was called.
    pub(super) fn waiting(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Relaxed);
        Waiting { tally: self, is_over: false }
    }
}

pub(super) struct Waiting<'t> {
    tally: &'t Tally,
    is_over: bool,
}

impl Waiting<'_> {
    pub(super) fn over(mut self) {
        self.is_over = true;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.tally.abandoned.fetch_add(1, Relaxed);
        }
        self.tally.waiting.fetch_sub(1, Relaxed);
    }
}
