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
    /// The letters in damaged segments, which stay, and the segment that says that one is gone. That has to be said for as
    /// long as they stay: a letter that is read again and is not known to be gone would be back.
    buried: HashMap<Uuid, Option<u64>>,
    /// Of how many of them a segment says that they are gone.
    graves: BTreeMap<u64, usize>,
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
    pub(super) state: SegmentState,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum SegmentState {
    #[default]
    Sound,
    /// A part of it cannot be read, which may be letters: it is not removed.
    Damaged,
    /// And what can be read of it was copied.
    Left,
}

impl Index {
    /// A letter is there; if it was already, it is in another place now.
    pub(super) fn insert(&mut self, entry: Entry) {
        self.remove(entry.id);
        self.segments.entry(entry.segment).or_default().live += 1;
        self.live_bytes += entry.length as u64;
        if self.buried.contains_key(&entry.id) {
            self.bury(entry.id, None);
        }
        self.by_id.insert(entry.id, entry.number);
        self.letters.insert((entry.number, entry.id), entry);
    }

    /// A letter was deleted, which this segment says.
    pub(super) fn gone(&mut self, id: Uuid, segment: u64) -> Option<Entry> {
        if self.buried.contains_key(&id) {
            self.bury(id, Some(segment));
        }
        self.remove(id)
    }

    /// A segment is damaged, and has these letters; `says` is the segment that says which of them are gone.
    pub(super) fn damage(&mut self, segment: u64, letters: impl IntoIterator<Item = Uuid>, says: u64) {
        if let Some(segment) = self.segments.get_mut(&segment) {
            segment.state = SegmentState::Damaged;
        }
        for id in letters {
            let is_gone = !self.by_id.contains_key(&id);
            self.bury(id, is_gone.then_some(says));
        }
    }

    fn bury(&mut self, id: Uuid, says: Option<u64>) {
        if let Some(before) = self.buried.insert(id, says).flatten() {
            let left = self.graves.entry(before).or_default();
            *left = left.saturating_sub(1);
        }
        if let Some(says) = says {
            *self.graves.entry(says).or_default() += 1;
        }
    }

    /// What can be read of a damaged segment is elsewhere.
    pub(super) fn leave(&mut self, segment: u64) {
        if let Some(segment) = self.segments.get_mut(&segment) {
            segment.state = SegmentState::Left;
        }
    }

    /// The letters of damaged segments of which this segment says that they are gone.
    pub(super) fn graves(&self, segment: u64) -> Vec<Uuid> {
        self.buried.iter().filter(|(_, grave)| **grave == Some(segment)).map(|(id, _)| *id).collect()
    }

    /// How many those are.
    pub(super) fn graves_in(&self, segment: u64) -> usize {
        self.graves.get(&segment).copied().unwrap_or_default()
    }

    /// How many they are of all sound segments together.
    pub(super) fn sound_graves(&self) -> usize {
        let is_sound = |number| self.segments.get(number).is_some_and(|one| one.state == SegmentState::Sound);
        self.graves.iter().filter(|(number, _)| is_sound(number)).map(|(_, graves)| graves).sum()
    }

    pub(super) fn forget(&mut self, segment: u64) {
        self.segments.remove(&segment);
        self.graves.remove(&segment);
    }

    fn remove(&mut self, id: Uuid) -> Option<Entry> {
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

    /// The segments that stay.
    pub(super) fn damaged(&self) -> impl Iterator<Item = &Segment> {
        self.segments.values().filter(|segment| segment.state != SegmentState::Sound)
    }

    /// How many bytes all segments take.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.length).sum()
    }
}
