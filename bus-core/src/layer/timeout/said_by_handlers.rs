//! Tests of `#[handler(timeout = "..")]`, without the attribute: on handlers whose settings are set from within.

use std::{
    any::{TypeId, type_name},
    future::{Future, pending},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{
    super::{Layer, Link, Site, site::InsideRetry},
    Timeout,
};
use crate::{
    Bus, Event, Fault, Flavor, Message, PublishError, SendError, SubscriberFailure, SyncBus,
    clock::ManualClock,
    dispatch::{MessageIndex, Place},
    error::AnyError,
    handler::{HandlerSettings, RetrySettings},
    message::{Abilities, Kind, Location, MessageFacts},
};

macro_rules! message {
    ($name:ident, $kind:ident, $reply:ty, $failure:ty) => {
        struct $name;

        impl Message for $name {
            type Reply = $reply;
            type Error = AnyError;
            type Failure = $failure;
            const FACTS: &'static MessageFacts = &MessageFacts {
                kind: Kind::$kind,
                name: stringify!($name),
                type_name: stringify!($name),
                docs: "",
                location: Location { file: file!(), line: line!(), module: "" },
                fields: &[],
                abilities: Abilities { clone: false, debug: false, serialize: false, deserialize: false },
                type_id: TypeId::of::<$name>,
                reply: type_name::<$reply>,
                error: type_name::<AnyError>,
                place: Place::of::<$name>(),
                revive: None,
            };
            const CLONE: Option<fn(&Self) -> Self> = None;
            const SERIALIZE: Option<crate::probe::SerializeFn<Self>> = None;
            const DESERIALIZE: Option<crate::probe::DeserializeFn<Self>> = None;

            fn index() -> &'static MessageIndex<Self> {
                static INDEX: MessageIndex<$name> = MessageIndex::new();
                &INDEX
            }
        }
    };
}

message!(Ask, Query, u32, SendError<AnyError>);
message!(Said, Event, (), SubscriberFailure);
impl crate::OneHandler for Ask {}
impl crate::Query for Ask {}
impl Event for Said {}

const SECOND: Duration = Duration::from_secs(1);

fn within(seconds: u32) -> HandlerSettings {
    HandlerSettings { timeout: Some(seconds * SECOND), retry: None }
}

/// What the call comes to when the clock has moved on by `seconds`, in steps of one; `None` if it still waits.
fn after<T>(seconds: u32, clock: &ManualClock, call: &mut Pin<Box<dyn Future<Output = T> + '_>>) -> Option<T> {
    let mut task = Context::from_waker(Waker::noop());
    for _ in 0..=seconds {
        if let Poll::Ready(outcome) = call.as_mut().poll(&mut task) {
            return Some(outcome);
        }
        clock.advance(SECOND);
    }
    None
}

/// Counts from the poll in which the limit is found to be exceeded.
fn seconds_until_over<T>(clock: &ManualClock, call: impl Future<Output = T>) -> u32 {
    let mut call: Pin<Box<dyn Future<Output = T> + '_>> = Box::pin(call);
    (0..100).find(|_| after(0, clock, &mut call).is_some()).expect("it is over some time")
}

fn refusal(faults: &[Fault]) -> &str {
    match faults {
        [Fault::LayerRefused { reason, .. }] => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_handler_has_the_last_word() {
    let clock = ManualClock::stopped();
    let timeout = Timeout::after(SECOND).for_kind(Kind::Query, 2 * SECOND).for_message::<Ask>(3 * SECOND);
    let bus = Bus::empty().query_async(|_: Ask| pending::<u32>()).saying(within(7)).layer(timeout);
    let bus = bus.clock(clock.clone()).build().unwrap();
    assert_eq!(seconds_until_over(&clock, bus.send(Ask)), 7);
    let explained = bus.explain::<Ask>().unwrap().to_string();
    assert!(explained.contains("after = 7s (#[handler] at "), "{explained}");
}

#[test]
fn a_handler_is_heard_where_no_layer_is() {
    let clock = ManualClock::stopped();
    let bus = Bus::empty().query_async(|_: Ask| pending::<u32>()).saying(within(2)).clock(clock.clone());
    let bus = bus.build().unwrap();
    assert_eq!(seconds_until_over(&clock, bus.send(Ask)), 2);
    let explained = bus.explain::<Ask>().unwrap().to_string();
    assert!(explained.contains("Timeout of the handler"), "{explained}");
    let bus = Bus::empty().query_async(|_: Ask| pending::<u32>()).build().unwrap();
    assert!(bus.explain::<Ask>().unwrap().layers.is_empty());
}

#[test]
fn of_several_time_outs_the_innermost_hears_the_handler() {
    let clock = ManualClock::stopped();
    let handler = |seconds| Bus::empty().query_async(|_: Ask| pending::<u32>()).saying(within(seconds));
    for (seconds, expected) in [(4, 4), (20, 9)] {
        let bus = handler(seconds).layer(Timeout::after(9 * SECOND)).layer(Timeout::after(SECOND));
        let bus = bus.clock(clock.clone()).build().unwrap();
        assert_eq!(seconds_until_over(&clock, bus.send(Ask)), expected);
        assert_eq!(bus.explain::<Ask>().unwrap().layers.len(), 2);
    }
}

#[test]
fn a_subscriber_speaks_for_itself_alone() {
    let clock = ManualClock::stopped();
    let bus = Bus::empty()
        .subscribe_async(|_: &Said| pending::<()>())
        .subscribe_async(|_: &Said| pending::<()>())
        .saying(within(5))
        .layer(Timeout::after(2 * SECOND))
        .clock(clock.clone())
        .build()
        .unwrap();
    let mut call: Pin<Box<dyn Future<Output = Result<(), PublishError>> + '_>> = Box::pin(bus.publish(Said));
    assert!(after(3, &clock, &mut call).is_none());
    let error = after(2, &clock, &mut call).unwrap().unwrap_err();
    let limits = error.failures().iter().map(|failed| match failed.failure {
        SubscriberFailure::TimedOut { after } => after,
        ref other => panic!("{other:?}"),
    });
    assert_eq!(limits.collect::<Vec<_>>(), [2 * SECOND, 5 * SECOND]);
}

#[test]
fn a_subscriber_may_be_the_only_one_with_a_limit() {
    let clock = ManualClock::stopped();
    let bus = Bus::empty()
        .subscribe_async(|_: &Said| async {})
        .subscribe_async(|_: &Said| pending::<()>())
        .saying(within(2))
        .subscribe(|_: &Said| ())
        .clock(clock.clone())
        .build()
        .unwrap();
    assert_eq!(seconds_until_over(&clock, bus.publish(Said)), 2);
    let explained = bus.explain::<Said>().unwrap().to_string();
    assert!(explained.contains("= no limit (default)"), "{explained}");
}

#[test]
fn what_cannot_be_done_is_refused() {
    let error = Bus::empty().query(|_: Ask| 7).saying(within(2)).build().unwrap_err();
    assert!(refusal(error.faults()).contains("is a plain `fn`, which a `Bus` cannot interrupt"), "{error}");
    let error = Bus::empty().query(|_: Ask| 7).saying(within(2)).layer(Timeout::new()).build().unwrap_err();
    assert!(refusal(error.faults()).contains("make it an `async fn`"), "{error}");
    let error = SyncBus::empty().subscribe(|_: &Said| ()).saying(within(2)).build().unwrap_err();
    assert!(refusal(error.faults()).contains("give the event a limit with `.for_message(..)`"), "{error}");
    let error = SyncBus::empty().query(|_: Ask| 7).saying(within(0)).build().unwrap_err();
    assert!(refusal(error.faults()).contains("must be longer than 0"), "{error}");
}

#[test]
fn a_handler_is_heard_on_a_sync_bus() {
    let bus = SyncBus::empty().query(|_: Ask| 7).saying(within(2)).layer(Timeout::new()).build().unwrap();
    let explained = bus.explain::<Ask>().unwrap().to_string();
    assert!(explained.contains("after = 2s (#[handler] at "), "{explained}");
    assert_eq!(bus.send(Ask).unwrap(), 7);
}

/// Stands where a retry does.
struct Retries;

impl<B: Flavor> Layer<B> for Retries {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        site.mark::<InsideRetry>();
        site.leave_out("a test")
    }
}

#[test]
fn explain_says_whether_each_attempt_is_limited_or_all_together() {
    let bus = SyncBus::empty().query(|_: Ask| 7);
    let bus = bus.layer(Timeout::new()).layer(Retries).layer(Timeout::new()).build().unwrap();
    let layers = &bus.explain::<Ask>().unwrap().layers;
    let bounds =
        |place: usize| layers[place].values.iter().find(|value| value.name == "bounds").unwrap().value.as_str();
    assert_eq!((bounds(0), bounds(2)), ("the whole dispatch", "each attempt"));
}

/// A retry that the handler asks for waits, so that there is something to limit.
#[test]
fn a_plain_fn_with_a_retry_is_limited_between_its_attempts() {
    let retry = Some(RetrySettings { max: Some(2), ..RetrySettings::default() });
    let settings = HandlerSettings { timeout: None, retry };
    let bus = Bus::empty().query(|_: Ask| 7).saying(settings).layer(Timeout::new()).build().unwrap();
    let explained = bus.explain::<Ask>().unwrap().to_string();
    assert!(explained.contains("interrupts = layers inside that wait"), "{explained}");
}
