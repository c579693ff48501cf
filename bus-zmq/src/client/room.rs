//! How many messages may be under way.

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};

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

impl Room {
    pub(super) fn new(messages: usize) -> Self {
        Room(Arc::new(Shared { free: Semaphore::new(messages.min(Semaphore::MAX_PERMITS)), freed: Notify::new() }))
    }

    /// Takes room if there is some.
    pub(super) fn take_now(&self) -> Option<Taken> {
        self.0.free.try_acquire().ok()?.forget();
        Some(Taken(self.clone()))
    }

    /// Waits until there is room, and takes it.
    pub(super) async fn take(&self) -> Taken {
        loop {
            // Whatever is freed from here on is heard of.
            let freed = self.0.freed.notified();
            match self.take_now() {
                Some(taken) => return taken,
                None => freed.await,
            }
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Taken(Room(shared)) = self;
        shared.free.add_permits(1);
        shared.freed.notify_waiters();
    }
}
