//! Messages that another bus handles, through a transport that is a function call: what the port promises, whoever carries.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use linkbus::{
    AnyError, Bus, Command, Context, Event, ExecuteError, Query, SendError, Task,
    layer::{
        DeadLetters, Retry, Timeout,
        dead_letter::{Filter, Replay},
    },
    transport::{
        Answer, Body, Codec, Endpoint, Envelope, Features, Json, Malformed, Parcel, Propagator, RemoteError, Target,
        Transport, Undelivered, Via,
    },
};
use serde::{Deserialize, Serialize};

#[derive(Query, Serialize, Deserialize)]
#[query(reply = User, error = NoSuchUser, name = "users.Find")]
struct Find {
    id: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
}

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("no user {id}")]
struct NoSuchUser {
    id: u32,
}

#[derive(Command, Serialize, Deserialize)]
#[command(name = "users.Rename")]
struct Rename {
    id: u32,
}

/// Its error implements nothing of serde.
#[derive(Command, Serialize, Deserialize)]
#[command(name = "users.Remove", error = InUse)]
struct Remove;

#[derive(Debug, thiserror::Error)]
#[error("in use")]
struct InUse(#[source] std::num::ParseIntError);

#[derive(Event, Serialize, Deserialize)]
#[event(name = "users.Renamed")]
struct Renamed {
    id: u32,
}

#[derive(Task, Serialize, Deserialize)]
#[task(name = "mail.Send")]
struct SendMail;

/// Cannot be written.
#[derive(Command)]
#[command(name = "local.Forget")]
struct Forget;

/// A transport to a bus of this process, which is there or not.
#[derive(Clone, Default)]
struct Wire {
    there: Arc<Mutex<Option<Endpoint>>>,
    seen: Arc<Mutex<Vec<Envelope>>>,
    closed: Arc<AtomicUsize>,
    features: Features,
}

impl Wire {
    fn to(there: &Bus) -> Self {
        Wire { there: Arc::new(Mutex::new(Some(Endpoint::new(there).unwrap()))), ..Wire::default() }
    }

    fn seen(&self) -> Vec<Envelope> {
        self.seen.lock().unwrap().clone()
    }
}

impl Transport for Wire {
    fn name(&self) -> &'static str {
        "wire"
    }

    fn features(&self) -> Features {
        self.features
    }

    async fn carry(&self, parcel: Parcel) -> Result<Answer, Undelivered> {
        self.seen.lock().unwrap().push(parcel.envelope.clone());
        let envelope = Envelope::from_bytes(&parcel.envelope.to_bytes()).unwrap();
        assert_eq!(envelope, parcel.envelope);
        let there = self.there.lock().unwrap().clone().ok_or(Undelivered::Failed("no peer".into()))?;
        Ok(there.deliver(Parcel { envelope, ..parcel }).await)
    }

    async fn close(&self) -> Result<(), AnyError> {
        self.closed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The bus of the process that has the handlers.
fn there() -> linkbus::Builder<Bus> {
    Bus::empty().replayable().query(|find: Find| match find.id {
        1 => Ok(User { name: "Ada".into() }),
        id => Err(NoSuchUser { id }),
    })
}

/// A bus that has none.
fn here(via: impl Into<Via>) -> Bus {
    let known = Bus::empty().message::<Find>().message::<Rename>().message::<Remove>().message::<Renamed>();
    known.message::<SendMail>().transport(via).build().unwrap()
}

#[tokio::test]
async fn a_query_has_its_reply_and_its_own_error_from_another_process() {
    let wire = Wire::to(&there().build().unwrap());
    let bus = here(wire);
    assert_eq!(bus.send(Find { id: 1 }).await.unwrap(), User { name: "Ada".into() });
    let error = bus.send(Find { id: 7 }).await.unwrap_err();
    assert!(matches!(error, SendError::Handler(NoSuchUser { id: 7 })), "{error:?}");
}

#[tokio::test]
async fn both_formats_and_one_of_the_users_own_carry_the_same() {
    struct Pretty;

    impl Codec for Pretty {
        fn content_type(&self) -> &'static str {
            "application/x-pretty"
        }

        fn write(&self, body: Body<'_>, out: &mut Vec<u8>) -> Result<(), AnyError> {
            Ok(serde_json::to_writer_pretty(out, &body)?)
        }

        fn read(&self, bytes: &[u8], target: Target<'_>) -> Result<(), AnyError> {
            assert!(bytes.contains(&b'\n'), "written by the other one");
            target.read(&mut serde_json::Deserializer::from_slice(bytes))
        }
    }

    let there = there().build().unwrap();
    for via in [Via::new(Wire::to(&there)), Via::new(Wire::to(&there)).codec(Json)] {
        assert_eq!(here(via).send(Find { id: 1 }).await.unwrap().name, "Ada");
    }
    let bus = here(Via::new(Wire::to(&there)).codec(Pretty));
    let error = bus.send(Find { id: 1 }).await.unwrap_err();
    assert!(matches!(error, SendError::Refused { .. }), "{error:?}");
    assert_eq!(cause(&error), "`application/x-pretty` is no format that is known here");

    let endpoint = Endpoint::new(&there).unwrap().codec(Pretty);
    let bus = here(Via::new(Wire { there: Arc::new(Mutex::new(Some(endpoint))), ..Wire::default() }).codec(Pretty));
    assert_eq!(bus.send(Find { id: 1 }).await.unwrap().name, "Ada");
}

fn cause(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn an_error_without_serde_comes_with_its_type_text_and_causes() {
    let not_a_number = || "x".parse::<u32>().unwrap_err();
    let handlers = there().command(move |_: Remove| Err::<(), _>(InUse(not_a_number()))).command(
        move |rename: Rename| match rename.id {
            0 => Ok(()),
            _ => Err(AnyError::from(InUse(not_a_number()))),
        },
    );
    let bus = here(Wire::to(&handlers.build().unwrap()));

    let error = bus.execute(Remove).await.unwrap_err();
    assert_eq!(error.to_string(), "in use");
    let ExecuteError::Remote { source, .. } = error else { panic!("{error:?}") };
    assert!(source.type_name.ends_with("::InUse"), "{}", source.type_name);
    assert_eq!(source.causes, ["invalid digit found in string"]);
    assert!(!source.is_retryable);

    bus.execute(Rename { id: 0 }).await.unwrap();
    let error = bus.execute(Rename { id: 1 }).await.unwrap_err();
    assert_eq!(error.to_string(), "in use");
    let ExecuteError::Handler(error) = error else { panic!("{error:?}") };
    assert_eq!(error.downcast_ref::<RemoteError>().unwrap().text, "in use");
}

#[tokio::test]
async fn a_message_with_a_handler_here_does_not_leave() {
    let wire = Wire::to(&there().build().unwrap());
    let local = Bus::empty().query(|_: Find| Ok::<_, NoSuchUser>(User { name: "here".into() }));
    let bus = local.transport(wire.clone()).build().unwrap();
    assert_eq!(bus.send(Find { id: 1 }).await.unwrap().name, "here");
    assert_eq!(wire.seen(), []);
}

#[tokio::test]
async fn names_say_which_transport_a_message_takes_and_the_first_that_fits_has_it() {
    let (users, rest) =
        (Wire::to(&there().build().unwrap()), Wire::to(&there().task(|_: SendMail| ()).build().unwrap()));
    let known = Bus::empty().message::<Find>().message::<SendMail>();
    let bus = known.transport(Via::new(users.clone()).only(["users.*"])).transport(rest.clone()).build().unwrap();
    bus.send(Find { id: 1 }).await.unwrap();
    bus.dispatch(SendMail).await.unwrap();
    let names = |wire: &Wire| wire.seen().into_iter().map(|envelope| envelope.name.into_owned()).collect::<Vec<_>>();
    assert_eq!((names(&users), names(&rest)), (vec!["users.Find".into()], vec!["mail.Send".into()]));
}

#[test]
fn what_no_transport_takes_is_a_missing_handler() {
    let wire = Via::new(Wire::default()).except(["users.*"]);
    let error = Bus::empty().message::<Find>().transport(wire).build().unwrap_err();
    assert_eq!(error.faults()[0].code(), "BUS002");
}

#[test]
fn a_message_that_cannot_be_written_is_refused_when_the_bus_is_built() {
    let error = Bus::empty().message::<Forget>().transport(Wire::default()).build().unwrap_err();
    assert_eq!(error.faults().iter().map(linkbus::Fault::code).collect::<Vec<_>>(), ["BUS013"]);
    let text = error.to_string();
    assert!(text.contains("derive `serde::Serialize` for `Forget`"), "{text}");
    assert!(text.contains("Via::except([\"local.Forget\"])"), "{text}");
}

#[tokio::test]
async fn an_event_reaches_subscribers_on_both_sides_once_and_does_not_come_back() {
    let heard = Arc::new(Mutex::new(HashMap::<&str, u32>::new()));
    let subscriber = |who: &'static str| {
        let heard = Arc::clone(&heard);
        move |renamed: &Renamed| *heard.lock().unwrap().entry(who).or_default() += renamed.id
    };
    let back = Wire::default();
    let other = Bus::empty().replayable().subscribe(subscriber("there")).transport(back.clone()).build().unwrap();
    let bus = Bus::empty().subscribe(subscriber("here")).transport(Wire::to(&other)).build().unwrap();
    bus.publish(Renamed { id: 3 }).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), HashMap::from([("here", 3), ("there", 3)]));
    assert_eq!(back.seen(), []);
}

#[tokio::test]
async fn an_event_that_comes_back_to_its_bus_is_not_handled_again() {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let subscriber = move |_: &Renamed| {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let wire = Wire::default();
    let bus = Bus::empty().replayable().subscribe(subscriber).transport(wire.clone()).build().unwrap();
    *wire.there.lock().unwrap() = Some(Endpoint::new(&bus).unwrap());
    bus.publish(Renamed { id: 3 }).await.unwrap();
    assert_eq!((wire.seen().len(), heard.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test]
async fn an_event_that_cannot_be_sent_reaches_nobody_and_can_be_published_again() {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let subscriber = move |_: &Renamed| {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let bus = Bus::empty().subscribe(subscriber).transport(Wire::default()).build().unwrap();
    let error = bus.publish(Renamed { id: 3 }).await.unwrap_err();
    assert!(error.is_retryable() && cause(&error) == "no peer", "{error:?}");
    assert_eq!(heard.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_message_it_is_answered() {
    let there = there().build().unwrap();
    let endpoint = Endpoint::new(&there).unwrap();
    let envelope = |change: fn(&mut Envelope)| {
        let mut envelope = Envelope::of::<Find>();
        envelope.content_type = "application/json".into();
        change(&mut envelope);
        envelope
    };
    let deliver = async |envelope: Envelope, body: &str| match endpoint
        .deliver(Parcel { envelope, body: body.as_bytes().to_vec() })
        .await
    {
        Answer::Done(body) => String::from_utf8(body).unwrap(),
        Answer::Failed(error) => format!("{}: {}", error.reason.label(), error.text),
    };
    assert_eq!(deliver(envelope(|_| ()), r#"{"id":1}"#).await, r#"{"name":"Ada"}"#);
    let unknown = envelope(|envelope| envelope.name = "users.Lose".into());
    assert_eq!(deliver(unknown, "{}").await, "no_handler: no handler for `users.Lose` in this process");
    let other_kind = envelope(|envelope| envelope.kind = linkbus::Kind::Task);
    assert_eq!(deliver(other_kind, r#"{"id":1}"#).await, "refused: `users.Find` is a query here, and came as a task");
    let unreadable = deliver(envelope(|_| ()), "{").await;
    assert!(unreadable.starts_with("refused: the body of `users.Find` cannot be read: EOF"), "{unreadable}");
    let trailing = deliver(envelope(|_| ()), r#"{"id":1}{}"#).await;
    assert!(trailing.starts_with("refused: the body of `users.Find` cannot be read: trailing"), "{trailing}");
    let late = envelope(|envelope| envelope.deadline = Some(1));
    assert_eq!(deliver(late, r#"{"id":1}"#).await, "not_started: `users.Find` came after its deadline");
}

#[test]
fn an_envelope_of_a_later_version_is_known_as_such_even_if_nothing_else_is() {
    let of = |value: serde_json::Value| Envelope::from_bytes(&message_pack(&value));
    assert_eq!(of(serde_json::json!({ "version": 2, "what": "else" })), Err(Malformed::Version(2)));
    assert!(matches!(of(serde_json::json!({ "version": 1 })), Err(Malformed::Unreadable(_))));
    assert!(matches!(Envelope::from_bytes(b"\xc1"), Err(Malformed::Unreadable(_))));
}

#[test]
fn an_envelope_may_have_names_that_are_not_known_here() {
    let envelope = Envelope::of::<Find>();
    let bytes = envelope.to_bytes();
    // One more pair in the map, which begins with the number of them.
    let mut longer = vec![bytes[0] + 1];
    longer.extend(message_pack("priority"));
    longer.extend(message_pack("high"));
    longer.extend(&bytes[1..]);
    assert_eq!(Envelope::from_bytes(&longer).unwrap(), envelope);
}

fn message_pack(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    let mut out = Vec::new();
    linkbus::transport::MessagePack.write(Body::new(&value), &mut out).unwrap();
    out
}

#[tokio::test]
async fn ids_attempt_and_deadline_reach_the_handler_of_the_other_process() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let handlers = there().layer(Contexts(log)).command(|_: Rename| Err::<(), _>("busy")).build().unwrap();
    let wire = Wire::to(&handlers);
    let clock = linkbus::clock::ManualClock::new();
    let bus = Bus::empty()
        .message::<Rename>()
        .clock(clock)
        .layer(Timeout::after(Duration::from_secs(60)))
        .layer(Retry::new().max_attempts(2).on_any_error())
        .transport(wire.clone())
        .build()
        .unwrap();
    bus.execute(Rename { id: 1 }).await.unwrap_err();
    let (sent, seen) = (wire.seen(), seen.lock().unwrap().clone());
    assert_eq!(seen.iter().map(Context::attempt).collect::<Vec<_>>(), [1, 2]);
    assert!(
        sent.iter().zip(&seen).all(|(sent, seen)| sent.id == seen.id() && sent.correlation == seen.correlation_id())
    );
    assert_eq!(sent[0].id, sent[1].id);
    assert!(seen.iter().all(|context| context.deadline().is_some()));
}

/// Notes the context of every dispatch.
struct Contexts(Arc<Mutex<Vec<Context>>>);

impl linkbus::layer::Observer for Contexts {
    fn end(&self, dispatch: &mut linkbus::layer::Dispatch<'_>) {
        self.0.lock().unwrap().push(dispatch.context());
    }
}

#[tokio::test]
async fn a_command_that_found_no_process_is_kept_and_sent_when_there_is_one() {
    let wire = Wire::default();
    let letters = DeadLetters::in_memory();
    let bus = Bus::empty().message::<Rename>().layer(letters.clone()).transport(wire.clone()).build().unwrap();
    bus.execute(Rename { id: 1 }).await.unwrap_err();
    assert_eq!(letters.store().count().unwrap(), 1);

    let handlers = there().command(|_: Rename| ()).build().unwrap();
    *wire.there.lock().unwrap() = Some(Endpoint::new(&handlers).unwrap());
    let report = Replay::new(letters.store(), &bus).all(&Filter::any()).await.unwrap();
    assert_eq!((report.handled(), letters.store().count().unwrap()), (1, 0));
}

#[test]
fn the_wiring_shows_the_transport_in_the_place_of_the_handler() {
    let bus = Bus::empty().message::<Find>().transport(Wire::default()).build().unwrap();
    let wiring = bus.wiring().to_string();
    assert!(wiring.contains("-> wire") && wiring.contains(file!()), "{wiring}");
    let explained = bus.explain::<Find>().unwrap().to_string();
    assert!(explained.contains("format = application/msgpack"), "{explained}");
    assert!(bus.wiring().route::<Find>().unwrap().handlers[0].is_remote);
}

#[tokio::test]
async fn a_panic_of_the_handler_is_an_error_here_and_the_endpoint_goes_on() {
    let handlers = there().command(|rename: Rename| assert_ne!(rename.id, 1)).build().unwrap();
    let bus = here(Wire::to(&handlers));
    let error = bus.execute(Rename { id: 1 }).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Panicked { .. }), "{error:?}");
    bus.execute(Rename { id: 2 }).await.unwrap();
}

#[tokio::test]
async fn what_the_transport_says_is_the_error_that_is_meant() {
    struct Says(fn() -> Undelivered);

    impl Transport for Says {
        fn name(&self) -> &'static str {
            "says"
        }

        fn features(&self) -> Features {
            Features::default()
        }

        async fn carry(&self, _: Parcel) -> Result<Answer, Undelivered> {
            Err((self.0)())
        }
    }

    let label = async |undelivered: fn() -> Undelivered| {
        let error = here(Says(undelivered)).send(Find { id: 1 }).await.unwrap_err();
        format!("{error:?}").split([' ', '{', '(']).next().unwrap().to_owned()
    };
    assert_eq!(label(|| Undelivered::NoHandler).await, "NoHandler");
    assert_eq!(label(|| Undelivered::TimedOut(Duration::from_secs(5))).await, "TimedOut");
    assert_eq!(label(|| Undelivered::Overloaded).await, "Overloaded");
    assert_eq!(label(|| Undelivered::TooLarge { size: 2, limit: 1 }).await, "Refused");
    assert_eq!(label(|| Undelivered::Closed).await, "ShutDown");
    assert_eq!(label(|| Undelivered::Failed("gone".into())).await, "Transport");
}

#[tokio::test]
async fn a_body_that_is_too_large_does_not_reach_the_transport() {
    let mut features = Features::default();
    features.max_size = 4;
    let wire = Wire { features, ..Wire::to(&there().build().unwrap()) };
    let error = here(wire.clone()).send(Find { id: 1 }).await.unwrap_err();
    assert_eq!(cause(&error), "the message has 5 bytes, and no more than 4 are carried");
    assert_eq!(wire.seen(), []);
}

#[tokio::test]
async fn closing_the_bus_closes_its_transports() {
    let wire = Wire::default();
    here(wire.clone()).close().await.unwrap();
    assert_eq!(wire.closed.load(Ordering::Relaxed), 1);
}

#[test]
fn an_endpoint_needs_a_bus_that_can_be_reached() {
    let bus = Bus::empty().query(|_: Find| Ok::<_, NoSuchUser>(User { name: String::new() })).build().unwrap();
    let error = Endpoint::new(&bus).err().unwrap().to_string();
    assert_eq!(
        error,
        "the bus cannot serve `users.Find`: write `.replayable()` on its builder, which lets messages without layers be \
         reached from outside"
    );
}

#[test]
fn an_endpoint_says_what_it_serves_and_what_it_does_not() {
    let endpoint = Endpoint::new(&there().command(|_: Forget| ()).build().unwrap()).unwrap();
    assert_eq!(endpoint.serves().map(|message| message.name).collect::<Vec<_>>(), ["users.Find"]);
    let left_out: Vec<_> = endpoint.does_not_serve().map(|(message, missing)| (message.name, missing)).collect();
    assert_eq!(left_out, [("local.Forget", "it is not `serde::Deserialize`")]);
}

#[tokio::test]
async fn a_propagator_takes_the_trace_along() {
    #[derive(Clone, Default)]
    struct Fixed(Arc<Mutex<Vec<String>>>);

    impl Propagator for Fixed {
        fn inject(&self, envelope: &mut Envelope) {
            envelope.traceparent = Some("00-1-2-01".into());
        }

        fn extract(&self, envelope: &Envelope, _: &tracing::Span) {
            self.0.lock().unwrap().extend(envelope.traceparent.clone());
        }
    }

    let fixed = Fixed::default();
    let endpoint = Endpoint::new(&there().build().unwrap()).unwrap().propagate(fixed.clone());
    let wire = Wire { there: Arc::new(Mutex::new(Some(endpoint))), ..Wire::default() };
    here(Via::new(wire).propagate(fixed.clone())).send(Find { id: 1 }).await.unwrap();
    assert_eq!(*fixed.0.lock().unwrap(), ["00-1-2-01"]);
}
