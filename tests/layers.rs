//! What stands around a dispatch: the chain, its order, and what a layer may do in it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use linkbus::{
    AnyError, Bus, Command, DispatchError, Event, ExecuteError, Flavor, Kind, PublishError, Query, SendError, SyncBus,
    Task,
    layer::{
        Around, AsyncAround, AsyncNext, Dispatch, Done, Layer, Link, Next, Observer, Outcome, Reason, Selection, Site,
        Timeout, on, on_async, only,
    },
};
use tracing_subscriber::layer::SubscriberExt as _;

use self::{support::listening, twice::Twice};

#[path = "support/listen.rs"]
mod support;
#[path = "support/twice.rs"]
mod twice;

#[derive(Query)]
#[query(reply = u32)]
struct Double(u32);

#[derive(Command)]
struct Pay;

#[derive(Event)]
struct Paid;

#[derive(Task)]
struct Print;

type Log = Arc<Mutex<Vec<String>>>;

#[derive(Clone)]
struct Named(&'static str, Log);

impl Named {
    fn say(&self, what: &str) {
        self.1.lock().unwrap().push(format!("{} {what}", self.0));
    }
}

struct Watch(Named);

impl Observer for Watch {
    fn start(&self, _: &mut Dispatch<'_>) {
        self.0.say("starts");
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        self.0.say(dispatch.outcome().label());
    }
}

struct Wrap(Named);

impl Around for Wrap {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        self.0.say("before");
        let done = next.run(dispatch);
        self.0.say("after");
        done
    }
}

impl AsyncAround for Wrap {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        self.0.say("before");
        let done = next.run(dispatch).await;
        self.0.say("after");
        done
    }
}

/// M2.
#[test]
fn the_first_layer_is_the_outermost() {
    let log = Log::default();
    let [one, two, three] = ["one", "two", "three"].map(|name| Named(name, log.clone()));
    let bus = SyncBus::empty()
        .query(|query: Double| query.0 * 2)
        .subscribe(|_: &Paid| ())
        .layer(Watch(one))
        .layer(Wrap(two))
        .layer(Watch(three))
        .build()
        .unwrap();
    let expected = ["one starts", "two before", "three starts", "three succeeded", "two after", "one succeeded"]
        .map(str::to_owned);
    assert_eq!(bus.send(Double(4)).unwrap(), 8);
    assert_eq!(std::mem::take(&mut *log.lock().unwrap()), expected);
    bus.publish(Paid).unwrap();
    assert_eq!(*log.lock().unwrap(), expected);
}

#[tokio::test]
async fn the_first_layer_is_the_outermost_on_a_bus() {
    let log = Log::default();
    let [one, two, three] = ["one", "two", "three"].map(|name| Named(name, log.clone()));
    let bus = Bus::empty()
        .query_async(|query: Double| async move {
            tokio::task::yield_now().await;
            query.0 * 2
        })
        .subscribe(|_: &Paid| ())
        .layer(Watch(one))
        .layer(Wrap(two))
        .layer(Watch(three))
        .build()
        .unwrap();
    let expected = ["one starts", "two before", "three starts", "three succeeded", "two after", "one succeeded"]
        .map(str::to_owned);
    assert_eq!(bus.send(Double(4)).await.unwrap(), 8);
    assert_eq!(std::mem::take(&mut *log.lock().unwrap()), expected);
    bus.publish(Paid).await.unwrap();
    assert_eq!(*log.lock().unwrap(), expected);
}

/// M10: by value in, outcome out.
#[test]
fn a_typed_layer_changes_message_and_reply() {
    let bus = SyncBus::empty()
        .query(|query: Double| query.0 * 2)
        .command(|_: Pay| ())
        .layer(on::<Double>(|mut double, mut next| {
            double.0 += 1;
            next.run(double).map(|reply| reply + 100)
        }))
        .build()
        .unwrap();
    assert_eq!(bus.send(Double(1)).unwrap(), 104);
    bus.execute(Pay).unwrap();
}

#[tokio::test]
async fn a_typed_layer_changes_message_and_reply_on_a_bus() {
    let bus = Bus::empty()
        .query_async(|query: Double| async move { query.0 * 2 })
        .layer(on_async::<Double>(|mut double, mut next| {
            Box::pin(async move {
                double.0 += 1;
                next.run(double).await.map(|reply| reply + 100)
            })
        }))
        .build()
        .unwrap();
    assert_eq!(bus.send(Double(1)).await.unwrap(), 104);
}

/// M10: no handler is needed.
#[test]
fn a_layer_answers_in_the_place_of_a_handler() {
    let bus =
        SyncBus::empty().query(|_: Double| -> u32 { unreachable!() }).layer(on::<Double>(|double, _| Ok(double.0)));
    assert_eq!(bus.build().unwrap().send(Double(5)).unwrap(), 5);
}

/// M10: an event can be published again; what was handed over to a handler cannot.
#[test]
fn a_layer_calls_what_is_inside_as_often_as_there_is_a_message() {
    let calls = Arc::new(AtomicU32::new(0));
    let (commands, events) = (calls.clone(), calls.clone());
    let bus = SyncBus::empty()
        .command(move |_: Pay| {
            commands.fetch_add(1, Ordering::Relaxed);
        })
        .subscribe(move |_: &Paid| {
            events.fetch_add(10, Ordering::Relaxed);
        })
        .layer(Twice)
        .build()
        .unwrap();
    bus.publish(Paid).unwrap();
    assert_eq!(calls.swap(0, Ordering::Relaxed), 20);
    bus.execute(Pay).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// Counts the errors in the log.
struct Errors(Arc<AtomicU32>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Errors {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.fetch_add(u32::from(*event.metadata().level() == tracing::Level::ERROR), Ordering::Relaxed);
    }
}

/// What was done stays done, and that the second call was not is logged.
#[test]
fn a_call_without_a_message_is_logged_as_an_error() {
    let errors = Arc::new(AtomicU32::new(0));
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(Twice).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(Errors(errors.clone()));
    listening(subscriber, || bus.execute(Pay)).unwrap();
    assert_eq!(errors.load(Ordering::Relaxed), 1);
}

/// On a `SyncBus` a time-out takes the message to another thread: an event is only lent to it, and a command that was
/// handed over and succeeded stays one that succeeded.
#[test]
fn a_layer_around_a_time_out_calls_what_is_inside_as_often_as_there_is_a_message() {
    let calls = Arc::new(AtomicU32::new(0));
    let (commands, events) = (calls.clone(), calls.clone());
    let bus = SyncBus::empty()
        .command(move |_: Pay| {
            commands.fetch_add(1, Ordering::Relaxed);
        })
        .subscribe(move |_: &Paid| {
            events.fetch_add(10, Ordering::Relaxed);
        })
        .task(|_: Print| Err("no paper"))
        .layer(Twice)
        .layer(Timeout::after(Duration::from_secs(60)))
        .build()
        .unwrap();
    bus.publish(Paid).unwrap();
    assert_eq!(calls.swap(0, Ordering::Relaxed), 20);
    bus.execute(Pay).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert!(matches!(bus.dispatch(Print).unwrap_err(), DispatchError::Handler(_)));
}

/// Asks for the message to be there for the second call.
struct TwiceKept;

impl Layer<SyncBus> for TwiceKept {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<SyncBus>> {
        site.keep_message();
        Some(Link::around(Twice))
    }
}

impl Layer<Bus> for TwiceKept {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        site.keep_message();
        Some(Link::async_around(Twice))
    }
}

#[derive(Command, Clone, PartialEq, Debug)]
struct Copied(Arc<u32>);

#[test]
fn a_message_that_is_kept_is_copied_for_a_handler_that_takes_it() {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let into = taken.clone();
    let bus =
        SyncBus::empty().command(move |copied: Copied| into.lock().unwrap().push(copied)).layer(TwiceKept).build();
    let message = Arc::new(7);
    bus.unwrap().execute(Copied(message.clone())).unwrap();
    assert_eq!(taken.lock().unwrap().len(), 2);
    assert_eq!(Arc::strong_count(&message), 3, "the message of the dispatch itself is gone");
}

/// BUS014.
#[test]
fn a_message_that_cannot_be_copied_is_refused_where_a_copy_is_needed() {
    let error = SyncBus::empty().command(|_: Pay| ()).layer(TwiceKept).build().unwrap_err();
    assert_eq!(error.faults()[0].code(), "BUS014");
    assert!(
        error.to_string().contains("`TwiceKept` needs a copy of command `layers.Pay`, which is not `Clone`"),
        "{error}"
    );
}

struct Refuses;

impl<B: Flavor> Layer<B> for Refuses {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        site.refuse("put it elsewhere")
    }
}

/// BUS013: one fault for all messages.
#[test]
fn a_layer_that_cannot_be_where_it_is_keeps_the_bus_from_being_built() {
    let bus = SyncBus::empty().command(|_: Pay| ()).task(|_: Print| ()).layer(Refuses);
    let error = bus.build().unwrap_err();
    let [fault] = error.faults() else { panic!("{error}") };
    assert_eq!(fault.code(), "BUS013");
    let parties: Vec<_> = fault.parties().into_iter().map(|party| party.name).collect();
    assert_eq!(parties, ["Refuses", "layers::Pay", "layers::Print"]);
    assert_eq!(fault.help(), "put it elsewhere");
}

struct Count(Arc<AtomicU32>);

impl<B: Flavor> Layer<B> for Count {
    fn link(&self, _: &mut Site<'_>) -> Option<Link<B>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// M3.
#[test]
fn chains_are_made_once_when_the_bus_is_built() {
    let links = Arc::new(AtomicU32::new(0));
    let bus = SyncBus::empty().command(|_: Pay| ()).task(|_: Print| ()).layer(Count(links.clone())).build().unwrap();
    assert_eq!(links.load(Ordering::Relaxed), 2);
    bus.execute(Pay).unwrap();
    bus.dispatch(Print).unwrap();
    assert_eq!(links.load(Ordering::Relaxed), 2);
}

/// What was seen at the end.
#[derive(Clone, Default)]
struct Ends(Arc<Mutex<Vec<&'static str>>>);

impl Ends {
    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Ends {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        self.0.lock().unwrap().push(dispatch.outcome().label());
    }
}

/// M12, D6.
#[test]
fn a_missing_handler_is_a_failure_that_layers_see() {
    let ends = Ends::default();
    let bus = SyncBus::builder().partial().layer(ends.clone()).build().unwrap();
    assert!(matches!(bus.send(Double(1)), Err(SendError::NoHandler { .. })));
    assert!(matches!(bus.execute(Pay), Err(ExecuteError::NoHandler { .. })));
    bus.publish(Paid).unwrap();
    assert_eq!(ends.take(), ["no_handler", "no_handler", "succeeded"]);
}

fn panics(text: &'static str) {
    std::panic::panic_any(text)
}

/// R6.
#[test]
fn a_panic_ends_what_was_started_and_unwinds_into_the_caller() {
    let (outer, inner) = (Ends::default(), Ends::default());
    let bus = SyncBus::empty()
        .command(|_: Pay| panics("on fire"))
        .subscribe(|_: &Paid| panics("on fire"))
        .layer(outer.clone())
        .layer(Wrap(Named("wrap", Log::default())))
        .layer(inner.clone())
        .build()
        .unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| bus.execute(Pay))).unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "on fire");
    assert_eq!((outer.take(), inner.take()), (vec!["panicked"], vec!["panicked"]));
    assert!(bus.publish(Paid).is_err());
    assert_eq!((outer.take(), inner.take()), (vec!["failed"], vec!["failed"]));
}

/// R7: dropped at every point where it waits.
#[tokio::test]
async fn a_dispatch_that_is_dropped_ends_once_as_abandoned() {
    let (outer, inner) = (Ends::default(), Ends::default());
    let bus = Bus::empty()
        .command_async(|_: Pay| async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        })
        .layer(outer.clone())
        .layer(Wrap(Named("wrap", Log::default())))
        .layer(inner.clone())
        .build()
        .unwrap();
    for polls in 0.. {
        let mut dispatch = Box::pin(bus.execute(Pay));
        let mut task = std::task::Context::from_waker(std::task::Waker::noop());
        let is_over = (0..polls).any(|_| dispatch.as_mut().poll(&mut task).is_ready());
        drop(dispatch);
        let expected = match (polls, is_over) {
            (0, _) => vec![],
            (_, true) => vec!["succeeded"],
            (_, false) => vec!["abandoned"],
        };
        assert_eq!((outer.take(), inner.take()), (expected.clone(), expected), "after {polls} polls");
        if is_over {
            assert_eq!(polls, 3);
            break;
        }
    }
}

/// While another panic unwinds, a dispatch that is dropped did not panic itself.
#[tokio::test]
async fn a_dispatch_that_is_dropped_by_a_panic_elsewhere_is_abandoned() {
    let ends = Ends::default();
    let bus = Bus::empty().command_async(|_: Pay| std::future::pending::<()>()).layer(ends.clone()).build().unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut dispatch = Box::pin(bus.execute(Pay));
        let mut task = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(dispatch.as_mut().poll(&mut task).is_pending());
        panic!("elsewhere");
    }));
    assert!(result.is_err());
    assert_eq!(ends.take(), ["abandoned"]);
}

struct Clumsy;

impl Observer for Clumsy {
    fn start(&self, _: &mut Dispatch<'_>) {
        panic!("at the start");
    }

    fn end(&self, _: &mut Dispatch<'_>) {
        panic!("at the end");
    }
}

/// S13.
#[test]
fn an_observer_that_panics_harms_nobody() {
    let ends = Ends::default();
    let bus = SyncBus::empty()
        .query(|query: Double| query.0 * 2)
        .command(|_: Pay| panics("the handler's own"))
        .layer(ends.clone())
        .layer(Clumsy)
        .layer(ends.clone())
        .build()
        .unwrap();
    assert_eq!(bus.send(Double(2)).unwrap(), 4);
    let panic = catch_unwind(AssertUnwindSafe(|| bus.execute(Pay))).unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "the handler's own");
    assert_eq!(ends.take(), ["succeeded", "succeeded", "panicked", "panicked"]);
}

struct ReadOnly;

impl Around for ReadOnly {
    fn call(&self, dispatch: &mut Dispatch<'_>, _: Next<'_>) -> Done {
        dispatch.refuse("the shop is read-only")
    }
}

#[test]
fn a_layer_refuses_a_message_of_any_kind() {
    let bus = SyncBus::empty().command(|_: Pay| ()).task(|_: Print| ()).query(|_: Double| 1).subscribe(|_: &Paid| ());
    let bus = bus.layer(ReadOnly).build().unwrap();
    let Err(ExecuteError::Refused { source, message }) = bus.execute(Pay) else { panic!() };
    assert_eq!((source.to_string().as_str(), message), ("the shop is read-only", "layers.Pay"));
    assert!(matches!(bus.send(Double(1)), Err(SendError::Refused { .. })));
    assert!(matches!(bus.dispatch(Print), Err(linkbus::DispatchError::Refused { .. })));
    assert!(matches!(bus.publish(Paid), Err(PublishError::Refused { .. })));
}

/// A layer stands around the messages that it names, which is decided when the bus is built.
#[test]
fn a_layer_is_for_some_messages() {
    let ends = Ends::default();
    let bus = SyncBus::empty()
        .command(|_: Pay| ())
        .task(|_: Print| ())
        .subscribe(|_: &Paid| ())
        .layer(only([Kind::Task, Kind::Event], ends.clone()))
        .layer(only(Selection::of::<Pay>().inverted(), ends.clone()))
        .build()
        .unwrap();
    bus.execute(Pay).unwrap();
    assert_eq!(ends.take(), [""; 0]);
    bus.dispatch(Print).unwrap();
    bus.publish(Paid).unwrap();
    assert_eq!(ends.take().len(), 4);
    let explanation = bus.explain::<Pay>().unwrap().to_string();
    assert!(explanation.contains("Ends at tests/layers.rs:"), "{explanation}");
    assert!(explanation.contains(": left out, it is only for task, event\n"), "{explanation}");
    assert!(explanation.contains(": left out, it is only for all but `layers.Pay`\n"), "{explanation}");
}

#[derive(Debug, thiserror::Error)]
#[error("no money")]
struct NoMoney;

#[derive(Command)]
#[command(error = NoMoney)]
struct Buy;

/// What a layer of all messages is told about a failure.
#[test]
fn a_failure_shows_its_reason_and_the_handlers_own_error() {
    struct Look(Mutex<Option<(Reason, bool, String)>>);

    impl Observer for Look {
        fn end(&self, dispatch: &mut Dispatch<'_>) {
            let Outcome::Failed(failed) = dispatch.outcome() else { panic!() };
            let is_no_money = failed.downcast_ref::<NoMoney>().is_some();
            *self.0.lock().unwrap() = Some((failed.reason(), is_no_money, failed.error().to_string()));
        }
    }

    let look = Arc::new(Look(Mutex::new(None)));
    let bus = SyncBus::empty().command(|_: Buy| Err::<(), _>(NoMoney)).layer(look.clone()).build().unwrap();
    assert!(matches!(bus.execute(Buy), Err(ExecuteError::Handler(NoMoney))));
    assert_eq!(look.0.lock().unwrap().take(), Some((Reason::Handler, true, "no money".into())));
}

struct Closes(Named, bool);

impl<B: Flavor> Layer<B> for Closes {
    fn link(&self, _: &mut Site<'_>) -> Option<Link<B>> {
        Some(Link::observer(Watch(self.0.clone())))
    }

    fn close(&self) -> Result<(), AnyError> {
        self.0.say("closes");
        if self.1 { Err("stuck".into()) } else { Ok(()) }
    }
}

/// M7, M9.
#[test]
fn layers_close_once_from_the_outside_in_whatever_becomes_of_each() {
    let log = Log::default();
    let [one, two] = ["one", "two"].map(|name| Named(name, log.clone()));
    let bus =
        SyncBus::empty().query(|double: Double| double.0).layer(Closes(one, true)).layer(Closes(two, false)).build();
    let bus = bus.unwrap();
    let error = bus.close().unwrap_err();
    assert_eq!(error.to_string(), "closing failed in `Closes`");
    assert_eq!(error.failures[0].1.to_string(), "stuck");
    bus.close().unwrap();
    assert_eq!(std::mem::take(&mut *log.lock().unwrap()), ["one closes", "two closes"]);
    assert_eq!(bus.send(Double(3)).unwrap(), 3);
    assert_eq!(log.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_bus_closes_its_layers_too() {
    let log = Log::default();
    let bus = Bus::empty().layer(Closes(Named("one", log.clone()), false)).build().unwrap();
    bus.close().await.unwrap();
    bus.close().await.unwrap();
    assert_eq!(*log.lock().unwrap(), ["one closes"]);
}

/// The message and the outcome, typed, for a layer of all messages that knows one of them.
#[test]
fn a_layer_of_all_messages_may_know_one() {
    struct Cap;

    impl Around for Cap {
        fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
            if dispatch.get::<Double>().is_some_and(|double| double.0 > 10) {
                dispatch.replace(Double(10)).ok().unwrap();
            }
            assert!(dispatch.outcome_of::<Double>().is_none());
            let done = next.run(dispatch);
            if let Some(Ok(reply)) = dispatch.outcome_of::<Double>() {
                *reply += 1;
            }
            done
        }
    }

    let bus = SyncBus::empty().query(|double: Double| double.0 * 2).command(|_: Pay| ()).layer(Cap).build().unwrap();
    assert_eq!(bus.send(Double(50)).unwrap(), 21);
    bus.execute(Pay).unwrap();
}

/// Gives up what is inside at once, and calls it again.
struct Impatient;

impl AsyncAround for Impatient {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        tokio::select! {
            biased;
            _ = next.run(&mut *dispatch) => {}
            () = std::future::ready(()) => {}
        }
        next.run(dispatch).await
    }
}

/// What was handed over to a handler that was then dropped cannot be handed over again: an error, and no panic of the bus.
#[tokio::test]
async fn a_message_that_is_gone_without_an_outcome_is_refused() {
    let bus = Bus::empty().command_async(|_: Pay| std::future::pending::<()>()).layer(Impatient).build().unwrap();
    let Err(ExecuteError::Refused { source, .. }) = bus.execute(Pay).await else { panic!() };
    assert!(source.to_string().contains("Site::keep_message"), "{source}");
}
