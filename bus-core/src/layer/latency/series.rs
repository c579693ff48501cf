//! The samples of one message: a bounded ring, with a small buffer for each thread before it.
//!
//! Threads that record the same message would otherwise take turns at one lock for each sample. With the buffers they meet
//! at the ring once in [`BUFFERED`] samples. Nothing that is read depends on that: whoever reads empties the buffers first.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::super::per_thread::PerThread;
use crate::{handler::HandlerFacts, message::MessageFacts};

/// How many samples a thread keeps back before it gives them to the ring.
const BUFFERED: usize = 32;

/// A ring of fewer samples has no buffers before it: what they keep back would be a good part of it.
const BUFFERED_FROM: usize = 1024;

pub(super) struct Series {
    pub(super) message: &'static MessageFacts,
    handlers: Mutex<Vec<HandlerFacts>>,
    /// Before a ring that is large enough.
    buffers: Option<PerThread<Buffer>>,
    central: Central,
}

/// What the threads share. It is on cache lines of its own, so that nobody waits for them who only looks for a buffer.
#[repr(align(128))]
struct Central {
    ring: Mutex<Ring>,
    /// How many samples the ring was ever given.
    given: AtomicU64,
}

impl Series {
    pub(super) fn new(message: &'static MessageFacts, max_samples: usize) -> Self {
        Series {
            message,
            handlers: Mutex::default(),
            buffers: (max_samples >= BUFFERED_FROM).then(PerThread::default),
            central: Central {
                ring: Mutex::new(Ring { samples: Vec::new(), max_samples, oldest: 0 }),
                given: AtomicU64::new(0),
            },
        }
    }

    /// Adds those that are not known yet.
    pub(super) fn add_handlers(&self, handlers: &[HandlerFacts]) {
        let mut known = lock(&self.handlers);
        for handler in handlers {
            let is_known = |one: &HandlerFacts| (one.name, one.location) == (handler.name, handler.location);
            if !known.iter().any(is_known) {
                known.push(*handler);
            }
        }
    }

    pub(super) fn handlers(&self) -> Vec<HandlerFacts> {
        lock(&self.handlers).clone()
    }

    #[inline]
    pub(super) fn record(&self, elapsed: Duration) {
        let nanoseconds =
            elapsed.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(elapsed.subsec_nanos()));
        match self.buffers.as_ref().and_then(|buffers| buffers.mine().try_enter()) {
            Some(buffer) => {
                if buffer.is_full() {
                    self.empty(&buffer);
                }
                buffer.push(nanoseconds, &self.central.given);
            }
            None => self.give(&[nanoseconds]),
        }
    }

    /// The samples, in no order.
    pub(super) fn samples(&self) -> Vec<u64> {
        self.made_buffers().for_each(|buffer| self.empty(&buffer.enter()));
        lock(&self.central.ring).samples.clone()
    }

    pub(super) fn clear(&self) {
        for buffer in self.made_buffers() {
            buffer.enter().clear();
        }
        let mut ring = lock(&self.central.ring);
        (ring.samples, ring.oldest) = (Vec::new(), 0);
    }

    fn made_buffers(&self) -> impl Iterator<Item = &Buffer> {
        self.buffers.iter().flat_map(PerThread::iter)
    }

    /// Moves what is in the buffer into the ring, but for what would have been pushed out of it by now.
    #[cold]
    #[inline(never)]
    fn empty(&self, buffer: &Entered<'_>) {
        let mut ring = lock(&self.central.ring);
        let since = self.central.given.load(Ordering::Relaxed) - buffer.0.given_before.load(Ordering::Relaxed);
        let room = ring.max_samples.saturating_sub(usize::try_from(since).unwrap_or(usize::MAX));
        ring.extend(buffer.newest(&mut [0; BUFFERED], room));
        self.count(&ring, buffer.clear());
    }

    #[cold]
    #[inline(never)]
    fn give(&self, samples: &[u64]) {
        let mut ring = lock(&self.central.ring);
        ring.extend(samples);
        self.count(&ring, samples.len());
    }

    /// Under the ring's lock, which its argument is the proof of.
    fn count(&self, _: &MutexGuard<'_, Ring>, samples: usize) {
        self.central.given.fetch_add(samples as u64, Ordering::Relaxed);
    }
}

/// A lock whose holder cannot panic halfway through.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last samples, in nanoseconds.
struct Ring {
    /// It grows to `max_samples` and no further.
    samples: Vec<u64>,
    max_samples: usize,
    /// Where the oldest is once the ring is full.
    oldest: usize,
}

impl Ring {
    fn extend(&mut self, samples: &[u64]) {
        let (first, mut further) = samples.split_at(samples.len().min(self.max_samples - self.samples.len()));
        self.make_room(first.len());
        self.samples.extend_from_slice(first);
        while !further.is_empty() {
            let (now, later) = further.split_at(further.len().min(self.max_samples - self.oldest));
            self.samples[self.oldest..self.oldest + now.len()].copy_from_slice(now);
            self.oldest = (self.oldest + now.len()) % self.max_samples;
            further = later;
        }
    }

    /// By doubling, but never for more than `max_samples`: a full ring has 8 bytes for each sample.
    fn make_room(&mut self, further: usize) {
        let len = self.samples.len();
        if self.samples.capacity() - len < further {
            self.samples.reserve_exact(len.max(further).min(self.max_samples - len));
        }
    }
}

/// What one thread has recorded and not yet given to the ring.
///
/// Its fields are only touched by whoever has [entered](Self::enter) it.
#[derive(Default)]
struct Buffer {
    is_entered: AtomicBool,
    len: AtomicUsize,
    /// How many samples the ring had been given when the first of these was recorded.
    given_before: AtomicU64,
    samples: [AtomicU64; BUFFERED],
}

impl Buffer {
    /// `None` if another thread is in it: one that shares it, or one that reads.
    #[inline]
    fn try_enter(&self) -> Option<Entered<'_>> {
        (!self.is_entered.swap(true, Ordering::Acquire)).then(|| Entered(self))
    }

    /// For those who read, and have the time: nobody stays in a buffer for more than a copy of it.
    fn enter(&self) -> Entered<'_> {
        loop {
            match self.try_enter() {
                Some(entered) => return entered,
                None => thread::yield_now(),
            }
        }
    }
}

/// A buffer that no other thread touches until this is dropped.
struct Entered<'a>(&'a Buffer);

impl Entered<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.0.len.load(Ordering::Relaxed)
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.len() >= BUFFERED
    }

    #[inline]
    fn push(&self, nanoseconds: u64, given: &AtomicU64) {
        let len = self.len();
        if len == 0 {
            self.0.given_before.store(given.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.0.samples[len].store(nanoseconds, Ordering::Relaxed);
        self.0.len.store(len + 1, Ordering::Relaxed);
    }

    /// The last `count` samples at most, in the order in which they were recorded.
    fn newest<'s>(&self, copy: &'s mut [u64; BUFFERED], count: usize) -> &'s [u64] {
        for (copy, sample) in copy.iter_mut().zip(&self.0.samples) {
            *copy = sample.load(Ordering::Relaxed);
        }
        let len = self.len();
        &copy[len.saturating_sub(count)..len]
    }

    /// Gives how many there were.
    fn clear(&self) -> usize {
        self.0.len.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.is_entered.store(false, Ordering::Release);
    }
}
