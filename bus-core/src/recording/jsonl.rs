//! Records in files: a file a run, a line of JSON a record.

mod batch;
mod chunk;
mod error;
mod health;
mod options;
mod queue;
mod retention;
mod run_file;
mod writer;

#[cfg(test)]
mod crash;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

pub use self::{error::OpenError, health::JsonLineHealth, options::JsonLineOptions};
use self::{
    queue::Queue,
    writer::{Status, Writer},
};
use super::{Record, RecordStore, StoreError};

/// Writes records into files in a folder, one line of JSON for each, on a thread of its own.
///
/// Each store begins a file, `run_20261125_164500_4711.jsonl`: the time in UTC and the process, with `_2`, `_3` .. behind it if
/// there is such a file. What is there of earlier runs is kept up to [`max_runs`](JsonLineOptions::max_runs), so a folder is
/// for the recordings of one program. It is made with mode 0700, and the files with 0600. [`Record::to_line`] is the format.
///
/// [`append`](RecordStore::append) puts the record where it waits for the thread, and comes back: it never touches the disk
/// and never waits for it. A record is in the file some milliseconds later, in the order in which they were appended. When
/// more come than can be written, or the disk fails, the **oldest** that wait are dropped; where they would be there is a line
/// `{"ts":..,"type":"gap","dropped":3,"v":1}`, the first of them is logged, and [`health`](Self::health) has the exact count.
/// A full or failing disk is tried again, at least every half second.
///
/// Dropping the store closes it, which waits for the disk up to [`close_timeout`](JsonLineOptions::close_timeout). A store in a
/// `static` is not dropped when the program ends: close it, or the bus that records into it. After
/// [`std::process::exit`] or a signal, what waited is not in the file, nor is what the system had not written after a power
/// loss; [`flush`](Self::flush) and [`sync_every`](JsonLineOptions::sync_every) are for those who need more.
///
/// ```
/// use linkbus::{Command, SyncBus, recording::{JsonLineStore, Record, Recording}};
///
/// #[derive(Command, serde::Serialize)]
/// struct Pay { cents: u64 }
///
/// # let folder = std::env::temp_dir().join(format!("linkbus-{}", linkbus::Uuid::now_v7()));
/// let store = JsonLineStore::open(&folder)?; // "recordings", beside what else the program keeps
/// let file = store.path();
/// let bus = SyncBus::empty().command(|_: Pay| ()).layer(Recording::new(store)).build()?;
/// bus.execute(Pay { cents: 995 })?;
/// bus.close()?;
///
/// let lines = std::fs::read_to_string(file)?;
/// assert_eq!(Record::from_line(&lines)?.payload(), Some(r#"{"cents":995}"#));
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JsonLineStore {
    folder: PathBuf,
    queue: Arc<Queue>,
    status: Arc<Status>,
    close_timeout: Duration,
    /// Held while it is closed; nothing once it was.
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl JsonLineStore {
    /// Begins a run file in `folder` with the [defaults](JsonLineOptions).
    ///
    /// # Errors
    /// As [`JsonLineOptions::open`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        JsonLineStore::options().open(folder)
    }

    /// To open it in another way.
    pub fn options() -> JsonLineOptions {
        JsonLineOptions::default()
    }

    fn new(folder: PathBuf, queue: Arc<Queue>, status: Arc<Status>, close_timeout: Duration) -> Self {
        JsonLineStore { folder, queue, status, close_timeout, thread: Mutex::default() }
    }

    fn start(mut self, writer: Writer) -> Result<Self, OpenError> {
        let thread = thread::Builder::new().name("linkbus-records".to_owned()).spawn(|| writer.run());
        let path = self.folder.clone();
        let thread = thread.map_err(|source| OpenError::Io { doing: "start a thread for", path, source })?;
        self.thread = Mutex::new(Some(thread));
        Ok(self)
    }

    /// The file that is written; another one when it is full or fails.
    pub fn path(&self) -> PathBuf {
        self.folder.join(self.status.told().file)
    }

    /// The folder of the files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many records are in files.
    pub fn written(&self) -> u64 {
        self.queue.counts().written
    }

    /// How it is.
    pub fn health(&self) -> JsonLineHealth {
        let (told, counts) = (self.status.told(), self.queue.counts());
        JsonLineHealth {
            error: told.write_error.or(told.sync_error),
            written: counts.written,
            dropped: counts.dropped,
            queued: counts.queued,
            unsure: told.unsure,
            abandoned_files: told.abandoned,
        }
    }

    /// Waits until everything that was appended before, and was not dropped, is on the disk for good.
    ///
    /// It waits for the disk up to [`close_timeout`](JsonLineOptions::close_timeout): call it where that may be, not in a task
    /// of an async runtime.
    ///
    /// ```
    /// # use linkbus::recording::JsonLineStore;
    /// # let folder = std::env::temp_dir().join(format!("linkbus-{}", linkbus::Uuid::now_v7()));
    /// let store = JsonLineStore::open(&folder)?;
    /// store.flush()?;
    /// assert_eq!(store.health().queued, 0);
    /// # drop(store);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::OutOfTime`] if it took too long, [`StoreError::Io`] if a sync failed since the last flush: what was written
    /// since then may not survive a power loss, and is not written again. [`StoreError::Closed`].
    pub fn flush(&self) -> Result<(), StoreError> {
        self.queue.answered(self.queue.ask()?, self.close_timeout)
    }

    /// Has the thread write what there is, and end.
    fn finish(&self, thread: thread::JoinHandle<()>) -> Result<(), StoreError> {
        let begun = Instant::now();
        let flushed = self.queue.answered(self.queue.close(), self.close_timeout);
        if let Err(StoreError::OutOfTime { .. }) = flushed {
            self.queue.give_up();
            return flushed;
        }
        let left = self.close_timeout.saturating_sub(begun.elapsed());
        if self.queue.is_over(left) && thread.join().is_err() {
            return Err(StoreError::Other("the thread that writes recordings panicked".to_owned()));
        }
        flushed
    }
}

impl RecordStore for JsonLineStore {
    fn append(&self, record: Record) -> Result<(), StoreError> {
        self.queue.push(record)
    }

    fn dropped(&self) -> u64 {
        self.queue.counts().dropped
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(thread) = thread.take() else { return Ok(()) };
        let closed = self.finish(thread);
        let JsonLineHealth { dropped, queued, .. } = self.health();
        let lost = dropped + queued as u64;
        if lost > 0 {
            tracing::warn!(target: "linkbus", lost, "the recording was closed, and some records are not in it");
        }
        closed
    }
}

impl Drop for JsonLineStore {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(target: "linkbus", error = &error as &dyn std::error::Error, "closing the recording failed");
        }
    }
}

impl fmt::Debug for JsonLineStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLineStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}
