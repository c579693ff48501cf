//! What a run came to.

use std::{fmt, time::Duration};

use super::{State, node::Node};
use crate::message::{Location, Message, MessageFacts};

/// What one stimulus caused: every dispatch, under the one whose handler asked for it.
///
/// It has the first 100,000 dispatches of a run. `Display` draws it: up to 1,000 lines, of which those below level 32 say their
/// depth instead of being moved further to the right. The example of [`Track`](super::Track) uses it.
#[derive(Clone, Debug)]
pub struct Tree {
    branches: Vec<Branch>,
    lost: usize,
}

/// No more dispatches are drawn; the rest are counted.
const MOST_SHOWN: usize = 1_000;

/// No branch is moved further to the right.
const DEEPEST: usize = 32;

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
        Tree { branches: in_order(&state.nodes), lost: state.lost }
    }

    /// Every dispatch, each before those that it caused.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// How many dispatches of this type are kept, the stimulus included.
    pub fn count<M: Message>(&self) -> usize {
        self.branches.iter().filter(|branch| branch.message == M::FACTS).count()
    }

    /// How many dispatches there were besides, for which there was no room.
    ///
    /// ```
    /// # use linkbus::{Event, SyncBus};
    /// # #[derive(Event)]
    /// # struct Opened;
    /// # let bus = SyncBus::empty().build().unwrap();
    /// assert_eq!(bus.track().publish(Opened).tree().lost(), 0);
    /// ```
    pub fn lost(&self) -> usize {
        self.lost
    }
}

/// Every dispatch behind the one that caused it, siblings in the order in which they were asked for.
///
/// With a list of what is to come instead of a call for each level: a run may be as deep as it is long.
fn in_order(nodes: &[Node]) -> Vec<Branch> {
    let mut children = vec![Vec::new(); nodes.len()];
    for (place, node) in nodes.iter().enumerate().skip(1) {
        children[node.parent].push(place);
    }
    let mut branches = Vec::with_capacity(nodes.len());
    let mut to_come = vec![(0, 0)];
    while let Some((place, depth)) = to_come.pop() {
        branches.extend(Branch::of(&nodes[place], depth));
        to_come.extend(children[place].iter().rev().map(|child| (*child, depth + 1)));
    }
    branches
}

impl Branch {
    /// `None` for the caller, which is above the stimulus.
    fn of(node: &Node, level: usize) -> Option<Self> {
        let Node { message, origin, ended, .. } = node;
        Some(Branch {
            message: (*message)?,
            origin: *origin,
            depth: level.checked_sub(1)?,
            outcome: ended.as_ref().map(|ended| ended.outcome.clone()),
            duration: ended.as_ref().map(|ended| ended.after),
        })
    }

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
        for (number, branch) in self.branches.iter().take(MOST_SHOWN).enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{:indent$}", "", indent = 2 * branch.depth.min(DEEPEST))?;
            if branch.depth > DEEPEST {
                write!(f, "(depth {}) ", branch.depth)?;
            }
            write!(f, "{branch}")?;
        }
        match self.branches.len().saturating_sub(MOST_SHOWN) + self.lost {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}
