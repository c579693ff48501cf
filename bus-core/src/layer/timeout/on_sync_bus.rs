//! Time-outs on a `SyncBus`: the call runs on another thread, and its caller stops waiting.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    counts::Counters,
    earlier, log,
    pool::{Pool, Refused, Release, Ticket},
};
use crate::{
    caught::caught,
    clock::{Bell, Clock},
    layer::{Around, Dispatch, Done, ErasedPayload, LayerFailure, Next},
    message::MessageFacts,
};

/// Around a message, or around all subscribers of an event.
pub(super) struct Limited {
    pub(super) after: Duration,
    pub(super) clock: Clock,
    pub(super) pool: Arc<Pool>,
    pub(super) counters: Arc<Counters>,
    /// Whether the ids of the dispatch are drawn here, because an inbox inside remembers by them, or a retry outside has every
    /// attempt with the same: what is drawn on the other thread is not known here when the call is given up.
    pub(super) draws_ids: bool,
}

impl Around for Limited {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        let deadline = self.clock.now().checked_add(self.after);
        if self.draws_ids {
            dispatch.context();
        }
        let mut inside = next.detach(dispatch);
        inside.particulars().deadline = earlier(inside.particulars().deadline, deadline);
        let call = Arc::new(Call::until(deadline, dispatch.message(), self));
        let there = Arc::clone(&call);
        let job =
            move |release: &mut Release<'_>| there.finish(catch_unwind(AssertUnwindSafe(|| inside.run())), release);
        match self.pool.submit(Box::new(job)) {
            Ok(ticket) => match call.wait(deadline) {
                Some(result) => adopt(dispatch, result),
                None => self.leave(dispatch, &call, ticket),
            },
            Err(Refused::Full) => {
                Counters::count(&self.counters.overloaded);
                dispatch.fail(LayerFailure::Overloaded)
            }
            Err(Refused::Closed(job)) => {
                call.lift_limit();
                job(&mut Release::of_nothing());
                adopt(dispatch, call.take().expect("the job is done"))
            }
        }
    }
}

impl Limited {
    #[cold]
    fn leave(&self, dispatch: &mut Dispatch<'_>, call: &Call, ticket: Ticket) -> Done {
        if self.pool.withdraw(ticket).is_some() {
            Counters::count(&self.counters.not_started);
            log::not_started(dispatch.message(), self.after);
            return dispatch.fail(LayerFailure::NotStarted(self.after));
        }
        if let Some(result) = call.leave() {
            return adopt(dispatch, result);
        }
        Counters::count(&self.counters.timed_out);
        log::timed_out(dispatch.message(), self.after);
        dispatch.fail(LayerFailure::TimedOut(self.after))
    }
}

thread_local! {
    /// What this thread waits for: it does so in one place at a time.
    static BELL: Arc<Bell> = Arc::default();
}

/// What came of a call on the other thread.
type CallResult = Result<Box<ErasedPayload>, Box<dyn Any + Send>>;

/// Makes what came of the call on the other thread the outcome, or the panic, of the one on this thread.
fn adopt(dispatch: &mut Dispatch<'_>, result: CallResult) -> Done {
    match result {
        Ok(payload) => dispatch.adopt(payload),
        Err(panic) => resume_unwind(panic),
    }
}

/// A call on another thread, which this one waits for.
///
/// Whether it was in time is said by that thread in the moment in which the call is over, and not by when the caller looks:
/// what was done in time is never lost because the caller is late, and what was done too late never comes to a caller who
/// has not left yet. A call that is over in the very moment of its deadline is too late.
struct Call {
    state: Mutex<State>,
    /// Rings when it is over.
    bell: Arc<Bell>,
    clock: Clock,
    message: &'static MessageFacts,
    counters: Arc<Counters>,
}

enum State {
    /// Not over, and of use until then.
    Awaited(Option<Instant>),
    Over(CallResult),
    /// Nobody wants to know any more what came of it.
    Left,
}

impl State {
    fn awaits_until_after(&self, now: Instant) -> bool {
        matches!(self, State::Awaited(until) if until.is_none_or(|until| now < until))
    }
}

impl Call {
    fn until(deadline: Option<Instant>, message: &'static MessageFacts, limited: &Limited) -> Self {
        let bell = BELL.try_with(Arc::clone).unwrap_or_default();
        let (clock, counters) = (limited.clock.clone(), Arc::clone(&limited.counters));
        Call { state: Mutex::new(State::Awaited(deadline)), bell, clock, message, counters }
    }

    /// From now on it cannot be too late.
    fn lift_limit(&self) {
        *self.state() = State::Awaited(None);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is over; `None` if the time is over before.
    fn wait(&self, deadline: Option<Instant>) -> Option<CallResult> {
        loop {
            if let Some(result) = self.take() {
                return Some(result);
            }
            match deadline {
                None => self.bell.wait(None),
                Some(deadline) if deadline <= self.clock.now() => return None,
                Some(deadline) => self.clock.wait(&self.bell, deadline),
            }
        }
    }

    /// What came of it, if it is over and was in time.
    fn take(&self) -> Option<CallResult> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Left) {
            State::Over(result) => Some(result),
            as_it_was => {
                *state = as_it_was;
                None
            }
        }
    }

    /// Says that nobody waits any more; gives the result if it came at the last moment.
    fn leave(&self) -> Option<CallResult> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Left) {
            State::Over(result) => Some(result),
            State::Awaited(_) => {
                self.counters.leave();
                None
            }
            State::Left => None,
        }
    }

    /// Called on the other thread.
    fn finish(&self, result: CallResult, release: &mut Release<'_>) {
        let now = self.clock.now();
        let mut state = self.state();
        if state.awaits_until_after(now) {
            release.now();
            *state = State::Over(result);
            drop(state);
            return self.bell.ring();
        }
        if let State::Awaited(_) = std::mem::replace(&mut *state, State::Left) {
            self.counters.leave();
        }
        drop(state);
        self.forget(result);
    }

    #[cold]
    fn forget(&self, result: CallResult) {
        if result.is_err() {
            Counters::count(&self.counters.late_panics);
            log::late_panic(self.message);
        }
        // What nobody wants may panic when it is dropped, and so may that. Then that is leaked: there is no end to it.
        caught(|| drop(result));
        self.counters.end_late();
    }
}
