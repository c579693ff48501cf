//! Counting what becomes of handlers.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use super::{HandlerCoverage, Kept};
use crate::{
    error::SubscriberFailure,
    handler::HandlerFacts,
    layer::{Dispatch, Observer, Outcome, Reason},
};

/// What is counted of one handler.
#[derive(Debug)]
pub(super) struct Tally {
    handler: HandlerFacts,
    ran: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    is_retryable: AtomicBool,
}

impl Tally {
    pub(super) fn new(handler: HandlerFacts) -> Self {
        Tally { handler, ran: 0.into(), failed: 0.into(), retried: 0.into(), is_retryable: false.into() }
    }

    pub(super) fn set_retryable(&self) {
        self.is_retryable.store(true, Relaxed);
    }

    pub(super) fn read(&self) -> HandlerCoverage {
        HandlerCoverage {
            handler: self.handler,
            ran: self.ran.load(Relaxed),
            failed: self.failed.load(Relaxed),
            retried: self.is_retryable.load(Relaxed).then(|| self.retried.load(Relaxed)),
        }
    }

    /// Counts a run; says whether there was none like it.
    fn add(&self, run: Run) -> bool {
        let counters = [(&self.ran, true), (&self.failed, run.has_failed), (&self.retried, run.is_retry)];
        let counted = counters.into_iter().filter(|(_, counts)| *counts);
        counted.fold(false, |is_new, (counter, _)| (counter.fetch_add(1, Relaxed) == 0) | is_new)
    }
}

/// How a handler ran.
#[derive(Clone, Copy)]
struct Run {
    has_failed: bool,
    is_retry: bool,
}

/// The handlers of one message.
pub(super) struct Covered {
    /// In the order of the handlers; `None` for one that is not counted.
    pub(super) tallies: Vec<Option<Arc<Tally>>>,
    pub(super) kept: Arc<Kept>,
    pub(super) is_inside_retry: bool,
}

impl Observer for Covered {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        let only = dispatch.particulars().only_subscriber;
        let is_retry = dispatch.attempt() > 1;
        // A retry inside this layer has seen a failure that this layer has not.
        let failed_before = is_retry && !self.is_inside_retry;
        let (outcome, has_one_handler) = (dispatch.outcome(), dispatch.message().kind.has_one_handler());
        let called = self.tallies.iter().enumerate().filter(|(place, _)| only.is_none_or(|only| only == *place));
        let mut is_new = false;
        for (place, tally) in called.filter_map(|(place, tally)| Some((place, tally.as_ref()?))) {
            let has_failed =
                if has_one_handler { handler_failed(&outcome) } else { subscriber_failed(&outcome, place) };
            if let Some(has_failed) = has_failed {
                is_new |= tally.add(Run { has_failed: has_failed || failed_before, is_retry });
            }
        }
        if is_new {
            self.kept.save();
        }
    }
}

/// Whether the handler of a dispatch failed; `None` if it did not run.
fn handler_failed(outcome: &Outcome<'_>) -> Option<bool> {
    match outcome {
        Outcome::Succeeded | Outcome::Abandoned => Some(false),
        Outcome::Panicked => Some(true),
        Outcome::Failed(failed) => matches!(failed.reason(), Reason::Handler | Reason::TimedOut).then_some(true),
        Outcome::Pending => None,
    }
}

/// Whether the subscriber in this place failed; `None` if it did not run, or that is not known.
fn subscriber_failed(outcome: &Outcome<'_>, place: usize) -> Option<bool> {
    match outcome {
        Outcome::Succeeded => Some(false),
        Outcome::Failed(failed) if failed.reason() == Reason::Handler => {
            match failed.subscribers().iter().find(|failure| failure.place == place) {
                None => Some(false),
                Some(failure) => (!matches!(failure.failure, SubscriberFailure::RecursionLimit(_))).then_some(true),
            }
        }
        _ => None,
    }
}
