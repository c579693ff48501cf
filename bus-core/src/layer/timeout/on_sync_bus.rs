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
}

impl Around for Limited {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        let deadline = self.clock.now().checked_add(self.after);
        let mut inside = next.detach(dispatch);
        inside.particulars().deadline = earlier(inside.particulars().deadline, deadline);
        let call = Arc::new(Call::new(dispatch.message(), Arc::clone(&self.counters)));
        let there = Arc::clone(&call);
        let job =
            move |release: &mut Release<'_>| there.finish(catch_unwind(AssertUnwindSafe(|| inside.run())), release);
        match self.pool.submit(Box::new(job)) {
            Ok(ticket) => match call.wait(&self.clock, deadline) {
                Some(result) => adopt(dispatch, result),
                None => self.leave(dispatch, &call, ticket),
            },
            Err(Refused::Full) => {
                Counters::count(&self.counters.overloaded);
                dispatch.fail(LayerFailure::Overloaded)
            }
            Err(Refused::Closed(job)) => {
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
type CallResult = Result<Box<dyn ErasedPayload>, Box<dyn Any + Send>>;

/// Makes what came of the call on the other thread the outcome, or the panic, of the one on this thread.
fn adopt(dispatch: &mut Dispatch<'_>, result: CallResult) -> Done {
    match result {
        Ok(payload) => dispatch.adopt(payload),
        Err(panic) => resume_unwind(panic),
    }
}

/// A call on another thread, which this one waits for.
struct Call {
    state: Mutex<State>,
    /// Rings when it is over.
    bell: Arc<Bell>,
    message: &'static MessageFacts,
    counters: Arc<Counters>,
}

enum State {
    /// Not over, and the caller waits.
    Awaited,
    Over(CallResult),
    /// The caller does not wait any more.
    Left,
}

impl Call {
    fn new(message: &'static MessageFacts, counters: Arc<Counters>) -> Self {
        let bell = BELL.try_with(Arc::clone).unwrap_or_default();
        Call { state: Mutex::new(State::Awaited), bell, message, counters }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is over; `None` if the time is over before.
    fn wait(&self, clock: &Clock, deadline: Option<Instant>) -> Option<CallResult> {
        loop {
            if let Some(result) = self.take() {
                return Some(result);
            }
            match deadline {
                None => self.bell.wait(None),
                Some(deadline) if deadline <= clock.now() => return None,
                Some(deadline) => clock.wait(&self.bell, deadline),
            }
        }
    }

    fn take(&self) -> Option<CallResult> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Awaited) {
            State::Over(result) => Some(result),
            State::Awaited | State::Left => None,
        }
    }

    /// Says that nobody waits any more; gives the result if it came at the last moment.
    fn leave(&self) -> Option<CallResult> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Left) {
            State::Over(result) => Some(result),
            State::Awaited | State::Left => {
                self.counters.leave();
                None
            }
        }
    }

    /// Called on the other thread.
    fn finish(&self, result: CallResult, release: &mut Release<'_>) {
        let mut state = self.state();
        if let State::Left = *state {
            drop(state);
            return self.forget(result);
        }
        release.now();
        *state = State::Over(result);
        drop(state);
        self.bell.ring();
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
