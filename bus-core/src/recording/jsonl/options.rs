//! How a store of lines is opened.

use std::{path::Path, sync::Arc, time::Duration};

use super::{
    JsonLineStore, OpenError,
    queue::{Bounds, Queue},
    run_file::Output,
    writer::{Status, Writer},
};
use crate::files::{Disk, Fs, Missing};

/// More than this would not be a bound.
const MOST_RECORDS: usize = 10_000_000;
/// Less than this would not take one record without its payload.
const LEAST_BYTES: usize = 64 << 10;

/// How a [`JsonLineStore`] is opened.
///
/// ```
/// use std::time::Duration;
/// use linkbus::recording::JsonLineStore;
///
/// # let folder = std::env::temp_dir().join(format!("linkbus-{}", linkbus::Uuid::now_v7()));
/// let store = JsonLineStore::options()
///     .max_runs(30)
///     .queue_records(10_000)
///     .close_timeout(Duration::from_secs(2))
///     .sync_every(Duration::from_secs(1))
///     .open(&folder)?;
/// # drop(store);
///
/// let error = JsonLineStore::options().max_runs(0).open(&folder).unwrap_err();
/// assert_eq!(error.to_string(), "`max_runs` cannot be 0: the run that begins is one, so write 1 to keep no other");
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct JsonLineOptions {
    max_runs: usize,
    max_file_bytes: u64,
    queue_records: usize,
    queue_bytes: usize,
    close_timeout: Duration,
    sync_every: Option<Duration>,
}

impl Default for JsonLineOptions {
    fn default() -> Self {
        JsonLineOptions {
            max_runs: 10,
            max_file_bytes: 256 << 20,
            queue_records: 65_536,
            queue_bytes: 64 << 20,
            close_timeout: Duration::from_secs(5),
            sync_every: None,
        }
    }
}

impl JsonLineOptions {
    /// How many run files there may be, the one that is written included: 10 by default. When a store is opened, and when a
    /// file is full, those that were written last are kept. 1 removes all others. While the disk fails there may be twice as
    /// many, because a file that failed is left as it is.
    ///
    /// A file that a store still writes, of this process or another, counts and is never removed, so there are more while more
    /// stores are open. That is so on Unix, if the file system knows locks. A file that somebody removes nevertheless is left,
    /// another is begun, and [`unsure`](super::JsonLineHealth::unsure) counts what was in it.
    pub fn max_runs(mut self, runs: usize) -> Self {
        self.max_runs = runs;
        self
    }

    /// After how many bytes a further run file is begun: 256 MiB by default. A file is at most 256 KiB and one record
    /// larger, so that the folder has a bound, which is this times [`max_runs`](Self::max_runs).
    pub fn max_file_bytes(mut self, bytes: u64) -> Self {
        self.max_file_bytes = bytes;
        self
    }

    /// How many records may wait to be written: 65,536 by default, and from 1 to 10,000,000. As many may be in the hands of
    /// the writer. A further record drops the oldest that waits.
    ///
    /// The default takes a burst of 60,000 whole: nothing of it is dropped. It costs no memory before they come, and with
    /// them about 400 bytes and the texts for each. With a queue of 10,000, what the writer does not write
    /// during the burst is dropped, which may be most of it.
    pub fn queue_records(mut self, records: usize) -> Self {
        self.queue_records = records;
        self
    }

    /// How many bytes the records that wait may take in memory: 64 MiB by default, and at least 64 KiB. A further record
    /// drops as many of the oldest as it needs. One that is larger alone is kept without its payload and result.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// How long closing may take in total, and [`flush`](JsonLineStore::flush): 5 s by default.
    pub fn close_timeout(mut self, limit: Duration) -> Self {
        self.close_timeout = limit;
        self
    }

    /// How often what is written is synced, so that a power loss takes no more than what came in that time.
    ///
    /// By default it is synced when the store is flushed or closed, and when a file is full. A process that is killed loses
    /// only what waits in it, in any case.
    pub fn sync_every(mut self, interval: Duration) -> Self {
        self.sync_every = Some(interval);
        self
    }

    /// Begins a run file in `folder`, which is made if it is not there, as well as the folders that it is in.
    ///
    /// # Errors
    /// [`OpenError`]: an option means nothing, the folder is not safe, or the system refuses.
    pub fn open(self, folder: impl AsRef<Path>) -> Result<JsonLineStore, OpenError> {
        self.check()?;
        let folder = folder.as_ref();
        let fs = Arc::new(Disk::open(folder, Missing::Parents)?);
        let (store, writer) = self.parts(folder, fs)?;
        store.start(writer)
    }

    /// A store, and what its thread is to run.
    pub(super) fn parts(self, folder: &Path, fs: Arc<dyn Fs>) -> Result<(JsonLineStore, Writer), OpenError> {
        let failed = |source| OpenError::Io { doing: "begin a run in", path: folder.to_owned(), source };
        let output = Output::open(fs, self.max_runs, self.max_file_bytes).map_err(failed)?;
        let bounds = Bounds { records: self.queue_records, bytes: self.queue_bytes };
        let (queue, status) = (Arc::new(Queue::new(bounds)), Arc::new(Status::default()));
        let writer = Writer::new(Arc::clone(&queue), Arc::clone(&status), output, self.sync_every);
        Ok((JsonLineStore::new(folder.to_owned(), queue, status, self.close_timeout), writer))
    }

    fn check(&self) -> Result<(), OpenError> {
        let refuse = |option, problem| Err(OpenError::Option { option, problem });
        if self.max_runs == 0 {
            return refuse("max_runs", "0: the run that begins is one, so write 1 to keep no other");
        }
        if self.max_file_bytes == 0 {
            return refuse("max_file_bytes", "0: no file could be written; write `u64::MAX` for one file of any size");
        }
        if !(1..=MOST_RECORDS).contains(&self.queue_records) {
            return refuse("queue_records", "0 or more than 10,000,000: write how many records memory may hold");
        }
        if self.queue_bytes < LEAST_BYTES {
            return refuse("queue_bytes", "less than 65,536: a record without its payload has to fit");
        }
        if self.close_timeout.is_zero() {
            return refuse("close_timeout", "zero: nothing could be written in it; write how long closing may take");
        }
        if self.sync_every.is_some_and(|interval| interval.is_zero()) {
            return refuse("sync_every", "zero: write how much time a power loss may take, or leave it out");
        }
        Ok(())
    }
}
