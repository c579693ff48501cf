//! What handlers say about the layers around them, with `#[handler(..)]`, and how that goes with the layers of the bus.

use std::{
    io::{self, ErrorKind},
    sync::Mutex,
    time::Duration,
};

use linkbus::{
    AnyError, Builder, Bus, Command, Context, Flavor, Location, Query, SyncBus, Task,
    clock::ManualClock,
    handler, handlers,
    layer::{Explanation, Retry, Source},
};

/// The attempts that a handler was told about.
#[derive(Default)]
struct Attempts(Mutex<Vec<u32>>);

impl Attempts {
    fn fail(&self, context: &Context) -> Result<(), AnyError> {
        self.0.lock().unwrap().push(context.attempt());
        Err(io::Error::from(ErrorKind::ConnectionRefused).into())
    }
}

#[derive(Command)]
struct Charge;

/// Says all there is to say.
#[handler(retry(max = 4, base = "50ms", cap = "150ms"))]
fn charge(_: &Charge, attempts: &Attempts, context: &Context) -> Result<(), AnyError> {
    attempts.fail(context)
}

#[derive(Command)]
struct Refund;

/// Leaves the rest to the bus.
#[handler(retry(base = "1s"))]
fn refund(_: &Refund, attempts: &Attempts, context: &Context) -> Result<(), AnyError> {
    attempts.fail(context)
}

#[derive(Command, Clone)]
struct Ship;

/// By value, and says only that it may be tried again.
#[handler(retry)]
fn ship(_: Ship, attempts: &Attempts, context: &Context) -> Result<(), AnyError> {
    attempts.fail(context)
}

#[derive(Command)]
struct Once;

/// Says that it may not.
#[handler(retry(max = 1))]
fn once(_: Once, attempts: &Attempts, context: &Context) -> Result<(), AnyError> {
    attempts.fail(context)
}

#[derive(Command)]
struct Silent;

#[handler]
fn silent(_: &Silent, attempts: &Attempts, context: &Context) -> Result<(), AnyError> {
    attempts.fail(context)
}

struct Printer {
    is_on: bool,
}

#[derive(Task)]
struct Print;

#[handlers]
impl Printer {
    #[handler(retry(max = 2, base = "7us"))]
    fn print(&self, _: &Print, attempts: &Attempts, context: &Context) -> Result<(), AnyError> {
        assert!(self.is_on);
        attempts.fail(context)
    }
}

#[derive(Query)]
#[query(reply = Vec<u32>)]
struct Told;

/// What the handlers were told since the last time.
#[handler]
fn told(_: &Told, attempts: &Attempts) -> Vec<u32> {
    std::mem::take(&mut attempts.0.lock().unwrap())
}

fn builder<B: Flavor>(builder: Builder<B>, clock: &ManualClock) -> Builder<B> {
    builder.provide(Attempts::default()).provide(Printer { is_on: true }).clock(clock.clone())
}

fn millis(clock: &ManualClock) -> Vec<u128> {
    clock.sleeps().iter().map(Duration::as_millis).collect()
}

/// Name, value and source of each value that the retry of a message has.
fn values(explanation: Option<&Explanation>) -> Vec<(&'static str, String, Source)> {
    let layers = &explanation.unwrap().layers;
    assert_eq!(layers.iter().filter(|layer| layer.name == "Retry").count(), 1);
    let values = layers.iter().find(|layer| layer.name == "Retry").unwrap().values.iter();
    values.map(|value| (value.name, value.value.clone(), value.source)).collect()
}

#[test]
fn a_handler_has_its_retry_on_a_bus_without_one() {
    let clock = ManualClock::new();
    let bus = builder(SyncBus::builder(), &clock).build().unwrap();
    bus.execute(Charge).unwrap_err();
    assert_eq!(millis(&clock), [50, 100, 150]);
    assert_eq!(bus.send(Told).unwrap(), [1, 2, 3, 4]);
    let explained = bus.explain::<Charge>().unwrap();
    assert_eq!((explained.layers.len(), explained.layers[0].location), (1, None));
    let at = Source::Handler(explained.route.handlers[0].location);
    let expected = [
        ("max_attempts", "4", at),
        ("base", "50ms", at),
        ("factor", "2", Source::Default),
        ("cap", "150ms", at),
        ("jitter", "none", Source::Default),
        ("on", "transient errors", Source::Default),
    ];
    assert_eq!(values(Some(explained)), expected.map(|(name, value, source)| (name, value.to_owned(), source)));
}

#[tokio::test]
async fn a_handler_has_its_retry_on_a_bus_that_is_asynchronous_too() {
    let clock = ManualClock::new();
    let bus = builder(Bus::builder(), &clock).build().unwrap();
    bus.execute(Charge).await.unwrap_err();
    bus.dispatch(Print).await.unwrap_err();
    assert_eq!(clock.sleeps(), [50_000, 100_000, 150_000, 7].map(Duration::from_micros));
    assert_eq!(bus.send(Told).await.unwrap(), [1, 2, 3, 4, 1, 2]);
}

#[test]
fn what_a_handler_does_not_say_is_the_default() {
    let clock = ManualClock::new();
    let bus = builder(SyncBus::builder(), &clock).build().unwrap();
    bus.execute(Refund).unwrap_err();
    bus.execute(Ship).unwrap_err();
    assert_eq!(millis(&clock), [1000, 2000, 2000, 4000]);
}

#[test]
fn a_handler_that_says_nothing_has_no_retry() {
    let clock = ManualClock::new();
    let bus = builder(SyncBus::builder(), &clock).build().unwrap();
    bus.execute(Silent).unwrap_err();
    assert!(clock.sleeps().is_empty());
    assert!(bus.explain::<Silent>().unwrap().layers.is_empty());
}

#[test]
fn each_value_of_the_handler_goes_before_that_of_the_layer() {
    let clock = ManualClock::new();
    let retry = Retry::new().max_attempts(5).base(Duration::from_millis(1)).factor(3.0).cap(Duration::from_secs(5));
    let bus = builder(SyncBus::builder(), &clock).layer(retry).build().unwrap();
    bus.execute(Refund).unwrap_err();
    assert_eq!(millis(&clock), [1000, 3000, 5000, 5000]);
    let explained = bus.explain::<Refund>().unwrap();
    let at = Source::Handler(explained.route.handlers[0].location);
    assert!(explained.layers[0].location.is_some());
    let sources: Vec<_> = values(Some(explained)).into_iter().map(|(name, _, source)| (name, source)).collect();
    let expected = [
        ("max_attempts", Source::Layer),
        ("base", at),
        ("factor", Source::Layer),
        ("cap", Source::Layer),
        ("jitter", Source::Default),
        ("on", Source::Default),
    ];
    assert_eq!(sources, expected);
    bus.execute(Silent).unwrap_err();
    assert_eq!(millis(&clock)[4..], [1, 3, 9, 27]);
}

#[test]
fn a_handler_may_refuse_the_retry_of_the_bus() {
    let clock = ManualClock::new();
    let bus = builder(SyncBus::builder(), &clock).layer(Retry::new()).build().unwrap();
    bus.execute(Once).unwrap_err();
    assert_eq!((bus.send(Told).unwrap(), clock.sleeps().len()), (vec![1], 0));
    let explained = bus.explain::<Once>().unwrap();
    let why = explained.layers[0].left_out.as_deref().unwrap();
    let Location { file, line, .. } = explained.route.handlers[0].location;
    assert_eq!(why, format!("there is one attempt (#[handler] at {file}:{line})"));
}

/// Of two the outermost; a third is not added.
#[test]
fn the_outermost_retry_follows_the_handler() {
    let clock = ManualClock::new();
    let inner = Retry::new().max_attempts(2).base(Duration::from_millis(1));
    let bus = builder(SyncBus::builder(), &clock).layer(Retry::new()).layer(inner).build().unwrap();
    bus.dispatch(Print).unwrap_err();
    assert_eq!(clock.sleeps(), [1000, 7, 1000].map(Duration::from_micros));
    assert_eq!(bus.send(Told).unwrap(), [1, 2, 3, 4]);
    bus.execute(Once).unwrap_err();
    assert_eq!(bus.send(Told).unwrap(), [1]);
}

/// A layer that is not around the message does not keep the handler's own away.
#[test]
fn a_retry_for_other_messages_leaves_the_handler_its_own() {
    let clock = ManualClock::new();
    let tasks = linkbus::layer::only(linkbus::Kind::Task, Retry::new());
    let bus = builder(SyncBus::builder(), &clock).layer(tasks).build().unwrap();
    bus.execute(Charge).unwrap_err();
    assert_eq!(millis(&clock), [50, 100, 150]);
}

#[test]
fn explain_prints_where_it_comes_from() {
    let bus = builder(SyncBus::builder(), &ManualClock::new()).build().unwrap();
    let text = bus.explain::<Refund>().unwrap().to_string();
    let Location { file, line, .. } = bus.explain::<Refund>().unwrap().route.handlers[0].location;
    assert!(text.contains("Retry of the handler"), "{text}");
    assert!(text.contains(&format!("base = 1s (#[handler] at {file}:{line})")), "{text}");
    assert!(text.contains("max_attempts = 3 (default)"), "{text}");
}
