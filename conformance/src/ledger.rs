//! What handlers did.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use linkbus::Kind;
use tokio::sync::{Barrier, Notify, futures::Notified};

use crate::messages::Parcel;

/// Something that a handler did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed {
    /// A query, or one of its kind, with this number was answered.
    Answered(u64),
    /// A number was stored.
    Stored(u64),
    /// A number was worked on.
    Worked(u64),
    /// This subscriber (0, 1, 2) was called with this number.
    Called(usize, u64),
    /// It came to its end.
    Heard(usize, u64),
    /// The subscriber of the other event was called with this number.
    HeardAgain(u64),
    /// A parcel came with a message of this kind.
    Received(Kind, Parcel),
    /// This was done with a ship for a message of this kind, for so many times.
    Served(Kind, u64, u64),
    /// One of two subscribers met the other.
    Met,
    /// A handler that never ends began.
    Hung,
    /// It was dropped.
    Dropped,
}

/// The list of what the handlers of one bus did, in order. Clones share it; handlers are given it.
#[derive(Clone, Debug)]
pub(crate) struct Ledger(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    deeds: Mutex<Vec<Deed>>,
    changed: Notify,
    meeting: Barrier,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Ledger(Arc::new(Shared { deeds: Mutex::default(), changed: Notify::new(), meeting: Barrier::new(2) }))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Deed>> {
        self.0.deeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, deed: Deed) {
        self.lock().push(deed);
        self.0.changed.notify_waiters();
    }

    pub(crate) fn deeds(&self) -> Vec<Deed> {
        self.lock().clone()
    }

    /// Resolves when something was noted after this call.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.0.changed.notified()
    }

    /// Waits for the other one.
    pub(crate) async fn meet(&self) {
        self.0.meeting.wait().await;
    }
}
