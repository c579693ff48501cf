//! Letters in files: a folder of segments, each a text file with a record a line, which is only ever written at its end.

mod format;
mod index;
mod log;
mod queue;
mod recover;
mod tidy;
mod writer;

#[cfg(test)]
mod crash;

use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

use self::{
    log::{Limits, Log},
    queue::QueueLimits,
    writer::WriterThread,
};
use super::{Body, DeadLetter, DeadLetterStore, Filter, StoreError, Withheld};
use crate::{
    error::text,
    files::{Disk, FolderError, Fs, Missing},
};

/// Keeps dead letters in a folder, so that they outlive the process, and with the default policy the machine's power.
///
/// [`append`](DeadLetterStore::append) puts a letter into a bounded queue, which takes microseconds and never waits for the
/// disk. A thread of the store writes and syncs what is in it, all that came meanwhile at once: a letter is on the disk
/// after one or two of these, usually within a few milliseconds.
///
/// **Until then it can be lost.** A process that is killed, or a machine that loses its power, takes the letters with it that
/// are in the queue: at most those of the last moments, and never more than [fit in it](FileStoreOptions::queue_letters).
/// [`flush`](DeadLetterStore::flush), `close` and dropping the store wait for all of them, so let the program end with one of
/// these. With [`Durability::OnAppend`] `append` itself waits, and nothing that it took is lost: for callers on threads of
/// their own.
///
/// A letter for which the queue has no room is refused. One that was taken and then cannot be written is
/// [lost](Health::lost): counted, logged, and the error of the next `flush`. All other calls see what was taken, and wait for
/// it to be written where they have to; `delete` and `note_replay` return when the disk has it.
///
/// No memory is used for a letter on the disk but some 100 bytes for its place.
///
/// One process at a time has the folder, which is made with mode 0700, and its files with 0600. The messages have to be
/// `serde::Serialize`; the page [`linkbus::docs::layers::dead_letters`](https://docs.rs/linkbus) says what becomes of
/// their secrets, of a full disk and of one that fails.
///
/// ```
/// use linkbus::{Command, SyncBus, layer::DeadLetters, layer::dead_letter::{DeadLetterStore as _, FileStore}};
///
/// #[derive(Command, Clone, serde::Serialize, serde::Deserialize)]
/// struct Pay { cents: u64 }
///
/// # let folder = std::env::temp_dir().join(format!("linkbus-{}", linkbus::Uuid::now_v7()));
/// let store = FileStore::open(&folder)?; // "letters", beside what else the program keeps
/// println!("{} letters were left", store.recovery().letters);
/// let bus = SyncBus::empty()
///     .command(|_: Pay| Err::<(), _>("the till is broken"))
///     .layer(DeadLetters::new(store))
///     .build()?;
/// bus.execute(Pay { cents: 500 }).unwrap_err();
/// bus.close()?;
///
/// let store = FileStore::open(&folder)?;
/// assert_eq!(store.recovery().letters, 1);
/// # drop(store);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FileStore {
    log: Arc<Log>,
    writer: WriterThread,
    recovery: Recovery,
}

/// When [`append`](DeadLetterStore::append) returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// When the letter is in the queue: a dispatch is never held up by the disk, and what is in the queue is lost if the
    /// process is killed. The default.
    #[default]
    Behind,
    /// When the letter is written and, with [`FsyncPolicy::Always`], synced: what was taken is safe. It blocks the thread for
    /// one or two syncs, which callers share; on a `Bus` that is a thread of the runtime.
    OnAppend,
}

/// When what is written is synced, so that it survives a power loss. A process that is killed loses nothing that was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FsyncPolicy {
    /// At once, with all that is written together. The default.
    #[default]
    Always,
    /// This often, and only if something was written: a power loss takes the letters of that time with it. A time of zero is
    /// refused when the store is opened.
    Every(Duration),
    /// When the system does it, which may be after half a minute, and when the store is closed.
    Never,
}

/// How a [`FileStore`] is opened.
///
/// ```
/// use linkbus::layer::dead_letter::{FileStore, FsyncPolicy};
/// use std::time::Duration;
///
/// # let folder = std::env::temp_dir().join(format!("linkbus-{}", linkbus::Uuid::now_v7()));
/// let store = FileStore::options()
///     .max_letters(1_000)
///     .max_bytes(10 << 20)
///     .fsync(FsyncPolicy::Every(Duration::from_secs(1)))
///     .open(&folder)?;
/// # drop(store);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
#[must_use]
pub struct FileStoreOptions {
    limits: Limits,
    policy: FsyncPolicy,
    durability: Durability,
}

impl Default for FileStoreOptions {
    fn default() -> Self {
        let limits = Limits {
            letters: 100_000,
            bytes: 256 << 20,
            segment_bytes: 8 << 20,
            letter_bytes: 1 << 20,
            queue: QueueLimits { letters: 10_000, bytes: 16 << 20 },
        };
        FileStoreOptions { limits, policy: FsyncPolicy::Always, durability: Durability::Behind }
    }
}

impl FileStoreOptions {
    /// How many letters there may be, 100,000 by default. A further one is refused, and no other is removed for it.
    pub fn max_letters(mut self, letters: usize) -> Self {
        self.limits.letters = letters;
        self
    }

    /// How many bytes letters may take, 256 MiB by default. A further one is refused. On the disk it may be twice as much
    /// and three segments more, before what was deleted is tidied away. Segments that are [damaged](Health::damaged_bytes)
    /// come on top: no part of them is ever removed.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How many bytes a segment has before the next is begun, 8 MiB by default.
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.limits.segment_bytes = bytes.max(1);
        self
    }

    /// How many bytes a message may have, 1 MiB by default. The letter of a larger one has no message.
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.limits.letter_bytes = bytes;
        self
    }

    /// When what is written is synced: [`FsyncPolicy::Always`] by default.
    pub fn fsync(mut self, policy: FsyncPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// When `append` returns: [`Durability::Behind`] by default.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How many letters may be taken that are not on the disk yet, 10,000 by default and at least one. A further one is
    /// refused. It is also how many can be lost at most if the process is killed.
    pub fn queue_letters(mut self, letters: usize) -> Self {
        self.limits.queue.letters = letters;
        self
    }

    /// How many bytes these may have, 16 MiB by default; a single letter may have more. A further one is refused.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.limits.queue.bytes = bytes;
        self
    }

    /// Opens the folder, makes it if it is not there, and repairs what a crash left half written.
    ///
    /// # Errors
    /// [`OpenError`]: the options make no sense, another process has it, it is not safe, or it cannot be read.
    pub fn open(self, folder: impl AsRef<Path>) -> Result<FileStore, OpenError> {
        let folder = folder.as_ref();
        self.check()?;
        let disk = Disk::open(folder, Missing::Folder)?.locked()?;
        self.open_fs(Arc::new(disk)).map_err(|error| error.within(folder))
    }

    fn check(&self) -> Result<(), OpenError> {
        if self.policy == FsyncPolicy::Every(Duration::ZERO) {
            let problem =
                "`FsyncPolicy::Every` with a time of zero would never rest: `FsyncPolicy::Always` syncs at once";
            return Err(OpenError::Options { problem });
        }
        Ok(())
    }

    fn open_fs(self, fs: Arc<dyn Fs>) -> Result<FileStore, OpenError> {
        let (log, recovery) = Log::open(fs, self.limits, self.policy, self.durability)?;
        recovery.log();
        let log = Arc::new(log);
        let writer = WriterThread::start(&log)?;
        Ok(FileStore { log, writer, recovery })
    }
}

impl FileStore {
    /// Opens the folder with the [defaults](FileStoreOptions).
    ///
    /// # Errors
    /// As [`FileStoreOptions::open`].
    pub fn open(folder: impl AsRef<Path>) -> Result<FileStore, OpenError> {
        FileStore::options().open(folder)
    }

    /// To open it in another way.
    pub fn options() -> FileStoreOptions {
        FileStoreOptions::default()
    }

    /// What was found when it was opened.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// How it is, and what it did since it was opened.
    pub fn health(&self) -> Health {
        self.log.health()
    }
}

impl DeadLetterStore for FileStore {
    fn append(&self, mut letter: DeadLetter) -> Result<(), StoreError> {
        if let Body::Json(json) | Body::Redacted(json) = &letter.body {
            let (bytes, limit) = (json.len(), self.log.letter_bytes());
            if bytes > limit {
                letter.body = Body::Withheld(Withheld::TooLarge { bytes, limit });
            }
        }
        self.log.append(&letter)
    }

    fn ids(&self, filter: &Filter) -> Result<Vec<Uuid>, StoreError> {
        self.log.still_open()?;
        self.log.wait_for_letters();
        let ids: Vec<Uuid> = self.log.index().entries().map(|entry| entry.id).collect();
        if filter.is_any() {
            return Ok(ids);
        }
        let may_match = |id: &Uuid| match self.log.get(*id) {
            Ok(letter) => letter.is_some_and(|letter| filter.matches(&letter)),
            // `get` says what is wrong with it.
            Err(_) => true,
        };
        Ok(ids.into_iter().filter(may_match).collect())
    }

    fn get(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        self.log.get(id)
    }

    fn count(&self) -> Result<usize, StoreError> {
        self.log.still_open()?;
        self.log.wait_for_letters();
        Ok(self.log.index().len())
    }

    fn delete(&self, id: Uuid) -> Result<bool, StoreError> {
        self.log.delete(id)
    }

    fn note_replay(&self, id: Uuid) -> Result<(), StoreError> {
        self.log.note_replay(id)
    }

    fn close(&self) -> Result<(), StoreError> {
        if !self.log.queue.close() {
            return Ok(());
        }
        self.writer.join();
        self.log.release()
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.log.flush()
    }

    fn lost(&self) -> u64 {
        self.log.lost()
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            let error = text::with_causes(&error);
            tracing::error!(target: "linkbus", error, "closing the store of dead letters failed");
        }
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("recovery", &self.recovery).finish_non_exhaustive()
    }
}

/// What a [`FileStore`] found when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// How many letters there are.
    pub letters: usize,
    /// What was half written at the end of a segment: it was never acknowledged, and was cut off.
    pub torn: Vec<Damage>,
    /// What cannot be read between records that can: it was left where it is, and passed over.
    pub damaged: Vec<Damage>,
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The name of the file in the folder.
    pub file: String,
    /// Where it begins, in bytes from the beginning of the file.
    pub offset: u64,
    /// How many bytes it has.
    pub bytes: u64,
}

impl Recovery {
    fn log(&self) {
        for Damage { file, offset, bytes } in &self.torn {
            tracing::warn!(target: "linkbus", file, offset, bytes, "a dead letter was half written when the process ended; it was cut off");
        }
        for Damage { file, offset, bytes } in &self.damaged {
            tracing::error!(target: "linkbus", file, offset, bytes, "a part of the dead letters cannot be read; it is passed over");
        }
    }
}

/// How a [`FileStore`] is, and what it did since it was opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// Why the last write failed; `None` if it did not.
    pub last_error: Option<StoreError>,
    /// How many letters it took and wrote.
    pub written: u64,
    /// How many letters it did not take.
    pub refused: u64,
    /// How many letters it took and could not write: they are gone. What was offered is `written`, `refused`, `lost` and
    /// `waiting` together.
    pub lost: u64,
    /// How many letters it took and has not written yet.
    pub waiting: u64,
    /// How many records it took that may be gone after a power loss, because a later sync failed. Never with
    /// [`FsyncPolicy::Always`].
    pub unsure: u64,
    /// How many segments it stopped to use because writing or syncing them failed.
    pub abandoned_segments: u64,
    /// How many letters there are.
    pub letters: usize,
    /// How many bytes they take.
    pub bytes: u64,
    /// How many bytes the segments take.
    pub bytes_on_disk: u64,
    /// How many segments are known to be damaged: they are never removed, because a part of them may be letters.
    pub damaged_segments: u64,
    /// How many bytes of those on the disk these take.
    pub damaged_bytes: u64,
}

impl Health {
    /// Whether the last write succeeded.
    pub fn is_working(&self) -> bool {
        self.last_error.is_none()
    }
}

/// Why a [`FileStore`] cannot be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The options make no sense.
    Options {
        /// Which, and what to write instead.
        problem: &'static str,
    },
    /// Another process has it open, or another store of this one.
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// Somebody else could read or change what is kept there.
    Unsafe {
        /// The folder, or a file in it.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: &'static str,
    },
    /// A file was written by a version of linkbus that this one does not know.
    OtherVersion {
        /// The file.
        path: PathBuf,
    },
    /// A file has the name of a segment and is none.
    NotLetters {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    Io {
        /// What was being done: `open`, `read` ...
        doing: &'static str,
        /// The folder, or a file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl OpenError {
    /// The same with the folder in front of the file's name.
    fn within(mut self, folder: &Path) -> Self {
        match &mut self {
            OpenError::Options { .. } | OpenError::Locked { .. } | OpenError::Unsafe { .. } => {}
            OpenError::OtherVersion { path } | OpenError::NotLetters { path } | OpenError::Io { path, .. } => {
                *path = folder.join(&path);
            }
        }
        self
    }
}

impl From<FolderError> for OpenError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Locked { folder } => OpenError::Locked { folder },
            FolderError::Unsafe { path, problem } => OpenError::Unsafe { path, problem },
            FolderError::Io { doing, path, source } => OpenError::Io { doing, path, source },
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Options { problem } => write!(f, "dead letters cannot be kept like this: {problem}"),
            OpenError::Locked { folder } => write!(
                f,
                "the dead letters in `{}` are open already: a folder is for one store of one process, so give each its own",
                folder.display()
            ),
            OpenError::Unsafe { path, problem } => {
                write!(f, "dead letters cannot be kept in `{}`: {problem}", path.display())
            }
            OpenError::OtherVersion { path } => write!(
                f,
                "`{}` was written by another version of linkbus: open it with that one, or use another folder",
                path.display()
            ),
            OpenError::NotLetters { path } => {
                write!(f, "`{}` has no dead letters: its first line is not theirs; move it away", path.display())
            }
            OpenError::Io { doing, path, .. } => write!(f, "cannot {doing} `{}`", path.display()),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            OpenError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
