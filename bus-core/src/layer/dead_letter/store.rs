//! Where dead letters are: the port, and what is asked of it.

use std::{error::Error, fmt, sync::Arc, time::SystemTime};

use uuid::Uuid;

use super::{super::Reason, DeadLetter};
use crate::{error::AnyError, message::Message};

/// Where dead letters are kept. Implement it to keep them somewhere else than in memory or in files.
///
/// [`append`](Self::append) is called at the end of a dispatch, on its thread, which on a `Bus` is one of the runtime: it
/// takes the letter and returns, and what takes long is done elsewhere. Errors and panics of it are logged and counted and go
/// no further. The other calls may take their time.
///
/// ```
/// use linkbus::{Uuid, layer::DeadLetters, layer::dead_letter::{DeadLetter, DeadLetterStore, Filter, MemoryStore, StoreError}};
///
/// /// Rings a bell for each letter.
/// struct Loud(MemoryStore);
///
/// impl DeadLetterStore for Loud {
///     fn append(&self, letter: DeadLetter) -> Result<(), StoreError> {
///         println!("\u{7}{} was lost", letter.message);
///         self.0.append(letter)
///     }
///     fn ids(&self, filter: &Filter) -> Result<Vec<Uuid>, StoreError> { self.0.ids(filter) }
///     fn get(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> { self.0.get(id) }
///     fn count(&self) -> Result<usize, StoreError> { self.0.count() }
///     fn delete(&self, id: Uuid) -> Result<bool, StoreError> { self.0.delete(id) }
///     fn note_replay(&self, id: Uuid) -> Result<(), StoreError> { self.0.note_replay(id) }
///     fn close(&self) -> Result<(), StoreError> { self.0.close() }
/// }
/// # let letters = DeadLetters::new(Loud(MemoryStore::new()));
/// # assert_eq!(letters.store().count().unwrap(), 0);
/// ```
pub trait DeadLetterStore: Send + Sync + 'static {
    /// Takes `letter`. When it returns `Ok`, all other calls know of it; say in your docs how safe it is then.
    fn append(&self, letter: DeadLetter) -> Result<(), StoreError>;

    /// The ids of the letters that `filter` lets through, oldest first; also of those that cannot be read, which it may let
    /// through.
    fn ids(&self, filter: &Filter) -> Result<Vec<Uuid>, StoreError>;

    /// One letter; `None` if it is not there.
    fn get(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError>;

    /// How many letters there are.
    fn count(&self) -> Result<usize, StoreError>;

    /// Removes one letter; says whether it was there.
    fn delete(&self, id: Uuid) -> Result<bool, StoreError>;

    /// Counts one more [replay](DeadLetter::replays) of a letter that failed again; nothing if it is not there.
    fn note_replay(&self, id: Uuid) -> Result<(), StoreError>;

    /// Takes no more letters, keeps those that it took, and releases what it holds. Further calls do nothing.
    fn close(&self) -> Result<(), StoreError>;

    /// Waits until all letters that were taken are as safe as the store makes them.
    ///
    /// # Errors
    /// Why that is not so. By default it does nothing, as for a store whose `append` leaves nothing to be done.
    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// How many letters it took and could not keep after all, each of which it has logged; none by default.
    fn lost(&self) -> u64 {
        0
    }

    /// In which form it wants the message: [`Keeps::Json`] unless it says otherwise.
    fn keeps(&self) -> Keeps {
        Keeps::Json
    }

    /// Up to `limit` letters that `filter` lets through, newest first.
    ///
    /// # Errors
    /// That of [`get`](Self::get), if one of them cannot be read: [`ids`](Self::ids) and `get` have the others.
    fn list(&self, filter: &Filter, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let ids = self.ids(filter)?;
        let letters = ids.into_iter().rev().filter_map(|id| self.get(id).transpose());
        letters.take(limit).collect()
    }
}

impl<S: DeadLetterStore + ?Sized> DeadLetterStore for Arc<S> {
    fn append(&self, letter: DeadLetter) -> Result<(), StoreError> {
        (**self).append(letter)
    }

    fn ids(&self, filter: &Filter) -> Result<Vec<Uuid>, StoreError> {
        (**self).ids(filter)
    }

    fn get(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        (**self).get(id)
    }

    fn count(&self) -> Result<usize, StoreError> {
        (**self).count()
    }

    fn delete(&self, id: Uuid) -> Result<bool, StoreError> {
        (**self).delete(id)
    }

    fn note_replay(&self, id: Uuid) -> Result<(), StoreError> {
        (**self).note_replay(id)
    }

    fn close(&self) -> Result<(), StoreError> {
        (**self).close()
    }

    fn flush(&self) -> Result<(), StoreError> {
        (**self).flush()
    }

    fn lost(&self) -> u64 {
        (**self).lost()
    }

    fn keeps(&self) -> Keeps {
        (**self).keeps()
    }

    fn list(&self, filter: &Filter, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        (**self).list(filter, limit)
    }
}

/// In which form a store wants the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keeps {
    /// The message itself: nothing is written, so nothing is asked of its type.
    Message,
    /// JSON: the message has to be `Serialize`, and fields marked `#[bus(secret)]` are not written.
    Json,
}

/// Which letters. Every condition that is set has to hold.
///
/// ```
/// use linkbus::layer::{Reason, dead_letter::Filter};
/// use std::time::{Duration, SystemTime};
///
/// let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
/// let filter = Filter::any().message("orders.PlaceOrder").reason(Reason::TimedOut).since(an_hour_ago);
/// # let _ = filter;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Filter {
    message: Option<String>,
    handler: Option<String>,
    reason: Option<Reason>,
    since: Option<SystemTime>,
    until: Option<SystemTime>,
}

impl Filter {
    /// All letters.
    pub fn any() -> Self {
        Filter::default()
    }

    /// Those of the message type `M`.
    pub fn of<M: Message>() -> Self {
        Filter::any().message(M::FACTS.name)
    }

    /// Those of the message with this wire name.
    #[must_use]
    pub fn message(self, name: impl Into<String>) -> Self {
        Filter { message: Some(name.into()), ..self }
    }

    /// Those that the handler of this name failed at.
    #[must_use]
    pub fn handler(self, name: impl Into<String>) -> Self {
        Filter { handler: Some(name.into()), ..self }
    }

    /// Those that failed in this way.
    #[must_use]
    pub fn reason(self, reason: Reason) -> Self {
        Filter { reason: Some(reason), ..self }
    }

    /// Those that were lost at this time or later.
    #[must_use]
    pub fn since(self, time: SystemTime) -> Self {
        Filter { since: Some(time), ..self }
    }

    /// Those that were lost before this time.
    #[must_use]
    pub fn until(self, time: SystemTime) -> Self {
        Filter { until: Some(time), ..self }
    }

    /// Whether it lets `letter` through.
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let handler = letter.handler.as_ref().map(|handler| &*handler.name);
        self.message.as_ref().is_none_or(|name| *name == letter.message)
            && self.handler.as_ref().is_none_or(|name| Some(&**name) == handler)
            && self.reason.is_none_or(|reason| reason == letter.error.reason)
            && self.since.is_none_or(|time| letter.at >= time)
            && self.until.is_none_or(|time| letter.at < time)
    }

    /// Whether it lets everything through.
    #[cfg(feature = "file-store")]
    pub(super) fn is_any(&self) -> bool {
        let Filter { message, handler, reason, since, until } = self;
        message.is_none() && handler.is_none() && reason.is_none() && since.is_none() && until.is_none()
    }
}

/// What a [`DeadLetterStore`] fails with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// It was closed.
    Closed,
    /// It holds as much as it may; nothing was removed to make room.
    Full {
        /// How many letters it holds.
        letters: usize,
        /// How many bytes they take.
        bytes: u64,
    },
    /// It has taken as much as it may that is not written yet.
    Behind {
        /// How many letters.
        letters: usize,
        /// How many bytes they take.
        bytes: u64,
    },
    /// Reading or writing failed.
    Io {
        /// What was being done: `write`, `sync` ...
        doing: &'static str,
        /// Which file.
        file: String,
        /// What the system says.
        source: Arc<std::io::Error>,
    },
    /// What is stored cannot be read as a letter.
    Damaged {
        /// Which file.
        file: String,
        /// Where in it, in bytes from its beginning.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
    /// Another store than those of linkbus failed.
    Other(Arc<AnyError>),
}

impl StoreError {
    /// The error of a store of your own.
    pub fn other(error: impl Into<AnyError>) -> Self {
        StoreError::Other(Arc::new(error.into()))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Closed => f.write_str("the store of dead letters is closed"),
            StoreError::Full { letters, bytes } => {
                write!(f, "the store of dead letters is full: it holds {letters} letters in {bytes} bytes")
            }
            StoreError::Behind { letters, bytes } => write!(
                f,
                "the store of dead letters is behind: {letters} letters in {bytes} bytes are not written yet, and it takes no more"
            ),
            StoreError::Io { doing, file, .. } => write!(f, "cannot {doing} `{file}`"),
            StoreError::Damaged { file, offset, problem } => {
                write!(f, "the record at byte {offset} of `{file}` is damaged: {problem}")
            }
            StoreError::Other(error) => error.fmt(f),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StoreError::Io { source, .. } => Some(&**source),
            StoreError::Other(error) => error.as_error().source(),
            _ => None,
        }
    }
}
