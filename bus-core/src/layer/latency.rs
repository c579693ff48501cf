//! How long dispatches take: samples per message, percentiles of them, and a word when one was slow.

mod percentiles;
mod series;
mod stats;

pub use self::{
    percentiles::LatencyPercentiles,
    stats::{LatencyError, LatencyStats, SeparationSignal},
};

use std::{fmt, sync::Arc, time::Duration};

use super::{Dispatch, Layer, Link, Observer, Site, Source};
use crate::{flavor::Flavor, handler::HandlerFacts, message::MessageFacts};
use series::Series;

/// Above which a dispatch is slow, unless [`Latency::threshold`] was called.
const DEFAULT_THRESHOLD: Duration = Duration::from_millis(100);

type OnSlow = Arc<dyn Fn(&SlowDispatch<'_>) + Send + Sync>;

/// Measures how long each dispatch takes, into [`LatencyStats`], and tells of those that are slow.
///
/// What is measured is the wall time of everything inside this layer, the `await` included, for all four kinds of message;
/// for an event the whole `publish`. A dispatch that fails, panics or is dropped is a sample like any other.
///
/// One that takes longer than the [threshold](Self::threshold) is logged as a warning, or given to
/// [`on_slow`](Self::on_slow).
///
/// ```
/// use std::time::Duration;
/// use linkbus::{Command, SyncBus, clock::{ManualClock, Time}, layer::{Latency, LatencyStats}};
///
/// #[derive(Command)]
/// #[command(name = "shop.Pay")]
/// struct Pay { cents: u64 }
///
/// let (clock, stats) = (ManualClock::new(), LatencyStats::new());
/// let till = clock.clone();
/// let bus = SyncBus::empty()
///     .clock(clock) // time that is made up, so that the figures are the same whenever this runs
///     .command(move |pay: Pay| till.sleep(Duration::from_millis(pay.cents)))
///     .layer(Latency::new(&stats))
///     .build()?;
///
/// for cents in 1..=4 {
///     bus.execute(Pay { cents })?;
/// }
/// let pay = stats.percentiles::<Pay>().unwrap();
/// assert_eq!((pay.count, pay.p50), (4, Duration::from_micros(2500)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Latency {
    stats: LatencyStats,
    threshold: Option<Duration>,
    on_slow: OnSlow,
}

/// A dispatch that took longer than the threshold.
///
/// The example of [`Latency::on_slow`] uses it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SlowDispatch<'a> {
    /// The message.
    pub message: &'static MessageFacts,
    /// Its handler or, for an event, its subscribers; empty if there is none.
    pub handlers: &'a [HandlerFacts],
    /// How long it took.
    pub elapsed: Duration,
    /// What it took longer than.
    pub threshold: Duration,
}

/// ``slow query handler: `users.GetUser` took 123.45 ms, by `get_user` ``: what is logged by default.
impl fmt::Display for SlowDispatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageFacts { kind, name, .. } = self.message;
        write!(f, "slow {kind} handler: `{name}` took {:.2} ms", self.elapsed.as_secs_f64() * 1e3)?;
        percentiles::by(f, self.handlers)
    }
}

impl Latency {
    /// Measures into `stats`, of which it keeps a clone: several buses may share one.
    pub fn new(stats: &LatencyStats) -> Self {
        Latency { stats: stats.clone(), threshold: None, on_slow: Arc::new(warn) }
    }

    /// Sets how long a dispatch may take before it is slow: strictly more is. 100 ms by default.
    ///
    /// A threshold of zero would make every dispatch slow: the bus is then not built (fault BUS013).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use linkbus::{SyncBus, layer::{Latency, LatencyStats}};
    /// let stats = LatencyStats::new();
    /// SyncBus::empty().layer(Latency::new(&stats).threshold(Duration::from_millis(20))).build().unwrap();
    /// ```
    #[must_use]
    pub fn threshold(mut self, threshold: Duration) -> Self {
        self.threshold = Some(threshold);
        self
    }

    /// Calls `tell` with each dispatch that is slow, on the thread that dispatches, instead of logging a warning.
    ///
    /// A panic in it is logged; the caller gets the outcome of its dispatch all the same.
    ///
    /// ```
    /// use std::{sync::{Arc, Mutex}, time::Duration};
    /// use linkbus::{Command, SyncBus, clock::{ManualClock, Time}, layer::{Latency, LatencyStats}};
    /// # #[derive(Command)]
    /// # struct Pay;
    ///
    /// let (clock, slow) = (ManualClock::new(), Arc::new(Mutex::new(Vec::new())));
    /// let (till, seen) = (clock.clone(), slow.clone());
    /// let latency = Latency::new(&LatencyStats::new())
    ///     .threshold(Duration::from_millis(20))
    ///     .on_slow(move |dispatch| seen.lock().unwrap().push(dispatch.elapsed));
    /// let pay = move |_: Pay| till.sleep(Duration::from_millis(21));
    /// SyncBus::empty().clock(clock).command(pay).layer(latency).build().unwrap().execute(Pay).unwrap();
    /// assert_eq!(*slow.lock().unwrap(), [Duration::from_millis(21)]);
    /// ```
    #[must_use]
    pub fn on_slow(mut self, tell: impl Fn(&SlowDispatch<'_>) + Send + Sync + 'static) -> Self {
        self.on_slow = Arc::new(tell);
        self
    }
}

fn warn(slow: &SlowDispatch<'_>) {
    let MessageFacts { kind, name, .. } = slow.message;
    tracing::warn!(target: "linkbus", message_kind = %kind, message_name = name, "{slow}");
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threshold = self.threshold.unwrap_or(DEFAULT_THRESHOLD);
        f.debug_struct("Latency").field("stats", &self.stats).field("threshold", &threshold).finish_non_exhaustive()
    }
}

impl<B: Flavor> Layer<B> for Latency {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        let source = if self.threshold.is_some() { Source::Layer } else { Source::Default };
        let threshold = self.threshold.unwrap_or(DEFAULT_THRESHOLD);
        if threshold.is_zero() {
            return site.refuse(
                "its threshold is zero, so that every dispatch would be slow: give one above zero, or leave \
                 `.threshold(..)` out for 100 ms",
            );
        }
        site.value_from("threshold", format_args!("{threshold:?}"), source);
        site.value_from("max_samples", self.stats.max_samples(), self.stats.source());
        let series = self.stats.series_of(site.message(), site.handlers());
        Some(Link::observer(Measure { series, threshold, on_slow: Arc::clone(&self.on_slow) }))
    }
}

/// The layer around one message.
struct Measure {
    series: Arc<Series>,
    threshold: Duration,
    on_slow: OnSlow,
}

impl Observer for Measure {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        let Some(elapsed) = dispatch.elapsed() else { return };
        self.series.record(elapsed);
        if elapsed > self.threshold {
            self.tell(dispatch, elapsed);
        }
    }

    fn reads_clock(&self) -> bool {
        true
    }
}

impl Measure {
    #[cold]
    #[inline(never)]
    fn tell(&self, dispatch: &Dispatch<'_>, elapsed: Duration) {
        let (message, handlers) = (dispatch.message(), dispatch.handlers());
        (self.on_slow)(&SlowDispatch { message, handlers, elapsed, threshold: self.threshold });
    }
}
