//! Records in memory.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Record, RecordStore, StoreError};

/// How many records a store keeps that is not told.
const DEFAULT_CAPACITY: usize = 10_000;

/// Keeps records in memory, in the order in which the dispatches ended. Clones are the same store.
///
/// It never holds more than its capacity, 10,000 records unless [`with_capacity`](Self::with_capacity) says otherwise: a
/// further one drops the oldest, which is [counted](RecordStore::dropped); the first is logged. A closed store takes no
/// more; what it has can still be read. The example of [`Record`] uses it.
#[derive(Clone, Debug)]
pub struct MemoryStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    capacity: usize,
    dropped: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    is_closed: bool,
    records: VecDeque<Record>,
}

impl MemoryStore {
    /// A store for 10,000 records.
    pub fn new() -> Self {
        MemoryStore::with_capacity(DEFAULT_CAPACITY)
    }

    /// A store for this many records; at least one.
    pub fn with_capacity(records: usize) -> Self {
        let kept = Mutex::default();
        MemoryStore(Arc::new(Shared { capacity: records.max(1), dropped: AtomicU64::new(0), kept }))
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
        std::mem::take(&mut self.kept().records).into()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a record that is not kept; says if it is the first.
    fn count(&self) -> bool {
        self.0.dropped.fetch_add(1, Ordering::Relaxed) == 0
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::new()
    }
}

impl RecordStore for MemoryStore {
    fn append(&self, record: Record) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if kept.is_closed {
            self.count();
            return Err(StoreError::Closed);
        }
        let oldest = if kept.records.len() >= self.0.capacity { kept.records.pop_front() } else { None };
        kept.records.push_back(record);
        drop(kept);
        if oldest.is_some() && self.count() {
            let capacity = self.0.capacity;
            tracing::warn!(target: "linkbus", capacity, "the recording in memory is full: the oldest records are dropped");
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
