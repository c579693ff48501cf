//! The inbox in a file.

mod claim;
mod running;
mod table;
mod worker;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::Sender,
    },
    thread::JoinHandle,
    time::Duration,
};

use linkbus::{
    Context, Uuid,
    layer::inbox::{Claimed, InboxError, InboxFuture, InboxKey, InboxStore},
};
use rusqlite::Transaction;

use self::{
    running::Running,
    table::Ended,
    worker::{Request, Worker},
};
use crate::error::{CompleteError, OpenError};

/// Remembers in a SQLite file what was handled: for `Inbox` of linkbus, in one process or several.
///
/// What was claimed and marked is on the disk before anybody is told (WAL, `synchronous=FULL`). A claim is a lease of 5 seconds,
/// which the inbox renews as long as it lives. If its process dies, or is stopped for longer, another one takes the message
/// over; the former is then refused. Leases go by the clock on the wall, which all processes of a machine share; if it is set
/// forward by more than a lease while a handler runs, a copy may run beside it, and one of the two is refused.
///
/// All that blocks is done by one thread, and what comes while it writes is written together with the next. Clones share it;
/// it ends with the last of them.
///
/// The tables are called `linkbus_inbox` and `linkbus_inbox_meta` and may be in the database of the program itself: then
/// [`complete_in`](Self::complete_in) marks a message in one transaction with what its handler does. The documentation of
/// [the crate](crate) has the program.
#[derive(Clone)]
pub struct SqliteInbox(Arc<Handle>);

/// What the clones share.
struct Handle {
    requests: Sender<Request>,
    /// Claims that are not answered yet.
    waiting: Arc<AtomicUsize>,
    max_waiting: usize,
    running: Arc<Running>,
    window: Duration,
    stats: Arc<Stats>,
    /// `None` when it has ended.
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// How an inbox is set: made by [`SqliteInbox::options`].
#[derive(Clone, Debug)]
#[must_use = "options do nothing before `open`"]
pub struct SqliteInboxOptions {
    lease: Duration,
    window: Duration,
    busy_timeout: Duration,
    max_waiting: usize,
}

impl Default for SqliteInboxOptions {
    fn default() -> Self {
        SqliteInboxOptions {
            lease: Duration::from_secs(5),
            window: Duration::from_secs(7 * 24 * 60 * 60),
            busy_timeout: Duration::from_secs(5),
            max_waiting: 1024,
        }
    }
}

impl SqliteInboxOptions {
    /// How long a claim outlives its process, at least 30 milliseconds: 5 seconds by default. It is renewed three times as often.
    pub fn lease(self, lease: Duration) -> Self {
        SqliteInboxOptions { lease: lease.max(Duration::from_millis(30)), ..self }
    }

    /// How long a message is remembered after it was handled: 7 days by default. It takes some 200 bytes of the file.
    pub fn window(self, window: Duration) -> Self {
        SqliteInboxOptions { window, ..self }
    }

    /// How long to wait for a transaction of somebody else on the file: 5 seconds by default. Then claims fail.
    pub fn busy_timeout(self, limit: Duration) -> Self {
        SqliteInboxOptions { busy_timeout: limit, ..self }
    }

    /// How many claims may wait to be answered: 1024 by default. A further one fails with `Overloaded`.
    pub fn max_waiting(self, claims: usize) -> Self {
        SqliteInboxOptions { max_waiting: claims, ..self }
    }

    /// Opens the inbox in this file. One that is made here can be read by its owner only (mode 0600).
    ///
    /// # Errors
    /// [`OpenError`], also if the file was made by a later version.
    pub fn open(self, file: impl AsRef<Path>) -> Result<SqliteInbox, OpenError> {
        let (running, stats, waiting) = (Arc::default(), Arc::default(), Arc::default());
        let worker =
            Worker::open(file.as_ref(), &self, Arc::clone(&running), Arc::clone(&stats), Arc::clone(&waiting))?;
        let (requests, thread) = worker.start().map_err(OpenError::Thread)?;
        let SqliteInboxOptions { window, max_waiting, .. } = self;
        let thread = Mutex::new(Some(thread));
        Ok(SqliteInbox(Arc::new(Handle { requests, waiting, max_waiting, running, window, stats, thread })))
    }
}

impl SqliteInbox {
    /// Opens the inbox in this file, which is made if it is not there, with the defaults of [`options`](Self::options).
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(file: impl AsRef<Path>) -> Result<Self, OpenError> {
        SqliteInbox::options().open(file)
    }

    /// How it is to be set.
    ///
    /// ```
    /// use bus_sqlite::SqliteInbox;
    /// use std::time::Duration;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("inbox.db");
    /// let inbox = SqliteInbox::options().window(Duration::from_secs(24 * 3600)).lease(Duration::from_secs(2)).open(file)?;
    /// assert_eq!(inbox.stats().claims, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn options() -> SqliteInboxOptions {
        SqliteInboxOptions::default()
    }

    /// Marks the message that the handler with this context serves as done, in a transaction on the database that the inbox is
    /// in: the mark is there if and only if the rest of the transaction is. The handler commits, and returns `Ok`.
    ///
    /// Begin the transaction with `TransactionBehavior::Immediate`, and wait for nothing in it: nobody else writes meanwhile.
    /// If the handler fails after the commit, the message stays done. A subscriber of an event cannot do this: let it execute a command.
    ///
    /// # Errors
    /// [`CompleteError`]: the transaction has to be rolled back then, which it is when it is dropped.
    pub fn complete_in(&self, transaction: &Transaction<'_>, context: &Context) -> Result<(), CompleteError> {
        let message = context.message().name;
        let held = self.0.running.of_dispatch(context.id(), message).ok_or(CompleteError::NotClaimed { message })?;
        match table::complete(transaction, &held, table::now())? {
            Ended::Done => Ok(()),
            Ended::Fenced => Err(CompleteError::Fenced { message }),
        }
    }

    /// What it did so far.
    pub fn stats(&self) -> SqliteInboxStats {
        let Stats { claims, taken_over, expired, commits } = &*self.0.stats;
        let [claims, taken_over, expired, commits] =
            [claims, taken_over, expired, commits].map(|figure| figure.load(Ordering::Relaxed));
        SqliteInboxStats { claims, taken_over, expired, commits }
    }
}

/// What an inbox did since it was opened. Made by [`SqliteInbox::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteInboxStats {
    /// Messages that were claimed here to be handled.
    pub claims: u64,
    /// Those that had been claimed by a process that died, or was stopped for longer than its lease.
    pub taken_over: u64,
    /// Messages that were forgotten because their window was over.
    pub expired: u64,
    /// Transactions. If it is less than what was claimed and marked, some were written together.
    pub commits: u64,
}

#[derive(Default)]
struct Stats {
    claims: AtomicU64,
    taken_over: AtomicU64,
    expired: AtomicU64,
    commits: AtomicU64,
}

impl Handle {
    /// Takes one more claim, unless as many wait as may.
    fn admit(&self) -> Result<(), InboxError> {
        let more = |waiting| (waiting < self.max_waiting).then(|| waiting + 1);
        let admitted = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        admitted.map(|_| ()).map_err(|claims| InboxError::Behind { claims })
    }
}

impl InboxStore for SqliteInbox {
    fn claim(&self, key: InboxKey, dispatch: Uuid) -> InboxFuture<Claimed> {
        if let Err(behind) = self.0.admit() {
            return Box::pin(std::future::ready(Err(behind)));
        }
        claim::ask(&self.0.requests, |answer| Request::Claim { key, dispatch, answer })
    }

    fn window(&self) -> Duration {
        self.0.window
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.requests.send(Request::Stop);
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}
