//! What the thread of the store does.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{batch::Batch, chunk::Chunk, queue::Queue, run_file::Output};
use crate::caught::caught;

/// The first pause after an error; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Writes what waits.
pub(super) struct Writer {
    queue: Arc<Queue>,
    status: Arc<Status>,
    output: Output,
    batch: Batch,
    /// What could not be written is tried again, byte for byte.
    chunk: Chunk,
    /// The flush to answer when the batch is written.
    owed: Option<u64>,
    sync_every: Option<Duration>,
    synced: Instant,
}

/// What the writer tells.
#[derive(Default)]
pub(super) struct Status(Mutex<Told>);

#[derive(Clone, Default)]
pub(super) struct Told {
    /// The file that was begun last.
    pub(super) file: String,
    /// Why the last write, or the last sync, failed.
    pub(super) write_error: Option<Arc<io::Error>>,
    pub(super) sync_error: Option<Arc<io::Error>>,
    pub(super) unsure: u64,
    pub(super) abandoned: u64,
}

impl Status {
    pub(super) fn told(&self) -> Told {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of a turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Turn {
    /// Everything that was there is written.
    Rests,
    /// There is more.
    Goes,
    /// The disk failed.
    Fails,
    /// The store was closed, and all is done.
    Ends,
}

impl Writer {
    pub(super) fn new(queue: Arc<Queue>, status: Arc<Status>, output: Output, sync_every: Option<Duration>) -> Self {
        let batch = queue.batch();
        let chunk = Chunk::default();
        let mut writer = Writer { queue, status, output, batch, chunk, owed: None, sync_every, synced: Instant::now() };
        writer.tell(|_| {});
        writer
    }

    /// Until the store is closed. Whatever panics, and what a subscriber of `tracing` does may, the writer lives on.
    pub(super) fn run(mut self) {
        while caught(|| self.work()).is_none() {
            self.queue.wait_out(FIRST_PAUSE);
        }
        self.output.close();
        self.queue.end();
    }

    fn work(&mut self) {
        let (mut naps, mut pause) = (0, FIRST_PAUSE);
        loop {
            let turn = self.turn();
            if turn != Turn::Fails {
                pause = FIRST_PAUSE;
            }
            match turn {
                Turn::Goes => naps = 0,
                Turn::Rests => naps = self.queue.rest(naps, self.due()),
                Turn::Fails => {
                    self.queue.wait_out(pause);
                    pause = LONGEST_PAUSE.min(2 * pause);
                }
                Turn::Ends => return,
            }
        }
    }

    /// Writes a chunk, or answers those who flush.
    pub(super) fn turn(&mut self) -> Turn {
        if self.queue.is_given_up() {
            return Turn::Ends;
        }
        let is_closing = self.chunk.is_empty() && self.batch.len() == 0 && self.next_batch();
        if self.chunk.is_empty() {
            self.chunk.fill(&mut self.batch);
        }
        if !self.chunk.is_empty() {
            return self.write();
        }
        self.answer();
        if is_closing { Turn::Ends } else { Turn::Rests }
    }

    /// Takes what waits; whether nothing will come after it.
    fn next_batch(&mut self) -> bool {
        self.answer();
        if self.due().is_some_and(|due| due <= Instant::now()) {
            self.sync_unasked();
        }
        let call = self.queue.take(&mut self.batch);
        self.owed = call.flush;
        call.is_closing
    }

    /// What was asked for before the last batch was taken: all of that is written.
    fn answer(&mut self) {
        let Some(asked) = self.owed.take() else { return };
        let synced = self.output.sync();
        self.synced = Instant::now();
        let error = synced.err();
        // Before whoever flushes can look at it.
        self.tell_sync(error.as_ref());
        self.queue.answer(asked, error.as_ref());
        log_sync(error.as_ref());
    }

    fn write(&mut self) -> Turn {
        if let Err(error) = self.output.write(&self.chunk.bytes, self.chunk.records) {
            self.queue.give_back(&mut self.batch);
            self.owed = None;
            self.failed(error);
            return Turn::Fails;
        }
        self.queue.settle(self.chunk.records, self.chunk.poisoned);
        self.chunk.clear();
        if self.tell(|told| told.write_error = None).write_error.is_some() {
            tracing::info!(target: "linkbus", "recordings are written again");
        }
        Turn::Goes
    }

    fn sync_unasked(&mut self) {
        let synced = self.output.sync_unasked();
        self.synced = Instant::now();
        let error = synced.err();
        self.tell_sync(error.as_ref());
        log_sync(error.as_ref());
    }

    /// When what is written is to be synced.
    fn due(&self) -> Option<Instant> {
        let interval = self.sync_every.filter(|_| self.output.is_unsynced())?;
        self.synced.checked_add(interval)
    }

    fn failed(&mut self, error: io::Error) {
        let error = Arc::new(error);
        let told = Arc::clone(&error);
        if self.tell(|now| now.write_error = Some(told)).write_error.is_none() {
            tracing::error!(target: "linkbus", error = &*error as &dyn std::error::Error,
                "recordings cannot be written now; it is tried again, and what does not fit into memory meanwhile is dropped");
        }
    }

    fn tell_sync(&mut self, error: Option<&Arc<io::Error>>) {
        self.tell(|now| now.sync_error = error.cloned());
    }

    /// Changes what is told, and gives what was.
    fn tell(&mut self, change: impl FnOnce(&mut Told)) -> Told {
        let mut told = self.status.lock();
        let before = told.clone();
        change(&mut told);
        (told.unsure, told.abandoned) = (self.output.unsure, self.output.abandoned);
        if let Some(name) = self.output.name()
            && name != told.file
        {
            name.clone_into(&mut told.file);
        }
        before
    }
}

fn log_sync(error: Option<&Arc<io::Error>>) {
    if let Some(error) = error {
        tracing::error!(target: "linkbus", error = &**error as &dyn std::error::Error,
            "recordings were not synced: a power loss may take them");
    }
}
