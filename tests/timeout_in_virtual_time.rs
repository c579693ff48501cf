//! A limit on a clock that sleeps move: who has slept too long is too late, in every run.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use linkbus::{
    Bus, Command, Event, ExecuteError, PublishError, SyncBus,
    clock::{ManualClock, Time},
    layer::{Timeout, TimeoutCounts},
};

#[derive(Command)]
struct Act;

#[derive(Event)]
struct Happened;

const SECOND: Duration = Duration::from_secs(1);

/// A race that is lost once in a while is seen in so many runs.
const RUNS: usize = 300;

/// On a bus whose calls may take a second, with a clock that this handler is given.
fn on_threads(handler: impl Fn(&ManualClock) + Send + Sync + 'static) -> (SyncBus, TimeoutCounts) {
    let (clock, timeout) = (ManualClock::new(), Timeout::after(SECOND));
    let (hands, counts) = (clock.clone(), timeout.counts());
    let bus = SyncBus::empty().command(move |_: Act| handler(&hands)).layer(timeout).clock(clock).build().unwrap();
    (bus, counts)
}

fn count_timed_out<E>(execute: impl Fn() -> Result<(), ExecuteError<E>>) -> usize {
    (0..RUNS).filter(|_| matches!(execute(), Err(ExecuteError::TimedOut { .. }))).count()
}

#[test]
fn a_call_that_sleeps_too_long_is_too_late() {
    let (bus, _) = on_threads(|clock| clock.sleep(60 * SECOND));
    assert_eq!(count_timed_out(|| bus.execute(Act)), RUNS);
}

#[test]
fn a_call_that_moves_the_time_too_far_is_too_late() {
    let (bus, _) = on_threads(|clock| clock.advance(5 * SECOND));
    assert_eq!(count_timed_out(|| bus.execute(Act)), RUNS);
}

#[test]
fn a_call_that_sleeps_for_as_long_as_it_may_is_too_late() {
    let (bus, _) = on_threads(|clock| clock.sleep(SECOND));
    assert_eq!(count_timed_out(|| bus.execute(Act)), RUNS);
}

#[test]
fn a_call_that_sleeps_less_is_in_time() {
    let (bus, counts) = on_threads(|clock| clock.sleep(Duration::from_nanos(999_999_999)));
    assert_eq!(count_timed_out(|| bus.execute(Act)), 0);
    assert_eq!((counts.timed_out(), counts.left_running()), (0, 0));
}

/// Also when the caller had no time to leave.
#[test]
fn a_call_that_is_too_late_is_counted_like_one_that_was_left() {
    let calls = AtomicUsize::new(0);
    let (bus, counts) = on_threads(move |clock| {
        clock.sleep(2 * SECOND);
        assert!(calls.fetch_add(1, Relaxed) < RUNS / 2, "a panic that nobody waits for");
    });
    assert_eq!(count_timed_out(|| bus.execute(Act)), RUNS);
    while counts.left_running() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(counts.timed_out(), RUNS as u64);
    assert_eq!(counts.late_panics(), (RUNS - RUNS / 2) as u64);
}

/// As the page of the layer says: then there is no limit.
#[test]
fn after_close_no_call_is_too_late() {
    let (bus, _) = on_threads(|clock| clock.sleep(60 * SECOND));
    bus.close().unwrap();
    bus.execute(Act).unwrap();
}

#[tokio::test]
async fn a_handler_that_sleeps_too_long_is_too_late() {
    let clock = ManualClock::new();
    let (hands, again) = (clock.clone(), clock.clone());
    let bus = Bus::empty()
        .command_async(move |_: Act| hands.sleep_async(60 * SECOND))
        .subscribe_async(move |_: &Happened| again.sleep_async(60 * SECOND))
        .layer(Timeout::after(SECOND))
        .clock(clock)
        .build()
        .unwrap();
    assert!(matches!(bus.execute(Act).await, Err(ExecuteError::TimedOut { .. })));
    let error: PublishError = bus.publish(Happened).await.unwrap_err();
    assert_eq!(error.failures().len(), 1);
}

#[tokio::test]
async fn a_handler_that_sleeps_less_is_in_time() {
    let clock = ManualClock::new();
    let hands = clock.clone();
    let bus = Bus::empty()
        .command_async(move |_: Act| hands.sleep_async(SECOND / 2))
        .layer(Timeout::after(SECOND))
        .clock(clock)
        .build()
        .unwrap();
    bus.execute(Act).await.unwrap();
}

/// As the page on chaos says: delays are part of the time that the handler has.
#[cfg(feature = "testing")]
mod with_chaos {
    use linkbus::{layer::Layer, testing::Chaos};

    use super::*;

    fn limited<B: linkbus::Flavor>(bus: linkbus::Builder<B>) -> B
    where
        Timeout: Layer<B>,
        Chaos: Layer<B>,
    {
        let chaos = Chaos::seeded(1).delays(1.0, 60 * SECOND);
        bus.layer(Timeout::after(Duration::from_nanos(1))).layer(chaos).clock(ManualClock::new()).build().unwrap()
    }

    #[tokio::test]
    async fn a_delay_inside_a_time_out_counts() {
        let bus = limited(Bus::empty().command_async(async |_: Act| ()));
        for _ in 0..RUNS {
            assert!(matches!(bus.execute(Act).await, Err(ExecuteError::TimedOut { .. })));
        }
    }

    #[test]
    fn a_delay_inside_a_time_out_counts_on_threads_too() {
        let bus = limited(SyncBus::empty().command(|_: Act| ()));
        assert_eq!(count_timed_out(|| bus.execute(Act)), RUNS);
    }
}
