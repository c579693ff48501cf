//! Runs that are followed to their end: everything that one stimulus causes.

mod leg;
mod node;
mod scenario;
mod tree;
mod watch;

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

pub(crate) use self::leg::{Edge, Leg};
use self::node::{Node, still_open};
pub use self::{
    scenario::Scenario,
    tree::{Branch, Tree},
    watch::Track,
};
use crate::message::{Location, MessageFacts};

/// So many dispatches of a run are kept; the others are counted.
const MOST: usize = 100_000;

/// One run, as it grows.
pub(crate) struct Run {
    state: Mutex<State>,
    /// Rings when nothing is open any more.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    /// How many dispatches there was no room for.
    lost: usize,
    /// How many edges are left: each is a dispatch that is under way, or a bus that may still be dispatched on.
    open: usize,
    waiting: Option<Waker>,
    /// What was open when it had been waited for long enough.
    expired: Option<String>,
    is_finished: bool,
}

impl Run {
    /// A run of which only the caller is known.
    fn new(caller: Location) -> Arc<Self> {
        let run = Run { state: Mutex::default(), ended: Condvar::new() };
        run.state().nodes.push(Node::new(None, caller, 0));
        Arc::new(run)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a dispatch; `None` if nobody wants to know of it any more.
    fn begin(self: &Arc<Self>, message: &'static MessageFacts, origin: Location, parent: usize) -> Option<Arc<Edge>> {
        let mut state = self.state();
        if state.is_finished {
            return None;
        }
        let node = state.keep(Node::new(Some(message), origin, parent));
        drop(state);
        Some(self.edge(node))
    }

    /// An edge from this node on.
    fn edge(self: &Arc<Self>, node: usize) -> Arc<Edge> {
        let mut state = self.state();
        state.open += 1;
        if let Some(node) = state.nodes.get_mut(node) {
            node.edges += 1;
        }
        Arc::new(Edge { run: Arc::clone(self), node })
    }

    /// The bus that is there was cloned.
    fn cloned(&self, node: usize, place: Location) {
        if let Some(node) = self.state().nodes.get_mut(node) {
            node.note_clone(place);
        }
    }

    fn end(&self, node: usize, outcome: String) {
        if let Some(node) = self.state().nodes.get_mut(node) {
            node.end(outcome);
        }
    }

    /// An edge is gone.
    fn release(&self, node: usize) {
        let mut state = self.state();
        if let Some(node) = state.nodes.get_mut(node) {
            node.edges -= 1;
        }
        state.open -= 1;
        if state.open == 0 {
            self.ring(state);
        }
    }

    /// Expires if something is open after this time; gives what.
    fn expire_after(&self, limit: Duration) -> Option<String> {
        let is_awaited = |state: &mut State| !state.is_finished;
        let waited = self.ended.wait_timeout_while(self.state(), limit, is_awaited);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_finished || state.open == 0 {
            return None;
        }
        let open = still_open(&state);
        state.expired = Some(open.clone());
        self.ring(state);
        Some(open)
    }

    /// Nobody waits for it any more, and nothing is kept of it.
    fn finish(&self) {
        let mut state = self.state();
        state.is_finished = true;
        let nodes = std::mem::take(&mut state.nodes);
        self.ring(state);
        drop(nodes);
    }

    fn ring(&self, mut state: MutexGuard<'_, State>) {
        let waiting = state.waiting.take();
        drop(state);
        self.ended.notify_all();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl State {
    /// Keeps a dispatch if there is room; gives its number, which otherwise is that of none.
    fn keep(&mut self, node: Node) -> usize {
        let number = self.nodes.len();
        // The first stands for the caller.
        if number <= MOST {
            self.nodes.push(node);
        } else {
            self.lost += 1;
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_a_run_that_nobody_waits_for() {
        let run = Run::new(Location::of_caller());
        let edge = run.edge(0);
        run.finish();
        edge.cloned(Location::of_caller());
        run.end(edge.node, "succeeded".to_owned());
        assert!(run.state().nodes.is_empty());
        drop(edge);
        assert_eq!(run.state().open, 0);
    }
}
