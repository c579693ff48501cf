//! The port: where an inbox remembers what was done.

use std::{error::Error, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use uuid::Uuid;

use super::InboxKey;
use crate::error::AnyError;

/// The answer of a store. It must not block the thread that polls it, and needs no runtime: a [`SyncBus`](crate::SyncBus) waits
/// for it too.
pub type InboxFuture<T> = Pin<Box<dyn Future<Output = Result<T, InboxError>> + Send>>;

/// Where an [`Inbox`](super::super::Inbox) remembers what was done.
///
/// Of all who claim one key, one at a time has it. A store that outlives its process lets go of what a dead one had claimed: a
/// claim is then a lease, which the store renews by itself while the process lives, and everyone who takes it over has a
/// greater fencing token, so that the former holder, if it was only stopped, is refused.
///
/// ```
/// use linkbus::{Uuid, layer::inbox::{InboxFuture, Claimed, InboxKey, InboxStore, MemoryInbox}};
/// use std::time::Duration;
///
/// /// Says what it is asked for.
/// struct Loud(MemoryInbox);
///
/// impl InboxStore for Loud {
///     fn claim(&self, key: InboxKey, dispatch: Uuid) -> InboxFuture<Claimed> {
///         println!("{} {}", key.scope(), key.text());
///         self.0.claim(key, dispatch)
///     }
///     fn window(&self) -> Duration { self.0.window() }
/// }
/// # let _ = linkbus::layer::Inbox::new(Loud(MemoryInbox::new()));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store for an inbox",
    label = "expected `MemoryInbox`, the `SqliteInbox` of the crate `bus-sqlite`, or an `InboxStore` of your own"
)]
pub trait InboxStore: Send + Sync + 'static {
    /// Claims `key` for the dispatch with this id, which is the one that its handler sees in its `&Context`.
    ///
    /// It begins when it is called, not when it is polled. If the future is dropped, what it claimed is released.
    ///
    /// # Errors
    /// [`InboxError`] if it is not known whether the message was handled: then it is not handled now.
    fn claim(&self, key: InboxKey, dispatch: Uuid) -> InboxFuture<Claimed>;

    /// How long it remembers what was done.
    fn window(&self) -> Duration;
}

impl<S: InboxStore + ?Sized> InboxStore for Arc<S> {
    fn claim(&self, key: InboxKey, dispatch: Uuid) -> InboxFuture<Claimed> {
        (**self).claim(key, dispatch)
    }

    fn window(&self) -> Duration {
        (**self).window()
    }
}

/// What became of an attempt to claim a message.
#[non_exhaustive]
pub enum Claimed {
    /// It is ours to handle.
    New(Box<dyn Claim>),
    /// It was handled.
    Done,
    /// Somebody handles it now, or died at it not long ago.
    Busy,
}

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Claimed::New(_) => "New",
            Claimed::Done => "Done",
            Claimed::Busy => "Busy",
        })
    }
}

/// A message that is ours to handle. Dropped, it is released: the next who claims it has it.
pub trait Claim: Send {
    /// Remembers that it was handled. It begins when it is called, not when it is polled.
    ///
    /// # Errors
    /// [`InboxError::Fenced`] if somebody else has it meanwhile; another one if it could not be written down.
    fn complete(self: Box<Self>) -> InboxFuture<()>;
}

/// What an [`InboxStore`] fails with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum InboxError {
    /// The claim was held for longer than its lease without being renewed, and somebody else has it, or had it.
    Fenced,
    /// It has as much to do as it may have: nothing was claimed.
    Behind {
        /// How many claims it has not answered yet.
        claims: usize,
    },
    /// It failed.
    Other(Arc<AnyError>),
}

impl InboxError {
    /// The error of a store of your own.
    pub fn other(error: impl Into<AnyError>) -> Self {
        InboxError::Other(Arc::new(error.into()))
    }
}

impl fmt::Display for InboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InboxError::Fenced => f.write_str(
                "the claim of this message ran out, and somebody else took it over: undo what is not committed, it is \
                 handled elsewhere",
            ),
            InboxError::Behind { claims } => {
                write!(f, "the inbox is behind: {claims} claims are not answered yet, and it takes no more")
            }
            InboxError::Other(error) => write!(f, "the inbox failed: {error}"),
        }
    }
}

impl Error for InboxError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            InboxError::Other(error) => error.as_error().source(),
            _ => None,
        }
    }
}
