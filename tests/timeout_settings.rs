//! `#[handler(timeout = "..")]`: what a handler says about its time, and how that goes with the time-outs of the bus.

use std::{
    future::{Future, pending},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use linkbus::{
    Builder, Bus, Event, Fault, Flavor, Kind, Location, Module, PublishError, Query, SendError, SubscriberFailure,
    SyncBus,
    clock::ManualClock,
    handler,
    layer::{ExplainedLayer, Explanation, Layer, Retry, Source, Timeout},
};

#[derive(Query, Clone)]
#[query(reply = u32)]
struct Ask;

/// Of a handler that says nothing.
#[derive(Query)]
#[query(reply = u32)]
struct Silent;

#[derive(Event)]
struct Said;

mod on_bus {
    use super::{Ask, Silent, handler, pending};

    #[handler(timeout = "7s")]
    async fn ask(_: &Ask) -> u32 {
        pending().await
    }

    #[handler]
    async fn silent(_: &Silent) -> u32 {
        pending().await
    }

    linkbus::module!(messages: [Ask, Silent], handlers: [ask, silent]);
}

/// Subscribers, of which each says something else.
mod heard {
    use super::{Said, handler, pending};

    #[handler]
    async fn has_no_opinion(_: &Said) {
        pending::<()>().await;
    }

    #[handler(timeout = "5s")]
    async fn has_five_seconds(_: &Said) {
        pending::<()>().await;
    }

    #[handler(timeout = "3s")]
    async fn has_three_seconds(_: &Said) {
        pending::<()>().await;
    }

    linkbus::module!(messages: [Said], handlers: [has_no_opinion, has_five_seconds, has_three_seconds]);
}

/// Subscribers, of which one says something and the others are over at once.
mod heard_alone {
    use super::{Said, handler, pending};

    #[handler]
    async fn is_quick(_: &Said) {
        tokio::task::yield_now().await;
    }

    #[handler(timeout = "2s")]
    async fn has_two_seconds(_: &Said) {
        pending::<()>().await;
    }

    #[handler]
    fn is_plain(_: &Said) {}

    linkbus::module!(messages: [Said], handlers: [is_quick, has_two_seconds, is_plain]);
}

mod plain {
    use super::{Ask, handler};

    #[handler(timeout = "2s")]
    fn ask(_: &Ask) -> u32 {
        7
    }

    linkbus::module!(messages: [Ask], handlers: [ask]);
}

mod plain_subscriber {
    use super::{Said, handler};

    #[handler(timeout = "2s")]
    fn hear(_: &Said) {}

    linkbus::module!(messages: [Said], handlers: [hear]);
}

mod plain_with_retry {
    use super::{Ask, handler};

    #[handler(retry(max = 2))]
    fn ask(_: &Ask) -> u32 {
        7
    }

    linkbus::module!(messages: [Ask], handlers: [ask]);
}

const SECOND: Duration = Duration::from_secs(1);

/// How many seconds the clock is moved on, one by one, until the call is over.
fn seconds_until_over<T>(clock: &ManualClock, call: impl Future<Output = T>) -> (u32, T) {
    let mut call = pin!(call);
    for seconds in 0..100 {
        if let Poll::Ready(outcome) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return (seconds, outcome);
        }
        clock.advance(SECOND);
    }
    panic!("it is not over");
}

fn seconds_for_ask(clock: &ManualClock, bus: &Bus) -> u32 {
    match seconds_until_over(clock, bus.send(Ask)) {
        (seconds, Err(SendError::TimedOut { after, .. })) if after == seconds * SECOND => seconds,
        other => panic!("{other:?}"),
    }
}

/// The places and limits of the subscribers that took too long.
fn limits(error: &PublishError) -> Vec<(&'static str, Duration)> {
    let limit = |failure: &SubscriberFailure| match failure {
        SubscriberFailure::TimedOut { after } => *after,
        other => panic!("{other:?}"),
    };
    error.failures().iter().map(|failed| (failed.subscriber.name, limit(&failed.failure))).collect()
}

fn timeouts(explanation: Option<&Explanation>) -> Vec<&ExplainedLayer> {
    explanation.unwrap().layers.iter().filter(|layer| layer.name == "Timeout").collect()
}

fn value<'a>(layer: &'a ExplainedLayer, name: &str) -> (&'a str, Source) {
    let value = layer.values.iter().find(|value| value.name == name).unwrap();
    (&value.value, value.source)
}

fn handler_of(explanation: Option<&Explanation>) -> Source {
    Source::Handler(explanation.unwrap().route.handlers[0].location)
}

fn refusal<B: Flavor>(module: Module, builder: Builder<B>) -> String {
    let Err(error) = builder.modules([module]).build() else { panic!("it was built") };
    match error.faults() {
        [Fault::LayerRefused { reason, .. }] => reason.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_handler_has_the_last_word() {
    let clock = ManualClock::stopped();
    let timeout = Timeout::after(SECOND).for_kind(Kind::Query, 2 * SECOND).for_message::<Ask>(3 * SECOND);
    let bus = Bus::empty().modules([on_bus::MODULE]).layer(timeout).clock(clock.clone()).build().unwrap();
    assert_eq!(seconds_for_ask(&clock, &bus), 7);
    let explained = bus.explain::<Ask>();
    let [layer] = timeouts(explained)[..] else { panic!("{explained:?}") };
    assert_eq!(value(layer, "after"), ("7s", handler_of(explained)));
    let [layer] = timeouts(bus.explain::<Silent>())[..] else { panic!() };
    assert_eq!(value(layer, "after"), ("2s", Source::Kind));
    let Location { file, line, .. } = explained.unwrap().route.handlers[0].location;
    let text = explained.unwrap().to_string();
    assert!(text.contains(&format!("after = 7s (#[handler] at {file}:{line})")), "{text}");
}

#[test]
fn a_handler_is_heard_where_no_layer_is() {
    let clock = ManualClock::stopped();
    let bus = Bus::empty().modules([on_bus::MODULE]).clock(clock.clone()).build().unwrap();
    assert_eq!(seconds_for_ask(&clock, &bus), 7);
    let [layer] = timeouts(bus.explain::<Ask>())[..] else { panic!() };
    assert_eq!((value(layer, "bounds").0, layer.location), ("the whole dispatch", None));
    let text = bus.explain::<Ask>().unwrap().to_string();
    assert!(text.contains("Timeout of the handler"), "{text}");
    assert!(bus.explain::<Silent>().unwrap().layers.is_empty());
}

#[test]
fn of_several_time_outs_the_innermost_hears_the_handler() {
    let clock = ManualClock::stopped();
    for (outer, expected) in [(9, 7), (4, 4)] {
        let bus = Bus::empty().modules([on_bus::MODULE]).clock(clock.clone());
        let bus = bus.layer(Timeout::after(outer * SECOND)).layer(Timeout::after(SECOND)).build().unwrap();
        assert_eq!(seconds_for_ask(&clock, &bus), expected);
        let after = timeouts(bus.explain::<Ask>()).into_iter().map(|layer| value(layer, "after"));
        let outer = format!("{outer}s");
        assert_eq!(
            after.collect::<Vec<_>>(),
            [(outer.as_str(), Source::Layer), ("7s", handler_of(bus.explain::<Ask>()))]
        );
    }
}

/// A layer that is not around the message does not keep the handler's own away.
#[test]
fn a_time_out_for_other_messages_leaves_the_handler_its_own() {
    let clock = ManualClock::stopped();
    let events = linkbus::layer::only(Kind::Event, Timeout::after(SECOND));
    let bus = Bus::empty().modules([on_bus::MODULE]).layer(events).clock(clock.clone()).build().unwrap();
    assert_eq!(seconds_for_ask(&clock, &bus), 7);
}

/// Nor does one inside a time-out that is around it, nor another layer of the same name.
#[test]
fn a_time_out_hears_the_handler_where_the_ones_inside_are_for_other_messages() {
    let clock = ManualClock::stopped();
    let events = || linkbus::layer::only(Kind::Event, Timeout::after(SECOND));
    let bus = || Bus::empty().modules([on_bus::MODULE]).clock(clock.clone()).layer(Timeout::after(5 * SECOND));
    let buses = [
        bus().layer(events()),
        bus().layer(linkbus::layer::only(linkbus::layer::Selection::of::<Ask>().inverted(), events())),
        bus().layer(other::Timeout),
    ];
    for bus in buses {
        let bus = bus.build().unwrap();
        assert_eq!(seconds_for_ask(&clock, &bus), 7);
        let layer = timeouts(bus.explain::<Ask>())[0];
        assert_eq!(value(layer, "after"), ("7s", handler_of(bus.explain::<Ask>())));
    }
    let bus = SyncBus::empty().modules([plain::MODULE]).layer(Timeout::after(5 * SECOND)).layer(events());
    let bus = bus.build().unwrap();
    let layer = timeouts(bus.explain::<Ask>())[0];
    assert_eq!(value(layer, "after"), ("2s", handler_of(bus.explain::<Ask>())));
}

mod other {
    use linkbus::layer::{Dispatch, Observer};

    pub(super) struct Timeout;

    impl Observer for Timeout {
        fn end(&self, _: &mut Dispatch<'_>) {}
    }
}

#[test]
fn a_subscriber_speaks_for_itself_alone() {
    let clock = ManualClock::stopped();
    let bus = Bus::empty().modules([heard::MODULE]).layer(Timeout::after(2 * SECOND)).clock(clock.clone());
    let bus = bus.build().unwrap();
    let (seconds, outcome) = seconds_until_over(&clock, bus.publish(Said));
    let expected =
        [("has_no_opinion", 2 * SECOND), ("has_five_seconds", 5 * SECOND), ("has_three_seconds", 3 * SECOND)];
    assert_eq!((seconds, limits(&outcome.unwrap_err())), (5, expected.to_vec()));
}

#[test]
fn a_subscriber_may_be_the_only_one_with_a_limit() {
    let clock = ManualClock::stopped();
    let bus = Bus::empty().modules([heard_alone::MODULE]).clock(clock.clone()).build().unwrap();
    let (seconds, outcome) = seconds_until_over(&clock, bus.publish(Said));
    assert_eq!((seconds, limits(&outcome.unwrap_err())), (2, vec![("has_two_seconds", 2 * SECOND)]));
    let [layer] = timeouts(bus.explain::<Said>())[..] else { panic!() };
    let handlers = &bus.explain::<Said>().unwrap().route.handlers;
    assert_eq!(value(layer, "is_quick"), ("no limit", Source::Default));
    assert_eq!(value(layer, "has_two_seconds"), ("after 2s", Source::Handler(handlers[1].location)));
    let plain = Source::Handler(handlers[2].location);
    assert_eq!(value(layer, "is_plain"), ("no limit, it is a plain `fn`", plain));
}

#[test]
fn a_bus_does_not_take_a_limit_of_a_plain_fn() {
    let reason = refusal(plain::MODULE, Bus::empty());
    assert!(
        reason.contains("`ask` is a plain `fn`, which a `Bus` cannot interrupt: make it an `async fn`"),
        "{reason}"
    );
    assert_eq!(refusal(plain::MODULE, Bus::empty().layer(Timeout::new())), reason);
    let reason = refusal(plain_subscriber::MODULE, Bus::empty());
    assert!(reason.contains("`hear` is a plain `fn`"), "{reason}");
}

#[test]
fn a_sync_bus_does_not_take_a_limit_of_a_subscriber() {
    let reason = refusal(plain_subscriber::MODULE, SyncBus::empty());
    assert!(reason.contains("take `timeout` off the `#[handler]` of `hear`"), "{reason}");
    assert!(reason.contains("give the event a limit with `.for_message(..)`"), "{reason}");
    assert_eq!(refusal(plain_subscriber::MODULE, SyncBus::empty().layer(Timeout::new())), reason);
}

#[test]
fn a_handler_is_heard_on_a_sync_bus() {
    for (layer, is_of_bus) in [(None, false), (Some(Timeout::after(SECOND)), true)] {
        let bus = SyncBus::empty().modules([plain::MODULE]);
        let bus = match layer {
            Some(layer) => bus.layer(layer),
            None => bus,
        };
        let bus = bus.build().unwrap();
        let [layer] = timeouts(bus.explain::<Ask>())[..] else { panic!() };
        assert_eq!(value(layer, "after"), ("2s", handler_of(bus.explain::<Ask>())));
        assert_eq!(layer.location.is_some(), is_of_bus);
        assert_eq!(bus.send(Ask).unwrap(), 7);
    }
}

#[test]
fn explain_says_whether_each_attempt_is_limited_or_all_together() {
    fn check<B: Flavor>(builder: Builder<B>, explain: impl Fn(&B) -> Option<&Explanation>)
    where
        Timeout: Layer<B>,
        Retry: Layer<B>,
    {
        let bus = builder.layer(Timeout::new()).layer(Retry::new()).layer(Timeout::new()).build().unwrap();
        let bounds = timeouts(explain(&bus)).into_iter().map(|layer| value(layer, "bounds"));
        let expected = [("the whole dispatch", Source::Order), ("each attempt", Source::Order)];
        assert_eq!(bounds.collect::<Vec<_>>(), expected);
    }
    check(SyncBus::empty().modules([plain::MODULE]), SyncBus::explain::<Ask>);
    check(Bus::empty().modules([on_bus::MODULE]), Bus::explain::<Ask>);
}

/// A retry that the handler asks for waits, so that there is something to limit.
#[test]
fn a_plain_fn_with_a_retry_is_limited_between_its_attempts() {
    let bus = Bus::empty().modules([plain_with_retry::MODULE]).layer(Timeout::new()).build().unwrap();
    let [layer] = timeouts(bus.explain::<Ask>())[..] else { panic!() };
    let at = handler_of(bus.explain::<Ask>());
    assert_eq!(value(layer, "interrupts"), ("layers inside that wait, but not the plain `fn`", at));
}
