//! One dispatch, tried until it succeeds or nothing is left to try.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    backoff::{Backoff, Chance, Jitter},
    budget::RetryBudget,
    rules::{Rule, any_fits},
};
use crate::{
    clock::Clock,
    depth,
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, Failed, Next, Outcome, dispatch::Attempt},
};

/// A retry around one message.
pub(super) struct Attempts {
    pub(super) max: u32,
    pub(super) backoff: Backoff,
    pub(super) jitter: Jitter,
    pub(super) chance: Chance,
    pub(super) rules: Arc<[Rule]>,
    pub(super) budget: Option<RetryBudget>,
    /// Whether what is sent pays into the budget here, and not in a retry outside this one.
    pub(super) pays_in: bool,
    pub(super) clock: Clock,
}

impl Around for Attempts {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        self.begin();
        let mut nth = 1;
        loop {
            self.prepare(nth, dispatch, next.layered.has_one_keeper);
            let deadline = dispatch.deadline();
            let decide = |outcome: &Outcome<'_>| self.decide(nth, deadline, outcome);
            let attempt = dispatch.attempt_with(&decide);
            let done = next.run(&mut dispatch.during(&attempt));
            let Some(delay) = again(&attempt, dispatch) else { return done };
            announce(dispatch, delay);
            self.clock.sleep(delay);
            nth += 1;
        }
    }
}

impl AsyncAround for Attempts {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        self.begin();
        let mut nth = 1;
        loop {
            self.prepare(nth, dispatch, next.layered.has_one_keeper);
            let deadline = dispatch.deadline();
            let (done, delay) = {
                let decide = |outcome: &Outcome<'_>| self.decide(nth, deadline, outcome);
                let attempt = dispatch.attempt_with(&decide);
                let done = next.run(&mut dispatch.during(&attempt)).await;
                (done, again(&attempt, dispatch))
            };
            let Some(delay) = delay else { return done };
            announce(dispatch, delay);
            self.clock.sleep_async(delay).await;
            nth += 1;
        }
    }
}

impl Attempts {
    /// What is sent by a handler is on the account of the message that the handler serves: else retries in retries, each
    /// of which sends anew, would pay for each other.
    #[inline]
    fn begin(&self) {
        if let Some(budget) = self.budget.as_ref().filter(|_| self.pays_in && !depth::is_nested()) {
            budget.pay_in();
        }
    }

    #[inline]
    fn prepare(&self, nth: u32, dispatch: &mut Dispatch<'_>, is_only_keeper: bool) {
        if nth > 1 {
            let attempt = &mut dispatch.particulars().attempt;
            *attempt = attempt.saturating_add(1);
        }
        if nth == self.max && is_only_keeper {
            // Nobody needs it after this attempt, so that the handler need not have a copy.
            dispatch.keep(false);
        }
    }

    /// The delay before the next attempt, if there is to be one. Asked once for each attempt: it takes from the budget.
    #[cold]
    fn decide(&self, nth: u32, deadline: Option<Instant>, outcome: &Outcome<'_>) -> Option<Duration> {
        let failed = outcome.failed()?;
        if nth >= self.max || !any_fits(&self.rules, failed) {
            return None;
        }
        let delay = self.chance.apply(self.jitter, self.backoff.after(nth));
        if deadline.is_some_and(|deadline| !self.is_before(deadline, delay)) {
            return give_up(failed, "the deadline is before the next attempt");
        }
        match &self.budget {
            Some(budget) if !budget.take_out(&self.clock) => give_up(failed, "the retry budget is spent"),
            _ => Some(delay),
        }
    }

    /// Whether the delay is over before the deadline.
    fn is_before(&self, deadline: Instant, delay: Duration) -> bool {
        self.clock.now().checked_add(delay).is_some_and(|next| next < deadline)
    }
}

#[inline]
fn again(attempt: &Attempt<'_>, dispatch: &Dispatch<'_>) -> Option<Duration> {
    let outcome = dispatch.outcome();
    outcome.failed()?;
    // Without its message there is nothing to try again: a layer inside took it for good.
    dispatch.any()?;
    attempt.decision(&outcome)
}

fn give_up(failed: Failed<'_>, why: &'static str) -> Option<Duration> {
    tracing::debug!(target: "linkbus", reason = failed.reason().label(), why, "not tried again");
    None
}

/// Says that there is a next attempt. Never what the error says: that may be what the message said.
#[cold]
fn announce(dispatch: &Dispatch<'_>, delay: Duration) {
    tracing::debug!(
        target: "linkbus",
        message = dispatch.message().name,
        attempt = dispatch.attempt(),
        ?delay,
        reason = dispatch.outcome().label(),
        "tried again after a delay"
    );
}
