//! Runs that are followed to their end: everything that one stimulus causes.

mod leg;
mod scenario;
mod tree;
mod watch;

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::{Duration, Instant},
};

pub(crate) use self::leg::{Edge, Leg};
pub use self::{
    scenario::Scenario,
    tree::{Branch, Tree},
    watch::Track,
};
use crate::message::{Location, MessageFacts};

/// One run, as it grows.
pub(crate) struct Run {
    state: Mutex<State>,
    /// Rings when nothing is open any more.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    /// How many edges are left: each is a dispatch that is under way, or a bus that may still be dispatched on.
    open: usize,
    waiting: Option<Waker>,
    /// It was waited for long enough.
    is_expired: bool,
    is_finished: bool,
}

/// One dispatch of a run; the first is what stands for the stimulus's caller.
struct Node {
    /// `None` for the caller.
    message: Option<&'static MessageFacts>,
    origin: Location,
    parent: usize,
    began: Instant,
    ended: Option<Ended>,
    /// How many edges lead from here.
    edges: usize,
    /// Where clones of its bus were made.
    clones: Vec<Location>,
}

struct Ended {
    outcome: String,
    after: Duration,
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

    fn begin(self: &Arc<Self>, message: &'static MessageFacts, origin: Location, parent: usize) -> Arc<Edge> {
        let mut state = self.state();
        state.nodes.push(Node::new(Some(message), origin, parent));
        let node = state.nodes.len() - 1;
        drop(state);
        self.edge(node)
    }

    /// An edge from this node on.
    fn edge(self: &Arc<Self>, node: usize) -> Arc<Edge> {
        let mut state = self.state();
        state.open += 1;
        state.nodes[node].edges += 1;
        Arc::new(Edge { run: Arc::clone(self), node })
    }

    fn end(&self, node: usize, outcome: String) {
        let node = &mut self.state().nodes[node];
        node.ended = Some(Ended { outcome, after: node.began.elapsed() });
    }

    /// An edge is gone.
    fn release(&self, node: usize) {
        let mut state = self.state();
        state.nodes[node].edges -= 1;
        state.open -= 1;
        if state.open == 0 {
            self.ring(state);
        }
    }

    /// Expires if it is waited for longer than this.
    fn expire_after(&self, limit: Duration) {
        let is_awaited = |state: &mut State| !state.is_finished;
        let waited = self.ended.wait_timeout_while(self.state(), limit, is_awaited);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            state.is_expired = true;
            self.ring(state);
        }
    }

    /// Nobody waits for it any more.
    fn finish(&self) {
        let mut state = self.state();
        state.is_finished = true;
        self.ring(state);
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

impl Node {
    fn new(message: Option<&'static MessageFacts>, origin: Location, parent: usize) -> Self {
        Node { message, origin, parent, began: Instant::now(), ended: None, edges: 0, clones: Vec::new() }
    }
}
