//! What layers do for each other, with the real ones: a retry and a time-out, a span and the threads of a time-out.

#[path = "support/twice.rs"]
mod twice;

use std::{
    io::{self, ErrorKind},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use linkbus::{
    Builder, Bus, Command, Context, ExecuteError, Flavor, Query, SyncBus,
    clock::{ManualClock, Time},
    handler,
    layer::{
        Around, AsyncAround, AsyncNext, DeadLetters, Dispatch, Done, Explanation, Layer, Next, On, Outcome, Retry,
        Source, Timeout, Trace,
        dead_letter::{DeadLetter, Filter, Replay},
        on, on_async,
    },
};
use serde::{Deserialize, Serialize};

use self::twice::Twice;

const SECOND: Duration = Duration::from_secs(1);

/// Fails with an error that is tried again.
#[derive(Command)]
#[command(error = io::Error)]
struct Connect;

/// Is never over, and says so itself.
#[derive(Command)]
struct Hang;

#[derive(Query, Clone)]
#[query(reply = ())]
struct Work;

/// The attempts that the handlers were told about, each with its deadline.
#[derive(Clone, Default)]
struct Attempts(Arc<Mutex<Vec<Attempt>>>);

/// Its number and its deadline.
type Attempt = (u32, Option<Instant>);

impl Attempts {
    fn note(&self, context: &Context) {
        self.0.lock().unwrap().push((context.attempt(), context.deadline()));
    }

    /// Each attempt, and how long after `begun` its deadline was.
    fn since(&self, begun: Instant) -> Vec<(u32, Option<Duration>)> {
        let attempts = std::mem::take(&mut *self.0.lock().unwrap());
        attempts.into_iter().map(|(attempt, deadline)| (attempt, deadline.map(|at| at - begun))).collect()
    }
}

/// Where handlers wait for the end of the test.
struct Gate(Mutex<mpsc::Receiver<()>>);

impl Gate {
    fn new() -> (mpsc::Sender<()>, Self) {
        let (open, wait) = mpsc::channel();
        (open, Gate(Mutex::new(wait)))
    }

    fn wait(&self) {
        self.0.lock().unwrap().recv().unwrap_err();
    }
}

mod on_sync_bus {
    use super::{Attempts, Connect, Context, ErrorKind, Gate, Hang, ManualClock, SECOND, Work, handler, io};

    #[handler]
    fn connect(_: &Connect, context: &Context, attempts: &Attempts) -> io::Result<()> {
        attempts.note(context);
        Err(ErrorKind::ConnectionRefused.into())
    }

    /// More time passes than it has.
    #[handler(retry(max = 2, base = "50ms"), timeout = "1s")]
    fn hang(_: &Hang, context: &Context, attempts: &Attempts, clock: &ManualClock, gate: &Gate) {
        attempts.note(context);
        clock.advance(SECOND);
        gate.wait();
    }

    #[handler]
    fn work(_: &Work) {
        let _span = tracing::info_span!("inside the handler").entered();
    }

    linkbus::module!(messages: [Connect, Hang, Work], handlers: [connect, hang, work]);
}

mod on_bus {
    use super::{Attempts, Connect, Context, ErrorKind, Hang, handler, io};

    #[handler]
    async fn connect(_: &Connect, context: &Context, attempts: &Attempts) -> io::Result<()> {
        attempts.note(context);
        tokio::task::yield_now().await;
        Err(ErrorKind::ConnectionRefused.into())
    }

    #[handler(retry(max = 2, base = "50ms"), timeout = "1s")]
    async fn hang(_: &Hang, context: &Context, attempts: &Attempts) {
        attempts.note(context);
        std::future::pending::<()>().await;
    }

    linkbus::module!(messages: [Connect, Hang], handlers: [connect, hang]);
}

fn sync_bus(attempts: &Attempts, clock: &ManualClock) -> (mpsc::Sender<()>, Builder<SyncBus>) {
    let (open, gate) = Gate::new();
    let bus = SyncBus::empty().modules([on_sync_bus::MODULE]).provide(attempts.clone()).provide(clock.clone());
    (open, bus.provide(gate).clock(clock.clone()))
}

fn bus(attempts: &Attempts, clock: &ManualClock) -> Builder<Bus> {
    Bus::empty().modules([on_bus::MODULE]).provide(attempts.clone()).clock(clock.clone())
}

/// A time-out for all attempts together: 2 s and 4 s are between them, and the third would be too late.
fn all_within<B: Flavor>(builder: Builder<B>, limit: Duration) -> B
where
    Timeout: Layer<B>,
    Retry: Layer<B>,
{
    builder.layer(Timeout::after(limit)).layer(Retry::new()).build().unwrap()
}

/// Nobody waits for an attempt that there is no time for: the caller has the handler's error at once.
#[tokio::test]
async fn a_deadline_before_the_next_attempt_ends_the_retry() {
    for (limit, delays, seen) in [(6, &[2][..], &[1, 2][..]), (7, &[2, 4], &[1, 2, 3]), (2, &[], &[1])] {
        let limit = limit * SECOND;
        let delays: Vec<_> = delays.iter().map(|seconds| *seconds * SECOND).collect();
        let seen: Vec<_> = seen.iter().map(|attempt| (*attempt, Some(limit))).collect();
        let (attempts, clock) = (Attempts::default(), ManualClock::new());
        let begun = clock.now();
        let (_open, builder) = sync_bus(&attempts, &clock);
        let error = all_within(builder, limit).execute(Connect).unwrap_err();
        assert!(matches!(error, ExecuteError::Handler(_)), "{error:?}");
        assert_eq!((attempts.since(begun), clock.sleeps()), (seen.clone(), delays.clone()));

        let (attempts, clock) = (Attempts::default(), ManualClock::new());
        let begun = clock.now();
        let error = all_within(bus(&attempts, &clock), limit).execute(Connect).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Handler(_)), "{error:?}");
        assert_eq!((attempts.since(begun), clock.sleeps()), (seen, delays));
    }
}

/// A time-out inside: each attempt has all of its time, whatever the delays.
#[tokio::test]
async fn a_deadline_of_one_attempt_does_not_end_the_retry() {
    let expected = [(1, Some(SECOND)), (2, Some(3 * SECOND)), (3, Some(7 * SECOND))];
    let (attempts, clock) = (Attempts::default(), ManualClock::new());
    let begun = clock.now();
    let (_open, builder) = sync_bus(&attempts, &clock);
    let each = builder.layer(Retry::new()).layer(Timeout::after(SECOND)).build().unwrap();
    each.execute(Connect).unwrap_err();
    assert_eq!(attempts.since(begun), expected);
    let begun = clock.now();
    let each = bus(&attempts, &clock).layer(Retry::new()).layer(Timeout::after(SECOND)).build().unwrap();
    each.execute(Connect).await.unwrap_err();
    assert_eq!(attempts.since(begun), expected);
}

/// Both attempts run out of their second, with 50 ms between them.
fn check_hang(error: &ExecuteError<linkbus::AnyError>, attempts: &Attempts, begun: Instant, clock: &ManualClock) {
    assert!(matches!(error, ExecuteError::TimedOut { after, .. } if *after == SECOND), "{error:?}");
    let expected = [(1, Some(SECOND)), (2, Some(2 * SECOND + Duration::from_millis(50)))];
    assert_eq!((attempts.since(begun), clock.sleeps()), (expected.to_vec(), vec![Duration::from_millis(50)]));
    assert_eq!(clock.now() - begun, 2 * SECOND + Duration::from_millis(50));
}

fn check_explained(explained: &Explanation) {
    let at = Source::Handler(explained.route.handlers[0].location);
    let layers: Vec<_> = explained.layers.iter().map(|layer| (layer.name.as_str(), layer.location)).collect();
    assert_eq!(layers, [("Retry", None), ("Timeout", None)]);
    let value = |layer: usize, name| {
        let value = explained.layers[layer].values.iter().find(|value| value.name == name).unwrap();
        (value.value.as_str(), value.source)
    };
    assert_eq!((value(0, "max_attempts"), value(0, "base")), (("2", at), ("50ms", at)));
    assert_eq!((value(1, "after"), value(1, "bounds")), (("1s", at), ("each attempt", Source::Order)));
    let location = explained.route.handlers[0].location;
    let text = explained.to_string();
    let retry = text.find("Retry of the handler").unwrap();
    let timeout = text.find("Timeout of the handler").unwrap();
    assert!(retry < timeout && timeout < text.find("handler `hang`").unwrap(), "{text}");
    for said in [
        format!("max_attempts = 2 (#[handler] at {location})"),
        format!("after = 1s (#[handler] at {location})"),
        "bounds = each attempt (by the order of the layers)".to_owned(),
    ] {
        assert!(text.contains(&said), "{text}");
    }
}

#[test]
fn a_handler_that_asks_for_both_has_a_time_out_for_each_attempt() {
    let (attempts, clock) = (Attempts::default(), ManualClock::new());
    let begun = clock.now();
    let (open, builder) = sync_bus(&attempts, &clock);
    let bus = builder.build().unwrap();
    let error = bus.execute(Hang).unwrap_err();
    check_hang(&error, &attempts, begun, &clock);
    check_explained(bus.explain::<Hang>().unwrap());
    drop(open);
}

#[test]
fn a_handler_that_asks_for_both_has_a_time_out_for_each_attempt_on_a_bus() {
    let (attempts, clock) = (Attempts::default(), ManualClock::new());
    let begun = clock.now();
    let bus = bus(&attempts, &clock).build().unwrap();
    let mut call = std::pin::pin!(bus.execute(Hang));
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    let mut polled = || match call.as_mut().poll(&mut task) {
        std::task::Poll::Ready(outcome) => Some(outcome),
        std::task::Poll::Pending => None,
    };
    assert!(polled().is_none());
    clock.advance(SECOND);
    assert!(polled().is_none(), "the delay gives way once");
    assert!(polled().is_none(), "the second attempt");
    clock.advance(SECOND);
    let error = polled().unwrap().unwrap_err();
    check_hang(&error, &attempts, begun, &clock);
    check_explained(bus.explain::<Hang>().unwrap());
}

/// The rules of a retry see what a time-out inside it says.
#[tokio::test(start_paused = true)]
async fn a_retry_is_told_of_the_time_out_inside_it() {
    let told = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&told);
    let retry = Retry::new().when(move |failed| {
        count.fetch_add(1, Ordering::Relaxed);
        assert_eq!(Outcome::Failed(failed).label(), "timed_out");
        false
    });
    let bus = Bus::empty().query_async(|_: Work| std::future::pending::<()>()).layer(retry).layer(Timeout::new());
    let error = bus.build().unwrap().send(Work).await.unwrap_err();
    assert!(matches!(error, linkbus::SendError::TimedOut { .. }), "{error:?}");
    assert_eq!(told.load(Ordering::Relaxed), 1);
}

/// Names of spans, each with that of its parent, in the order in which they were opened.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Spanned>>>);

/// The name of a span, and of the one around it.
type Spanned = (String, Option<String>);

impl<S> tracing_subscriber::Layer<S> for Spans
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        id: &tracing::Id,
        context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let parent = context.span(id).unwrap().parent().map(|parent| parent.name().to_owned());
        self.0.lock().unwrap().push((attributes.metadata().name().to_owned(), parent));
    }
}

/// The subscriber is that of the process, because the threads of a time-out have none of their own.
#[test]
fn the_spans_of_a_handler_are_in_the_span_outside_the_time_out() {
    use tracing_subscriber::layer::SubscriberExt as _;

    let spans = Spans::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(spans.clone())).unwrap();
    let (_open, builder) = sync_bus(&Attempts::default(), &ManualClock::stopped());
    let bus = builder.layer(Trace::new()).layer(Timeout::new()).build().unwrap();
    let _outside = tracing::info_span!("the caller").entered();
    bus.send(Work).unwrap();
    let spans = spans.0.lock().unwrap();
    let (dispatch, _) = spans.iter().find(|(_, parent)| parent.as_deref() == Some("the caller")).unwrap();
    let inside = ("inside the handler".to_owned(), Some(dispatch.clone()));
    assert!(spans.contains(&inside), "{spans:?}");
}

/// A payment, of which a layer takes 5 off.
#[derive(Command, Clone, Serialize, Deserialize)]
#[command(error = io::Error)]
struct Pay {
    cents: u64,
}

/// What the handler was told to pay, one after the other.
type Told = Arc<Mutex<Vec<u64>>>;

fn told() -> (Told, impl Fn(Pay) -> io::Result<()> + Clone + Send + Sync + 'static) {
    let told = Told::default();
    let into = told.clone();
    let pay = move |pay: Pay| {
        into.lock().unwrap().push(pay.cents);
        Err(ErrorKind::ConnectionRefused.into())
    };
    (told, pay)
}

fn discount<B: Flavor>(builder: Builder<B>) -> Builder<B>
where
    On<Pay>: Layer<B>,
{
    builder.layer(on::<Pay>(|mut pay, mut next| {
        pay.cents -= 5;
        next.run(pay)
    }))
}

/// Takes 5 off, as a layer of all messages.
struct Discount;

impl Discount {
    fn apply(dispatch: &mut Dispatch<'_>) {
        let cents = dispatch.get::<Pay>().unwrap().cents - 5;
        assert!(dispatch.replace(Pay { cents }).is_ok());
    }
}

impl Around for Discount {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        Discount::apply(dispatch);
        next.run(dispatch)
    }
}

impl AsyncAround for Discount {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        Discount::apply(dispatch);
        next.run(dispatch).await
    }
}

/// Gives what is inside up after it was polled once, and calls it again.
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

fn letter(letters: &DeadLetters) -> DeadLetter {
    let mut all = letters.store().list(&Filter::any(), 10).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// The message that was lost is what came to the dead letters, and what is replayed goes through the layers once more.
#[test]
fn what_a_layer_puts_in_the_place_of_a_message_is_seen_inside_it_only() {
    type Layers = fn(Builder<SyncBus>) -> Builder<SyncBus>;
    let layers: [Layers; 4] = [
        discount,
        |builder| builder.layer(Discount),
        |builder| builder.layer(Timeout::after(60 * SECOND)).layer(Discount),
        |builder| discount(builder.layer(Timeout::after(60 * SECOND))),
    ];
    for layers in layers {
        let (letters, (told, pay)) = (DeadLetters::in_memory(), told());
        let bus = SyncBus::empty().command(pay).layer(letters.clone()).layer(Retry::new());
        let bus = layers(bus).clock(ManualClock::new()).build().unwrap();
        bus.execute(Pay { cents: 100 }).unwrap_err();
        assert_eq!(*told.lock().unwrap(), [95, 95, 95]);
        assert_eq!(letter(&letters).read::<Pay>().unwrap().cents, 100);
        Replay::new(letters.store(), &bus).all(&Filter::any()).unwrap();
        assert_eq!(told.lock().unwrap()[3..], [95, 95, 95]);
        assert_eq!(letter(&letters).read::<Pay>().unwrap().cents, 100);
    }
}

#[tokio::test]
async fn what_a_layer_puts_in_the_place_of_a_message_is_seen_inside_it_only_on_a_bus() {
    for typed in [false, true] {
        let (letters, (told, pay)) = (DeadLetters::in_memory(), told());
        let bus = Bus::empty().command_async(move |message: Pay| {
            let outcome = pay(message);
            async move { outcome }
        });
        let bus = bus.layer(letters.clone()).layer(Retry::new()).clock(ManualClock::new());
        let bus = if typed {
            bus.layer(on_async::<Pay>(|mut pay, mut next| {
                Box::pin(async move {
                    pay.cents -= 5;
                    next.run(pay).await
                })
            }))
        } else {
            bus.layer(Discount)
        };
        let bus = bus.build().unwrap();
        bus.execute(Pay { cents: 100 }).await.unwrap_err();
        assert_eq!(*told.lock().unwrap(), [95, 95, 95]);
        assert_eq!(letter(&letters).read::<Pay>().unwrap().cents, 100);
        Replay::new(letters.store(), &bus).all(&Filter::any()).await.unwrap();
        assert_eq!(told.lock().unwrap()[3..], [95, 95, 95]);
    }
}

/// Also for those who hear of a panic, and those who have given up what is inside.
#[tokio::test]
async fn a_message_is_put_back_whatever_becomes_of_what_is_inside() {
    let letters = DeadLetters::in_memory();
    let panics = |pay: Pay| -> io::Result<()> { panic!("{}", pay.cents) };
    let bus = discount(SyncBus::empty().command(panics).layer(letters.clone())).build().unwrap();
    catch_unwind(AssertUnwindSafe(|| bus.execute(Pay { cents: 100 }))).unwrap_err();
    assert_eq!(letter(&letters).read::<Pay>().unwrap().cents, 100);

    let told = Told::default();
    let into = told.clone();
    let hangs_once = move |pay: Pay| {
        into.lock().unwrap().push(pay.cents);
        let is_first = into.lock().unwrap().len() == 1;
        async move {
            if is_first {
                std::future::pending::<()>().await;
            }
            io::Result::Ok(())
        }
    };
    let bus = Bus::empty().command_async(hangs_once).layer(DeadLetters::in_memory()).layer(Impatient).layer(Discount);
    bus.build().unwrap().execute(Pay { cents: 100 }).await.unwrap();
    assert_eq!(*told.lock().unwrap(), [95, 95]);
}

/// Each of several layers has what the one around it put there, and a closure may call what is inside several times.
#[test]
fn layers_that_change_a_message_one_in_the_other_add_up() {
    let (told, pay) = told();
    let (seen, letters) = (Arc::new(Mutex::new(Vec::new())), DeadLetters::in_memory());
    let into = seen.clone();
    let bus = discount(SyncBus::empty().command(pay).layer(letters.clone()).layer(Discount)).layer(on::<Pay>(
        move |pay, mut next| {
            into.lock().unwrap().push(pay.cents);
            let _ = next.run(Pay { cents: pay.cents * 10 });
            next.run(pay)
        },
    ));
    let bus = bus.layer(Retry::new().max_attempts(2)).layer(Discount).clock(ManualClock::new()).build().unwrap();
    bus.execute(Pay { cents: 100 }).unwrap_err();
    assert_eq!(*seen.lock().unwrap(), [90]);
    assert_eq!(*told.lock().unwrap(), [895, 895, 85, 85]);
    assert_eq!(letter(&letters).read::<Pay>().unwrap().cents, 100);
}

/// A closure that may call what is inside several times leaves a retry inside it all its attempts each time.
#[test]
fn a_retry_that_is_called_again_tries_as_often_again() {
    let (told, pay) = told();
    let bus = SyncBus::empty()
        .command(pay)
        .layer(on::<Pay>(|pay, mut next| {
            let _ = next.run(Pay { cents: 1 });
            next.run(pay)
        }))
        .layer(Retry::new().max_attempts(2))
        .clock(ManualClock::new())
        .build()
        .unwrap();
    bus.execute(Pay { cents: 2 }).unwrap_err();
    assert_eq!(*told.lock().unwrap(), [1, 1, 2, 2]);
}

/// A message that cannot be copied is tried again as the closure handed it on: there is no other.
#[test]
fn a_message_without_a_copy_is_tried_again_as_a_layer_handed_it_on() {
    let (attempts, clock) = (Attempts::default(), ManualClock::new());
    let (_open, bus) = sync_bus(&attempts, &clock);
    let bus = bus.layer(Retry::new()).layer(on::<Connect>(|connect, mut next| next.run(connect))).build().unwrap();
    bus.execute(Connect).unwrap_err();
    assert_eq!(attempts.0.lock().unwrap().len(), 3);
}

#[derive(Command)]
struct Borrowed;

#[derive(Command)]
struct BorrowedLater;

mod borrowing {
    use super::{AtomicU32, Borrowed, Ordering, handler};

    #[handler]
    fn borrow(_: &Borrowed, calls: &AtomicU32) {
        calls.fetch_add(1, Ordering::Relaxed);
    }

    linkbus::module!(messages: [Borrowed], handlers: [borrow]);
}

mod borrowing_later {
    use super::{AtomicU32, BorrowedLater, Ordering, handler};

    #[handler]
    async fn borrow(_: &BorrowedLater, calls: &AtomicU32) {
        tokio::task::yield_now().await;
        calls.fetch_add(1, Ordering::Relaxed);
    }

    linkbus::module!(messages: [BorrowedLater], handlers: [borrow]);
}

/// A message that is only lent is there for the next call, whatever the layer asked for, and is not copied.
#[tokio::test]
async fn what_a_handler_borrows_may_be_called_again() {
    let calls = Arc::new(AtomicU32::new(0));
    let sync_bus = || SyncBus::empty().modules([borrowing::MODULE]).provide_arc(calls.clone()).layer(Twice);
    sync_bus().build().unwrap().execute(Borrowed).unwrap();
    assert_eq!(calls.swap(0, Ordering::Relaxed), 2);
    let bus = sync_bus().layer(Timeout::after(60 * SECOND)).layer(Twice).build().unwrap();
    bus.execute(Borrowed).unwrap();
    assert_eq!(calls.swap(0, Ordering::Relaxed), 4);
    let bus = Bus::empty()
        .modules([borrowing::MODULE, borrowing_later::MODULE])
        .provide_arc(calls.clone())
        .layer(Twice)
        .build()
        .unwrap();
    bus.execute(Borrowed).await.unwrap();
    bus.execute(BorrowedLater).await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}
