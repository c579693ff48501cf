//! How long dispatches took.

use std::time::Duration;

use hdrhistogram::Histogram;

/// What is longer counts as this in percentiles: an hour.
const LONGEST: u64 = 3_600_000_000_000;
/// Two digits: a percentile is right to 1 %.
const DIGITS: u8 = 2;

/// A histogram of 18 KiB.
pub(super) struct Durations {
    histogram: Histogram<u32>,
    count: u64,
    min: u64,
    max: u64,
}

impl Durations {
    pub(super) fn add(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(nanos);
        self.count += 1;
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn min(&self) -> Duration {
        Duration::from_nanos(self.min)
    }

    pub(super) fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// What no more than `share` of all took longer than .. less a hundredth.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.histogram.value_at_quantile(share).clamp(self.min, self.max))
    }
}

impl Default for Durations {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST, DIGITS)
            .unwrap_or_else(|_| unreachable!("the bounds are those of the documentation"));
        Durations { histogram, count: 0, min: u64::MAX, max: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_hundredth_and_the_ends_are_exact() {
        let mut durations = Durations::default();
        for nanos in 1..=100_000 {
            durations.add(Duration::from_nanos(nanos * 1_003));
        }
        assert_eq!((durations.min().as_nanos(), durations.max().as_nanos()), (1_003, 100_300_000));
        for (share, wanted) in [(0.5, 50_150_000.0), (0.95, 95_285_000.0), (0.99, 99_297_000.0)] {
            let error = (durations.quantile(share).as_secs_f64() * 1e9 - wanted) / wanted;
            assert!(error.abs() < 0.01, "{share}: {error}");
        }
    }

    #[test]
    fn what_is_longer_than_the_histogram_is_counted() {
        let mut durations = Durations::default();
        durations.add(Duration::from_nanos(u64::MAX));
        assert_eq!((durations.count(), durations.max()), (1, Duration::from_nanos(u64::MAX)));
        assert_eq!(durations.quantile(0.5), durations.max());
    }
}
