//! How many retries there may be in all, so that they do not keep down what is down already.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use crate::clock::Clock;

/// One retry, in the unit of the tokens.
const RETRY: u64 = 1000;

/// How many retries may be saved up unless it is set.
const DEFAULT_SAVINGS: u32 = 1000;

/// A bound on retries in all: a share of the messages, and some per second.
///
/// Each message pays `share` of a retry in, each retry takes a whole one out; where there is none, the message fails with
/// the error at hand. What is not used is saved up to a limit. Clones are the same budget: give one to every [`Retry`], on
/// several buses too. Only a message that is sent from outside of any handler pays in, so retries inside of retries stay
/// within `(1 + share)` times the messages.
///
/// The success path is one atomic addition, or a load when the savings are full. The state is of fixed size.
///
/// ```
/// use linkbus::{Command, SyncBus, clock::ManualClock, layer::{Retry, RetryBudget}};
///
/// #[derive(Command, Clone)]
/// struct Charge;
///
/// let budget = RetryBudget::share(0.2).per_second(0);
/// let bus = SyncBus::empty()
///     .command(|_: Charge| Err::<(), _>("the bank is down"))
///     .layer(Retry::new().on_any_error().budget(budget.clone()))
///     .clock(ManualClock::new())
///     .build()
///     .unwrap();
/// for _ in 0..100 {
///     bus.execute(Charge).unwrap_err();
/// }
/// assert_eq!(budget.granted(), 20);
/// assert_eq!(budget.refused(), 100); // each message once, and 20 of them after a retry
/// ```
///
/// [`Retry`]: super::Retry
#[derive(Clone)]
pub struct RetryBudget(Arc<Budget>);

struct Budget {
    /// What one message pays in.
    share: u64,
    /// Up to which it pays in; what several pay at the same moment may go above it.
    savings: u64,
    /// How many retries there are each second besides.
    per_second: u32,
    tokens: AtomicU64,
    reserve: Mutex<Option<Reserve>>,
    granted: AtomicU64,
    refused: AtomicU64,
}

/// What is left of the retries per second.
#[derive(Clone, Copy)]
struct Reserve {
    left: f64,
    at: Instant,
}

impl RetryBudget {
    /// A budget of `share` of a retry for each message, in thousandths: 0.2 is one retry for five messages. Besides it there
    /// are 10 retries per second, and 1000 are saved up at most.
    ///
    /// What is below 0, or not a number, is no share. What is above 1000 is 1000.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped, and NaN is 0")]
    pub fn share(share: f64) -> Self {
        let share = (share.clamp(0.0, 1000.0) * 1000.0).round() as u64;
        RetryBudget::made_of(share, u64::from(DEFAULT_SAVINGS) * RETRY, 10)
    }

    /// The same with so many retries per second besides, for a program with few messages; 10 unless set. They are not saved
    /// up beyond one second.
    #[must_use]
    pub fn per_second(self, retries: u32) -> Self {
        RetryBudget::made_of(self.0.share, self.0.savings, retries)
    }

    /// The same with so many retries saved up at most; 1000 unless set.
    #[must_use]
    pub fn savings(self, retries: u32) -> Self {
        RetryBudget::made_of(self.0.share, u64::from(retries) * RETRY, self.0.per_second)
    }

    fn made_of(share: u64, savings: u64, per_second: u32) -> Self {
        RetryBudget(Arc::new(Budget {
            share,
            savings,
            per_second,
            tokens: AtomicU64::new(0),
            reserve: Mutex::new(None),
            granted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }))
    }

    /// How many retries it has granted.
    pub fn granted(&self) -> u64 {
        self.0.granted.load(Ordering::Relaxed)
    }

    /// How many retries it has refused: each is a message that failed and might have been tried again.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// A message was sent.
    #[inline]
    pub(super) fn pay_in(&self) {
        let Budget { share, savings, tokens, .. } = &*self.0;
        if tokens.load(Ordering::Relaxed) < *savings {
            tokens.fetch_add(*share, Ordering::Relaxed);
        }
    }

    /// Whether there may be a retry, which then is taken out.
    pub(super) fn take_out(&self, clock: &Clock) -> bool {
        let is_granted = self.take_saved() || self.take_reserved(clock);
        let counter = if is_granted { &self.0.granted } else { &self.0.refused };
        counter.fetch_add(1, Ordering::Relaxed);
        is_granted
    }

    fn take_saved(&self) -> bool {
        let take = |tokens: u64| tokens.min(self.0.savings).checked_sub(RETRY);
        self.0.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn take_reserved(&self, clock: &Clock) -> bool {
        if self.0.per_second == 0 {
            return false;
        }
        let now = clock.now();
        let most = f64::from(self.0.per_second);
        let mut reserve = self.0.reserve.lock().unwrap_or_else(PoisonError::into_inner);
        let Reserve { left, at } = reserve.unwrap_or(Reserve { left: most, at: now });
        let refilled = now.saturating_duration_since(at).as_secs_f64() * most;
        let left = (left + refilled).min(most);
        let is_granted = left >= 1.0;
        *reserve = Some(Reserve { left: if is_granted { left - 1.0 } else { left }, at: at.max(now) });
        is_granted
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (granted, refused) = (self.granted(), self.refused());
        f.debug_struct("RetryBudget").field("granted", &granted).field("refused", &refused).finish_non_exhaustive()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is at most a million thousandths")]
impl fmt::Display for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Budget { share, savings, per_second, .. } = *self.0;
        let (share, savings) = (share as f64 / 1000.0, savings / RETRY);
        write!(f, "{share} of the messages and {per_second} per second, {savings} saved up")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;

    fn taken(budget: &RetryBudget, clock: &Clock) -> usize {
        std::iter::from_fn(|| budget.take_out(clock).then_some(())).take(10_000).count()
    }

    #[test]
    fn messages_pay_for_retries_up_to_the_savings() {
        let clock = Clock::from(ManualClock::new());
        let budget = RetryBudget::share(0.25).per_second(0).savings(5);
        assert_eq!(taken(&budget, &clock), 0);
        (0..7).for_each(|_| budget.pay_in());
        assert_eq!(taken(&budget, &clock), 1);
        budget.pay_in();
        assert_eq!(taken(&budget, &clock), 1);
        (0..1000).for_each(|_| budget.pay_in());
        assert_eq!(taken(&budget, &clock), 5);
        assert_eq!((budget.granted(), budget.refused()), (7, 4));
    }

    #[test]
    fn some_retries_per_second_are_free_and_are_not_saved_up() {
        let manual = ManualClock::new();
        let clock = Clock::from(manual.clone());
        let budget = RetryBudget::share(0.0).per_second(4);
        assert_eq!(taken(&budget, &clock), 4);
        manual.advance(Duration::from_millis(500));
        assert_eq!(taken(&budget, &clock), 2);
        manual.advance(Duration::from_secs(3600));
        assert_eq!(taken(&budget, &clock), 4);
    }

    #[test]
    fn a_share_that_is_none_pays_nothing() {
        for share in [f64::NAN, -1.0, f64::NEG_INFINITY] {
            assert_eq!(RetryBudget::share(share).0.share, 0);
        }
        assert_eq!(RetryBudget::share(f64::INFINITY).0.share, 1_000_000);
    }

    #[test]
    fn threads_get_no_more_than_was_paid_in() {
        let budget = RetryBudget::share(0.5).per_second(0);
        let clock = Clock::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        budget.pay_in();
                        budget.take_out(&clock);
                    }
                });
            }
        });
        assert_eq!(budget.granted() + budget.refused(), 2000);
        assert!(budget.granted() <= 1000);
    }
}
