//! The layer `Metrics`: which series there are, and what they count.
#![cfg(feature = "metrics")]
#![expect(clippy::float_cmp, reason = "the facade counts in floats, and small whole numbers are exact")]

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::FutureExt;
use linkbus::{
    Builder, Bus, Command, DispatchError, Event, Flavor, Query, SyncBus, Task,
    clock::{ManualClock, Time},
    layer::{DeadLetters, Dispatch, Inbox, Metrics, Observer, Retry, Timeout},
};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

#[derive(Query, Clone)]
#[query(reply = u32, name = "shop.Double")]
struct Double(u32);

#[derive(Command)]
#[command(name = "shop.Pay")]
struct Pay(&'static str);

#[derive(Event, Clone)]
#[event(name = "shop.Paid")]
struct Paid;

#[derive(Task, Clone)]
#[task(name = "shop.Print")]
struct Print;

fn panic_with(text: &str) {
    panic!("{text}")
}

/// A recorder that can be read: what each series is, and how often it was registered and described.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    series: BTreeMap<String, f64>,
    samples: BTreeMap<String, Vec<f64>>,
    registered: usize,
    described: BTreeMap<String, usize>,
}

struct OneSeries(Fake, String);

impl OneSeries {
    fn add(&self, value: f64) {
        *self.0.0.lock().unwrap().series.get_mut(&self.1).unwrap() += value;
    }
}

impl metrics::CounterFn for OneSeries {
    #[expect(clippy::cast_precision_loss, reason = "the tests count to ten")]
    fn increment(&self, value: u64) {
        self.add(value as f64);
    }

    fn absolute(&self, _: u64) {
        unreachable!()
    }
}

impl metrics::GaugeFn for OneSeries {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, _: f64) {
        unreachable!("two that set it would overwrite each other")
    }
}

impl metrics::HistogramFn for OneSeries {
    fn record(&self, value: f64) {
        self.add(1.0);
        self.0.0.lock().unwrap().samples.entry(self.1.clone()).or_default().push(value);
    }
}

impl Fake {
    fn register(&self, key: &Key) -> Arc<OneSeries> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        let mut state = self.0.lock().unwrap();
        state.registered += 1;
        state.series.entry(name.clone()).or_default();
        Arc::new(OneSeries(self.clone(), name))
    }

    fn describe(&self, name: &KeyName) {
        *self.0.lock().unwrap().described.entry(name.as_str().to_owned()).or_default() += 1;
    }

    /// The sum of the series whose names start like this; it fails if there is none.
    #[track_caller]
    fn sum(&self, start: &str) -> f64 {
        let state = self.0.lock().unwrap();
        let of_these: Vec<_> = state.series.iter().filter(|(name, _)| name.starts_with(start)).collect();
        assert!(!of_these.is_empty(), "no series {start}: {:?}", state.series.keys());
        of_these.iter().map(|(_, value)| **value).sum()
    }

    /// The reasons of the failures of a message, with how many there were.
    fn failures(&self, message: &str) -> Vec<(String, f64)> {
        let start = format!("linkbus_failures_total{{message={message},");
        let state = self.0.lock().unwrap();
        let failures = state.series.iter().filter(|(name, count)| name.starts_with(&start) && **count != 0.0);
        failures
            .map(|(name, count)| (name.split("reason=").nth(1).unwrap().trim_end_matches('}').to_owned(), *count))
            .collect()
    }

    #[track_caller]
    fn has(&self, message: &str, dispatches: f64, failures: &[(&str, f64)]) {
        assert_eq!(self.sum(&format!("linkbus_dispatches_total{{message={message},")), dispatches);
        assert_eq!(self.sum(&format!("linkbus_duration_seconds{{message={message},")), dispatches);
        assert_eq!(self.sum(&format!("linkbus_in_flight{{message={message},")), 0.0);
        let failures: Vec<_> = failures.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
        assert_eq!(self.failures(message), failures);
    }
}

impl Recorder for Fake {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&name);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&name);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        assert_eq!(unit, Some(Unit::Seconds));
        self.describe(&name);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.register(key).into()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.register(key).into()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.register(key).into()
    }
}

/// A bus that is built while the recorder is installed.
fn recorded<B>(build: impl FnOnce() -> B) -> (Fake, B) {
    let fake = Fake::default();
    let bus = metrics::with_local_recorder(&fake, build);
    (fake, bus)
}

fn pay(pay: &Pay) -> Result<(), &'static str> {
    match pay.0 {
        "" => Ok(()),
        "panic" => panic!("ouch"),
        text => Err(text),
    }
}

fn sync_bus() -> SyncBus {
    SyncBus::empty()
        .query(|query: Double| query.0 * 2)
        .command(|command: Pay| pay(&command))
        .subscribe(|_: &Paid| ())
        .subscribe(|_: &Paid| pay(&Pay("panic")))
        .task(|_: Print| ())
        .layer(Metrics::new())
        .build()
        .unwrap()
}

fn bus() -> Bus {
    Bus::empty()
        .query_async(|query: Double| async move { query.0 * 2 })
        .command_async(|command: Pay| async move {
            tokio::task::yield_now().await;
            pay(&command)
        })
        .subscribe(|_: &Paid| ())
        .subscribe_async(|_: &Paid| async { panic_with("ouch") })
        .task_async(|_: Print| std::future::pending::<()>())
        .layer(Metrics::new())
        .build()
        .unwrap()
}

/// K4, R6.
#[test]
fn every_dispatch_has_one_outcome() {
    let (fake, bus) = recorded(sync_bus);
    bus.send(Double(1)).unwrap();
    bus.execute(Pay("")).unwrap();
    bus.execute(Pay("no money")).unwrap_err();
    assert!(catch_unwind(AssertUnwindSafe(|| bus.execute(Pay("panic")))).is_err());
    bus.publish(Paid).unwrap_err();
    fake.has("shop.Double", 1.0, &[]);
    fake.has("shop.Pay", 3.0, &[("failed", 1.0), ("panicked", 1.0)]);
    fake.has("shop.Paid", 1.0, &[("failed", 1.0)]);
    fake.has("shop.Print", 0.0, &[]);
}

/// R6, R7.
#[tokio::test]
async fn every_dispatch_has_one_outcome_on_a_bus() {
    let (fake, bus) = recorded(bus);
    bus.send(Double(1)).await.unwrap();
    bus.execute(Pay("")).await.unwrap();
    bus.execute(Pay("no money")).await.unwrap_err();
    let elsewhere = bus.clone();
    assert!(tokio::spawn(async move { elsewhere.execute(Pay("panic")).await }).await.unwrap_err().is_panic());
    bus.publish(Paid).await.unwrap_err();
    let mut print = Box::pin(bus.dispatch(Print));
    assert!((&mut print).now_or_never().is_none());
    assert_eq!(fake.sum("linkbus_in_flight{message=shop.Print,"), 1.0);
    drop(print);
    drop(bus.dispatch(Print)); // never started
    fake.has("shop.Double", 1.0, &[]);
    fake.has("shop.Pay", 3.0, &[("failed", 1.0), ("panicked", 1.0)]);
    fake.has("shop.Paid", 1.0, &[("failed", 1.0)]);
    fake.has("shop.Print", 1.0, &[("abandoned", 1.0)]);
}

/// C16: all series are there, at zero, before anything is dispatched.
#[test]
fn an_idle_bus_has_all_its_series() {
    let (fake, _bus) = recorded(sync_bus);
    let state = fake.0.lock().unwrap();
    assert!(state.series.values().all(|value| *value == 0.0));
    for name in [
        "linkbus_dispatches_total",
        "linkbus_failures_total",
        "linkbus_retries_total",
        "linkbus_timeouts_total",
        "linkbus_in_flight",
        "linkbus_duration_seconds",
    ] {
        assert_eq!(state.described.get(name), Some(&1), "{name}");
        for (message, kind) in [("Double", "query"), ("Pay", "command"), ("Paid", "event"), ("Print", "task")] {
            let start = format!("{name}{{message=shop.{message},kind={kind}");
            let handled = state.series.keys().filter(|series| series.starts_with(&start));
            assert!(handled.clone().count() > 0, "{start}");
            assert!(handled.clone().all(|series| series.contains(",handler=") == (kind != "event")), "{start}");
        }
    }
    assert_eq!(state.described.len(), 6);
}

/// T11.
#[test]
fn what_is_in_the_messages_makes_no_series() {
    let (fake, bus) =
        recorded(|| SyncBus::empty().query(|query: Double| query.0).layer(Metrics::new()).build().unwrap());
    let count = |fake: &Fake| {
        let state = fake.0.lock().unwrap();
        (state.series.len(), state.registered)
    };
    let before = count(&fake);
    for id in 0..1_000_000 {
        // Only the handles: what they record is not kept.
        if id % 1000 == 0 {
            fake.0.lock().unwrap().samples.clear();
        }
        bus.send(Double(id)).unwrap();
    }
    assert_eq!(count(&fake), before);
    fake.has("shop.Double", 1e6, &[]);
}

/// T7.
#[test]
fn what_messages_and_errors_say_is_in_no_series() {
    const SECRET: &str = "hunter2-hunter2";
    let (fake, bus) = recorded(sync_bus);
    bus.execute(Pay(SECRET)).unwrap_err();
    fake.has("shop.Pay", 1.0, &[("failed", 1.0)]);
    assert!(fake.0.lock().unwrap().series.keys().all(|name| !name.contains(SECRET)));
}

#[test]
fn durations_are_seconds_of_the_clock_of_the_bus() {
    let clock = ManualClock::new();
    let sleeping = clock.clone();
    let (fake, bus) = recorded(|| {
        let bus = SyncBus::empty().task(move |_: Print| sleeping.sleep(Duration::from_millis(1500)));
        bus.layer(Metrics::new()).clock(clock).build().unwrap()
    });
    bus.dispatch(Print).unwrap();
    let state = fake.0.lock().unwrap();
    assert_eq!(state.samples.values().collect::<Vec<_>>(), [&vec![1.5]]);
}

/// A recorder that has no fields.
#[derive(Debug)]
struct Fieldless;

static REGISTERED: AtomicUsize = AtomicUsize::new(0);

impl Recorder for Fieldless {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        REGISTERED.fetch_add(1, Relaxed);
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// As `docs/layers/metrics.md` says, and `explain` where the box is missing.
#[test]
fn a_recorder_without_fields_is_one_in_a_box() {
    let build = || SyncBus::empty().task(|_: Print| ()).layer(Metrics::new()).build().unwrap();
    let bus = metrics::with_local_recorder(&Fieldless, build);
    assert!(bus.explain::<Print>().unwrap().to_string().contains("in a `Box`"));
    assert_eq!(REGISTERED.load(Relaxed), 0);
    metrics::with_local_recorder(&Box::new(Fieldless), build);
    assert!(REGISTERED.load(Relaxed) > 0);
}

/// As `docs/layers/metrics.md` says: between two retries there are fewer retries than there were.
#[test]
fn between_two_retries_one_of_those_inside_is_counted() {
    let (fake, bus) = recorded(|| {
        let bus = SyncBus::empty()
            .task(|_: Print| Err::<(), _>("no paper"))
            .layer(Retry::new().on_any_error().max_attempts(2));
        let bus = bus.layer(Metrics::new()).layer(Retry::new().on_any_error().max_attempts(3));
        bus.clock(ManualClock::new()).build().unwrap()
    });
    bus.dispatch(Print).unwrap_err();
    let state = fake.0.lock().unwrap();
    let retries = state.series.iter().filter(|(name, _)| name.starts_with("linkbus_retries_total"));
    // Inside there were two each time, and outside one: six attempts.
    assert_eq!(retries.map(|(_, count)| *count).collect::<Vec<_>>(), [2.0]);
}

/// Counted in no series: what came to no dispatch.
#[test]
fn without_a_recorder_the_layer_is_left_out() {
    let bus = sync_bus();
    let explained = bus.explain::<Pay>().unwrap().to_string();
    assert!(explained.contains("left out") && explained.contains("no recorder"), "{explained}");
    bus.send(Double(1)).unwrap();
}

struct Panics;

impl Observer for Panics {
    fn start(&self, _: &mut Dispatch<'_>) {
        panic!("at the start");
    }

    fn end(&self, _: &mut Dispatch<'_>) {
        panic!("at the end");
    }
}

/// R6.
#[test]
fn an_observer_that_panics_changes_no_count() {
    let (fake, bus) = recorded(|| {
        let bus = SyncBus::empty().query(|query: Double| query.0).layer(Panics).layer(Metrics::new());
        bus.layer(Panics).build().unwrap()
    });
    bus.send(Double(1)).unwrap();
    fake.has("shop.Double", 1.0, &[]);
}

/// Two buses with one recorder share what is in flight: it is counted up and down, never set.
#[test]
fn nested_dispatches_are_all_in_flight() {
    let fake = Fake::default();
    let bus = metrics::with_local_recorder(&fake, || {
        let inner = sync_bus();
        let watch = fake.clone();
        let handler = move |_: Print| {
            inner.send(Double(2)).unwrap();
            watch.sum("linkbus_in_flight{message=shop.Print,")
        };
        SyncBus::empty()
            .task(move |print: Print| assert_eq!(handler(print), 1.0))
            .layer(Metrics::new())
            .build()
            .unwrap()
    });
    bus.dispatch(Print).unwrap();
    fake.has("shop.Print", 1.0, &[]);
    fake.has("shop.Double", 1.0, &[]);
}

fn refused() -> std::io::Result<()> {
    Err(std::io::ErrorKind::ConnectionRefused.into())
}

/// Three attempts, of which the last fails too, seen from outside and from inside the retry.
#[tokio::test]
async fn retries_are_counted_outside_and_inside() {
    let clock = ManualClock::new();
    let (outside, bus) = recorded(|| {
        let bus = SyncBus::empty().task(|_: Print| refused()).layer(Metrics::new()).layer(Retry::new());
        bus.clock(clock.clone()).build().unwrap()
    });
    bus.dispatch(Print).unwrap_err();
    outside.has("shop.Print", 1.0, &[("failed", 1.0)]);
    assert_eq!(outside.sum("linkbus_retries_total"), 2.0);
    assert_eq!(outside.0.lock().unwrap().samples.values().collect::<Vec<_>>(), [&vec![6.0]]);
    let (inside, bus) = recorded(|| {
        let bus = Bus::empty().task_async(async |_: Print| refused()).layer(Retry::new()).layer(Metrics::new());
        bus.clock(clock.clone()).build().unwrap()
    });
    bus.dispatch(Print).await.unwrap_err();
    inside.has("shop.Print", 3.0, &[("failed", 3.0)]);
    assert_eq!(inside.sum("linkbus_retries_total"), 2.0);
}

/// Around a time-out it is a failure; what is inside was given up.
#[tokio::test(start_paused = true)]
async fn time_outs_are_counted() {
    let (fake, bus) = recorded(|| {
        Bus::empty()
            .task_async(|_: Print| std::future::pending::<()>())
            .subscribe_async(|_: &Paid| std::future::pending::<()>())
            .subscribe_async(|_: &Paid| async { Err::<(), _>("no mail") })
            .subscribe_async(|_: &Paid| std::future::pending::<()>())
            .layer(Metrics::new())
            .layer(Timeout::new())
            .build()
            .unwrap()
    });
    bus.dispatch(Print).await.unwrap_err();
    bus.publish(Paid).await.unwrap_err();
    fake.has("shop.Print", 1.0, &[("timed_out", 1.0)]);
    fake.has("shop.Paid", 1.0, &[("failed", 1.0)]);
    assert_eq!(fake.sum("linkbus_timeouts_total{message=shop.Print,"), 1.0);
    assert_eq!(fake.sum("linkbus_timeouts_total{message=shop.Paid,"), 2.0);
    let (inside, bus) = recorded(|| {
        let bus = Bus::empty().task_async(|_: Print| std::future::pending::<()>());
        bus.layer(Timeout::new()).layer(Metrics::new()).build().unwrap()
    });
    bus.dispatch(Print).await.unwrap_err();
    inside.has("shop.Print", 1.0, &[("abandoned", 1.0)]);
    assert_eq!(inside.sum("linkbus_timeouts_total"), 0.0);
}

#[test]
fn time_outs_are_counted_on_a_sync_bus() {
    let clock = ManualClock::stopped();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let (hands, wait) = (clock.clone(), Mutex::new(wait));
    let (fake, bus) = recorded(|| {
        let task = move |_: Print| {
            hands.advance(Duration::from_secs(60));
            wait.lock().unwrap().recv().unwrap_err();
        };
        SyncBus::empty().task(task).layer(Metrics::new()).layer(Timeout::new()).clock(clock).build().unwrap()
    });
    assert!(matches!(bus.dispatch(Print), Err(DispatchError::TimedOut { .. })));
    drop(done);
    fake.has("shop.Print", 1.0, &[("timed_out", 1.0)]);
    assert_eq!(fake.sum("linkbus_timeouts_total"), 1.0);
}

/// Letters that the store took, and that it did not take.
fn letters_of(fake: &Fake, message: &str) -> (f64, f64) {
    let of = |name: &str| fake.sum(&format!("{name}{{message={message},"));
    (of("linkbus_dead_letters_total"), of("linkbus_dead_letters_lost_total"))
}

fn with_letters<B: Flavor>(builder: Builder<B>, letters: &DeadLetters) -> Builder<B> {
    builder.layer(letters.clone()).clock(ManualClock::new())
}

#[test]
fn dead_letters_are_counted_kept_and_lost() {
    let letters = DeadLetters::in_memory();
    let (fake, bus) = recorded(|| {
        let bus = SyncBus::empty()
            .query(|query: Double| query.0)
            .subscribe(|_: &Paid| pay(&Pay("panic")))
            .subscribe(|_: &Paid| ())
            .subscribe(|_: &Paid| refused())
            .task(|_: Print| refused());
        with_letters(bus, &letters).layer(Retry::new()).build().unwrap()
    });
    assert_eq!((letters_of(&fake, "shop.Print"), letters_of(&fake, "shop.Paid")), ((0.0, 0.0), (0.0, 0.0)));
    bus.dispatch(Print).unwrap_err();
    bus.publish(Paid).unwrap_err();
    assert_eq!((letters_of(&fake, "shop.Print"), letters_of(&fake, "shop.Paid")), ((1.0, 0.0), (2.0, 0.0)));
    letters.store().close().unwrap();
    bus.dispatch(Print).unwrap_err();
    bus.publish(Paid).unwrap_err();
    assert_eq!((letters_of(&fake, "shop.Print"), letters_of(&fake, "shop.Paid")), ((1.0, 1.0), (2.0, 2.0)));
    let state = fake.0.lock().unwrap();
    assert!(!state.series.keys().any(|series| series.contains("shop.Double")), "a query has no letters");
    assert!(state.series.contains_key("linkbus_dead_letters_lost_total{message=shop.Paid,kind=event}"));
    assert_eq!(state.described.values().collect::<Vec<_>>(), [&1, &1]);
}

#[tokio::test]
async fn dead_letters_are_counted_on_a_bus() {
    let letters = DeadLetters::in_memory().every_attempt();
    let (fake, bus) = recorded(|| {
        let bus = Bus::empty().task_async(async |_: Print| refused()).layer(Retry::new());
        with_letters(bus, &letters).build().unwrap()
    });
    bus.dispatch(Print).await.unwrap_err();
    assert_eq!((letters_of(&fake, "shop.Print"), letters.kept()), ((3.0, 0.0), 3));
}

/// The inbox tells it itself.
#[test]
fn what_becomes_of_messages_at_an_inbox_is_counted() {
    let (fake, bus) = recorded(|| {
        let bus = SyncBus::empty().task(|_: Print| ()).command(|_: Pay| ()).query(|query: Double| query.0);
        bus.layer(Inbox::in_memory().key(|_: &Print| "the same")).build().unwrap()
    });
    let of = |result: &str| {
        let state = fake.0.lock().unwrap();
        let is_it = |name: &str| name.starts_with("linkbus_inbox_total{message=shop.Print,") && name.contains(result);
        state.series.iter().filter(|(name, _)| is_it(name)).map(|(_, value)| *value).sum::<f64>()
    };
    assert_eq!((of("handled"), of("duplicate")), (0.0, 0.0));
    for _ in 0..3 {
        bus.dispatch(Print).unwrap();
    }
    assert_eq!((of("handled"), of("duplicate")), (1.0, 2.0));
    let state = fake.0.lock().unwrap();
    assert!(!state.series.keys().any(|series| series.contains("shop.Double")), "a query has no inbox");
    assert_eq!(state.described.values().collect::<Vec<_>>(), [&1]);
}

/// Whether there is somebody who counts changes nothing.
#[test]
fn dead_letters_without_a_recorder_are_kept() {
    let letters = DeadLetters::in_memory();
    let bus = with_letters(SyncBus::empty().task(|_: Print| refused()), &letters).build().unwrap();
    bus.dispatch(Print).unwrap_err();
    assert_eq!((letters.kept(), letters.store().count().unwrap()), (1, 1));
}
