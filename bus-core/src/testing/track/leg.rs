//! One dispatch of a run, and what it causes.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
};

use super::{super::said::said, Run};
use crate::{
    error::Failure,
    layer::Dispatched,
    message::{Location, Message, MessageFacts},
    origin::Origin,
};

thread_local! {
    /// The innermost dispatch of a run on this thread, for what is dispatched on a bus that is of no run: that of a handle.
    static CURRENT: RefCell<Option<Arc<Edge>>> = const { RefCell::new(None) };
}

/// Where in a run a bus is: what is dispatched on it is caused by that dispatch. The run is not over while it is there.
pub(crate) struct Edge {
    pub(super) run: Arc<Run>,
    pub(super) node: usize,
}

impl Edge {
    /// Notes that the bus which is there was cloned.
    pub(crate) fn cloned(&self, place: Location) {
        self.run.cloned(self.node, place);
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.run.release(self.node);
    }
}

/// A dispatch that is part of a run.
pub(crate) struct Leg {
    edge: Arc<Edge>,
    is_over: bool,
}

impl Leg {
    /// The dispatch of a message on a bus that is there; `None` if it is of no run, or of one that nobody waits
    /// for any more.
    pub(crate) fn begin(bus: Option<&Arc<Edge>>, message: &'static MessageFacts, origin: Origin) -> Option<Self> {
        let begin = |cause: Arc<Edge>| cause.run.begin(message, origin.location, cause.node);
        let innermost = || CURRENT.with_borrow(Clone::clone);
        let edge = bus.cloned().and_then(begin).or_else(|| innermost().and_then(begin))?;
        Some(Leg { edge, is_over: false })
    }

    /// For the bus that its handler gets.
    pub(crate) fn edge(&self) -> Arc<Edge> {
        Arc::clone(&self.edge)
    }

    /// Runs it.
    pub(crate) fn run<M: Message>(self, dispatch: impl FnOnce() -> Dispatched<M>) -> Dispatched<M> {
        let outcome = {
            let _entered = self.enter();
            dispatch()
        };
        self.finish::<M>(&outcome);
        outcome
    }

    /// Follows it to its end.
    pub(crate) async fn follow<M: Message>(self, dispatch: impl Future<Output = Dispatched<M>>) -> Dispatched<M> {
        let mut dispatch = pin!(dispatch);
        let outcome = poll_fn(|task| {
            let _entered = self.enter();
            dispatch.as_mut().poll(task)
        })
        .await;
        self.finish::<M>(&outcome);
        outcome
    }

    fn enter(&self) -> Entered {
        Entered { outer: CURRENT.replace(Some(self.edge())) }
    }

    fn finish<M: Message>(mut self, outcome: &Dispatched<M>) {
        self.is_over = true;
        let says = match outcome {
            Ok(_) => "succeeded".to_owned(),
            Err(failure) => {
                said(M::Failure::erased(failure).as_error(), M::FACTS).unwrap_or_else(|| "failed".to_owned())
            }
        };
        self.edge.run.end(self.edge.node, says);
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        if !self.is_over {
            let outcome = if std::thread::panicking() { "panicked" } else { "dropped before it was over" };
            self.edge.run.end(self.edge.node, outcome.to_owned());
        }
    }
}

/// Makes the enclosing dispatch the innermost again, when dropped.
struct Entered {
    outer: Option<Arc<Edge>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Whatever was there is dropped with nothing borrowed: it may end a run.
        let _inner = CURRENT.replace(self.outer.take());
    }
}
