//! What a run came to.

use std::{fmt, time::Duration};

use super::{Node, State};
use crate::message::{Location, Message, MessageFacts};

/// What one stimulus caused: every dispatch, under the one whose handler asked for it.
///
/// `Display` draws it. The example of [`Track`](super::Track) uses it.
#[derive(Clone, Debug)]
pub struct Tree {
    branches: Vec<Branch>,
}

/// One dispatch of a [`Tree`].
#[derive(Clone, Debug)]
pub struct Branch {
    message: &'static MessageFacts,
    origin: Location,
    depth: usize,
    outcome: Option<String>,
    duration: Option<Duration>,
}

impl Tree {
    pub(super) fn of(state: &State) -> Self {
        let mut branches = Vec::new();
        grow(&state.nodes, 0, 0, &mut branches);
        Tree { branches }
    }

    /// Every dispatch, each before those that it caused.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// How many dispatches of this type there were, the stimulus included.
    pub fn count<M: Message>(&self) -> usize {
        self.branches.iter().filter(|branch| branch.message == M::FACTS).count()
    }
}

/// Puts what `parent` caused behind the others, in the order in which it was asked for.
fn grow(nodes: &[Node], parent: usize, depth: usize, branches: &mut Vec<Branch>) {
    for (place, node) in nodes.iter().enumerate() {
        let Some(message) = node.message.filter(|_| node.parent == parent) else { continue };
        let ended = node.ended.as_ref();
        branches.push(Branch {
            message,
            origin: node.origin,
            depth,
            outcome: ended.map(|ended| ended.outcome.clone()),
            duration: ended.map(|ended| ended.after),
        });
        grow(nodes, place, depth + 1, branches);
    }
}

impl Branch {
    /// What is known about the message.
    pub fn message(&self) -> &'static MessageFacts {
        self.message
    }

    /// Where it was asked for.
    pub fn origin(&self) -> Location {
        self.origin
    }

    /// How many dispatches it is below the stimulus, which is at 0.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// `succeeded`, `panicked`, or what its error says.
    pub fn outcome(&self) -> &str {
        self.outcome.as_deref().unwrap_or("under way")
    }

    /// How long it took, layers included; `None` while it is under way.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Branch { message, origin, .. } = self;
        write!(f, "{} {} -> {}", message.kind.verb(), message.name, self.outcome())?;
        if let Some(duration) = self.duration {
            write!(f, " in {duration:.1?}")?;
        }
        write!(f, ", at {origin}")
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, branch) in self.branches.iter().enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{:indent$}{branch}", "", indent = 2 * branch.depth)?;
        }
        Ok(())
    }
}

/// What has not ended, for whoever has waited long enough: the dispatches, and the buses that are still held.
pub(super) fn still_open(state: &State) -> String {
    state.nodes.iter().filter_map(Node::open).collect()
}

impl Node {
    /// A line about it, if it keeps its run from being over.
    fn open(&self) -> Option<String> {
        let what =
            self.message.map_or("the stimulus".to_owned(), |facts| format!("{} {}", facts.kind.verb(), facts.name));
        let is_under_way = self.message.is_some() && self.ended.is_none();
        if is_under_way {
            return Some(format!("\n  {what}, at {}: under way for {:.1?}", self.origin, self.began.elapsed()));
        }
        let clones: Vec<_> = self.clones.iter().map(ToString::to_string).collect();
        let (origin, clones) = (self.origin, clones.join(", "));
        (self.edges > 0)
            .then(|| format!("\n  {what}, at {origin}: over, but its bus is still held; it was cloned at {clones}"))
    }
}
