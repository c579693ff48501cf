//! What is to be written: bounded, and written together by one thread, with all that came while it wrote what was before.

use std::{
    borrow::Cow,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use uuid::Uuid;

use super::super::StoreError;

/// Between those who bring what is to be written and the thread that writes it.
pub(super) struct Queue {
    limits: QueueLimits,
    waiting: Mutex<Waiting>,
    came: Condvar,
}

/// How much may be taken that is not written yet.
#[derive(Clone, Copy)]
pub(super) struct QueueLimits {
    pub(super) letters: usize,
    pub(super) bytes: usize,
}

#[derive(Default)]
struct Waiting {
    batch: Batch,
    /// How many letters are not written, those that are being written included.
    letters: usize,
    /// And their bytes.
    bytes: usize,
    is_writer_asleep: bool,
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
pub(super) enum What {
    Letter {
        id: Uuid,
        number: u64,
        replays: u32,
        message: Cow<'static, str>,
    },
    Gone(Uuid),
    Replayed(Uuid),
    /// Nothing: for whoever wants to know when all before it are written.
    Barrier,
}

/// What becomes of a batch.
#[derive(Default)]
pub(super) struct Ticket {
    written: Mutex<Option<Result<(), StoreError>>>,
    changed: Condvar,
}

/// What the writer has to do next.
pub(super) enum Next {
    Write(Batch),
    /// Nothing, and the time is over.
    Sync,
    /// Nothing, and never again.
    End,
}

impl Queue {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Queue { limits, waiting: Mutex::default(), came: Condvar::new() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `record` written by the writer. A letter is taken if there is room for it.
    pub(super) fn put(&self, record: &[u8], what: What) -> Result<Arc<Ticket>, StoreError> {
        let mut waiting = self.waiting();
        if waiting.is_closed {
            return Err(StoreError::Closed);
        }
        if let What::Letter { .. } = what {
            waiting.take(record.len(), self.limits)?;
        }
        waiting.batch.push(record, what);
        let ticket = Arc::clone(&waiting.batch.ticket);
        self.wake(waiting);
        Ok(ticket)
    }

    /// Takes nothing any more, so that the writer ends when it has written what was taken; says whether it did until now.
    pub(super) fn close(&self) -> bool {
        let mut waiting = self.waiting();
        let was_closed = std::mem::replace(&mut waiting.is_closed, true);
        self.wake(waiting);
        !was_closed
    }

    fn wake(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let is_asleep = std::mem::take(&mut waiting.is_writer_asleep);
        drop(waiting);
        if is_asleep {
            self.came.notify_one();
        }
    }

    /// For the writer: waits until there is something to do, or until this time.
    pub(super) fn next(&self, until: Option<Instant>) -> Next {
        let mut waiting = self.waiting();
        loop {
            if !waiting.batch.records.is_empty() {
                return Next::Write(std::mem::take(&mut waiting.batch));
            }
            if waiting.is_closed {
                return Next::End;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Next::Sync;
            }
            waiting.is_writer_asleep = true;
            waiting = match left {
                Some(left) => self.came.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
            waiting.is_writer_asleep = false;
        }
    }

    /// For the writer: this became of a batch.
    pub(super) fn done(&self, batch: &Batch, result: Result<(), StoreError>) {
        let (letters, bytes) = batch.letters().fold((0, 0), |(n, bytes), one| (n + 1, bytes + one.length));
        let mut waiting = self.waiting();
        waiting.letters -= letters;
        waiting.bytes -= bytes;
        drop(waiting);
        *batch.ticket.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        batch.ticket.changed.notify_all();
    }

    /// How many letters were taken and are not written.
    pub(super) fn letters(&self) -> usize {
        self.waiting().letters
    }
}

impl Waiting {
    fn take(&mut self, length: usize, limits: QueueLimits) -> Result<(), StoreError> {
        let Waiting { letters, bytes, .. } = *self;
        // A single letter has room in any case, or it would never have any.
        let is_full = letters >= limits.letters || bytes + length > limits.bytes;
        if is_full && letters > 0 {
            return Err(StoreError::Behind { letters, bytes: bytes as u64 });
        }
        self.letters += 1;
        self.bytes += length;
        Ok(())
    }
}

impl Batch {
    pub(super) fn push(&mut self, record: &[u8], what: What) {
        self.records.push(Pending { offset: self.bytes.len(), length: record.len(), what });
        self.bytes.extend_from_slice(record);
    }

    pub(super) fn letters(&self) -> impl Iterator<Item = &Pending> {
        self.records.iter().filter(|pending| matches!(pending.what, What::Letter { .. }))
    }
}

impl Ticket {
    /// Waits until the batch is written, or was tried to be.
    pub(super) fn wait(&self) -> Result<(), StoreError> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.changed.wait_while(written, |written| written.is_none());
        written.unwrap_or_else(PoisonError::into_inner).clone().unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(queue: &Queue, bytes: usize) -> Result<(), StoreError> {
        let what = What::Letter { id: Uuid::nil(), number: 0, replays: 0, message: "shop.Pay".into() };
        queue.put(&vec![0; bytes], what).map(drop)
    }

    fn write(queue: &Queue) {
        let Next::Write(batch) = queue.next(None) else { panic!("there is something") };
        queue.done(&batch, Ok(()));
    }

    #[test]
    fn what_is_not_written_is_bounded_and_a_single_letter_always_has_room() {
        let queue = Queue::new(QueueLimits { letters: 3, bytes: 100 });
        put(&queue, 1000).unwrap();
        assert!(matches!(put(&queue, 1), Err(StoreError::Behind { letters: 1, bytes: 1000 })));
        queue.put(&[0; 50], What::Gone(Uuid::nil())).unwrap();
        write(&queue);
        (0..3).for_each(|_| put(&queue, 30).unwrap());
        assert!(matches!(put(&queue, 1), Err(StoreError::Behind { letters: 3, bytes: 90 })));
        let Next::Write(batch) = queue.next(None) else { panic!("there is something") };
        put(&queue, 1).expect_err("those that are being written count");
        queue.done(&batch, Ok(()));
        assert_eq!(queue.letters(), 0);
        put(&queue, 100).unwrap();
    }

    #[test]
    fn what_was_taken_before_it_was_closed_is_still_written() {
        let queue = Queue::new(QueueLimits { letters: 3, bytes: 100 });
        put(&queue, 1).unwrap();
        assert!(queue.close() && !queue.close());
        assert!(matches!(put(&queue, 1), Err(StoreError::Closed)));
        write(&queue);
        assert!(matches!(queue.next(None), Next::End));
    }
}
