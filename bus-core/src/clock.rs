//! The time that layers go by: the system's, or in a test one that is made up.
//!
//! Retries, time-outs and latencies ask the clock of their bus, so that a test of them need not wait:
//!
//! ```
//! use std::time::Duration;
//! use linkbus::{SyncBus, clock::{ManualClock, Time}};
//!
//! let clock = ManualClock::new();
//! let bus = SyncBus::empty().clock(clock.clone()).build().unwrap();
//! # let _ = bus;
//! let begun = clock.now();
//! clock.sleep(Duration::from_secs(3600)); // returns at once
//! assert_eq!(clock.now() - begun, Duration::from_secs(3600));
//! assert_eq!(clock.sleeps(), [Duration::from_secs(3600)]);
//! ```

mod bell;
mod manual;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

pub use self::{bell::Bell, manual::ManualClock};

/// A source of time, given to a bus with [`Builder::clock`](crate::Builder::clock).
///
/// Implement it for a runtime other than tokio: its timers go into [`sleep_async`](Self::sleep_async).
///
/// ```
/// use std::{future::Future, pin::Pin, time::{Duration, Instant}};
/// use linkbus::clock::Time;
///
/// struct MyRuntime;
///
/// impl Time for MyRuntime {
///     fn sleep_async(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
///         Box::pin(my_runtime::sleep(duration))
///     }
/// }
/// # mod my_runtime { pub async fn sleep(_: std::time::Duration) {} }
/// # linkbus::Bus::empty().clock(MyRuntime).build().unwrap();
/// ```
pub trait Time: Send + Sync + 'static {
    /// The time now; it never goes back.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Blocks this thread.
    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    /// Waits without blocking the thread.
    fn sleep_async(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Waits until then without blocking the thread, for a time-out: what is wanted is something else, which may come
    /// before.
    ///
    /// The same as [`sleep_async`](Self::sleep_async), unless the clock is one that a sleep moves.
    fn alarm(&self, until: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.sleep_async(until.saturating_duration_since(self.now()))
    }

    /// Blocks this thread until the bell rings, at most until then. May return for no reason.
    fn wait(&self, bell: &Arc<Bell>, until: Instant) {
        bell.wait(Some(until.saturating_duration_since(self.now())));
    }
}

/// The clock of a bus: the system's unless [`Builder::clock`](crate::Builder::clock) was called.
///
/// The system's waits with tokio's timer, so `tokio::time::pause` works in a test of a [`Bus`](crate::Bus). Without the
/// feature `tokio` it cannot wait on a `Bus`: the layers that have to then refuse to be built.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Time>>);

impl<T: Time> From<T> for Clock {
    fn from(time: T) -> Self {
        Clock(Some(Arc::new(time)))
    }
}

impl Clock {
    /// The time now.
    #[inline]
    pub fn now(&self) -> Instant {
        match &self.0 {
            None => system_now(),
            Some(time) => time.now(),
        }
    }

    /// Blocks this thread.
    pub fn sleep(&self, duration: Duration) {
        match &self.0 {
            None => std::thread::sleep(duration),
            Some(time) => time.sleep(duration),
        }
    }

    /// Waits without blocking the thread.
    ///
    /// # Panics
    /// If it is the system's clock, and polled outside a tokio runtime or without the feature `tokio`.
    pub fn sleep_async(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match &self.0 {
            None => system_sleep(duration),
            Some(time) => time.sleep_async(duration),
        }
    }

    /// Waits for a time-out, as [`Time::alarm`] says.
    ///
    /// # Panics
    /// As [`sleep_async`](Self::sleep_async).
    pub fn alarm(&self, until: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match &self.0 {
            None => system_sleep(until.saturating_duration_since(system_now())),
            Some(time) => time.alarm(until),
        }
    }

    /// Blocks this thread until the bell rings, as [`Time::wait`] says.
    pub fn wait(&self, bell: &Arc<Bell>, until: Instant) {
        match &self.0 {
            None => bell.wait(Some(until.saturating_duration_since(system_now()))),
            Some(time) => time.wait(bell, until),
        }
    }

    /// Whether [`sleep_async`](Self::sleep_async) works.
    pub fn can_sleep_async(&self) -> bool {
        self.0.is_some() || cfg!(feature = "tokio")
    }
}

/// Real time: also while tokio's is paused, for what is measured on both buses.
#[inline]
fn system_now() -> Instant {
    Instant::now()
}

#[cfg(feature = "tokio")]
fn system_sleep(duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(tokio::time::sleep(duration))
}

#[cfg(not(feature = "tokio"))]
fn system_sleep(_: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    unreachable!("without the feature `tokio` layers that wait are refused when the bus is built")
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(given)" } else { "Clock(system)" })
    }
}
