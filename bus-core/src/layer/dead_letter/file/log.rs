//! The segments of a folder: one is written at its end, the others are read.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use uuid::Uuid;

use super::{
    super::{DeadLetter, StoreError},
    Durability, FsyncPolicy, Health, OpenError, Recovery,
    format::{self, MAGIC},
    index::{Entry, Index, Segment},
    queue::{Batch, Queue, QueueLimits, What},
    recover::{name_of, recover},
};
use crate::{
    caught::caught,
    error::text,
    files::{Appender, Fs},
};

/// How much of what there may be.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) letters: usize,
    pub(super) bytes: u64,
    pub(super) segment_bytes: u64,
    pub(super) letter_bytes: usize,
    pub(super) queue: QueueLimits,
}

pub(super) struct Log {
    pub(super) limits: Limits,
    pub(super) policy: FsyncPolicy,
    durability: Durability,
    pub(super) queue: Queue,
    /// `None` once it is closed.
    fs: RwLock<Option<Arc<dyn Fs>>>,
    /// Held while something is written.
    writer: Mutex<Writer>,
    /// Held for a moment only, and never while another lock is taken.
    index: Mutex<Index>,
    /// Room that is taken by letters that are there or being written.
    taken: Mutex<Taken>,
    last_number: AtomicU64,
    counts: Counts,
}

#[derive(Default)]
pub(super) struct Taken {
    letters: usize,
    pub(super) bytes: u64,
}

#[derive(Default)]
struct Counts {
    written: AtomicU64,
    refused: AtomicU64,
    lost: AtomicU64,
    /// Why the last ones were lost, until somebody is told.
    lost_with: Mutex<Option<StoreError>>,
    abandoned: AtomicU64,
    unsure: AtomicU64,
    last_error: Mutex<Option<StoreError>>,
}

pub(super) struct Writer {
    pub(super) active: Option<Active>,
    next_segment: u64,
}

/// The segment that is written.
pub(super) struct Active {
    pub(super) number: u64,
    name: String,
    file: Box<dyn Appender>,
    length: u64,
    /// How many of its records were acknowledged and may not survive a power loss.
    unsynced: u64,
}

impl Log {
    pub(super) fn open(
        fs: Arc<dyn Fs>,
        limits: Limits,
        policy: FsyncPolicy,
        durability: Durability,
    ) -> Result<(Self, Recovery), OpenError> {
        let (index, recovery) = recover(&*fs)?;
        let next_segment = index.segments.last_key_value().map_or(0, |(number, _)| *number) + 1;
        let taken = Taken { letters: index.len(), bytes: index.live_bytes };
        let log = Log {
            limits,
            policy,
            durability,
            queue: Queue::new(limits.queue),
            fs: RwLock::new(Some(fs)),
            writer: Mutex::new(Writer { active: None, next_segment }),
            last_number: AtomicU64::new(index.last_number()),
            index: Mutex::new(index),
            taken: Mutex::new(taken),
            counts: Counts::default(),
        };
        log.tidy();
        Ok((log, recovery))
    }

    pub(super) fn fs(&self) -> Result<Arc<dyn Fs>, StoreError> {
        self.fs.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Closed)
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn append(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let number = self.last_number.fetch_add(1, Ordering::Relaxed) + 1;
        let record = format::letter(letter, number);
        let message = letter.message.clone();
        let what = What::Letter { id: letter.id, number, replays: letter.replays, message };
        let ticket = self.take(record.len()).and_then(|()| {
            let ticket = self.queue.put(&record, what);
            ticket.inspect_err(|_| self.give_back(record.len()))
        });
        if ticket.is_err() {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        let ticket = ticket?;
        match self.durability {
            Durability::Behind => Ok(()),
            Durability::OnAppend => ticket.wait(),
        }
    }

    fn take(&self, length: usize) -> Result<(), StoreError> {
        let mut taken = self.taken();
        let is_full = taken.letters >= self.limits.letters || taken.bytes + length as u64 > self.limits.bytes;
        if is_full {
            return Err(StoreError::Full { letters: taken.letters, bytes: taken.bytes });
        }
        taken.letters += 1;
        taken.bytes += length as u64;
        Ok(())
    }

    fn give_back(&self, length: usize) {
        let mut taken = self.taken();
        taken.letters = taken.letters.saturating_sub(1);
        taken.bytes = taken.bytes.saturating_sub(length as u64);
    }

    pub(super) fn delete(&self, id: Uuid) -> Result<bool, StoreError> {
        if self.find(id).is_none() {
            return self.still_open().map(|()| false);
        }
        self.commit(&format::gone(id), What::Gone(id)).map(|()| true)
    }

    pub(super) fn note_replay(&self, id: Uuid) -> Result<(), StoreError> {
        if self.find(id).is_none() {
            return self.still_open();
        }
        self.commit(&format::replayed(id), What::Replayed(id))
    }

    pub(super) fn still_open(&self) -> Result<(), StoreError> {
        self.fs().map(drop)
    }

    /// Where a letter is; one that was taken and is not written yet is waited for.
    fn find(&self, id: Uuid) -> Option<Entry> {
        let entry = self.index().get(id);
        entry.or_else(|| {
            self.wait_for_letters();
            self.index().get(id)
        })
    }

    /// Waits until all letters that were taken are written, or lost.
    pub(super) fn wait_for_letters(&self) {
        if self.queue.letters() == 0 {
            return;
        }
        if let Ok(ticket) = self.queue.put(&[], What::Barrier) {
            // What became of those is counted.
            let _ = ticket.wait();
        }
    }

    pub(super) fn get(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        loop {
            let Some(entry) = self.find(id) else { return self.still_open().map(|()| None) };
            match read(&*self.fs()?, &entry) {
                Ok(letter) => return Ok(Some(letter)),
                // It may have been moved since it was looked up.
                Err(_) if self.index().get(id).is_none_or(|now| now.segment != entry.segment) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until a record is written and, if the policy says so, synced.
    fn commit(&self, record: &[u8], what: What) -> Result<(), StoreError> {
        self.queue.put(record, what)?.wait()
    }

    /// Writes what came together, and counts what became of it. A panic is a failure: others wait for the answer.
    pub(super) fn write_out(&self, batch: &Batch) {
        let result = caught(|| self.write(batch)).unwrap_or_else(|| {
            // Nobody knows how far it came.
            if let Some(active) = self.writer().active.take() {
                self.counts.abandoned.fetch_add(1, Ordering::Relaxed);
                self.counts.unsure.fetch_add(active.unsynced, Ordering::Relaxed);
            }
            let panicked = Err(StoreError::other("what writes dead letters panicked"));
            self.counts.note(&panicked);
            panicked
        });
        self.count(batch, &result);
        self.queue.done(batch, result.clone());
        let after = || {
            if let (Err(error), Durability::Behind) = (&result, self.durability) {
                log_lost(batch, error);
            }
            if !batch.bytes.is_empty() {
                self.tidy();
            }
        };
        if caught(after).is_none() {
            // Not logged: it may be the log that panicked.
            self.counts.note(&Err(StoreError::other("what tidies dead letters or logs a lost one panicked")));
        }
    }

    fn count(&self, batch: &Batch, result: &Result<(), StoreError>) {
        let letters = batch.letters().count() as u64;
        let Err(error) = result else {
            self.counts.written.fetch_add(letters, Ordering::Relaxed);
            return;
        };
        batch.letters().for_each(|letter| self.give_back(letter.length));
        if self.durability == Durability::OnAppend {
            // Whoever brought them is told.
            self.counts.refused.fetch_add(letters, Ordering::Relaxed);
        } else if letters > 0 {
            self.counts.lost.fetch_add(letters, Ordering::Relaxed);
            *self.counts.lost_with.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        if batch.bytes.is_empty() {
            return Ok(());
        }
        let result = self.write_with(&mut self.writer(), batch, self.policy == FsyncPolicy::Always);
        self.counts.note(&result);
        result
    }

    /// Only what is written, and synced if it is to be, is known to the index.
    pub(super) fn write_with(&self, writer: &mut Writer, batch: &Batch, is_synced: bool) -> Result<(), StoreError> {
        let fs = self.fs()?;
        if writer.active.as_ref().is_some_and(|active| active.length >= self.limits.segment_bytes) {
            self.sync_with(writer)?;
            writer.active = None;
        }
        if writer.active.is_none() {
            let active = begin(&*fs, &mut writer.next_segment)?;
            let segment = Segment { length: active.length, ..Segment::default() };
            self.index().segments.insert(active.number, segment);
            writer.active = Some(active);
        }
        let Some(active) = &mut writer.active else { unreachable!("it was begun") };
        let begin = active.length;
        let written = active.write(&batch.bytes);
        let is_written = written.is_ok();
        let synced = written.and_then(|()| if is_synced { active.sync() } else { Ok(()) });
        if synced.is_err() {
            self.abandon(writer, is_written, &*fs);
            return synced;
        }
        active.length += batch.bytes.len() as u64;
        let records = batch.records.iter().filter(|pending| pending.length > 0).count();
        active.unsynced += if is_synced { 0 } else { records as u64 };
        self.apply(batch, begin, active);
        Ok(())
    }

    /// Never writes to the segment again: after a failed sync nobody knows what of it is on the disk.
    ///
    /// What was refused is cut off. If even that fails, it may come back. What was acknowledged before it is synced, unless
    /// that is what failed.
    fn abandon(&self, writer: &mut Writer, has_sync_failed: bool, fs: &dyn Fs) {
        let Some(mut active) = writer.active.take() else { return };
        self.counts.abandoned.fetch_add(1, Ordering::Relaxed);
        let is_cut = active.file.cut(active.length).is_ok();
        if is_cut && active.length == MAGIC.len() as u64 && fs.remove(&active.name).is_ok() {
            self.index().segments.remove(&active.number);
        }
        if active.unsynced > 0 && (has_sync_failed || active.sync().is_err()) {
            self.counts.unsure.fetch_add(active.unsynced, Ordering::Relaxed);
        }
    }

    fn apply(&self, batch: &Batch, begin: u64, active: &Active) {
        let mut removed = Vec::new();
        let mut index = self.index();
        if let Some(segment) = index.segments.get_mut(&active.number) {
            segment.length = active.length;
        }
        for pending in &batch.records {
            let offset = begin + pending.offset as u64;
            match pending.what {
                What::Letter { id, number, replays, .. } => {
                    let (segment, length) = (active.number, pending.length);
                    index.insert(Entry { id, number, segment, offset, length, replays });
                }
                What::Gone(id) => removed.extend(index.gone(id, active.number)),
                What::Replayed(id) => index.replayed(id),
                What::Barrier => {}
            }
        }
        drop(index);
        for entry in removed {
            self.give_back(entry.length);
        }
    }

    /// Has what was written survive a power loss.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let synced = self.sync_with(&mut self.writer());
        if synced.is_err() {
            self.counts.note(&synced);
        }
        synced
    }

    fn sync_with(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let Some(active) = &mut writer.active else { return Ok(()) };
        if active.unsynced == 0 {
            return Ok(());
        }
        let fs = self.fs()?;
        active.sync().inspect_err(|_| self.abandon(writer, true, &*fs))
    }

    pub(super) fn health(&self) -> Health {
        let waiting = self.queue.letters() as u64;
        let index = self.index();
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Health {
            last_error: self.counts.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            written: count(&self.counts.written),
            refused: count(&self.counts.refused),
            lost: count(&self.counts.lost),
            waiting,
            unsure: count(&self.counts.unsure),
            abandoned_segments: count(&self.counts.abandoned),
            letters: index.len(),
            bytes: index.live_bytes,
            bytes_on_disk: index.bytes(),
            damaged_segments: index.damaged().count() as u64,
            damaged_bytes: index.damaged().map(|segment| segment.length).sum(),
        }
    }

    /// Waits until all that was taken is written, and syncs it.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        // What else was in that batch is the business of whoever waits for it.
        let _ = self.queue.put(&[], What::Barrier)?.wait();
        let synced = self.sync();
        self.lost_until_now().and(synced)
    }

    /// The error with which letters were lost since this was last asked.
    fn lost_until_now(&self) -> Result<(), StoreError> {
        self.counts.lost_with.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    pub(super) fn is_unsynced(&self) -> bool {
        self.writer().active.as_ref().is_some_and(|active| active.unsynced > 0)
    }

    pub(super) fn lost(&self) -> u64 {
        self.counts.lost.load(Ordering::Relaxed)
    }

    /// When all is written: gives the folder free.
    pub(super) fn release(&self) -> Result<(), StoreError> {
        let synced = self.sync();
        self.writer().active = None;
        *self.fs.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.lost_until_now().and(synced)
    }

    pub(super) fn letter_bytes(&self) -> usize {
        self.limits.letter_bytes
    }
}

/// Begins a segment. Nothing is written to it before it is there for good.
fn begin(fs: &dyn Fs, next: &mut u64) -> Result<Active, StoreError> {
    let number = *next;
    let name = name_of(number);
    let mut file = fs.create(&name).map_err(io("create", &name))?;
    *next += 1;
    let begun = file.write(MAGIC).map_err(io("write", &name));
    let begun = begun.and_then(|()| file.sync().map_err(io("sync", &name)));
    let begun = begun.and_then(|()| fs.sync_folder().map_err(io("sync", "the folder")));
    if let Err(error) = begun {
        // If it stays, recovery takes it away.
        let _ = fs.remove(&name);
        return Err(error);
    }
    Ok(Active { number, name, file, length: MAGIC.len() as u64, unsynced: 0 })
}

impl Active {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write(bytes).map_err(io("write", &self.name))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.file.sync().map_err(io("sync", &self.name))?;
        self.unsynced = 0;
        Ok(())
    }
}

pub(super) fn read(fs: &dyn Fs, entry: &Entry) -> Result<DeadLetter, StoreError> {
    let file = name_of(entry.segment);
    let bytes = fs.read_at(&file, entry.offset, entry.length).map_err(io("read", &file))?;
    let damaged = |problem: String| StoreError::Damaged { file: file.clone(), offset: entry.offset, problem };
    match format::record(&bytes) {
        Some(format::Record::Letter(line)) => {
            let letter = DeadLetter::from_line(line).map_err(damaged)?;
            Ok(DeadLetter { replays: entry.replays, ..letter })
        }
        _ => Err(damaged("its checksum is wrong".to_owned())),
    }
}

fn log_lost(batch: &Batch, error: &StoreError) {
    let error = text::with_causes(error);
    for letter in batch.letters() {
        if let What::Letter { id, message, .. } = &letter.what {
            tracing::error!(target: "linkbus", letter = %id, message_name = &**message, error, "a dead letter was taken and could not be written: it is lost");
        }
    }
}

impl Counts {
    fn note(&self, result: &Result<(), StoreError>) {
        let error = result.as_ref().err().cloned();
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

pub(super) fn io(doing: &'static str, file: &str) -> impl FnOnce(std::io::Error) -> StoreError {
    move |source| StoreError::Io { doing, file: file.to_owned(), source: Arc::new(source) }
}
