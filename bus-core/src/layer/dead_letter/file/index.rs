//! Which letters there are, and where.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

/// Which letters there are, and where.
#[derive(Default)]
pub(super) struct Index {
    /// By their number: oldest first. Two never have the same, but what is read from a disk may say so.
    letters: BTreeMap<(u64, Uuid), Entry>,
    by_id: HashMap<Uuid, u64>,
    pub(super) segments: BTreeMap<u64, Segment>,
    /// How many bytes the letters take that there are.
    pub(super) live_bytes: u64,
}

/// Where a letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: Uuid,
    pub(super) number: u64,
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) length: usize,
    /// How many times it was replayed and failed, those that its record does not know included.
    pub(super) replays: u32,
}

#[derive(Default)]
pub(super) struct Segment {
    /// How many letters in it there still are.
    pub(super) live: usize,
    pub(super) length: u64,
    /// Whether it could not be copied.
    pub(super) is_stuck: bool,
}

impl Index {
    /// A letter is there; if it was already, it is in another place now.
    pub(super) fn insert(&mut self, entry: Entry) {
        self.remove(entry.id);
        self.segments.entry(entry.segment).or_default().live += 1;
        self.live_bytes += entry.length as u64;
        self.by_id.insert(entry.id, entry.number);
        self.letters.insert((entry.number, entry.id), entry);
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Option<Entry> {
        let entry = self.letters.remove(&(self.by_id.remove(&id)?, id))?;
        self.live_bytes -= entry.length as u64;
        if let Some(segment) = self.segments.get_mut(&entry.segment) {
            segment.live -= 1;
        }
        Some(entry)
    }

    pub(super) fn replayed(&mut self, id: Uuid) {
        let number = self.by_id.get(&id).copied();
        if let Some(entry) = number.and_then(|number| self.letters.get_mut(&(number, id))) {
            entry.replays = entry.replays.saturating_add(1);
        }
    }

    pub(super) fn get(&self, id: Uuid) -> Option<Entry> {
        self.letters.get(&(*self.by_id.get(&id)?, id)).copied()
    }

    /// Oldest first.
    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.letters.values()
    }

    pub(super) fn len(&self) -> usize {
        self.letters.len()
    }

    pub(super) fn last_number(&self) -> u64 {
        self.letters.last_key_value().map_or(0, |((number, _), _)| *number)
    }

    /// How many bytes all segments take.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.length).sum()
    }
}
