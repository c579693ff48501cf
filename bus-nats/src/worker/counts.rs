//! What a worker counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a worker counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Queries that were answered, with a reply or an error.
    pub answered: u64,
    /// Queries that were answered with `Overloaded`, because too many waited.
    pub refused: u64,
    /// Commands, tasks and events that were handled.
    pub handled: u64,
    /// Attempts that failed, or could not be noted and so were not made, and are to be made again.
    pub failed: u64,
    /// Messages that came again, for whatever reason.
    pub redelivered: u64,
    /// Messages that became dead letters.
    pub dead_lettered: u64,
    /// Dead letters that could not be written: the messages stay where they were, and come again.
    pub unwritten_letters: u64,
    /// Messages that were given back when the worker stopped.
    pub returned: u64,
    /// How often messages went back to the server and came again, because many of their key waited before them.
    pub postponed: u64,
    /// Messages for later that were due, and were moved to the queue of their type.
    pub moved: u64,
    /// How often the server was silent for too long, and was asked again.
    pub stalls: u64,
    /// Answers that could not be sent.
    pub lost_answers: u64,
}

/// What waits on the server for the handlers of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lag {
    /// The wire name.
    pub message: &'static str,
    /// How many messages no worker has.
    pub waiting: u64,
    /// How many are with workers, or wait for their next attempt.
    pub under_way: usize,
    /// How many of those came more than once.
    pub redelivered: usize,
}

impl Lag {
    /// What waits for the same handlers in another consumer.
    pub(super) fn add(&mut self, other: &Lag) {
        self.waiting += other.waiting;
        self.under_way += other.under_way;
        self.redelivered += other.redelivered;
    }
}

/// Counted up as things happen.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) answered: Count,
    pub(super) refused: Count,
    pub(super) handled: Count,
    pub(super) failed: Count,
    pub(super) redelivered: Count,
    pub(super) dead_lettered: Count,
    pub(super) unwritten_letters: Count,
    pub(super) returned: Count,
    pub(super) postponed: Count,
    pub(super) moved: Count,
    pub(super) stalls: Count,
    pub(super) lost_answers: Count,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn up(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counts {
    pub(super) fn stats(&self) -> WorkerStats {
        WorkerStats {
            answered: self.answered.now(),
            refused: self.refused.now(),
            handled: self.handled.now(),
            failed: self.failed.now(),
            redelivered: self.redelivered.now(),
            dead_lettered: self.dead_lettered.now(),
            unwritten_letters: self.unwritten_letters.now(),
            returned: self.returned.now(),
            postponed: self.postponed.now(),
            moved: self.moved.now(),
            stalls: self.stalls.now(),
            lost_answers: self.lost_answers.now(),
        }
    }
}
