//! The samples of all messages, and what is read from them.

use std::{
    any::TypeId,
    collections::HashMap,
    error::Error,
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use super::{
    LatencyPercentiles,
    series::{Series, lock},
};
use crate::{
    handler::HandlerFacts,
    layer::Source,
    message::{Message, MessageFacts},
};

const DEFAULT_MAX_SAMPLES: usize = 10_000;

/// How long the dispatches of each message took: the last ones, up to a number that is set. Clones share the samples.
///
/// It is filled by a [`Latency`](super::Latency) layer, or by hand with [`record`](Self::record), and read at any time from
/// any thread. A message is known by its type, so two types with one name are two.
///
/// It holds at most [`max_samples`](Self::max_samples) samples of 8 bytes for each message type of the program, and takes the memory
/// when they come; to that is added less than a kilobyte for each message and for each thread that records it. On one
/// thread the samples are exactly the last. Where several threads record one message, a sample may be up to 32 samples
/// of its thread out of turn when the oldest are given up; none is lost.
///
/// ```
/// use std::time::Duration;
/// use linkbus::{Query, layer::LatencyStats};
///
/// #[derive(Query)]
/// #[query(reply = u32)]
/// struct Count;
///
/// let stats = LatencyStats::with_max_samples(1000)?;
/// for milliseconds in 0..100 {
///     stats.record::<Count>(Duration::from_millis(milliseconds));
/// }
/// let count = stats.percentiles::<Count>().unwrap();
/// assert_eq!(count.p50, Duration::from_micros(49_500));
/// assert_eq!(count.p95, Duration::from_micros(94_050));
/// # Ok::<(), linkbus::layer::LatencyError>(())
/// ```
#[derive(Clone)]
pub struct LatencyStats(Arc<Shared>);

struct Shared {
    max_samples: usize,
    source: Source,
    /// Not locked where a layer records: it has its series.
    known: RwLock<Known>,
    /// The 95th percentiles that [`LatencyStats::set_baseline`] saw.
    baseline: Mutex<HashMap<TypeId, Duration>>,
}

#[derive(Default)]
struct Known {
    places: HashMap<TypeId, usize>,
    /// In the order in which the messages became known.
    series: Vec<Arc<Series>>,
}

impl Default for LatencyStats {
    fn default() -> Self {
        LatencyStats::holding(DEFAULT_MAX_SAMPLES, Source::Default)
    }
}

impl LatencyStats {
    /// Keeps the last 10,000 samples of each message.
    pub fn new() -> Self {
        LatencyStats::default()
    }

    /// Keeps the last `max_samples` samples of each message.
    ///
    /// # Errors
    /// [`LatencyError::NoSamples`] if that is none.
    pub fn with_max_samples(max_samples: usize) -> Result<Self, LatencyError> {
        if max_samples == 0 {
            Err(LatencyError::NoSamples)
        } else {
            Ok(LatencyStats::holding(max_samples, Source::Layer))
        }
    }

    fn holding(max_samples: usize, source: Source) -> Self {
        LatencyStats(Arc::new(Shared { max_samples, source, known: RwLock::default(), baseline: Mutex::default() }))
    }

    /// How many samples of each message are kept.
    pub fn max_samples(&self) -> usize {
        self.0.max_samples
    }

    /// Where that was said.
    pub(super) fn source(&self) -> Source {
        self.0.source
    }

    /// Adds a sample that was measured elsewhere. A bus with a [`Latency`](super::Latency) layer does this by itself.
    ///
    /// Durations above 584 years count as that.
    pub fn record<M: Message>(&self, elapsed: Duration) {
        match self.find(M::FACTS) {
            Some(series) => series.record(elapsed),
            None => self.series_of(M::FACTS, &[]).record(elapsed),
        }
    }

    /// The percentiles of `M`; `None` if there is no sample.
    pub fn percentiles<M: Message>(&self) -> Option<LatencyPercentiles> {
        self.percentiles_of(M::FACTS)
    }

    /// The percentiles of a message whose type is known at run time only; `None` if there is no sample.
    pub fn percentiles_of(&self, message: &MessageFacts) -> Option<LatencyPercentiles> {
        percentiles(&*self.find(message)?)
    }

    /// The percentiles of every message of which there are samples, in the order in which the messages became known: on a
    /// bus in the order of its wiring.
    ///
    /// ```
    /// # let stats = linkbus::layer::LatencyStats::new();
    /// for percentiles in stats.all_percentiles() {
    ///     println!("{percentiles}"); // query `users.GetUser`: 812 samples, p50 1.20ms, ..
    /// }
    /// ```
    pub fn all_percentiles(&self) -> Vec<LatencyPercentiles> {
        self.series().iter().filter_map(|series| percentiles(series)).collect()
    }

    /// Remembers the 95th percentile of every message as it is now, for [`separation_signals`](Self::separation_signals).
    ///
    /// It takes the place of every earlier baseline: a message without a sample now has none afterwards.
    pub fn set_baseline(&self) {
        let now = self.all_percentiles().into_iter().map(|one| (one.message.type_id(), one.p95)).collect();
        *lock(&self.0.baseline) = now;
    }

    /// The messages whose 95th percentile is now at least `ratio` times that of the [baseline](Self::set_baseline): where a
    /// module has outgrown its process, this is where to separate it.
    ///
    /// Messages without a baseline are left out, and so are those with a baseline of zero, with a warning in the log.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use linkbus::{Query, layer::LatencyStats};
    /// # #[derive(Query)]
    /// # #[query(reply = u32)]
    /// # struct Count;
    /// let stats = LatencyStats::with_max_samples(100)?;
    /// (0..100).for_each(|_| stats.record::<Count>(Duration::from_millis(4)));
    /// stats.set_baseline();
    /// (0..100).for_each(|_| stats.record::<Count>(Duration::from_millis(9)));
    /// let signals = stats.separation_signals(2.0)?;
    /// assert_eq!(signals[0].increase, 2.25);
    /// # Ok::<(), linkbus::layer::LatencyError>(())
    /// ```
    ///
    /// # Errors
    /// [`LatencyError::Ratio`] if `ratio` is not a finite number above zero.
    pub fn separation_signals(&self, ratio: f64) -> Result<Vec<SeparationSignal>, LatencyError> {
        if !(ratio.is_finite() && ratio > 0.0) {
            return Err(LatencyError::Ratio { ratio });
        }
        let baseline = lock(&self.0.baseline).clone();
        let signal = |now: LatencyPercentiles| {
            let before = *baseline.get(&now.message.type_id())?;
            if before.is_zero() {
                warn_of_zero(now.message);
                return None;
            }
            let increase = now.p95.as_secs_f64() / before.as_secs_f64();
            (increase >= ratio).then(|| SeparationSignal::new(now, before, increase))
        };
        Ok(self.all_percentiles().into_iter().filter_map(signal).collect())
    }

    /// Forgets all samples and the baseline.
    pub fn reset(&self) {
        self.series().iter().for_each(|series| series.clear());
        lock(&self.0.baseline).clear();
    }

    /// The series of a message, in which the layer around it records.
    pub(super) fn series_of(&self, message: &'static MessageFacts, handlers: &[HandlerFacts]) -> Arc<Series> {
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        let Known { places, series } = &mut *known;
        let place = *places.entry(message.type_id()).or_insert_with(|| {
            series.push(Arc::new(Series::new(message, self.0.max_samples)));
            series.len() - 1
        });
        series[place].add_handlers(handlers);
        Arc::clone(&series[place])
    }

    fn find(&self, message: &MessageFacts) -> Option<Arc<Series>> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.places.get(&message.type_id()).map(|place| Arc::clone(&known.series[*place]))
    }

    /// All of them, so that nobody is kept waiting while they are sorted.
    fn series(&self) -> Vec<Arc<Series>> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner).series.clone()
    }
}

fn percentiles(series: &Series) -> Option<LatencyPercentiles> {
    LatencyPercentiles::of(series.message, series.handlers(), series.samples())
}

fn warn_of_zero(message: &'static MessageFacts) {
    let name = message.name;
    tracing::warn!(target: "linkbus", message_name = name, "the baseline of `{name}` is zero, so it gives no separation signal");
}

impl fmt::Debug for LatencyStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LatencyStats").field("max_samples", &self.max_samples()).finish_non_exhaustive()
    }
}

/// A message that has become slower than it was: made by [`LatencyStats::separation_signals`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeparationSignal {
    /// The message.
    pub message: &'static MessageFacts,
    /// Its handlers on the buses that measured.
    pub handlers: Vec<HandlerFacts>,
    /// The 95th percentile then.
    pub baseline_p95: Duration,
    /// The 95th percentile now.
    pub current_p95: Duration,
    /// How many times the baseline that is, rounded to two digits after the point.
    pub increase: f64,
}

impl SeparationSignal {
    fn new(now: LatencyPercentiles, baseline_p95: Duration, increase: f64) -> Self {
        let LatencyPercentiles { message, handlers, p95, .. } = now;
        let increase = (increase * 100.0).round() / 100.0;
        SeparationSignal { message, handlers, baseline_p95, current_p95: p95, increase }
    }
}

impl fmt::Display for SeparationSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SeparationSignal { message, handlers, baseline_p95, current_p95, increase } = self;
        let MessageFacts { kind, name, .. } = message;
        write!(f, "{kind} `{name}`: p95 {current_p95:.2?}, {increase} times the {baseline_p95:.2?} of the baseline")?;
        super::percentiles::by(f, handlers)
    }
}

/// What [`LatencyStats`] cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum LatencyError {
    /// To keep no samples.
    NoSamples,
    /// Signals of a ratio that is not finite or not above zero.
    Ratio {
        /// What was asked for.
        ratio: f64,
    },
}

impl fmt::Display for LatencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LatencyError::NoSamples => f.write_str("`max_samples` is 0: keep at least 1 sample of each message"),
            LatencyError::Ratio { ratio } => {
                write!(f, "the ratio is {ratio}: give a finite number above 0, such as 2.0")
            }
        }
    }
}

impl Error for LatencyError {}
