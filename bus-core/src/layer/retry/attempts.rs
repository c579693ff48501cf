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
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, Failed, Next, Outcome, dispatch::Attempt, payload::Care},
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
        let may_hand_over = next.layered.may_hand_over;
        let mut nth = 1;
        loop {
            self.prepare(nth, dispatch, may_hand_over);
            let deadline = dispatch.deadline();
            let decide = |outcome: &Outcome<'_>| self.decide(nth, deadline, outcome);
            let attempt = dispatch.attempt_with(&decide);
            let done = next.run(&mut dispatch.during(&attempt));
            let Some(delay) = again(&attempt, dispatch) else {
                return self.conclude(nth, dispatch, may_hand_over, done);
            };
            announce(dispatch, delay);
            self.clock.sleep(delay);
            nth += 1;
        }
    }
}

impl AsyncAround for Attempts {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        self.begin();
        let may_hand_over = next.layered.may_hand_over;
        let mut nth = 1;
        loop {
            self.prepare(nth, dispatch, may_hand_over);
            let deadline = dispatch.deadline();
            let (done, delay) = {
                let decide = |outcome: &Outcome<'_>| self.decide(nth, deadline, outcome);
                let attempt = dispatch.attempt_with(&decide);
                let done = next.run(&mut dispatch.during(&attempt)).await;
                (done, again(&attempt, dispatch))
            };
            let Some(delay) = delay else { return self.conclude(nth, dispatch, may_hand_over, done) };
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
    fn prepare(&self, nth: u32, dispatch: &mut Dispatch<'_>, may_hand_over: bool) {
        if nth > 1 {
            let attempt = &mut dispatch.particulars().attempt;
            *attempt = attempt.saturating_add(1);
        }
        if nth == self.max && may_hand_over {
            // Nobody needs it after this attempt, so that the handler need not have a copy.
            dispatch.set_care(Care::HandOver);
        }
    }

    /// A layer outside may come again with another message.
    #[inline]
    fn conclude(&self, nth: u32, dispatch: &mut Dispatch<'_>, may_hand_over: bool, done: Done) -> Done {
        if nth == self.max && may_hand_over {
            dispatch.set_care(Care::Keep);
        }
        done
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::ManualClock,
        error::{AnyError, SendError},
        layer::Reason,
    };

    fn attempts(clock: &ManualClock, budget: Option<RetryBudget>) -> Attempts {
        Attempts {
            max: 3,
            backoff: Backoff { base: Duration::from_secs(2), factor: 2.0, cap: Duration::from_secs(60) },
            jitter: Jitter::None,
            chance: Chance::default(),
            rules: vec![Rule::Any].into(),
            budget,
            pays_in: true,
            clock: clock.clone().into(),
        }
    }

    fn failure(reason: Reason) -> SendError<AnyError> {
        let message = "shop.Count";
        match reason {
            Reason::Handler => SendError::Handler("down".into()),
            Reason::NoHandler => SendError::NoHandler { message },
            Reason::Panicked => SendError::Panicked { message, panic: String::new() },
            Reason::ShutDown => SendError::ShutDown { message },
            other => unreachable!("{other:?}"),
        }
    }

    fn decided(attempts: &Attempts, nth: u32, deadline: Option<Instant>, reason: Reason) -> Option<Duration> {
        attempts.decide(nth, deadline, &Outcome::Failed(Failed::of(&failure(reason))))
    }

    #[test]
    fn it_does_not_wait_for_an_attempt_behind_the_deadline() {
        let clock = ManualClock::new();
        let attempts = attempts(&clock, None);
        let now = attempts.clock.now();
        let after = |nth, deadline| decided(&attempts, nth, Some(now + Duration::from_secs(deadline)), Reason::Handler);
        assert_eq!(after(1, 3), Some(Duration::from_secs(2)));
        assert_eq!(after(1, 2), None);
        assert_eq!(after(2, 4), None);
        assert_eq!(after(2, 5), Some(Duration::from_secs(4)));
        clock.advance(Duration::from_secs(10));
        assert_eq!(after(1, 3), None);
    }

    #[test]
    fn what_is_not_done_takes_nothing_from_the_budget() {
        let clock = ManualClock::new();
        let budget = RetryBudget::share(1.0).per_second(0);
        let attempts = attempts(&clock, Some(budget.clone()));
        (0..9).for_each(|_| budget.pay_in());
        let now = Some(attempts.clock.now());
        assert_eq!(decided(&attempts, 3, None, Reason::Handler), None);
        assert_eq!(decided(&attempts, 1, now, Reason::Handler), None);
        assert_eq!(attempts.decide(1, None, &Outcome::Succeeded), None);
        assert_eq!(attempts.decide(1, None, &Outcome::Abandoned), None);
        for reason in [Reason::NoHandler, Reason::Panicked, Reason::ShutDown] {
            assert_eq!(decided(&attempts, 1, None, reason), None);
        }
        assert_eq!((budget.granted(), budget.refused()), (0, 0));
        assert!(decided(&attempts, 1, None, Reason::Handler).is_some());
        assert_eq!((budget.granted(), budget.refused()), (1, 0));
    }
}
