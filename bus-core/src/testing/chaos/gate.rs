//! Where dispatches are held back until others have overtaken them.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// How often the others have their turn before a clock is asked, at most.
const MOST_TURNS: u32 = 100;

/// Counts what goes past, and wakes what waits for that.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    passed: u64,
    is_closed: bool,
    /// Those that are held back, each by a number of its own.
    waiting: HashMap<u64, Waker>,
    next: u64,
}

type Patience = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Gate {
    /// A dispatch is over.
    pub(super) fn pass(&self) {
        let mut state = self.state();
        state.passed += 1;
        wake(state);
    }

    /// From now on nothing is held back.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        wake(state);
    }

    /// Ready when so many `others` are over, when `patience` is, or when the gate is closed.
    ///
    /// The clock is asked only after as many turns of the others: on one that moves by itself they would have none.
    pub(super) fn hold_back(&self, others: u32, patience: Patience) -> HeldBack<'_> {
        let mut state = self.state();
        state.next += 1;
        let (number, until) = (state.next, state.passed + u64::from(others));
        HeldBack { gate: self, number, until, turns: others.min(MOST_TURNS), patience }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not under the lock: whoever is woken may look at once.
fn wake(mut state: MutexGuard<'_, State>) {
    let waiting = std::mem::take(&mut state.waiting);
    drop(state);
    waiting.into_values().for_each(Waker::wake);
}

/// One that is held back.
pub(super) struct HeldBack<'g> {
    gate: &'g Gate,
    number: u64,
    /// How many have to be over.
    until: u64,
    /// How often the others have their turn before the clock is asked.
    turns: u32,
    patience: Patience,
}

impl Future for HeldBack<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let mut state = self.gate.state();
        if state.is_closed || state.passed >= self.until {
            return Poll::Ready(());
        }
        let earlier = state.waiting.insert(self.number, task.waker().clone());
        drop(state);
        drop(earlier);
        if self.turns > 0 {
            self.turns -= 1;
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.patience.as_mut().poll(task)
    }
}

impl Drop for HeldBack<'_> {
    fn drop(&mut self) {
        let waiting = self.gate.state().waiting.remove(&self.number);
        drop(waiting);
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin};

    use super::*;

    fn is_ready(held_back: Pin<&mut HeldBack<'_>>) -> bool {
        held_back.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn one_goes_on_when_so_many_others_are_over() {
        let gate = Gate::default();
        gate.pass();
        let mut held_back = pin!(gate.hold_back(2, Box::pin(pending())));
        assert!(!is_ready(held_back.as_mut()));
        gate.pass();
        assert!(!is_ready(held_back.as_mut()));
        gate.pass();
        assert!(is_ready(held_back.as_mut()));
    }

    #[test]
    fn nothing_is_held_back_once_it_is_closed() {
        let gate = Gate::default();
        let mut held_back = pin!(gate.hold_back(2, Box::pin(pending())));
        assert!(!is_ready(held_back.as_mut()));
        gate.close();
        assert!(is_ready(held_back.as_mut()));
        assert!(is_ready(pin!(gate.hold_back(2, Box::pin(pending())))));
    }

    #[test]
    fn one_that_is_dropped_leaves_nothing_behind() {
        let gate = Gate::default();
        let mut held_back = Box::pin(gate.hold_back(1, Box::pin(pending())));
        assert!(!is_ready(held_back.as_mut()));
        assert_eq!(gate.state().waiting.len(), 1);
        drop(held_back);
        assert!(gate.state().waiting.is_empty());
    }
}
