//! One dispatch of a run, as far as it has come.

use std::time::{Duration, Instant};

use super::State;
use crate::message::{Location, MessageFacts};

/// So many open dispatches are listed; the others are counted.
const MOST_SHOWN: usize = 50;

/// One dispatch of a run; the first is what stands for the stimulus's caller.
pub(super) struct Node {
    /// `None` for the caller.
    pub(super) message: Option<&'static MessageFacts>,
    pub(super) origin: Location,
    /// Its place is before that of this one.
    pub(super) parent: usize,
    pub(super) ended: Option<Ended>,
    /// How many edges lead from here.
    pub(super) edges: usize,
    began: Instant,
    /// Where clones of its bus were made, and how many: as many entries as there are such places in the program.
    clones: Vec<(Location, usize)>,
}

pub(super) struct Ended {
    pub(super) outcome: String,
    pub(super) after: Duration,
}

impl Node {
    pub(super) fn new(message: Option<&'static MessageFacts>, origin: Location, parent: usize) -> Self {
        Node { message, origin, parent, ended: None, edges: 0, began: Instant::now(), clones: Vec::new() }
    }

    pub(super) fn end(&mut self, outcome: String) {
        self.ended = Some(Ended { outcome, after: self.began.elapsed() });
    }

    pub(super) fn note_clone(&mut self, place: Location) {
        match self.clones.iter_mut().find(|(known, _)| *known == place) {
            Some((_, times)) => *times += 1,
            None => self.clones.push((place, 1)),
        }
    }

    /// A line about it, if it keeps its run from being over.
    fn open(&self) -> Option<String> {
        // The caller's own bus is held for as long as its dispatch is under way, and that has a line of its own.
        let message = self.message?;
        let about = format!("\n  {} {}, at {}", message.kind.verb(), message.name, self.origin);
        match self.ended {
            None => Some(format!("{about}: under way for {:.1?}", self.began.elapsed())),
            Some(_) if self.edges > 0 => Some(format!("{about}: over, but its bus is still held{}", self.cloned_at())),
            Some(_) => None,
        }
    }

    fn cloned_at(&self) -> String {
        let says = |(place, times): &(Location, usize)| match times {
            1 => place.to_string(),
            times => format!("{place} ({times} times)"),
        };
        match &self.clones[..] {
            [] => String::new(),
            clones => format!("; it was cloned at {}", clones.iter().map(says).collect::<Vec<_>>().join(", ")),
        }
    }
}

/// What has not ended, for whoever has waited long enough: the dispatches, and the buses that are still held.
pub(super) fn still_open(state: &State) -> String {
    let mut lines = state.nodes.iter().filter_map(Node::open);
    let text: String = lines.by_ref().take(MOST_SHOWN).collect();
    match lines.count() + state.lost {
        0 if text.is_empty() => "\n  the stimulus, which is not being dispatched".to_owned(),
        0 => text,
        more => format!("{text}\n  and up to {more} more"),
    }
}
