//! Group commit: whoever comes while others are being written waits, and is then written together with all who came.
//!
//! There is no thread for it. The first who finds nobody at work writes; when done, it hands the work on to one of those
//! who came meanwhile.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::super::StoreError;

/// What is to be written, and who waits for it.
#[derive(Default)]
pub(super) struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    batch: Batch,
    is_led: bool,
    is_closed: bool,
}

/// Records that are written together.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) records: Vec<Pending>,
    ticket: Arc<Ticket>,
}

/// A record that is not written yet.
pub(super) struct Pending {
    /// Where in the batch it begins.
    pub(super) offset: usize,
    pub(super) length: usize,
    pub(super) what: What,
}

/// What a record says.
#[derive(Clone, Copy)]
pub(super) enum What {
    Letter {
        id: Uuid,
        number: u64,
        replays: u32,
    },
    Gone(Uuid),
    Replayed(Uuid),
    /// Nothing: for whoever wants to know when all before it are written.
    Barrier,
}

/// What becomes of a batch.
#[derive(Default)]
struct Ticket {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Default)]
enum State {
    #[default]
    Waiting,
    /// One of those who wait is to write.
    HandedOver,
    Written(Result<(), StoreError>),
}

impl Queue {
    /// Has `record` written, by this thread or another one; with `last` nothing is taken any more.
    pub(super) fn commit(
        &self,
        record: &[u8],
        what: What,
        last: bool,
        write: impl Fn(&Batch) -> Result<(), StoreError>,
        tidy: impl Fn(),
    ) -> Result<(), StoreError> {
        let (ticket, mut is_mine) = self.join(record, what, last)?;
        loop {
            if is_mine {
                self.lead(&write);
                tidy();
                self.hand_over();
            }
            match ticket.wait() {
                Some(result) => return result,
                None => is_mine = true,
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ticket of the batch that `record` is in, and whether this thread is to write it.
    fn join(&self, record: &[u8], what: What, last: bool) -> Result<(Arc<Ticket>, bool), StoreError> {
        let mut waiting = self.waiting();
        if waiting.is_closed {
            return Err(StoreError::Closed);
        }
        waiting.is_closed = last;
        waiting.batch.push(record, what);
        let ticket = Arc::clone(&waiting.batch.ticket);
        let is_mine = !std::mem::replace(&mut waiting.is_led, true);
        Ok((ticket, is_mine))
    }

    /// Writes what has come so far.
    fn lead(&self, write: impl Fn(&Batch) -> Result<(), StoreError>) {
        let batch = std::mem::take(&mut self.waiting().batch);
        batch.ticket.put(State::Written(write(&batch)));
        batch.ticket.changed.notify_all();
    }

    fn hand_over(&self) {
        let mut waiting = self.waiting();
        if waiting.batch.records.is_empty() {
            waiting.is_led = false;
            return;
        }
        let next = Arc::clone(&waiting.batch.ticket);
        drop(waiting);
        next.put(State::HandedOver);
        next.changed.notify_one();
    }
}

impl Batch {
    pub(super) fn push(&mut self, record: &[u8], what: What) {
        self.records.push(Pending { offset: self.bytes.len(), length: record.len(), what });
        self.bytes.extend_from_slice(record);
    }
}

impl Ticket {
    fn put(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// What became of the batch; `None` if this thread is to write it.
    fn wait(&self) -> Option<Result<(), StoreError>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_waiting = |state: &mut State| matches!(state, State::Waiting);
        let mut state = self.changed.wait_while(state, is_waiting).unwrap_or_else(PoisonError::into_inner);
        if let State::Written(result) = &*state {
            return Some(result.clone());
        }
        *state = State::Waiting;
        None
    }
}
