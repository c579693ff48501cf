//! What layers do for each other, with the real ones: a retry and a time-out, a span and the threads of a time-out.

use std::{
    io::{self, ErrorKind},
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
    layer::{Explanation, Layer, Outcome, Retry, Source, Timeout, Trace},
};

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
