//! How tasks reach a thread that sleeps on sockets.

use std::{
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Wakes a thread that sleeps on its [`Sleeper`].
#[derive(Debug)]
pub(crate) struct Wake {
    is_asleep: AtomicBool,
    bell: UnixStream,
}

/// What a thread sleeps on, beside its sockets.
pub(super) struct Sleeper {
    wake: Arc<Wake>,
    bell: UnixStream,
    looks: u32,
}

/// How often a thread looks again, and lets others run meanwhile, before it sleeps. Often there is something, and to be woken
/// costs more than that: a query is answered in two thirds of the time, and many at once go in larger batches.
const LOOKS: u32 = 20;

impl Wake {
    pub(super) fn new() -> io::Result<(Arc<Self>, Sleeper)> {
        let (bell, ear) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        let wake = Arc::new(Wake { is_asleep: AtomicBool::new(false), bell });
        Ok((Arc::clone(&wake), Sleeper { wake, bell: ear, looks: 0 }))
    }

    pub(crate) fn wake(&self) {
        if self.is_asleep.swap(false, Ordering::SeqCst) {
            // If it has rung so often that there is no room, it is heard.
            let _ = (&self.bell).write(&[1]);
        }
    }
}

#[cfg(feature = "curve")]
impl std::task::Wake for Wake {
    fn wake(self: Arc<Self>) {
        Wake::wake(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Wake::wake(self);
    }
}

/// Whether a bell has rung and was not heard.
#[cfg(test)]
pub(super) fn has_rung(bell: BorrowedFd<'_>) -> bool {
    use std::os::fd::AsRawFd as _;

    let mut bells = [zmq::PollItem::from_fd(bell.as_raw_fd(), zmq::POLLIN)];
    zmq::poll(&mut bells, 0).unwrap() == 1
}

impl Sleeper {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Whether a thread that did something, or not, has looked often enough to sleep.
    pub(super) fn is_tired(&mut self, has_work: bool) -> bool {
        self.looks = if has_work || self.looks == LOOKS { 0 } else { self.looks + 1 };
        if self.looks > 0 && self.looks < LOOKS {
            thread::yield_now();
        }
        self.looks == LOOKS
    }

    /// From now on it is woken. What came before has to be looked at after this.
    pub(super) fn lie_down(&self) {
        self.wake.is_asleep.store(true, Ordering::SeqCst);
    }

    pub(super) fn get_up(&self, has_rung: bool) {
        self.wake.is_asleep.store(false, Ordering::SeqCst);
        if has_rung {
            let _ = (&self.bell).read(&mut [0; 64]);
        }
    }
}

/// What tasks hand to a thread, in order. Who pushes bounds how much there is.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    /// `None` after the thread has ended.
    items: Mutex<Option<Vec<T>>>,
    wake: Arc<Wake>,
}

impl<T> Inbox<T> {
    pub(crate) fn new(wake: Arc<Wake>) -> Self {
        Inbox { items: Mutex::new(Some(Vec::new())), wake }
    }

    /// Hands something over; gives it back if the thread has ended.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        match &mut *self.lock() {
            Some(items) => items.push(item),
            None => return Err(item),
        }
        self.wake.wake();
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().as_ref().is_none_or(Vec::is_empty)
    }

    /// Everything, in exchange for `taken`, which is empty.
    pub(crate) fn take(&self, taken: &mut Vec<T>) {
        if let Some(items) = &mut *self.lock() {
            std::mem::swap(items, taken);
        }
    }

    /// The last that is taken.
    pub(crate) fn close(&self) -> Vec<T> {
        self.lock().take().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<T>>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
