//! How many messages may be under way.

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore, TryAcquireError};

/// Room for so many messages. Who waits for it and is not polled keeps nobody else from it: a semaphore alone would give it to whoever
/// came first, and that may be a future that its task polls only after the one that waits behind it.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    free: Semaphore,
    freed: Notify,
}

/// The room of one message, until it is dropped.
#[derive(Debug)]
pub(super) struct Taken(Room);

/// There will be no room any more.
#[derive(Debug)]
pub(super) struct Closed;

impl Room {
    pub(super) fn new(messages: usize) -> Self {
        Room(Arc::new(Shared { free: Semaphore::new(messages.min(Semaphore::MAX_PERMITS)), freed: Notify::new() }))
    }

    /// Takes room if there is some.
    pub(super) fn take_now(&self) -> Option<Taken> {
        self.try_take().ok()
    }

    /// Waits until there is room, and takes it.
    pub(super) async fn take(&self) -> Result<Taken, Closed> {
        loop {
            // Whatever is freed from here on is heard of.
            let freed = self.0.freed.notified();
            match self.try_take() {
                Ok(taken) => return Ok(taken),
                Err(TryAcquireError::NoPermits) => freed.await,
                Err(TryAcquireError::Closed) => return Err(Closed),
            }
        }
    }

    fn try_take(&self) -> Result<Taken, TryAcquireError> {
        self.0.free.try_acquire()?.forget();
        Ok(Taken(self.clone()))
    }

    /// Lets nobody in any more; who waits is told.
    pub(super) fn close(&self) {
        self.0.free.close();
        self.0.freed.notify_waiters();
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Taken(Room(shared)) = self;
        shared.free.add_permits(1);
        shared.freed.notify_waiters();
    }
}
