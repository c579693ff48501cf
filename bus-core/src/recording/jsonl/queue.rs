//! What waits for the writer: a ring that is full at some time, and then loses its oldest record.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    super::{Record, StoreError},
    batch::Batch,
};

/// How long the writer rests when it has written everything, so that it writes many records at once.
const NAP: Duration = Duration::from_millis(4);
/// After so many naps in which nothing came, it sleeps until it is called.
const MOST_NAPS: u32 = 25;

/// How much may wait.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

/// Between the callers and the writer. Nobody holds its lock for longer than it takes to move a record.
pub(super) struct Queue {
    bounds: Bounds,
    state: Mutex<State>,
    /// For the writer: there is something to do.
    calls: Condvar,
    /// For those who flush and close: the writer did something.
    answers: Condvar,
}

struct State {
    /// What the writer gave back because the disk failed: older than what is in `new`.
    returned: Batch,
    new: Batch,
    /// How many records the writer has.
    in_hand: usize,
    written: u64,
    dropped: u64,
    is_overflowing: bool,
    is_asleep: bool,
    /// How many flushes were asked for, and how many of them were done.
    asked: u64,
    done: u64,
    /// What became of the last one that failed.
    failure: Option<(u64, Arc<io::Error>)>,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Open,
    /// Nothing is taken any more; what there is, is written.
    Closing,
    /// What there is, is not written any more.
    GivenUp,
    /// The writer is gone.
    Over,
}

/// What is counted, at one moment.
pub(super) struct Counts {
    pub(super) written: u64,
    pub(super) dropped: u64,
    pub(super) queued: usize,
}

/// What is to be done beside writing.
#[derive(Clone, Copy)]
pub(super) struct Call {
    /// The last flush that was asked for, if it is to be answered when what was taken is written.
    pub(super) flush: Option<u64>,
    /// Whether nothing comes after what was taken.
    pub(super) is_closing: bool,
}

impl State {
    fn waiting(&self) -> usize {
        self.returned.len() + self.new.len()
    }

    fn bytes(&self) -> usize {
        self.returned.bytes() + self.new.bytes()
    }

    fn counts(&self) -> Counts {
        Counts { written: self.written, dropped: self.dropped, queued: self.waiting() + self.in_hand }
    }

    fn drop_oldest(&mut self) -> Option<Record> {
        let oldest = self.returned.drop_oldest().or_else(|| self.new.drop_oldest())?;
        if self.returned.len() == 0 {
            // What is missing there and here is missing at the same place.
            self.new.gap += std::mem::take(&mut self.returned.gap);
        }
        self.dropped += 1;
        Some(oldest)
    }
}

impl Queue {
    pub(super) fn new(bounds: Bounds) -> Self {
        let state = State {
            returned: Batch::default(),
            new: Batch::with_capacity(bounds.records),
            in_hand: 0,
            written: 0,
            dropped: 0,
            is_overflowing: false,
            is_asleep: false,
            asked: 0,
            done: 0,
            failure: None,
            end: End::Open,
        };
        Queue { bounds, state: Mutex::new(state), calls: Condvar::new(), answers: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> Counts {
        self.state().counts()
    }

    /// Takes a record, for which the oldest may have to go. What has to go is freed when nobody waits for the lock.
    pub(super) fn push(&self, mut record: Record) -> Result<(), StoreError> {
        if record.size() > self.bounds.bytes {
            record.withhold();
        }
        let mut state = self.state();
        if state.end != End::Open {
            state.dropped += 1;
            return Err(StoreError::Closed);
        }
        let oldest = if state.waiting() >= self.bounds.records { state.drop_oldest() } else { None };
        state.new.push(record);
        let has_overflowed = oldest.is_some() || state.bytes() > self.bounds.bytes;
        let is_first = has_overflowed && !std::mem::replace(&mut state.is_overflowing, true);
        let is_half = state.new.len() == self.bounds.records.div_ceil(2);
        let calls = std::mem::take(&mut state.is_asleep) || is_half;
        drop(state);
        drop(oldest);
        if calls {
            self.calls.notify_one();
        }
        if has_overflowed {
            self.shrink(is_first);
        }
        Ok(())
    }

    #[cold]
    fn shrink(&self, is_first: bool) {
        while let Some(oldest) = self.oldest_beyond_bytes() {
            drop(oldest);
        }
        if is_first {
            let Bounds { records, bytes } = self.bounds;
            tracing::warn!(target: "linkbus", records, bytes,
                "more is recorded than is written, and what may wait is full: the oldest records are dropped");
        }
    }

    fn oldest_beyond_bytes(&self) -> Option<Record> {
        let mut state = self.state();
        if state.bytes() > self.bounds.bytes { state.drop_oldest() } else { None }
    }

    /// Has the writer answer for everything that was taken so far.
    pub(super) fn ask(&self) -> Result<u64, StoreError> {
        let mut state = self.state();
        if state.end != End::Open {
            return Err(StoreError::Closed);
        }
        Ok(self.ask_with(&mut state))
    }

    fn ask_with(&self, state: &mut State) -> u64 {
        state.asked += 1;
        state.is_asleep = false;
        self.calls.notify_one();
        state.asked
    }

    /// Takes nothing any more.
    pub(super) fn close(&self) -> u64 {
        let mut state = self.state();
        state.end = state.end.max(End::Closing);
        self.ask_with(&mut state)
    }

    /// Waits for the answer to what was asked.
    pub(super) fn answered(&self, asked: u64, limit: Duration) -> Result<(), StoreError> {
        let state = self.wait(limit, |state| state.done < asked && state.end != End::Over);
        if state.done < asked && state.end == End::Over {
            // Whoever closed it gave up.
            return Err(StoreError::Closed);
        }
        if state.done < asked {
            return Err(StoreError::OutOfTime { limit, unwritten: state.counts().queued });
        }
        match &state.failure {
            // One that was asked for later answers for this one as well.
            Some((failed, error)) if *failed >= asked => Err(again(error)),
            _ => Ok(()),
        }
    }

    /// Waits for the writer to be gone; whether it is.
    pub(super) fn is_over(&self, limit: Duration) -> bool {
        self.wait(limit, |state| state.end != End::Over).end == End::Over
    }

    fn wait(&self, limit: Duration, is_waiting: impl Fn(&mut State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.answers.wait_timeout_while(self.state(), limit, is_waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Has the writer write nothing any more.
    pub(super) fn give_up(&self) {
        let mut state = self.state();
        if state.end == End::Closing {
            state.end = End::GivenUp;
        }
        self.calls.notify_one();
    }
}

/// What the writer does.
impl Queue {
    pub(super) fn batch(&self) -> Batch {
        Batch::with_capacity(self.bounds.records)
    }

    /// Exchanges an empty batch for what is there.
    pub(super) fn take(&self, batch: &mut Batch) -> Call {
        debug_assert!(batch.len() == 0 && batch.gap == 0);
        let mut state = self.state();
        // The ring that was given back has the room that `new` needs, even if all that was in it is gone.
        if state.returned.has_ring() {
            std::mem::swap(batch, &mut state.returned);
        }
        let is_all = batch.len() == 0;
        if is_all {
            state.new.gap += std::mem::take(&mut batch.gap);
            std::mem::swap(batch, &mut state.new);
        }
        state.in_hand += batch.len();
        if batch.len() == 0 {
            state.is_overflowing = false;
        }
        let flush = (is_all && state.asked > state.done).then_some(state.asked);
        Call { flush, is_closing: is_all && state.end >= End::Closing }
    }

    /// Takes back what cannot be written now, as far as there is room.
    pub(super) fn give_back(&self, batch: &mut Batch) {
        if !batch.has_ring() {
            // It was given back before.
            return;
        }
        let mut lost = 0;
        loop {
            let mut state = self.state();
            let fits = state.new.len() + batch.len() <= self.bounds.records
                && state.new.bytes() + batch.bytes() <= self.bounds.bytes;
            if fits || batch.len() == 0 {
                state.in_hand -= batch.len() + lost;
                state.dropped += lost as u64;
                if batch.len() == 0 {
                    state.new.gap += std::mem::take(&mut batch.gap);
                }
                std::mem::swap(&mut state.returned, batch);
                return;
            }
            drop(state);
            lost += usize::from(batch.drop_oldest().is_some());
        }
    }

    /// Counts what the writer had in hand.
    pub(super) fn settle(&self, written: usize, dropped: usize) {
        let mut state = self.state();
        state.in_hand -= written + dropped;
        state.written += written as u64;
        state.dropped += dropped as u64;
    }

    /// Answers those who flush.
    pub(super) fn answer(&self, asked: u64, failure: Option<&Arc<io::Error>>) {
        let mut state = self.state();
        state.done = asked;
        if let Some(error) = failure {
            state.failure = Some((asked, Arc::clone(error)));
        }
        self.answers.notify_all();
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.state().end >= End::GivenUp
    }

    /// Rests until there is something to do, or until `due`; gives how often it rested in vain.
    pub(super) fn rest(&self, naps: u32, due: Option<Instant>) -> u32 {
        let mut state = self.state();
        let half = self.bounds.records.div_ceil(2);
        let is_idle = |state: &State| state.asked == state.done && state.end == End::Open && state.waiting() < half;
        if !is_idle(&state) {
            return 0;
        }
        let is_deep = naps >= MOST_NAPS && state.waiting() == 0;
        state.is_asleep = is_deep;
        let limit = if is_deep { due.map(|due| due.saturating_duration_since(Instant::now())) } else { Some(NAP) };
        let is_resting = |state: &mut State| is_idle(state) && state.is_asleep == is_deep;
        let mut state = match limit {
            Some(limit) => {
                let waited = self.calls.wait_timeout_while(state, limit, is_resting);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.calls.wait_while(state, is_resting).unwrap_or_else(PoisonError::into_inner),
        };
        state.is_asleep = false;
        if state.waiting() == 0 { naps.saturating_add(1) } else { 0 }
    }

    /// Waits before the disk is tried again: so long, or until somebody asks for it.
    pub(super) fn wait_out(&self, pause: Duration) {
        let state = self.state();
        let (asked, end) = (state.asked, state.end);
        let is_waiting = |state: &mut State| state.asked == asked && state.end == end;
        drop(self.calls.wait_timeout_while(state, pause, is_waiting));
    }

    /// The writer is gone: what it had, and what waits, is dropped.
    pub(super) fn end(&self) {
        let mut state = self.state();
        let unwritten = state.waiting() + state.in_hand;
        state.dropped += unwritten as u64;
        let (returned, new) = (std::mem::take(&mut state.returned), std::mem::take(&mut state.new));
        state.in_hand = 0;
        state.end = End::Over;
        self.answers.notify_all();
        drop(state);
        drop((returned, new));
    }
}

/// An error for one more who has to be told.
pub(super) fn again(error: &Arc<io::Error>) -> StoreError {
    StoreError::Io(io::Error::new(error.kind(), Arc::clone(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let line = r#"{"ts":"2026-11-25T16:45:00.000000","type":"task","class":"Pay","payload":{},"duration_ns":1,"result":null,"error":null}"#;
        Record::from_line(line).unwrap()
    }

    fn queue() -> Queue {
        Queue::new(Bounds { records: 10, bytes: 1 << 20 })
    }

    /// It would hang if one of them did not call.
    #[test]
    fn a_deep_sleeper_is_called_by_a_record_by_a_flush_and_by_closing() {
        let calls: [fn(&Queue); 3] =
            [|queue| queue.push(record()).unwrap(), |queue| drop(queue.ask()), |queue| assert_eq!(queue.close(), 1)];
        for call in calls.into_iter().cycle().take(300) {
            let queue = queue();
            std::thread::scope(|scope| {
                let sleeper = scope.spawn(|| queue.rest(MOST_NAPS, None));
                while !queue.state().is_asleep {
                    std::thread::yield_now();
                }
                call(&queue);
                sleeper.join().unwrap();
            });
        }
    }

    #[test]
    fn a_sleeper_wakes_when_a_sync_is_due() {
        let naps = queue().rest(MOST_NAPS, Some(Instant::now()));
        assert_eq!(naps, MOST_NAPS + 1);
    }

    #[test]
    fn half_a_queue_does_not_let_it_rest() {
        let queue = queue();
        (0..5).for_each(|_| queue.push(record()).unwrap());
        assert_eq!(queue.rest(MOST_NAPS, None), 0);
    }
}
