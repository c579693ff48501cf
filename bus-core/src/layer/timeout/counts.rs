//! What a time-out counts.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

#[derive(Default)]
pub(super) struct Counters {
    pub(super) timed_out: AtomicU64,
    pub(super) not_started: AtomicU64,
    pub(super) overloaded: AtomicU64,
    pub(super) late_panics: AtomicU64,
    left_running: AtomicU64,
}

impl Counters {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A caller has left a call that goes on.
    pub(super) fn leave(&self) {
        Counters::count(&self.left_running);
    }

    /// That call is over.
    pub(super) fn end_late(&self) {
        self.left_running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What became of the calls that a [`Timeout`](super::Timeout) stopped, counted over all messages. Clones share it.
///
/// ```
/// use linkbus::{Command, SyncBus, layer::Timeout};
/// # #[derive(Command)]
/// # struct Pay;
///
/// let timeout = Timeout::new();
/// let counts = timeout.counts();
/// let bus = SyncBus::empty().command(|_: Pay| ()).layer(timeout).build().unwrap();
///
/// bus.execute(Pay).unwrap();
/// assert_eq!((counts.timed_out(), counts.left_running()), (0, 0));
/// ```
#[derive(Clone, Default)]
pub struct TimeoutCounts(Arc<Counters>);

impl TimeoutCounts {
    /// How many handlers and subscribers exceeded their limit.
    pub fn timed_out(&self) -> u64 {
        self.0.timed_out.load(Ordering::Relaxed)
    }

    /// How many calls were withdrawn because no thread became free in time.
    pub fn not_started(&self) -> u64 {
        self.0.not_started.load(Ordering::Relaxed)
    }

    /// How many calls were refused because the queue was full.
    pub fn overloaded(&self) -> u64 {
        self.0.overloaded.load(Ordering::Relaxed)
    }

    /// How many handlers run at this moment that nobody waits for any more. Each of them has a thread of the pool.
    pub fn left_running(&self) -> u64 {
        self.0.left_running.load(Ordering::Relaxed)
    }

    /// How many of those ended with a panic, which nobody but the log and the panic hook was told about.
    pub fn late_panics(&self) -> u64 {
        self.0.late_panics.load(Ordering::Relaxed)
    }

    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.0)
    }
}
