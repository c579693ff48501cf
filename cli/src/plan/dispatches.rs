//! Each dispatch once, as a replay takes it: of several attempts the last.

use std::{
    collections::{BTreeMap, HashMap},
    time::SystemTime,
};

use linkbus::{Uuid, recording::RecordRef};

use super::Line;

/// How many attempts are held back, in case another of the same dispatch comes: as many as a replay holds.
const WINDOW: usize = 1024;

/// A line of the plan; `None` for what a handler sent.
pub(super) type Planned = Option<Line>;

#[derive(Default)]
pub(super) struct Dispatches {
    /// By when they began; those that began together, by when they came.
    held: BTreeMap<Place, Attempt>,
    /// Where the attempt of a dispatch is.
    places: HashMap<Uuid, Place>,
    came: u64,
}

type Place = (SystemTime, u64);

struct Attempt {
    of: Uuid,
    number: u32,
    planned: Planned,
}

impl Dispatches {
    /// Holds an attempt, and gives up the dispatch that began first if there are too many.
    pub(super) fn hold(&mut self, record: &RecordRef<'_>, planned: Planned) -> Option<Planned> {
        self.came += 1;
        let new = (record.at, self.came);
        // What py-message-bus wrote has no ids.
        let place = if record.id.is_nil() { new } else { *self.places.entry(record.id).or_insert(new) };
        if self.held.get(&place).is_none_or(|held| held.number <= record.attempt) {
            self.held.insert(place, Attempt { of: record.id, number: record.attempt, planned });
        }
        if self.held.len() < WINDOW { None } else { self.next() }
    }
}

impl Iterator for Dispatches {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        let (_, attempt) = self.held.pop_first()?;
        self.places.remove(&attempt.of);
        Some(attempt.planned)
    }
}
