//! Records in memory.

use std::{
    collections::VecDeque,
    iter,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Record, RecordStore, StoreError};

/// How many records a store keeps that is not told, and how many bytes of them.
const DEFAULT_CAPACITY: usize = 10_000;
const DEFAULT_BYTES: usize = 64 << 20;

/// Keeps records in memory, in the order in which the dispatches ended. Clones are the same store.
///
/// It never holds more than 10,000 records, and never more than 64 MiB of them, unless
/// [`with_capacity`](Self::with_capacity) or [`with_limits`](Self::with_limits) says otherwise: a further one drops as many of
/// the oldest as it needs, which are [counted](RecordStore::dropped); the first is logged. One that is larger alone is kept
/// without its payload and result. A closed store takes no more; what it has can still be read. The example of [`Record`]
/// uses it.
#[derive(Clone, Debug)]
pub struct MemoryStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    capacity: usize,
    most_bytes: usize,
    dropped: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    is_closed: bool,
    records: VecDeque<Record>,
    bytes: usize,
}

impl Kept {
    /// Takes out the oldest if a record of so many bytes does not fit otherwise.
    fn make_room(&mut self, bytes: usize, shared: &Shared) -> Option<Record> {
        let is_full = self.records.len() >= shared.capacity || self.bytes + bytes > shared.most_bytes;
        if is_full { self.pop() } else { None }
    }

    fn push(&mut self, record: Record) {
        self.bytes += record.size();
        self.records.push_back(record);
    }

    fn pop(&mut self) -> Option<Record> {
        let oldest = self.records.pop_front()?;
        self.bytes -= oldest.size();
        Some(oldest)
    }
}

impl MemoryStore {
    /// A store for 10,000 records, and 64 MiB of them.
    pub fn new() -> Self {
        MemoryStore::with_capacity(DEFAULT_CAPACITY)
    }

    /// A store for this many records, at least one, and 64 MiB of them.
    pub fn with_capacity(records: usize) -> Self {
        MemoryStore::with_limits(records, DEFAULT_BYTES)
    }

    /// A store for this many records, and for this many bytes of them in memory: each takes about 400 and its texts. It
    /// holds one record in any case.
    ///
    /// ```
    /// # use linkbus::recording::MemoryStore;
    /// let store = MemoryStore::with_limits(1_000, 1 << 20);
    /// # assert!(store.take().is_empty());
    /// ```
    pub fn with_limits(records: usize, bytes: usize) -> Self {
        let (capacity, most_bytes) = (records.max(1), bytes);
        MemoryStore(Arc::new(Shared { capacity, most_bytes, dropped: AtomicU64::new(0), kept: Mutex::default() }))
    }

    /// Copies of the records, oldest first.
    pub fn records(&self) -> Vec<Record> {
        self.kept().records.iter().cloned().collect()
    }

    /// The records, oldest first, which are then no longer in the store.
    ///
    /// ```
    /// # use linkbus::recording::MemoryStore;
    /// assert!(MemoryStore::with_capacity(100).take().is_empty());
    /// ```
    pub fn take(&self) -> Vec<Record> {
        let mut kept = self.kept();
        kept.bytes = 0;
        std::mem::take(&mut kept.records).into()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts records that are not kept; says if they are the first.
    fn count(&self, records: u64) -> bool {
        records > 0 && self.0.dropped.fetch_add(records, Ordering::Relaxed) == 0
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::new()
    }
}

impl RecordStore for MemoryStore {
    fn append(&self, mut record: Record) -> Result<(), StoreError> {
        let (capacity, most_bytes) = (self.0.capacity, self.0.most_bytes);
        if record.size() > most_bytes {
            record.withhold();
        }
        let mut kept = self.kept();
        if kept.is_closed {
            self.count(1);
            return Err(StoreError::Closed);
        }
        // Freed when nobody waits for it. Mostly it is one, for which no list is allocated.
        let oldest = kept.make_room(record.size(), &self.0);
        let further: Vec<Record> = iter::from_fn(|| kept.make_room(record.size(), &self.0)).collect();
        kept.push(record);
        drop(kept);
        if self.count(u64::from(oldest.is_some()) + further.len() as u64) {
            tracing::warn!(target: "linkbus", capacity, most_bytes, "the recording in memory is full: the oldest records are dropped");
        }
        Ok(())
    }

    fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    fn close(&self) -> Result<(), StoreError> {
        self.kept().is_closed = true;
        Ok(())
    }
}
