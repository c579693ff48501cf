//! The messages of a worker that have a key, a queue for each key.
//!
//! Those that wait for their turn take up room that others could have, so there are not many of them. Who goes when there are too many is at
//! the end of the longest queue in which nothing happens: a queue that goes on is soon empty.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

/// For how long nothing happens in a queue before messages leave it.
const QUIET: Duration = Duration::from_millis(50);

/// Where a message is in its queue: its place in the stream, and which of its deliveries it is.
pub(super) type Number = (u64, i64);

pub(super) struct Queues {
    /// How many messages may wait.
    room: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: HashMap<Arc<str>, Queue>,
    waiting: usize,
}

struct Queue {
    entries: BTreeMap<Number, Entry>,
    /// When something happened last.
    stepped: Instant,
}

struct Entry {
    bell: Arc<Notify>,
    status: Status,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    /// It begins, or asks whether it may.
    Active,
    /// It waits for its turn.
    Waiting,
    /// It has to leave.
    Dismissed,
}

/// What a message is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// It is the first of those here.
    First,
    /// It has to make room.
    Leave,
}

impl Queues {
    pub(super) fn new(room: usize) -> Self {
        Queues { room: room.max(1), state: Mutex::default() }
    }

    pub(super) fn enter(self: &Arc<Self>, key: Arc<str>, number: Number) -> Spot {
        let bell = Arc::new(Notify::new());
        let mut state = self.lock();
        let queue = state.queues.entry(Arc::clone(&key)).or_insert_with(Queue::new);
        queue.entries.insert(number, Entry { bell: Arc::clone(&bell), status: Status::Active });
        Spot { queues: Arc::clone(self), key, number, bell }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn new() -> Self {
        Queue { entries: BTreeMap::new(), stepped: Instant::now() }
    }

    fn waiting(&self) -> usize {
        self.entries.values().filter(|entry| entry.status == Status::Waiting).count()
    }

    fn is_quiet(&self) -> bool {
        self.stepped.elapsed() >= QUIET
    }

    /// The last one that waits has to leave.
    fn dismiss(&mut self) {
        if let Some(last) = self.entries.values_mut().rev().find(|entry| entry.status == Status::Waiting) {
            last.status = Status::Dismissed;
            last.bell.notify_one();
        }
    }
}

impl State {
    fn set(&mut self, spot: &Spot, status: Status) {
        let Some(entry) = self.entry(spot) else { return };
        let was = std::mem::replace(&mut entry.status, status);
        self.waiting += usize::from(status == Status::Waiting);
        self.waiting -= usize::from(was == Status::Waiting);
    }

    fn entry(&mut self, spot: &Spot) -> Option<&mut Entry> {
        self.queues.get_mut(&spot.key)?.entries.get_mut(&spot.number)
    }

    fn call(&self, spot: &Spot) -> Option<Call> {
        let queue = self.queues.get(&spot.key)?;
        let (first, _) = queue.entries.first_key_value()?;
        let is_dismissed = queue.entries.get(&spot.number)?.status == Status::Dismissed;
        is_dismissed.then_some(Call::Leave).or((*first == spot.number).then_some(Call::First))
    }

    /// Dismisses those for which there is no room, as far as their queues are quiet.
    fn make_room(&mut self, room: usize) {
        while self.waiting > room {
            let quiet = self.queues.values_mut().filter(|queue| queue.is_quiet());
            let Some(longest) = quiet.max_by_key(|queue| queue.waiting()).filter(|queue| queue.waiting() > 0) else {
                return;
            };
            longest.dismiss();
            self.waiting -= 1;
        }
    }
}

/// The place of a message in its queue, as long as the worker has it.
pub(in super::super) struct Spot {
    queues: Arc<Queues>,
    key: Arc<str>,
    number: Number,
    bell: Arc<Notify>,
}

impl Spot {
    /// Waits until the message is called.
    pub(super) async fn called(&self) -> Call {
        loop {
            if let Some(call) = self.queues.lock().call(self) {
                return call;
            }
            self.wait(QUIET).await;
        }
    }

    /// Waits for so long, or until something happens.
    pub(super) async fn wait(&self, pause: Duration) {
        {
            let mut state = self.queues.lock();
            if state.call(self) != Some(Call::Leave) {
                state.set(self, Status::Waiting);
            }
            state.make_room(self.queues.room);
        }
        // Whether it rang or the time is up, the next step is the same.
        let _ = timeout(pause, self.bell.notified()).await;
    }

    /// It waits no longer.
    pub(super) fn begin(&self) {
        self.queues.lock().set(self, Status::Active);
    }

    /// Something happened to the key, here or elsewhere.
    pub(super) fn note_step(&self) {
        if let Some(queue) = self.queues.lock().queues.get_mut(&self.key) {
            queue.stepped = Instant::now();
        }
    }
}

impl Drop for Spot {
    fn drop(&mut self) {
        let mut state = self.queues.lock();
        state.set(self, Status::Active);
        let Some(queue) = state.queues.get_mut(&self.key) else { return };
        let was_first = queue.entries.first_key_value().is_some_and(|(first, _)| *first == self.number);
        queue.entries.remove(&self.number);
        match queue.entries.first_key_value() {
            Some((_, next)) if was_first => {
                next.bell.notify_one();
                queue.stepped = Instant::now();
            }
            Some(_) => {}
            None => drop(state.queues.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests;
