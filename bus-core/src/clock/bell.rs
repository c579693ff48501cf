//! Waking a thread.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    task::Wake,
    time::Duration,
};

/// Wakes a thread that waits for it: a `Waker` is made from an `Arc` of one.
///
/// `thread::park` would not do: it would take an `unpark` that is meant for what the thread does besides.
///
/// ```
/// use std::{sync::Arc, task::Waker};
/// use linkbus::clock::Bell;
///
/// let bell = Arc::new(Bell::default());
/// let waker = Waker::from(bell.clone());
/// std::thread::spawn(|| waker.wake());
/// bell.wait(None);
/// ```
#[derive(Debug, Default)]
pub struct Bell {
    has_rung: Mutex<bool>,
    ringing: Condvar,
}

impl Bell {
    /// Blocks this thread until the bell rings, or for that long; not at all if it has rung since the last time.
    pub fn wait(&self, at_most: Option<Duration>) {
        let mut has_rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
        has_rung = match at_most {
            None => self.ringing.wait_while(has_rung, |rung| !*rung).unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                let waited = self.ringing.wait_timeout_while(has_rung, time, |rung| !*rung);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        *has_rung = false;
    }

    pub(crate) fn ring(&self) {
        *self.has_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ringing.notify_one();
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
