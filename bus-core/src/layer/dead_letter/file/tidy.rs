//! Giving back the room of letters that are gone.
//!
//! The oldest segment goes first, because a later one may say which letters of it are gone. What is damaged stays for good:
//! then the letters of it that can be read are copied, and that others are gone is said again before the segment that says
//! so is removed.

use std::{collections::BTreeSet, io::ErrorKind};

use uuid::Uuid;

use super::{
    super::StoreError,
    format::{self, MAGIC, Record},
    index::{Entry, SegmentState},
    log::{Limits, Log, Writer, io, read},
    queue::{Batch, What},
    recover::name_of,
};
use crate::{error::text, files::Fs};

/// What is read at a time of a file that cannot be read as a whole.
const BLOCK: usize = 4096;

/// The oldest segment that is not written any more and not left.
struct Oldest {
    number: u64,
    state: SegmentState,
    /// How many letters it has.
    live: usize,
    /// Of how many letters in damaged segments it says that they are gone.
    graves: usize,
}

impl Log {
    /// Removes the oldest segments as far as nothing is left in them, and copies what is needed out of one that is damaged,
    /// or if too much is gone.
    pub(super) fn tidy(&self) {
        let mut writer = self.writer();
        let mut has_moved = false;
        while let Some(oldest) = self.oldest(&writer) {
            let (number, is_sound) = (oldest.number, oldest.state == SegmentState::Sound);
            let done = if is_sound && oldest.live == 0 && oldest.graves == 0 {
                self.remove(number)
            } else if !has_moved && (!is_sound || self.is_mostly_gone()) {
                has_moved = true;
                self.copy(&mut writer, number, is_sound)
            } else {
                return;
            };
            if let Err(error) = done {
                let error = text::with_causes(&error);
                tracing::error!(target: "linkbus", error, segment = name_of(number), "a segment of dead letters was not tidied");
                return;
            }
        }
    }

    fn oldest(&self, writer: &Writer) -> Option<Oldest> {
        let index = self.index();
        let mut segments = index.segments.iter();
        let (&number, segment) = segments.find(|(_, segment)| segment.state != SegmentState::Left)?;
        let is_active = writer.active.as_ref().is_some_and(|active| active.number == number);
        let oldest = || Oldest { number, state: segment.state, live: segment.live, graves: index.graves_in(number) };
        (!is_active).then(oldest)
    }

    /// Without what is damaged, which stays in any case.
    fn is_mostly_gone(&self) -> bool {
        let Limits { bytes, segment_bytes, .. } = self.limits;
        let index = self.index();
        let (damaged, damaged_bytes) = index.damaged().fold((0, 0), |(n, bytes), one| (n + 1, bytes + one.length));
        let graves = index.sound_graves() * format::gone(Uuid::nil()).len();
        let is_needed = index.live_bytes + graves as u64;
        index.bytes() - damaged_bytes > 2 * is_needed + 2 * segment_bytes
            || (index.segments.len() - damaged) as u64 > 32 + (bytes + graves as u64) / segment_bytes
    }

    fn remove(&self, number: u64) -> Result<(), StoreError> {
        let (fs, name) = (self.fs()?, name_of(number));
        match fs.remove(&name) {
            // It was removed before, and the folder could not be synced.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed.map_err(io("remove", &name))?,
        }
        // Before the next one is removed: that may say which letters of this one are gone.
        fs.sync_folder().map_err(io("sync", "the folder"))?;
        self.index().forget(number);
        Ok(())
    }

    /// Copies what is needed of a segment to the end of the one that is written. One that turns out to be damaged is left.
    fn copy(&self, writer: &mut Writer, number: u64, is_sound: bool) -> Result<(), StoreError> {
        let entries: Vec<Entry> = self.index().entries().filter(|entry| entry.segment == number).copied().collect();
        let fs = self.fs()?;
        let (mut batch, mut was, mut unread) = (Batch::default(), 0, None);
        for entry in &entries {
            match read(&*fs, entry) {
                Ok(letter) => {
                    let message = letter.message.clone();
                    let what = What::Letter { id: entry.id, number: entry.number, replays: entry.replays, message };
                    batch.push(&format::letter(&letter, entry.number), what);
                    was += entry.length as u64;
                }
                Err(error) => unread = Some(error),
            }
        }
        let is = batch.bytes.len() as u64;
        let found = match unread {
            Some(error) if is_sound => {
                let error = text::with_causes(&error);
                let segment = name_of(number);
                tracing::error!(target: "linkbus", error, segment, "a segment of dead letters is damaged; it stays where it is");
                let letters = self.letters_in(&*fs, number);
                Some(letters.into_iter().chain(entries.iter().map(|entry| entry.id)).collect::<BTreeSet<_>>())
            }
            _ => None,
        };
        for id in self.to_be_buried_again(number, is_sound, found.as_ref()) {
            batch.push(&format::gone(id), What::Gone(id));
        }
        if !batch.bytes.is_empty() {
            // Whatever the policy is: what is copied may have been safe where it was.
            self.write_with(writer, &batch, true)?;
        }
        let mut taken = self.taken();
        taken.bytes = (taken.bytes + is).saturating_sub(was);
        drop(taken);
        let mut index = self.index();
        if let Some(letters) = found {
            let says = writer.active.as_ref().map_or(number, |active| active.number);
            index.damage(number, letters, says);
            index.leave(number);
        } else if !is_sound {
            index.leave(number);
        }
        Ok(())
    }

    /// The letters of which has to be said again that they are gone, when this segment is removed; or, if it was `found` to
    /// have these and to be damaged, because nobody knows where it was said.
    fn to_be_buried_again(&self, number: u64, is_sound: bool, found: Option<&BTreeSet<Uuid>>) -> Vec<Uuid> {
        let index = self.index();
        match found {
            Some(letters) => letters.iter().filter(|id| index.get(**id).is_none()).copied().collect(),
            None if is_sound => index.graves(number),
            // It stays, and goes on saying it.
            None => Vec::new(),
        }
    }

    /// The letters in a segment, those that are gone included, as far as it can be read.
    fn letters_in(&self, fs: &dyn Fs, number: u64) -> Vec<Uuid> {
        let name = name_of(number);
        let length = self.index().segments.get(&number).map_or(0, |segment| segment.length);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let block = |begin: usize| {
            let size = BLOCK.min(length - begin);
            fs.read_at(&name, begin as u64, size).unwrap_or_else(|_| vec![0; size])
        };
        let bytes = fs.read(&name).unwrap_or_else(|_| (0..length).step_by(BLOCK).flat_map(block).collect());
        if bytes.len() < MAGIC.len() {
            return Vec::new();
        }
        format::scan(&bytes).records.iter().filter_map(|found| id_of(&found.record)).collect()
    }
}

/// The letter that a record is, even if a later version has written it.
pub(super) fn id_of(record: &Record<'_>) -> Option<Uuid> {
    let Record::Letter(line) = record else { return None };
    let header: serde_json::Value = serde_json::from_str(line.split_once('\t')?.0).ok()?;
    header.get("id")?.as_str()?.parse().ok()
}
