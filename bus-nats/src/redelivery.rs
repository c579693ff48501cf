//! When a message is handled again.

use std::time::Duration;

use linkbus::{layer::Reason, transport::RemoteError};

/// How often a command, a task or an event is handled before it is a dead letter, and what is between: 5 attempts, with 1 s, 2 s,
/// 4 s and 8 s between them, unless set.
///
/// It is tried again after an error of its handler, a panic, a time-out, or when its process ended. What would fail each time
/// is not: a message that cannot be read, that nobody handles, or whose deadline is over.
///
/// ```
/// use std::time::Duration;
/// use bus_nats::Redelivery;
///
/// let patient = Redelivery::new().max_attempts(10).base(Duration::from_secs(5)).cap(Duration::from_secs(3600));
/// assert_eq!(patient.delay(3), Duration::from_secs(20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redelivery {
    max_attempts: u32,
    base: Duration,
    cap: Duration,
}

impl Default for Redelivery {
    fn default() -> Self {
        Redelivery { max_attempts: 5, base: Duration::from_secs(1), cap: Duration::from_secs(60) }
    }
}

impl Redelivery {
    /// Five attempts, 1 s after the first and twice as long after each further one.
    pub fn new() -> Self {
        Redelivery::default()
    }

    /// How many attempts there are, the first included: 5, and at least 1.
    #[must_use]
    pub fn max_attempts(self, attempts: u32) -> Self {
        Redelivery { max_attempts: attempts.max(1), ..self }
    }

    /// The time after the first failed attempt: 1 s. Each further one is twice the one before.
    #[must_use]
    pub fn base(self, delay: Duration) -> Self {
        Redelivery { base: delay, ..self }
    }

    /// The longest time between two attempts: 60 s.
    #[must_use]
    pub fn cap(self, delay: Duration) -> Self {
        Redelivery { cap: delay, ..self }
    }

    /// The time after this attempt, counted from 1.
    pub fn delay(&self, attempt: u32) -> Duration {
        let factor = 2_u32.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.max_attempts
    }

    /// How long to wait before what failed in this attempt is tried again; `None` if it is not.
    pub(crate) fn after(&self, error: &RemoteError, attempt: u32) -> Option<Duration> {
        (attempt < self.max_attempts && may_pass(error)).then(|| self.delay(attempt))
    }
}

/// Whether the next attempt may succeed. An error of a handler is taken to be one that may: a message is not lost for want of trying.
fn may_pass(error: &RemoteError) -> bool {
    match error.reason {
        Reason::Handler | Reason::Panicked => true,
        Reason::NoHandler | Reason::Refused | Reason::RecursionLimit => false,
        _ => error.is_retryable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let redelivery = Redelivery::new().base(Duration::from_secs(2)).cap(Duration::from_secs(10));
        assert_eq!([1, 2, 3, 4, 99].map(|attempt| redelivery.delay(attempt).as_secs()), [2, 4, 8, 10, 10]);
    }

    #[test]
    fn what_would_fail_each_time_is_not_tried_again() {
        let again = |reason| Redelivery::new().after(&RemoteError::new(reason, ""), 1).is_some();
        assert!(again(Reason::Handler) && again(Reason::Panicked));
        assert!(!again(Reason::Refused) && !again(Reason::NoHandler) && !again(Reason::NotStarted));
    }

    #[test]
    fn after_the_last_attempt_there_is_none() {
        let error = RemoteError::new(Reason::Handler, "");
        let again = |attempt| Redelivery::new().max_attempts(3).after(&error, attempt).is_some();
        assert_eq!([1, 2, 3, 4].map(again), [true, true, false, false]);
    }
}
