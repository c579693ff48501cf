use std::{
    collections::{HashMap, HashSet, VecDeque},
    future::ready,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{Claim, Claimed, InboxFuture, InboxKey, InboxStore};
use crate::clock::Clock;

/// How many messages a store remembers that is not told.
const DEFAULT_CAPACITY: usize = 100_000;

/// For how long: 7 days.
const DEFAULT_WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Remembers in memory: everything is forgotten with the process. It is right for what comes several times to one process, and
/// for tests.
///
/// It remembers at most as many messages that were handled as its [capacity](Self::with_capacity). A further one evicts the oldest, which is
/// [counted](Self::evicted) and logged, at first each time, then each time their number has doubled. What is being handled is
/// remembered besides, and never evicted. A claim is held for as long as its handler runs. Clones share what they remember.
///
/// ```
/// use linkbus::layer::{Inbox, inbox::MemoryInbox};
/// use std::time::Duration;
///
/// let store = MemoryInbox::new().with_capacity(10_000).with_window(Duration::from_secs(3600));
/// let inbox = Inbox::new(store.clone());
/// # let _ = inbox;
/// assert_eq!((store.len(), store.evicted()), (0, 0));
/// ```
#[derive(Clone)]
pub struct MemoryInbox {
    capacity: usize,
    window: Duration,
    clock: Clock,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    remembered: Mutex<Remembered>,
    evicted: AtomicU64,
}

#[derive(Default)]
struct Remembered {
    running: HashSet<Arc<InboxKey>>,
    done: HashMap<Arc<InboxKey>, Instant>,
    /// Those of `done`, oldest first.
    order: VecDeque<Arc<InboxKey>>,
    expired: u64,
}

impl MemoryInbox {
    /// One that remembers 100,000 messages of the last 7 days.
    pub fn new() -> Self {
        MemoryInbox {
            capacity: DEFAULT_CAPACITY,
            window: DEFAULT_WINDOW,
            clock: Clock::default(),
            shared: Arc::default(),
        }
    }

    /// How many messages that were handled are remembered, at least one: 100,000 by default.
    #[must_use]
    pub fn with_capacity(self, messages: usize) -> Self {
        MemoryInbox { capacity: messages.max(1), ..self.apart() }
    }

    /// How long a message is remembered after it was handled: 7 days by default.
    #[must_use]
    pub fn with_window(self, window: Duration) -> Self {
        MemoryInbox { window, ..self.apart() }
    }

    /// What the window is measured with: the system's clock by default.
    #[must_use]
    pub fn with_clock(self, clock: impl Into<Clock>) -> Self {
        MemoryInbox { clock: clock.into(), ..self.apart() }
    }

    /// How many messages that were handled are remembered now, those included whose window is over and that nobody asked since.
    pub fn len(&self) -> usize {
        self.shared.remembered().done.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many were forgotten within their window, because newer ones needed the room.
    pub fn evicted(&self) -> u64 {
        self.shared.evicted.load(Ordering::Relaxed)
    }

    /// How many were forgotten because their window was over.
    pub fn expired(&self) -> u64 {
        self.shared.remembered().expired
    }

    /// One that is set differently shares nothing with the clones that were made before.
    fn apart(self) -> Self {
        MemoryInbox { shared: Arc::default(), ..self }
    }

    fn claim_now(&self, key: InboxKey) -> Claimed {
        let now = self.clock.now();
        let mut remembered = self.shared.remembered();
        remembered.expire(now, self.window);
        if remembered.running.contains(&key) {
            return Claimed::Busy;
        }
        if remembered.done.contains_key(&key) {
            return Claimed::Done;
        }
        let key = Arc::new(key);
        remembered.running.insert(Arc::clone(&key));
        Claimed::New(Box::new(Held { store: self.clone(), key, is_completed: false }))
    }

    fn complete_now(&self, key: &Arc<InboxKey>) {
        let now = self.clock.now();
        let has_evicted = self.shared.remembered().complete(key, now, self.capacity);
        // Not under the lock: what listens to the log is the user's code.
        if has_evicted {
            let evicted = self.shared.evicted.fetch_add(1, Ordering::Relaxed) + 1;
            if evicted.is_power_of_two() {
                let capacity = self.capacity;
                tracing::warn!(
                    target: "linkbus", evicted, capacity,
                    "an inbox forgets messages within their window: copies of them will be handled once more"
                );
            }
        }
    }
}

impl Default for MemoryInbox {
    fn default() -> Self {
        MemoryInbox::new()
    }
}

impl Shared {
    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    /// Each is forgotten once, so that a claim has one of them to forget on average.
    fn expire(&mut self, now: Instant, window: Duration) {
        while let Some(oldest) = self.order.front() {
            if now.saturating_duration_since(self.done[oldest]) <= window {
                break;
            }
            self.forget_oldest();
            self.expired += 1;
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front() {
            self.done.remove(&oldest);
        }
    }

    /// Whether another one had to go for it.
    fn complete(&mut self, key: &Arc<InboxKey>, now: Instant, capacity: usize) -> bool {
        self.running.remove(key);
        let is_full = self.done.len() >= capacity;
        if is_full {
            self.forget_oldest();
        }
        self.done.insert(Arc::clone(key), now);
        self.order.push_back(Arc::clone(key));
        is_full
    }
}

impl InboxStore for MemoryInbox {
    fn claim(&self, key: InboxKey, _: Uuid) -> InboxFuture<Claimed> {
        Box::pin(ready(Ok(self.claim_now(key))))
    }

    fn window(&self) -> Duration {
        self.window
    }
}

/// A claim. Nobody else has it as long as this is there, so that there is nothing to be fenced.
struct Held {
    store: MemoryInbox,
    key: Arc<InboxKey>,
    is_completed: bool,
}

impl Claim for Held {
    fn complete(mut self: Box<Self>) -> InboxFuture<()> {
        self.store.complete_now(&self.key);
        self.is_completed = true;
        Box::pin(ready(Ok(())))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // One that is completed may be somebody else's by now, if its window is short.
        if !self.is_completed {
            self.store.shared.remembered().running.remove(&self.key);
        }
    }
}
