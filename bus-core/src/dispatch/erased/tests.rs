//! For Miri: each of the four kinds of function, with and without needs, over tables with holes.

use std::{any::type_name, sync::Arc, task};

use super::{entry::Handler, table::Table};
use crate::{
    AnyError, Bus, SyncBus,
    depth::Limit,
    dispatch::{MessageIndex, Place},
    error::SubscriberFailure,
    handler::{AsyncHandler, Delivered},
    message::{Event, Kind, Location, Message, MessageFacts},
};

macro_rules! message {
    ($name:ident, $kind:ident, $reply:ty, $failure:ty) => {
        struct $name(String);

        impl Message for $name {
            type Reply = $reply;
            type Error = AnyError;
            type Failure = $failure;
            const FACTS: &'static MessageFacts = &MessageFacts {
                kind: Kind::$kind,
                name: stringify!($name),
                type_name: stringify!($name),
                location: Location { file: file!(), line: line!(), module: "" },
                type_id: std::any::TypeId::of::<$name>,
                reply: type_name::<$reply>,
                error: type_name::<AnyError>,
                place: Place::of::<$name>(),
                ..MessageFacts::NONE
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

message!(Echo, Query, String, crate::SendError<AnyError>);
message!(Length, Query, usize, crate::SendError<AnyError>);
message!(Said, Event, (), SubscriberFailure);
message!(Deceiver, Event, [usize; 512], crate::SendError<AnyError>);
impl crate::OneHandler for Echo {}
impl crate::Query for Echo {}
impl crate::OneHandler for Length {}
impl crate::Query for Length {}
impl Event for Said {}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut task::Context::from_waker(task::Waker::noop())) {
        task::Poll::Ready(value) => value,
        task::Poll::Pending => panic!("nothing here waits"),
    }
}

#[test]
fn what_was_forgotten_is_remembered() {
    let said = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (first, second) = (said.clone(), said.clone());
    let bus = Bus::empty()
        .query(|echo: Echo| echo.0)
        .query_async(|length: Length| async move { length.0.len() })
        .subscribe(move |event: &Said| first.lock().unwrap().push(event.0.clone()))
        .subscribe_async(move |event: &Said| {
            second.lock().unwrap().push(event.0.to_uppercase());
            async { Err::<(), _>("too late") }
        })
        .build()
        .unwrap();
    assert_eq!(ready(bus.send(Echo("a".into()))).unwrap(), "a");
    assert_eq!(ready(bus.send(Length("abc".into()))).unwrap(), 3);
    assert_eq!(ready(bus.publish(Said("b".into()))).unwrap_err().failures().len(), 1);
    assert_eq!(*said.lock().unwrap(), ["b", "B"]);
    drop(bus.send(Length("never polled".into())));
}

#[test]
fn a_bus_has_no_handler_for_what_another_bus_serves() {
    let _other = SyncBus::empty().query(|length: Length| length.0.len()).build().unwrap();
    let bus = SyncBus::empty().query(|echo: Echo| echo.0).build().unwrap();
    assert_eq!(bus.send(Echo("a".into())).unwrap(), "a");
    assert!(matches!(bus.send(Length("b".into())), Err(crate::SendError::NoHandler { .. })));
    assert!(bus.publish(Said("c".into())).is_ok());
}

struct Hears;

impl AsyncHandler<Deceiver> for Hears {
    type Needs = ();
    const MAY_DISPATCH: bool = false;
    const WANTS_CONTEXT: bool = false;

    async fn call((): &(), _: &Bus, message: Delivered<'_, Deceiver>) -> Result<[usize; 512], AnyError> {
        Ok([message.by_ref().0.len(); 512])
    }
}

#[test]
#[should_panic(expected = "`Deceiver` is not an event")]
fn a_message_that_only_says_it_is_an_event_gets_no_subscriber() {
    let limit = Limit::new(8);
    let mut table = Table::new(limit);
    table.add(Handler::asynchronous::<Deceiver, Hears>((), limit));
}
