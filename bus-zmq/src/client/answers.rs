//! Answers on their way to those who wait for them.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::role::Waiter;
use crate::protocol::Outcome;

/// Answers on their way to those who wait for them. Whoever gets one gives out others: a thread that slept until the first one
/// came would sleep again, and have to be woken again, before the second.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<VecDeque<(Waiter, Outcome)>>);

impl Answers {
    /// Adds answers. Who does so [gives out](Self::give_out) what is left of them.
    pub(super) fn add(&self, answers: Vec<(Waiter, Outcome)>) {
        self.lock().extend(answers);
    }

    /// Gives out what there is.
    pub(super) fn give_out(&self) {
        while let Some((waiter, outcome)) = self.next() {
            // Who does not wait any more does not want it.
            let _ = waiter.answer.send(outcome);
        }
    }

    fn next(&self) -> Option<(Waiter, Outcome)> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Waiter, Outcome)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
