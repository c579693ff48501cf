//! How long to wait between attempts.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What of a computed delay is left to chance, so that messages that failed together are not tried again together.
///
/// [`Full`](Jitter::Full) is recommended wherever several callers or processes share what fails. The names are those of
/// [Exponential Backoff And Jitter](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
///
/// The example of [`Retry`](super::Retry) uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Jitter {
    /// Nothing: the delay is exactly the computed one.
    #[default]
    None,
    /// Half of it: from half the computed delay to all of it.
    Equal,
    /// All of it: from nothing to the computed delay.
    Full,
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Jitter::None => "none",
            Jitter::Equal => "equal",
            Jitter::Full => "full",
        })
    }
}

/// Delays that grow by a factor up to a cap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    pub(super) base: Duration,
    pub(super) factor: f64,
    pub(super) cap: Duration,
}

impl Backoff {
    /// The delay after the failed attempt number `attempt`, counted from 1: `min(base * factor^(attempt - 1), cap)`.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "exact below 2^53 ns, which is 104 days; beyond it nobody counts nanoseconds, and the cast saturates"
    )]
    pub(super) fn after(&self, attempt: u32) -> Duration {
        let steps = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let nanos = self.base.as_nanos() as f64 * self.factor.powi(steps);
        if nanos >= self.cap.as_nanos() as f64 {
            return self.cap;
        }
        Duration::from_nanos(nanos.round() as u64)
    }
}

/// Where the chance comes from: the thread, or for a repeatable run a seed. Clones with a seed share the sequence.
#[derive(Clone, Default)]
pub(super) struct Chance(Option<Arc<Mutex<fastrand::Rng>>>);

impl Chance {
    pub(super) fn seeded(seed: u64) -> Self {
        Chance(Some(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)))))
    }

    pub(super) fn apply(&self, jitter: Jitter, delay: Duration) -> Duration {
        match jitter {
            Jitter::None => delay,
            Jitter::Equal => {
                let fixed = delay / 2;
                fixed + self.up_to(fixed)
            }
            Jitter::Full => self.up_to(delay),
        }
    }

    fn up_to(&self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(match &self.0 {
            None => fastrand::u64(..=nanos),
            Some(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).u64(..=nanos),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(base: f64, factor: f64, cap: f64) -> Backoff {
        Backoff { base: Duration::from_secs_f64(base), factor, cap: Duration::from_secs_f64(cap) }
    }

    fn seconds(backoff: Backoff, attempts: impl IntoIterator<Item = u32>) -> Vec<f64> {
        attempts.into_iter().map(|attempt| backoff.after(attempt).as_secs_f64()).collect()
    }

    /// Y2, Y7.
    #[test]
    fn the_delay_is_the_power_or_the_cap() {
        assert_eq!(seconds(backoff(2.0, 2.0, 60.0), 1..=6), [2.0, 4.0, 8.0, 16.0, 32.0, 60.0]);
        assert_eq!(seconds(backoff(3.0, 3.0, 60.0), 1..=3), [3.0, 9.0, 27.0]);
        assert_eq!(seconds(backoff(10.0, 10.0, 50.0), 1..=3), [10.0, 50.0, 50.0]);
        assert_eq!(seconds(backoff(2.0, 2.0, 4.0), 1..=3), [2.0, 4.0, 4.0]);
        assert_eq!(seconds(backoff(2.0, 2.0, 0.001), 1..=2), [0.001, 0.001]);
        assert_eq!(seconds(backoff(0.5, 0.5, 60.0), 1..=2), [0.5, 0.25]);
    }

    /// Y8.
    #[test]
    fn what_overflows_is_the_cap() {
        let large = backoff(2.0, 2.0, 60.0);
        assert_eq!(seconds(large, [1024, 1025, 100_000, u32::MAX]), [60.0; 4]);
        assert_eq!(seconds(backoff(1.0, 1e200, 60.0), [2, 3, u32::MAX]), [60.0; 3]);
        let endless = Backoff { base: Duration::MAX, factor: f64::MAX, cap: Duration::MAX };
        assert_eq!(endless.after(u32::MAX), Duration::MAX);
    }

    #[test]
    fn what_underflows_is_no_delay() {
        assert_eq!(backoff(1.0, 1e-200, 60.0).after(u32::MAX), Duration::ZERO);
    }
}
