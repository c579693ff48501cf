//! How much may be under way.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Room for so many messages of so many bytes. Who waits for it and is not polled keeps nobody else from it: a queue of those who wait
/// would give it to whoever came first, and that may be a future that its task polls only after the one that waits behind it.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Of all messages together.
    bytes: usize,
    free: Mutex<Free>,
    freed: Notify,
}

#[derive(Debug)]
struct Free {
    messages: usize,
    bytes: usize,
}

/// The room of one message, until it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    room: Room,
    bytes: usize,
}

impl Room {
    pub(super) fn new(messages: usize, bytes: usize) -> Self {
        Room(Arc::new(Shared { bytes, free: Mutex::new(Free { messages, bytes }), freed: Notify::new() }))
    }

    /// Takes room for a message of so many bytes if there is some. One that is larger than all of it takes all.
    pub(super) fn take_now(&self, bytes: usize) -> Option<Taken> {
        let bytes = bytes.min(self.0.bytes);
        self.change(|free| {
            free.bytes = free.bytes.checked_sub(bytes).filter(|_| free.messages > 0)?;
            free.messages -= 1;
            Some(Taken { room: self.clone(), bytes })
        })
    }

    /// Waits until there is room for a message of so many bytes, and takes it.
    pub(super) async fn take(&self, bytes: usize) -> Taken {
        loop {
            // Whatever is freed from here on is heard of.
            let freed = self.0.freed.notified();
            match self.take_now(bytes) {
                Some(taken) => return taken,
                None => freed.await,
            }
        }
    }

    fn change<T>(&self, how: impl FnOnce(&mut Free) -> T) -> T {
        how(&mut self.0.free.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.change(|free| {
            free.messages += 1;
            free.bytes += self.bytes;
        });
        self.room.0.freed.notify_waiters();
    }
}
