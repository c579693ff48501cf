//! Whether a dispatch comes from inside one that was let in already: then it does not wait for a permit.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
};

use crate::layer::Dispatch;

/// A dispatch at one limit. The addresses are of things that live as long as the dispatch is on the stack.
#[derive(Clone, Copy)]
pub(super) struct Passage {
    limits: usize,
    dispatch: usize,
}

thread_local! {
    /// The innermost dispatch that runs with a permit on this thread.
    static CURRENT: Cell<Option<Passage>> = const { Cell::new(None) };
}

/// Restores what was current when dropped.
pub(super) struct Entered(Option<Passage>);

impl Passage {
    pub(super) fn new<T>(limits: &T, dispatch: &Dispatch<'_>) -> Self {
        let limits = std::ptr::from_ref(limits).addr();
        let dispatch = std::ptr::from_ref(&*dispatch.payload).cast::<()>().addr();
        Passage { limits, dispatch }
    }

    /// Whether it comes from a layer inside a limit, or twice to the same limit.
    ///
    /// The same dispatch inside another limit is none of that: each of them counts it.
    pub(super) fn is_inside(self) -> bool {
        let is_around = |outer: Passage| outer.dispatch != self.dispatch || outer.limits == self.limits;
        CURRENT.get().is_some_and(is_around)
    }

    pub(super) fn enter(self) -> Entered {
        Entered(CURRENT.replace(Some(self)))
    }

    /// Runs `inside`; if it has permits, in every poll as the current one.
    pub(super) async fn scope<T>(self, has_permits: bool, inside: impl Future<Output = T>) -> T {
        let mut inside = pin!(inside);
        poll_fn(|task| {
            let _entered = has_permits.then(|| self.enter());
            inside.as_mut().poll(task)
        })
        .await
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}
