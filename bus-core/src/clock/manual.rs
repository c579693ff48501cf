//! A clock that a test moves.

use std::{
    collections::HashMap,
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use super::{Bell, Time};

/// A clock for tests: its time is that of the last [`advance`](Self::advance) or sleep. Clones share it.
///
/// The example of [the module](super) uses it.
#[derive(Clone)]
pub struct ManualClock(Arc<Manual>);

struct Manual {
    /// Whether whoever sleeps moves the time, instead of waiting for it to be moved.
    moves_by_itself: bool,
    state: Mutex<State>,
    moved: Condvar,
}

struct State {
    now: Instant,
    sleeps: Vec<Duration>,
    waiting: Vec<(Instant, Waker)>,
    /// Those that do not move the time, by a number of their own.
    alarms: HashMap<u64, (Instant, Waker)>,
    next_alarm: u64,
}

impl ManualClock {
    /// A clock on which every sleep is over at once, and has moved the time.
    ///
    /// A time-out does not move it: it is over when sleeps, or [`advance`](Self::advance), have moved it far enough. A sleep
    /// that is awaited gives way once when it has moved the time, so that a time-out around it sees that.
    #[expect(clippy::new_without_default, reason = "there are two kinds, each with its name")]
    pub fn new() -> Self {
        ManualClock::with(true)
    }

    /// A clock on which a sleep waits until [`advance`](Self::advance) has moved the time far enough.
    pub fn stopped() -> Self {
        ManualClock::with(false)
    }

    fn with(moves_by_itself: bool) -> Self {
        let (sleeps, waiting, alarms) = (Vec::new(), Vec::new(), HashMap::new());
        let state = State { now: Instant::now(), sleeps, waiting, alarms, next_alarm: 0 };
        ManualClock(Arc::new(Manual { moves_by_itself, state: Mutex::new(state), moved: Condvar::new() }))
    }

    /// Moves the time on, and wakes those whose sleep is over.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.state();
        state.now += duration;
        let now = state.now;
        let (over, waiting) = std::mem::take(&mut state.waiting).into_iter().partition(|(until, _)| *until <= now);
        state.waiting = waiting;
        let ringing =
            state.alarms.extract_if(|_, (until, _)| *until <= now).map(|(_, (_, waker))| waker).collect::<Vec<_>>();
        drop(state);
        self.0.moved.notify_all();
        Vec::into_iter(over).for_each(|(_, waker): (Instant, Waker)| waker.wake());
        ringing.into_iter().for_each(Waker::wake);
    }

    /// What was slept for so far, in the order in which the sleeps began.
    pub fn sleeps(&self) -> Vec<Duration> {
        self.state().sleeps.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the sleep; gives the time when it is over.
    fn begin(&self, duration: Duration) -> Instant {
        let mut state = self.state();
        state.sleeps.push(duration);
        let until = state.now + duration;
        drop(state);
        if self.0.moves_by_itself {
            self.advance(duration);
        }
        until
    }
}

impl Time for ManualClock {
    fn now(&self) -> Instant {
        self.state().now
    }

    fn sleep(&self, duration: Duration) {
        let until = self.begin(duration);
        let state = self.state();
        drop(self.0.moved.wait_while(state, |state| state.now < until).unwrap_or_else(PoisonError::into_inner));
    }

    fn sleep_async(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(Sleep { clock: self.clone(), duration, until: None })
    }

    /// It never moves the time, on either kind of clock: whoever waits for something else does not sleep.
    fn alarm(&self, until: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.alarm_at(until))
    }

    fn wait(&self, bell: &Arc<Bell>, until: Instant) {
        let waker = Waker::from(Arc::clone(bell));
        let mut alarm = pin!(self.alarm_at(until));
        if alarm.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            bell.wait(None);
        }
    }
}

/// Rings when the time of the clock was moved far enough.
struct Alarm {
    clock: ManualClock,
    until: Instant,
    number: u64,
}

impl ManualClock {
    fn alarm_at(&self, until: Instant) -> Alarm {
        let mut state = self.state();
        state.next_alarm += 1;
        Alarm { clock: self.clone(), until, number: state.next_alarm }
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.now >= self.until {
            return Poll::Ready(());
        }
        let earlier = state.alarms.insert(self.number, (self.until, task.waker().clone()));
        drop(state);
        // Not under the lock: the last waker of a task may take the task with it, and that one alarms of its own.
        drop(earlier);
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let waiting = self.clock.state().alarms.remove(&self.number);
        drop(waiting);
    }
}

/// A sleep, which begins when it is polled.
struct Sleep {
    clock: ManualClock,
    duration: Duration,
    until: Option<Instant>,
}

impl Sleep {
    /// It is never over at once, even if it has moved the time: whoever limits it has to see how far.
    fn start(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.until = Some(self.clock.begin(self.duration));
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.until else { return self.start(task) };
        let mut state = self.clock.state();
        if state.now >= until {
            return Poll::Ready(());
        }
        state.waiting.push((until, task.waker().clone()));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It would not be told from a sleep, and a time-out would be over before what it limits.
    #[test]
    fn an_alarm_does_not_move_the_time() {
        let clock = ManualClock::new();
        let mut alarm = pin!(clock.alarm(clock.now() + Duration::from_secs(2)));
        let mut poll = || alarm.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(!poll());
        clock.sleep(Duration::from_secs(2));
        assert!(poll());
    }

    #[test]
    fn an_alarm_that_is_dropped_leaves_nothing_behind() {
        let clock = ManualClock::stopped();
        let mut alarm = clock.alarm(clock.now() + Duration::from_secs(2));
        assert!(alarm.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(clock.state().alarms.len(), 1);
        drop(alarm);
        assert!(clock.state().alarms.is_empty());
    }

    #[test]
    fn a_waiting_thread_goes_on_when_the_time_has_come() {
        let (clock, bell) = (ManualClock::stopped(), Arc::default());
        let until = clock.now() + Duration::from_secs(5);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while clock.now() < until {
                    clock.wait(&bell, until);
                }
            });
            while clock.state().alarms.is_empty() {
                std::thread::yield_now();
            }
            clock.advance(Duration::from_secs(5));
        });
    }

    #[test]
    fn a_stopped_clock_waits_for_whoever_advances_it() {
        let clock = ManualClock::stopped();
        let mut sleep = pin!(clock.sleep_async(Duration::from_secs(2)));
        let mut poll = || sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(!poll());
        clock.advance(Duration::from_secs(1));
        assert!(!poll());
        clock.advance(Duration::from_secs(1));
        assert!(poll());
    }

    #[test]
    fn a_thread_waits_for_a_stopped_clock_too() {
        let clock = ManualClock::stopped();
        let begun = clock.now();
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                clock.sleep(Duration::from_secs(5));
                clock.now() - begun
            });
            while clock.sleeps().is_empty() {
                std::thread::yield_now();
            }
            clock.advance(Duration::from_secs(5));
            assert_eq!(sleeper.join().unwrap(), Duration::from_secs(5));
        });
    }
}
