use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use uuid::Uuid;

use super::{DeadLetter, DeadLetterStore, Filter, Keeps, StoreError};

/// How many letters a store keeps that is not told.
const DEFAULT_CAPACITY: usize = 10_000;

/// Keeps letters in memory, with the messages themselves: they are gone with the process.
///
/// It never holds more than its capacity, 10,000 letters unless [`with_capacity`](Self::with_capacity) says otherwise: a
/// further one evicts the oldest, which is [counted](Self::evicted) and logged. Appending takes a lock for as long as it
/// takes to move a letter. A closed store takes no more letters; those that it has can still be read, replayed and deleted.
///
/// ```
/// use linkbus::layer::{DeadLetters, dead_letter::MemoryStore};
///
/// let letters = DeadLetters::new(MemoryStore::with_capacity(100));
/// # assert_eq!(letters.store().count().unwrap(), 0);
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    capacity: usize,
    evicted: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    is_closed: bool,
    /// Oldest first; deleted ones are no longer in `letters`.
    order: VecDeque<Uuid>,
    letters: HashMap<Uuid, DeadLetter>,
}

impl MemoryStore {
    /// A store for 10,000 letters.
    pub fn new() -> Self {
        MemoryStore::with_capacity(DEFAULT_CAPACITY)
    }

    /// A store for this many letters; at least one.
    pub fn with_capacity(letters: usize) -> Self {
        MemoryStore { capacity: letters.max(1), evicted: AtomicU64::new(0), kept: Mutex::default() }
    }

    /// How many letters were evicted by newer ones.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::new()
    }
}

impl Kept {
    /// Removes the oldest letter.
    fn evict(&mut self) -> Option<DeadLetter> {
        std::iter::from_fn(|| self.order.pop_front()).find_map(|id| self.letters.remove(&id))
    }

    /// Forgets the places of letters that were deleted, before they are many.
    fn tidy(&mut self) {
        if self.order.len() > 2 * self.letters.len() + 16 {
            self.order.retain(|id| self.letters.contains_key(id));
        }
    }
}

impl DeadLetterStore for MemoryStore {
    fn append(&self, letter: DeadLetter) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if kept.is_closed {
            return Err(StoreError::Closed);
        }
        let evicted = if kept.letters.len() >= self.capacity { kept.evict() } else { None };
        kept.order.push_back(letter.id);
        kept.letters.insert(letter.id, letter);
        // Not under the lock: the drop of a message is the user's code, and so is what listens to the log.
        drop(kept);
        if let Some(DeadLetter { id, message, .. }) = &evicted {
            self.evicted.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(target: "linkbus", letter = %id, message_name = %message, "a dead letter was evicted by a newer one");
        }
        Ok(())
    }

    fn ids(&self, filter: &Filter) -> Result<Vec<Uuid>, StoreError> {
        let kept = self.kept();
        let passes = |id: &&Uuid| kept.letters.get(id).is_some_and(|letter| filter.matches(letter));
        Ok(kept.order.iter().filter(passes).copied().collect())
    }

    fn get(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        Ok(self.kept().letters.get(&id).cloned())
    }

    fn count(&self) -> Result<usize, StoreError> {
        Ok(self.kept().letters.len())
    }

    fn delete(&self, id: Uuid) -> Result<bool, StoreError> {
        let mut kept = self.kept();
        let removed = kept.letters.remove(&id);
        kept.tidy();
        drop(kept);
        Ok(removed.is_some())
    }

    fn note_replay(&self, id: Uuid) -> Result<(), StoreError> {
        if let Some(letter) = self.kept().letters.get_mut(&id) {
            letter.replays = letter.replays.saturating_add(1);
        }
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        self.kept().is_closed = true;
        Ok(())
    }

    fn keeps(&self) -> Keeps {
        Keeps::Message
    }
}
