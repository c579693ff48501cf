//! What is read from the samples of one message.

use std::{fmt, time::Duration};

use crate::{handler::HandlerFacts, message::MessageFacts};

/// How long the dispatches of one message took: half of them at most `p50`, and so on.
///
/// A percentile is interpolated linearly between the two samples next to the rank `p / 100 * (count - 1)`, counted from 0,
/// and rounded to a nanosecond: of 1, 2, 3 and 4 ms the median is 2.5 ms.
///
/// `Display` is one line for people. Made by [`LatencyStats::percentiles`](super::LatencyStats::percentiles).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LatencyPercentiles {
    /// The message.
    pub message: &'static MessageFacts,
    /// Its handlers on the buses that measured; none for samples that were only [recorded by
    /// hand](super::LatencyStats::record).
    pub handlers: Vec<HandlerFacts>,
    /// Of how many samples.
    pub count: usize,
    /// The median.
    pub p50: Duration,
    /// What 95 of 100 took at most.
    pub p95: Duration,
    /// What 99 of 100 took at most.
    pub p99: Duration,
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

impl LatencyPercentiles {
    /// `None` of no samples. They are in nanoseconds and in any order.
    pub(super) fn of(
        message: &'static MessageFacts,
        handlers: Vec<HandlerFacts>,
        mut samples: Vec<u64>,
    ) -> Option<Self> {
        samples.sort_unstable();
        let (min, max) = (*samples.first()?, *samples.last()?);
        let [p50, p95, p99] = [50.0, 95.0, 99.0].map(|percent| percentile(&samples, percent));
        let [min, max] = [min, max].map(Duration::from_nanos);
        Some(LatencyPercentiles { message, handlers, count: samples.len(), p50, p95, p99, min, max })
    }
}

/// Of at least one sample, in order.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is at most the number of samples, and half a nanosecond more or less is rounded away"
)]
fn percentile(sorted: &[u64], percent: f64) -> Duration {
    let rank = percent / 100.0 * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    let further = (above - below) as f64 * rank.fract();
    Duration::from_nanos(below.saturating_add(further.round() as u64))
}

impl fmt::Display for LatencyPercentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LatencyPercentiles { message, handlers, count, p50, p95, p99, min, max } = self;
        let MessageFacts { kind, name, .. } = message;
        write!(f, "{kind} `{name}`: {count} samples, ")?;
        write!(f, "p50 {p50:.2?}, p95 {p95:.2?}, p99 {p99:.2?}, min {min:.2?}, max {max:.2?}")?;
        by(f, handlers)
    }
}

/// `, by` and their names.
pub(super) fn by(f: &mut fmt::Formatter<'_>, handlers: &[HandlerFacts]) -> fmt::Result {
    for (place, handler) in handlers.iter().enumerate() {
        write!(f, "{} `{}`", if place == 0 { ", by" } else { "," }, handler.name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(samples: impl Iterator<Item = u64>, percents: [f64; 3]) -> [u128; 3] {
        let samples: Vec<u64> = samples.map(|milliseconds| milliseconds * 1_000_000).collect();
        percents.map(|percent| percentile(&samples, percent).as_micros())
    }

    /// S4.
    #[test]
    fn a_percentile_is_interpolated_linearly() {
        assert_eq!(micros(0..100, [50.0, 95.0, 99.0]), [49_500, 94_050, 98_010]);
        assert_eq!(micros(1..5, [50.0, 95.0, 99.0]), [2_500, 3_850, 3_970]);
        assert_eq!(micros(7..8, [50.0, 95.0, 99.0]), [7_000; 3]);
    }

    #[test]
    fn the_longest_of_samples_overflows_nothing() {
        assert_eq!(percentile(&[u64::MAX - 1, u64::MAX], 95.0), Duration::from_nanos(u64::MAX));
    }
}
