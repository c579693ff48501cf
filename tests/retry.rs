//! Trying again: which failures, how often, when, and what the other layers and the handler see of it.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, ErrorKind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use linkbus::{
    AnyError, Bus, Command, Event, ExecuteError, Fault, Query, SendError, SyncBus, Task,
    clock::{ManualClock, Time},
    layer::{
        Around, AsyncAround, AsyncNext, Dispatch, Done, Jitter, Next, Observer, Retry, RetryBudget, Source, on,
        on_async,
    },
};

#[derive(Command, Clone)]
struct Pay;

#[derive(Query, Clone)]
#[query(reply = u32)]
struct Balance;

#[derive(Task, Clone)]
struct Print;

#[derive(Event)]
struct Paid;

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("attempt {0} failed")]
struct Nth(u32);

#[derive(Debug, thiserror::Error)]
#[error("the store cannot be read")]
struct StoreError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Answers one after the other, then success for good; counts the calls.
#[derive(Clone, Default)]
struct Script(Arc<(Mutex<VecDeque<AnyError>>, AtomicU32)>);

impl Script {
    fn new(errors: impl IntoIterator<Item = AnyError>) -> Self {
        Script(Arc::new((Mutex::new(errors.into_iter().collect()), AtomicU32::new(0))))
    }

    fn failing(kind: ErrorKind, times: usize) -> Self {
        Script::new((0..times).map(|_| io::Error::from(kind).into()))
    }

    fn numbered(times: u32) -> Self {
        Script::new((1..=times).map(|attempt| Nth(attempt).into()))
    }

    fn play(&self) -> Result<(), AnyError> {
        self.0.1.fetch_add(1, Ordering::Relaxed);
        self.0.0.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }

    fn calls(&self) -> u32 {
        self.0.1.load(Ordering::Relaxed)
    }
}

fn millis(clock: &ManualClock) -> Vec<u128> {
    clock.sleeps().iter().map(Duration::as_millis).collect()
}

/// Executes `Pay` on both buses, each with a clock and a script of its own.
struct Both {
    retry: Retry,
    script: fn() -> Script,
}

struct Ran {
    outcome: Result<(), ExecuteError<AnyError>>,
    calls: u32,
    millis: Vec<u128>,
}

impl Both {
    fn run(self, mut check: impl FnMut(Ran)) {
        let Both { retry, script } = self;
        check(on_sync_bus(retry.clone(), &script()));
        check(on_bus(retry, &script()));
    }
}

fn on_sync_bus(retry: Retry, script: &Script) -> Ran {
    let (clock, handler) = (ManualClock::new(), script.clone());
    let bus = SyncBus::empty().command(move |_: Pay| handler.play()).layer(retry).clock(clock.clone()).build().unwrap();
    Ran { outcome: bus.execute(Pay), calls: script.calls(), millis: millis(&clock) }
}

fn on_bus(retry: Retry, script: &Script) -> Ran {
    let (clock, handler) = (ManualClock::new(), script.clone());
    let handler = move |_: Pay| {
        let handler = handler.clone();
        async move {
            tokio::task::yield_now().await;
            handler.play()
        }
    };
    let bus = Bus::empty().command_async(handler).layer(retry).clock(clock.clone()).build().unwrap();
    Ran { outcome: block_on(bus.execute(Pay)), calls: script.calls(), millis: millis(&clock) }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Y1, Y2, Y9.
#[test]
fn by_default_there_are_three_attempts_after_two_and_four_seconds() {
    let script = || Script::failing(ErrorKind::ConnectionRefused, 9);
    Both { retry: Retry::new(), script }.run(|ran| {
        assert!(ran.outcome.is_err());
        assert_eq!(ran.calls, 3);
        assert_eq!(ran.millis, [2000, 4000]);
    });
}

/// Y1.
#[test]
fn the_default_delays_stop_growing_at_a_minute() {
    let script = || Script::failing(ErrorKind::TimedOut, 99);
    Both { retry: Retry::new().max_attempts(8), script }.run(|ran| {
        assert_eq!(ran.millis, [2000, 4000, 8000, 16000, 32000, 60000, 60000]);
    });
}

/// Y2.
#[test]
fn the_factor_makes_any_powers() {
    let script = || Script::failing(ErrorKind::ConnectionReset, 99);
    let retry = Retry::new().max_attempts(4).base(seconds(3)).factor(3.0);
    Both { retry, script }.run(|ran| assert_eq!(ran.millis, [3000, 9000, 27000]));
    let retry = Retry::new().max_attempts(4).base(Duration::from_millis(50));
    Both { retry, script }.run(|ran| assert_eq!(ran.millis, [50, 100, 200]));
}

/// Y2, Y7.
#[test]
fn no_delay_is_longer_than_the_cap() {
    let script = || Script::failing(ErrorKind::BrokenPipe, 99);
    let retry = Retry::new().max_attempts(4).base(seconds(10)).factor(10.0).cap(seconds(50));
    Both { retry, script }.run(|ran| assert_eq!(ran.millis, [10_000, 50_000, 50_000]));
    let retry = Retry::new().cap(seconds(4));
    Both { retry, script }.run(|ran| assert_eq!(ran.millis, [2000, 4000]));
    let retry = Retry::new().cap(Duration::from_millis(1));
    Both { retry, script }.run(|ran| assert_eq!(ran.millis, [1, 1]));
}

/// Y8.
#[test]
fn a_delay_that_no_number_can_hold_is_the_cap() {
    let script = || Script::failing(ErrorKind::BrokenPipe, 2000);
    let retry = Retry::new().max_attempts(4).factor(1e200);
    Both { retry, script }.run(|ran| assert_eq!(ran.millis, [2000, 60_000, 60_000]));
    let retry = Retry::new().max_attempts(1100).base(Duration::from_nanos(1));
    Both { retry, script }.run(|ran| {
        assert_eq!(ran.millis.len(), 1099);
        assert!(ran.millis[40..].iter().all(|millis| *millis == 60_000));
    });
}

/// Y3.
#[test]
fn success_ends_it_at_once() {
    Both { retry: Retry::new(), script: Script::default }.run(|ran| {
        assert!(ran.outcome.is_ok());
        assert_eq!((ran.calls, ran.millis), (1, vec![]));
    });
    let script = || Script::failing(ErrorKind::NotConnected, 1);
    Both { retry: Retry::new(), script }.run(|ran| {
        assert!(ran.outcome.is_ok());
        assert_eq!((ran.calls, ran.millis), (2, vec![2000]));
    });
}

/// Y4.
#[test]
fn the_caller_gets_the_last_error_as_it_is() {
    Both { retry: Retry::new().on::<Nth>(), script: || Script::numbered(9) }.run(|ran| match ran.outcome {
        Err(ExecuteError::Handler(error)) => assert_eq!(error.downcast_ref::<Nth>(), Some(&Nth(3))),
        other => unreachable!("{other:?}"),
    });
}

/// Y5.
#[test]
fn an_error_that_is_not_asked_for_is_passed_on_at_once() {
    let refusals: [(Retry, fn() -> Script); 4] = [
        (Retry::new(), || Script::numbered(9)),
        (Retry::new(), || Script::failing(ErrorKind::PermissionDenied, 9)),
        // What is asked for by type replaces the default.
        (Retry::new().on::<Nth>(), || Script::failing(ErrorKind::ConnectionRefused, 9)),
        (Retry::new().when(|_| false), || Script::numbered(9)),
    ];
    for (retry, script) in refusals {
        Both { retry, script }.run(|ran| {
            assert!(ran.outcome.is_err());
            assert_eq!((ran.calls, ran.millis), (1, vec![]));
        });
    }
}

/// Y5.
#[test]
fn what_is_asked_for_is_found_wherever_it_is_in_the_error() {
    let wrapped = || Script::new((0..9).map(|_| StoreError(Box::new(StoreError(Box::new(Nth(1))))).into()));
    let transient = || {
        let refused = || io::Error::from(ErrorKind::HostUnreachable);
        Script::new((0..9).map(move |_| StoreError(Box::new(refused())).into()))
    };
    let inside_io = || Script::new((0..9).map(|_| io::Error::other(Nth(1)).into()));
    let shared = || Script::new((0..9).map(|_| StoreError(Box::new(Arc::new(Nth(1)))).into()));
    let transient_shared =
        || Script::new((0..9).map(|_| Arc::new(io::Error::from(ErrorKind::NetworkUnreachable)).into()));
    let by_type = || Retry::new().on::<fmt::Error>().on::<Nth>();
    let found: [(Retry, fn() -> Script); 8] = [
        (by_type(), || Script::numbered(9)),
        (by_type(), wrapped),
        (by_type(), inside_io),
        (by_type(), shared),
        (Retry::new(), transient_shared),
        (Retry::new(), transient),
        (Retry::new().on::<Nth>().on_transient(), transient),
        (Retry::new().when(|failed| failed.downcast_ref::<Nth>().is_some()), || Script::numbered(9)),
    ];
    for (place, (retry, script)) in found.into_iter().enumerate() {
        Both { retry, script }.run(|ran| assert_eq!(ran.calls, 3, "case {place}"));
    }
}

/// Y6.
#[test]
fn queries_and_tasks_are_tried_again_too() {
    let clock = ManualClock::new();
    let refused = || Err(io::Error::from(ErrorKind::ConnectionRefused));
    let bus = SyncBus::empty()
        .query(move |_: Balance| refused().map(|()| 1))
        .task(move |_: Print| refused())
        .layer(Retry::new().max_attempts(2))
        .clock(clock.clone())
        .build()
        .unwrap();
    bus.send(Balance).unwrap_err();
    bus.dispatch(Print).unwrap_err();
    assert_eq!(millis(&clock), [2000, 2000]);
}

/// Y6.
#[test]
fn an_event_is_never_tried_again_and_explain_says_why() {
    let clock = ManualClock::new();
    let script = Script::failing(ErrorKind::ConnectionRefused, 9);
    let subscriber = script.clone();
    let bus = SyncBus::empty()
        .subscribe(move |_: &Paid| subscriber.play())
        .layer(Retry::new().on_any_error())
        .clock(clock.clone())
        .build()
        .unwrap();
    bus.publish(Paid).unwrap_err();
    assert_eq!((script.calls(), clock.sleeps().len()), (1, 0));
    let explained = bus.explain::<Paid>().unwrap();
    assert_eq!(
        explained.layers[0].left_out.as_deref(),
        Some("an event has several handlers, and some of them may have succeeded")
    );
}

/// Y1.
#[test]
fn wrong_values_are_refused_in_this_order_when_the_bus_is_built() {
    let nothing = Duration::ZERO;
    let all = Retry::new().max_attempts(0).base(nothing).factor(f64::NAN).cap(nothing);
    let wrong = [
        (all.clone(), "max_attempts must be >= 1, got 0"),
        (all.clone().max_attempts(2), "base must be > 0, got 0ns"),
        (all.clone().max_attempts(2).base(seconds(1)), "factor must be a finite number > 0, got NaN"),
        (all.clone().max_attempts(2).base(seconds(1)).factor(2.0), "cap must be > 0, got 0ns"),
        (Retry::new().factor(-1.0), "factor must be a finite number > 0, got -1.0"),
        (Retry::new().factor(f64::INFINITY), "factor must be a finite number > 0, got inf"),
    ];
    for (retry, text) in wrong {
        let error = SyncBus::empty().command(|_: Pay| ()).layer(retry).build().unwrap_err();
        match error.faults() {
            [Fault::LayerRefused { layer, reason, .. }] => assert_eq!((&**layer, &**reason), ("Retry", text)),
            other => unreachable!("{other:?}"),
        }
    }
}

#[test]
fn with_one_attempt_the_layer_is_left_out() {
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(Retry::new().max_attempts(1)).build().unwrap();
    let explained = bus.explain::<Pay>().unwrap();
    assert_eq!(explained.layers[0].left_out.as_deref(), Some("there is one attempt (set on the layer)"));
}

#[test]
fn explain_tells_each_value_and_its_source() {
    let retry = Retry::new().max_attempts(5).jitter(Jitter::Full).on::<Nth>().on_transient();
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(retry).build().unwrap();
    let values = &bus.explain::<Pay>().unwrap().layers[0].values;
    let values: Vec<_> = values.iter().map(|value| (value.name, &*value.value, value.source)).collect();
    let expected = [
        ("max_attempts", "5", Source::Layer),
        ("base", "2s", Source::Default),
        ("factor", "2", Source::Default),
        ("cap", "60s", Source::Default),
        ("jitter", "full", Source::Layer),
        ("on", "Nth, transient errors", Source::Layer),
    ];
    assert_eq!(values, expected);
}

#[test]
fn a_missing_handler_is_not_waited_for() {
    let clock = ManualClock::new();
    let bus = SyncBus::builder().layer(Retry::new().on_any_error()).clock(clock.clone()).partial().build().unwrap();
    assert!(matches!(bus.send(Balance), Err(SendError::NoHandler { .. })));
    assert_eq!(bus.explain::<Balance>().unwrap().layers[0].left_out, None);
    assert!(clock.sleeps().is_empty());
}

#[test]
fn a_panic_is_not_tried_again() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let bus = SyncBus::empty()
        .command(move |_: Pay| {
            counted.fetch_add(1, Ordering::Relaxed);
            assert!(counted.load(Ordering::Relaxed) > 100, "the handler panics");
        })
        .layer(Retry::new().on_any_error())
        .clock(ManualClock::new())
        .build()
        .unwrap();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bus.execute(Pay))).unwrap_err();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// What an observer saw at each end: the outcome, the attempt, whether it was the last.
type Seen = Arc<Mutex<Vec<(&'static str, u32, bool)>>>;

#[derive(Clone, Default)]
struct Watch(Seen);

impl Watch {
    fn take(&self) -> Vec<(&'static str, u32, bool)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Watch {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        // Asked twice: the second answer is the first one.
        let is_last = dispatch.is_last_attempt();
        assert_eq!(dispatch.is_last_attempt(), is_last);
        self.0.lock().unwrap().push((dispatch.outcome().label(), dispatch.attempt(), is_last));
    }
}

/// Y10, X23.
#[test]
fn inside_each_attempt_is_seen_and_outside_one_dispatch() {
    let (outside, inside) = (Watch::default(), Watch::default());
    let script = Script::numbered(9);
    let handler = script.clone();
    let bus = SyncBus::empty()
        .command(move |_: Pay| handler.play())
        .layer(outside.clone())
        .layer(Retry::new().on_any_error())
        .layer(inside.clone())
        .clock(ManualClock::new())
        .build()
        .unwrap();
    bus.execute(Pay).unwrap_err();
    assert_eq!(inside.take(), [("failed", 1, false), ("failed", 2, false), ("failed", 3, true)]);
    assert_eq!(outside.take(), [("failed", 3, true)]);
}

/// Y10, X23.
#[tokio::test]
async fn a_message_that_is_saved_has_no_failed_attempt_that_was_the_last() {
    let (outside, inside) = (Watch::default(), Watch::default());
    let script = Script::numbered(2);
    let handler = script.clone();
    let bus = Bus::empty()
        .command(move |_: Pay| handler.play())
        .layer(outside.clone())
        .layer(Retry::new().on_any_error())
        .layer(inside.clone())
        .clock(ManualClock::new())
        .build()
        .unwrap();
    bus.execute(Pay).await.unwrap();
    assert_eq!(inside.take(), [("failed", 1, false), ("failed", 2, false), ("succeeded", 3, true)]);
    assert_eq!(outside.take(), [("succeeded", 3, true)]);
}

/// Without a budget left, or with an error that is not asked for, the first attempt is the last one: for a layer inside too.
#[test]
fn what_a_layer_inside_is_told_is_what_is_done() {
    let spent = Retry::new().on_any_error().budget(RetryBudget::share(0.0).per_second(0));
    for retry in [spent, Retry::new()] {
        let inside = Watch::default();
        let script = Script::numbered(9);
        let handler = script.clone();
        let bus = SyncBus::empty().command(move |_: Pay| handler.play()).layer(retry).layer(inside.clone());
        bus.clock(ManualClock::new()).build().unwrap().execute(Pay).unwrap_err();
        assert_eq!((inside.take(), script.calls()), (vec![("failed", 1, true)], 1));
    }
}

#[test]
fn nested_retries_count_attempts_on_and_the_last_is_the_last_of_all() {
    let (between, inside) = (Watch::default(), Watch::default());
    let bus = SyncBus::empty()
        .command(|_: Pay| Err::<(), _>(Nth(0)))
        .layer(Retry::new().on_any_error().max_attempts(2))
        .layer(between.clone())
        .layer(Retry::new().on_any_error().max_attempts(2))
        .layer(inside.clone())
        .clock(ManualClock::new())
        .build()
        .unwrap();
    bus.execute(Pay).unwrap_err();
    let attempts = [("failed", 1, false), ("failed", 2, false), ("failed", 3, false), ("failed", 4, true)];
    assert_eq!(inside.take(), attempts);
    assert_eq!(between.take(), [("failed", 2, false), ("failed", 4, true)]);
}

/// Answers a failure with success.
struct Forgive;

impl Around for Forgive {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        next.run(dispatch);
        dispatch.finish::<Pay>(Ok(())).unwrap()
    }
}

#[test]
fn what_a_layer_inside_makes_good_is_not_tried_again() {
    let script = Script::numbered(9);
    let handler = script.clone();
    let bus = SyncBus::empty()
        .command(move |_: Pay| handler.play())
        .layer(Retry::new().on_any_error())
        .layer(Forgive)
        .layer(Watch::default())
        .clock(ManualClock::new())
        .build()
        .unwrap();
    bus.execute(Pay).unwrap();
    assert_eq!(script.calls(), 1);
}

/// Drops what is inside when it waits, and fails in its place.
struct Impatient;

impl AsyncAround for Impatient {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        let is_over = {
            let mut inside = std::pin::pin!(next.run(dispatch));
            std::future::poll_fn(|task| std::task::Poll::Ready(inside.as_mut().poll(task).is_ready())).await
        };
        assert!(!is_over);
        dispatch.refuse("it takes too long")
    }
}

/// An observer inside a time-out asks before there is a failure: the retry can still decide on it.
#[tokio::test]
async fn what_is_abandoned_inside_is_decided_on_outside() {
    let inside = Watch::default();
    let bus = Bus::empty()
        .command_async(|_: Pay| std::future::pending::<()>())
        .layer(Retry::new().on_any_error())
        .layer(Impatient)
        .layer(inside.clone())
        .clock(ManualClock::new())
        .build()
        .unwrap();
    bus.execute(Pay).await.unwrap_err();
    assert_eq!(
        inside.take().iter().map(|seen| (seen.0, seen.1)).collect::<Vec<_>>(),
        [("abandoned", 1), ("abandoned", 2), ("abandoned", 3)]
    );
}

/// Not `Clone`.
#[derive(Command)]
struct Ship;

#[test]
fn a_message_that_was_taken_for_good_is_not_tried_again() {
    let clock = ManualClock::new();
    let watch = Watch::default();
    let bus = SyncBus::builder()
        .partial()
        .layer(Retry::new().on_any_error())
        .layer(watch.clone())
        .layer(on::<Ship>(|ship: Ship, _| {
            let Ship = ship;
            Err(ExecuteError::Handler("sunk".into()))
        }))
        .clock(clock.clone())
        .build()
        .unwrap();
    bus.execute(Ship).unwrap_err();
    assert_eq!((watch.take(), clock.sleeps().len()), (vec![("failed", 1, true)], 0));
}

#[test]
fn a_handler_that_takes_the_message_by_value_needs_clone() {
    let error = SyncBus::empty().command(|_: Ship| ()).layer(Retry::new()).build().unwrap_err();
    assert!(matches!(error.faults(), [Fault::MessageNotClone { .. }]), "{error}");
    // Nothing is tried again, so nothing is copied.
    SyncBus::empty().command(|_: Ship| ()).layer(Retry::new().max_attempts(1)).build().unwrap();
}

/// Counts its copies.
#[derive(Command)]
struct Counted(Arc<AtomicU32>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(&self.0))
    }
}

/// Wants the message in the end.
struct Keep;

impl<B: linkbus::Flavor> linkbus::layer::Layer<B> for Keep {
    fn link(&self, site: &mut linkbus::layer::Site<'_>) -> Option<linkbus::layer::Link<B>> {
        site.keep_message();
        Some(linkbus::layer::Link::observer(KeepOne))
    }
}

struct KeepOne;

impl Observer for KeepOne {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        assert!(dispatch.get::<Counted>().is_some());
    }
}

#[test]
fn the_last_attempt_has_the_message_itself_unless_another_layer_wants_it() {
    let copies = Arc::new(AtomicU32::new(0));
    let bus = || SyncBus::empty().command(|_: Counted| Err::<(), _>("no")).clock(ManualClock::new());
    let retry = || Retry::new().on_any_error();
    bus().layer(retry()).build().unwrap().execute(Counted(Arc::clone(&copies))).unwrap_err();
    assert_eq!(copies.swap(0, Ordering::Relaxed), 2);
    for (outer, inner) in [(true, false), (false, true)] {
        let bus = if outer { bus().layer(Keep) } else { bus() }.layer(retry());
        let bus = if inner { bus.layer(Keep) } else { bus };
        bus.build().unwrap().execute(Counted(Arc::clone(&copies))).unwrap_err();
        assert_eq!(copies.swap(0, Ordering::Relaxed), 3);
    }
}

fn is_pending<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::Pin::new(future).poll(&mut task).is_pending()
}

/// Whoever drops the dispatch during a delay ends it.
#[tokio::test]
async fn a_delay_can_be_dropped() {
    let outside = Watch::default();
    let script = Script::numbered(9);
    let handler = script.clone();
    let clock = ManualClock::stopped();
    let bus = Bus::empty()
        .command(move |_: Pay| handler.play())
        .layer(outside.clone())
        .layer(Retry::new().on_any_error())
        .clock(clock.clone())
        .build()
        .unwrap();
    let mut dispatch = Box::pin(bus.execute(Pay));
    assert!(is_pending(&mut dispatch));
    assert_eq!(clock.sleeps(), [seconds(2)]);
    clock.advance(seconds(1));
    assert!(is_pending(&mut dispatch));
    drop(dispatch);
    assert_eq!(outside.take(), [("abandoned", 1, true)]);
    assert_eq!(script.calls(), 1);
}

/// R24.
#[test]
fn full_jitter_spreads_over_the_whole_delay_and_equal_jitter_over_half_of_it() {
    let spread = |jitter: Jitter| {
        let clock = ManualClock::new();
        let retry = Retry::new().on_any_error().max_attempts(2).jitter(jitter).seed(42);
        let bus = SyncBus::empty().command(|_: Pay| Err::<(), _>("down")).layer(retry).clock(clock.clone());
        let bus = bus.build().unwrap();
        (0..10_000).for_each(|_| drop(bus.execute(Pay)));
        let sleeps = clock.sleeps();
        assert_eq!(sleeps.len(), 10_000);
        (*sleeps.iter().min().unwrap(), *sleeps.iter().max().unwrap())
    };
    let (least, most) = spread(Jitter::Full);
    assert!(least < Duration::from_millis(20) && most > Duration::from_millis(1980) && most <= seconds(2));
    let (least, most) = spread(Jitter::Equal);
    assert!(least >= seconds(1) && least < Duration::from_millis(1010));
    assert!(most > Duration::from_millis(1990) && most <= seconds(2));
}

#[test]
fn the_same_seed_gives_the_same_delays() {
    let delays = |seed| {
        let script = Script::numbered(99);
        on_sync_bus(Retry::new().on_any_error().max_attempts(9).jitter(Jitter::Full).seed(seed), &script).millis
    };
    assert_eq!(delays(1), delays(1));
    assert_ne!(delays(1), delays(2));
}

#[derive(Command, Clone)]
struct Outer;

#[derive(Command, Clone)]
struct Middle;

#[derive(Command, Clone)]
struct Inner;

/// R24: a retry at each of three levels, one sending the next.
#[test]
fn retries_within_retries_stay_within_the_budget() {
    const MESSAGES: u32 = 10_000;
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let budget = RetryBudget::share(0.2).per_second(0);
    let level = |budget: &RetryBudget| {
        let retry = Retry::new().on_any_error().jitter(Jitter::Full).budget(budget.clone());
        SyncBus::empty().layer(retry).clock(ManualClock::new())
    };
    let inner = level(&budget).command(move |_: Inner| {
        counted.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>("down")
    });
    let inner = inner.build().unwrap();
    let middle = level(&budget).command(move |_: Middle| inner.execute(Inner)).build().unwrap();
    let outer = level(&budget).command(move |_: Outer| middle.execute(Middle)).build().unwrap();
    (0..MESSAGES).for_each(|_| drop(outer.execute(Outer)));
    let attempts = attempts.load(Ordering::Relaxed);
    assert_eq!(attempts, MESSAGES + MESSAGES / 5);
    assert_eq!(budget.granted(), u64::from(MESSAGES / 5));
    assert!(budget.refused() >= u64::from(MESSAGES));
}

/// R24: what it is without a budget.
#[test]
fn without_a_budget_retries_multiply() {
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let level = || SyncBus::empty().layer(Retry::new().on_any_error()).clock(ManualClock::new());
    let inner = level().command(move |_: Inner| {
        counted.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>("down")
    });
    let inner = inner.build().unwrap();
    let middle = level().command(move |_: Middle| inner.execute(Inner)).build().unwrap();
    let outer = level().command(move |_: Outer| middle.execute(Middle)).build().unwrap();
    outer.execute(Outer).unwrap_err();
    assert_eq!(attempts.load(Ordering::Relaxed), 27);
}

/// R24: three retries around one message, on a `Bus`.
#[tokio::test]
async fn three_layers_of_one_chain_stay_within_the_budget() {
    const MESSAGES: u32 = 10_000;
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let budget = RetryBudget::share(0.1).per_second(0);
    let retry = Retry::new().on_any_error().budget(budget.clone());
    let bus = Bus::empty()
        .command(move |_: Pay| {
            counted.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>("down")
        })
        .layer(retry.clone())
        .layer(retry.clone())
        .layer(retry)
        .clock(ManualClock::new())
        .build()
        .unwrap();
    for _ in 0..MESSAGES {
        bus.execute(Pay).await.unwrap_err();
    }
    assert_eq!(attempts.load(Ordering::Relaxed), MESSAGES + MESSAGES / 10);
}

#[tokio::test(start_paused = true)]
async fn without_a_clock_of_its_own_a_bus_waits_with_tokios_timer() {
    let script = Script::numbered(1);
    let handler = script.clone();
    let bus = Bus::empty().command(move |_: Pay| handler.play()).layer(Retry::new().on_any_error()).build().unwrap();
    let begun = tokio::time::Instant::now();
    bus.execute(Pay).await.unwrap();
    assert_eq!(begun.elapsed(), seconds(2));
}

#[tokio::test]
async fn a_typed_layer_inside_is_run_each_time() {
    let script = Script::numbered(2);
    let handler = script.clone();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let bus = Bus::empty()
        .command(move |_: Pay| handler.play())
        .layer(Retry::new().on::<Nth>())
        .layer(on_async::<Pay>(move |pay, mut next| {
            counted.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { next.run(pay).await })
        }))
        .clock(ManualClock::new())
        .build()
        .unwrap();
    bus.execute(Pay).await.unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}

#[test]
fn the_clock_is_not_read_when_nothing_fails() {
    struct NoTime;
    impl Time for NoTime {
        fn now(&self) -> std::time::Instant {
            unreachable!("the clock is read")
        }
        fn sleep_async(&self, _: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
            unreachable!("it waits")
        }
    }
    let budget = RetryBudget::share(0.1);
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(Retry::new().budget(budget)).clock(NoTime).build().unwrap();
    bus.execute(Pay).unwrap();
}
