//! Layers of the crate `tower` around the dispatches of a bus.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use linkbus::{
    AnyError, Bus, Command, DispatchError, Event, ExecuteError, Kind, PublishError, Query, SendError, Task,
    layer::{
        AsyncAround, AsyncNext, DeadLetters, Dispatch, Done, Reason,
        dead_letter::Filter,
        tower::{Inside, Passage, Passed, Tower},
    },
};
use tokio::{sync::Semaphore, time::Instant};
use tower::{
    BoxError, Service, ServiceBuilder, buffer::BufferLayer, layer::layer_fn, limit::ConcurrencyLimitLayer,
    limit::RateLimitLayer, load_shed::LoadShedLayer, timeout::TimeoutLayer,
};

#[derive(Query)]
#[query(reply = u32, error = std::num::ParseIntError)]
struct Parse(&'static str);

#[derive(Command)]
struct Act;

#[derive(Event)]
struct Happened;

#[derive(Task)]
struct Work;

const SECOND: Duration = Duration::from_secs(1);

/// How many handlers are at work; each waits until it may end.
#[derive(Clone)]
struct Held {
    at_work: Arc<AtomicUsize>,
    may_end: Arc<Semaphore>,
}

struct AtWork(Arc<AtomicUsize>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Held {
    fn new() -> Self {
        Held { at_work: Arc::default(), may_end: Arc::new(Semaphore::new(0)) }
    }

    fn at_work(&self) -> usize {
        self.at_work.load(SeqCst)
    }

    fn run(&self) -> impl Future<Output = ()> + Send + use<> {
        let Held { at_work, may_end } = self.clone();
        async move {
            at_work.fetch_add(1, SeqCst);
            let _at_work = AtWork(at_work);
            may_end.acquire().await.unwrap().forget();
        }
    }

    /// A bus of four kinds, the handlers of three of which wait.
    fn bus<L>(&self, tower: Tower<L>) -> Bus
    where
        L: tower::Layer<Inside, Service: linkbus::layer::tower::TowerService> + Send + Sync + 'static,
    {
        let [act, happened, work] = [(); 3].map(|()| self.clone());
        Bus::empty()
            .query(|query: Parse| query.0.parse::<u32>())
            .command_async(move |_: Act| act.run())
            .subscribe_async(move |_: &Happened| happened.run())
            .task_async(move |_: Work| work.run())
            .layer(tower)
            .build()
            .unwrap()
    }
}

/// A bus whose handlers are done at once.
fn open_bus<L>(tower: Tower<L>) -> Bus
where
    L: tower::Layer<Inside, Service: linkbus::layer::tower::TowerService> + Send + Sync + 'static,
{
    let held = Held::new();
    held.may_end.add_permits(Semaphore::MAX_PERMITS);
    held.bus(tower)
}

type Polled<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

fn poll<T>(future: &mut Polled<'_, T>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn is_overload(error: &AnyError) -> bool {
    error.downcast_ref::<tower::load_shed::error::Overloaded>().is_some()
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_lets_in_so_many_in_each_period() {
    let bus = open_bus(Tower::of_bus(RateLimitLayer::new(2, SECOND)));
    let begun = Instant::now();
    let when = join_all((0..5).map(async |_| {
        bus.execute(Act).await.unwrap();
        begun.elapsed().as_secs()
    }));
    assert_eq!(when.await, [0, 0, 1, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_of_the_bus_or_of_each_message() {
    let begun = Instant::now();
    let together = open_bus(Tower::of_bus(RateLimitLayer::new(1, SECOND)));
    together.execute(Act).await.unwrap();
    together.dispatch(Work).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 1);
    let each = open_bus(Tower::per_message(RateLimitLayer::new(1, SECOND)));
    each.execute(Act).await.unwrap();
    each.dispatch(Work).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 1);
    each.execute(Act).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn load_shed_refuses_what_a_rate_limit_would_keep_waiting() {
    let stack = ServiceBuilder::new().load_shed().rate_limit(2, SECOND).into_inner();
    let bus = open_bus(Tower::of_bus(stack).overloaded_by::<tower::load_shed::error::Overloaded>());
    for _ in 0..3 {
        bus.execute(Act).await.unwrap();
        assert_eq!(bus.send(Parse("7")).await.unwrap(), 7);
        let error = bus.execute(Act).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Overloaded { .. }) && error.is_retryable());
        assert!(matches!(bus.send(Parse("7")).await, Err(SendError::Overloaded { .. })));
        assert!(matches!(bus.publish(Happened).await, Err(PublishError::Overloaded { .. })));
        assert!(matches!(bus.dispatch(Work).await, Err(DispatchError::Overloaded { .. })));
        tokio::time::advance(SECOND).await;
    }
}

#[tokio::test]
async fn what_turned_a_dispatch_away_is_the_source_of_the_refusal() {
    let held = Held::new();
    let stack = ServiceBuilder::new().layer(LoadShedLayer::new()).concurrency_limit(1).into_inner();
    let bus = held.bus(Tower::of_bus(stack));
    let mut inside: Polled<'_, _> = Box::pin(bus.execute(Act));
    assert!(poll(&mut inside).is_pending());
    let Err(ExecuteError::Refused { source, message }) = bus.execute(Act).await else { panic!("let in") };
    assert!(is_overload(&source));
    assert!(message.ends_with("Act"));
    let Err(PublishError::Refused { source, .. }) = bus.publish(Happened).await else { panic!("let in") };
    assert!(is_overload(&source));
    assert_eq!(held.at_work(), 1);
    held.may_end.add_permits(1);
    inside.await.unwrap();
    assert_eq!(bus.send(Parse("1")).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_time_out_drops_the_handler() {
    let held = Held::new();
    let bus = held.bus(Tower::of_bus(TimeoutLayer::new(3 * SECOND)));
    let mut running: Polled<'_, _> = Box::pin(bus.execute(Act));
    assert!(poll(&mut running).is_pending());
    assert_eq!(held.at_work(), 1);
    let Err(ExecuteError::Refused { source, .. }) = running.await else { panic!("not timed out") };
    assert!(source.downcast_ref::<tower::timeout::error::Elapsed>().is_some());
    assert_eq!(held.at_work(), 0);
    held.may_end.add_permits(1);
    bus.execute(Act).await.unwrap();
}

#[tokio::test]
async fn the_handlers_error_keeps_its_type() {
    let stack = ServiceBuilder::new().load_shed().concurrency_limit(1).timeout(SECOND).into_inner();
    let bus = open_bus(Tower::of_bus(stack));
    let error = bus.send(Parse("x")).await.unwrap_err().into_handler().unwrap();
    assert_eq!(error, "x".parse::<u32>().unwrap_err());
    assert_eq!(bus.send(Parse("5")).await.unwrap(), 5);
}

#[tokio::test]
async fn a_buffer_hands_the_dispatch_to_a_task_and_back() {
    let bus = open_bus(Tower::of_bus(BufferLayer::<Passage>::new(4)));
    let replies = join_all((0..20).map(async |_| bus.send(Parse("7")).await.unwrap())).await;
    assert_eq!(replies, [7; 20]);
    bus.publish(Happened).await.unwrap();
}

/// R6, R7: a place of a limit is free again after success, failure, a panic and a drop at any point.
#[tokio::test]
async fn no_place_is_left_behind() {
    for begins in 0..4 {
        let held = Held::new();
        let stack = ServiceBuilder::new().load_shed().concurrency_limit(1).into_inner();
        let bus = held.bus(Tower::of_bus(stack));
        let mut dropped: Polled<'_, _> = Box::pin(bus.execute(Act));
        for _ in 0..begins {
            assert!(poll(&mut dropped).is_pending());
        }
        assert_eq!(held.at_work(), usize::from(begins > 0));
        drop(dropped);
        assert_eq!(held.at_work(), 0);
        assert_eq!(bus.send(Parse("5")).now_or_never().unwrap().unwrap(), 5);
        assert!(matches!(bus.send(Parse("x")).now_or_never().unwrap(), Err(SendError::Handler(_))));
        assert_eq!(bus.send(Parse("5")).now_or_never().unwrap().unwrap(), 5);
    }
    let tower = Tower::of_bus(ServiceBuilder::new().load_shed().concurrency_limit(1).into_inner());
    let bus = Bus::empty()
        .command_async(|_: Act| async { panic_now() })
        .query(|query: Parse| query.0.parse::<u32>())
        .layer(tower)
        .build()
        .unwrap();
    let panicking = bus.clone();
    assert!(tokio::spawn(async move { panicking.execute(Act).await }).await.unwrap_err().is_panic());
    assert_eq!(bus.send(Parse("5")).await.unwrap(), 5);
}

/// R7: also while it waits for its place.
#[tokio::test]
async fn one_that_is_dropped_while_it_waits_blocks_nobody() {
    let held = Held::new();
    let bus = held.bus(Tower::of_bus(ConcurrencyLimitLayer::new(1)));
    let [mut first, mut second, mut third]: [Polled<'_, Result<(), ExecuteError<AnyError>>>; 3] =
        [(); 3].map(|()| Box::pin(bus.execute(Act)) as _);
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending() && poll(&mut third).is_pending());
    drop(second);
    held.may_end.add_permits(2);
    first.await.unwrap();
    third.await.unwrap();
}

fn panic_now() {
    assert!(tokio::task::try_id().is_none(), "on purpose");
}

#[derive(Command)]
struct Outer;

mod nested {
    use super::{Act, Bus, Outer};

    #[linkbus::handler]
    async fn outer(_: Outer, bus: &Bus) -> Result<(), linkbus::AnyError> {
        Ok(bus.execute(Act).await?)
    }

    #[linkbus::handler]
    fn act(_: Act) {}

    linkbus::module! { messages: [Outer, Act], handlers: [outer, act] }
}

#[tokio::test]
async fn a_stack_at_the_ingress_is_passed_by_what_handlers_dispatch() {
    let stack = || ServiceBuilder::new().load_shed().concurrency_limit(1).into_inner();
    let builder = || Bus::empty().modules([nested::MODULE]);
    let bus = builder().layer(Tower::of_bus(stack()).at_ingress()).build().unwrap();
    bus.execute(Outer).await.unwrap();
    let bus = builder().layer(Tower::of_bus(stack())).build().unwrap();
    assert!(bus.execute(Outer).await.is_err());
}

/// The messages that a service saw, and which attempt.
type Seen = Arc<Mutex<Vec<(&'static str, u32)>>>;

/// What a service of a test does with a dispatch.
#[derive(Clone)]
struct Odd {
    inside: Inside,
    way: Way,
    seen: Seen,
}

#[derive(Clone, Copy)]
enum Way {
    /// Fails after the dispatch is over.
    FailAfter,
    /// Never lets it in.
    FailBefore,
    /// Takes it in, drops it after one poll, and never answers.
    Drop,
    /// Takes what it is asked for and keeps silent.
    Forget,
}

impl Service<Passage> for Odd {
    type Response = Passed;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Passed, BoxError>> + Send>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inside.poll_ready(task).map_err(Into::into)
    }

    fn call(&mut self, passage: Passage) -> Self::Future {
        self.seen.lock().unwrap().push((passage.message().name, passage.attempt()));
        assert!(passage.deadline().is_none());
        let (way, mut inside) = (self.way, self.inside.clone());
        Box::pin(async move {
            match way {
                Way::FailAfter => {
                    let _ = inside.call(passage).await;
                    Err("after".into())
                }
                Way::FailBefore => Err("before".into()),
                Way::Drop => {
                    let mut crossing = Box::pin(inside.call(passage));
                    std::future::poll_fn(|task| Poll::Ready(crossing.as_mut().poll(task).is_pending())).await;
                    tokio::task::yield_now().await;
                    drop(crossing);
                    pending().await
                }
                Way::Forget => {
                    drop(passage);
                    pending().await
                }
            }
        })
    }
}

fn odd_bus(held: &Held, way: Way) -> (Bus, Seen) {
    let seen = Seen::default();
    let of_layer = Arc::clone(&seen);
    let layer = layer_fn(move |inside| Odd { inside, way, seen: Arc::clone(&of_layer) });
    (held.bus(Tower::per_message(layer)), seen)
}

#[tokio::test]
async fn a_dispatch_that_is_over_keeps_its_outcome() {
    let (bus, seen) = odd_bus(&Held::new(), Way::FailAfter);
    assert_eq!(bus.send(Parse("3")).await.unwrap(), 3);
    assert!(matches!(bus.send(Parse("x")).await, Err(SendError::Handler(_))));
    assert!(seen.lock().unwrap().iter().all(|(name, attempt)| name.ends_with("Parse") && *attempt == 1));
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_dispatch_that_was_not_let_in_has_done_nothing() {
    let held = Held::new();
    let (bus, _) = odd_bus(&held, Way::FailBefore);
    let Err(ExecuteError::Refused { source, .. }) = bus.execute(Act).await else { panic!("let in") };
    assert_eq!(source.to_string(), "before");
}

#[test]
fn a_dispatch_that_the_stack_drops_is_dropped_at_once() {
    let held = Held::new();
    let (bus, _) = odd_bus(&held, Way::Drop);
    let mut running: Polled<'_, _> = Box::pin(bus.execute(Act));
    assert!(poll(&mut running).is_pending());
    assert_eq!(held.at_work(), 1);
    assert!(poll(&mut running).is_pending());
    assert_eq!(held.at_work(), 0);
    let (bus, _) = odd_bus(&held, Way::Forget);
    let mut running: Polled<'_, _> = Box::pin(bus.execute(Act));
    assert!(poll(&mut running).is_pending() && poll(&mut running).is_pending());
    assert_eq!(held.at_work(), 0);
}

/// Runs what is inside twice.
struct Twice;

impl AsyncAround for Twice {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        next.run(dispatch).await;
        next.run(dispatch).await
    }
}

/// The outcome of an earlier attempt is not taken for that of one that was turned away.
#[tokio::test(start_paused = true)]
async fn each_attempt_goes_through_the_stack() {
    let stack = ServiceBuilder::new().load_shed().rate_limit(1, SECOND).into_inner();
    let bus = Bus::empty()
        .query(|query: Parse| query.0.parse::<u32>())
        .layer(Twice)
        .layer(Tower::of_bus(stack))
        .build()
        .unwrap();
    assert!(matches!(bus.send(Parse("1")).await, Err(SendError::Refused { .. })));
}

#[test]
fn explain_names_the_layer_and_whom_it_is_for() {
    let bus = open_bus(Tower::of_bus(ConcurrencyLimitLayer::new(1)).at_ingress());
    let text = bus.explain::<Act>().unwrap().to_string();
    assert!(text.contains("ConcurrencyLimitLayer") && text.contains("one for = the bus"), "{text}");
    assert!(text.contains("from inside handlers = goes past"), "{text}");
    assert_eq!(bus.explain::<Act>().unwrap().route.message.kind, Kind::Command);
}

#[derive(Command, Clone)]
struct Stuck;

/// A tower layer that may give up what it has let in goes inside of the dead letters, and then what it gives up has one.
#[tokio::test(start_paused = true)]
async fn what_a_tower_layer_gives_up_is_not_lost_without_a_letter() {
    let timeout = || Tower::of_bus(TimeoutLayer::new(3 * SECOND));
    let letters = DeadLetters::in_memory();
    let bus = || Bus::empty().command_async(|_: Stuck| pending::<()>());
    let error = bus().layer(timeout()).layer(letters.clone()).build().unwrap_err();
    let [fault] = error.faults() else { panic!("{error}") };
    assert_eq!(fault.code(), "BUS013");
    assert!(fault.help().contains("before the `.layer(..)` of the `Tower`"), "{error}");

    let bus = bus().layer(letters.clone()).layer(timeout()).build().unwrap();
    assert!(matches!(bus.execute(Stuck).await, Err(ExecuteError::Refused { .. })));
    let letters = letters.store().list(&Filter::any(), 10).unwrap();
    assert_eq!(letters.iter().map(|letter| letter.error.reason).collect::<Vec<_>>(), [Reason::Refused]);
}

/// What is refused before it comes to the dead letters is told to the caller; what is lost behind them has its letter.
#[tokio::test]
async fn a_tower_layer_that_only_admits_may_be_around_dead_letters() {
    let letters = DeadLetters::in_memory();
    let limit = ServiceBuilder::new().load_shed().rate_limit(1, 3600 * SECOND);
    let bus = Bus::empty().command(|_: Stuck| Err::<(), _>("stuck")).layer(Tower::of_bus(limit).only_admits());
    let bus = bus.layer(letters.clone()).build().unwrap();
    assert!(matches!(bus.execute(Stuck).await, Err(ExecuteError::Handler(_))));
    assert!(matches!(bus.execute(Stuck).await, Err(ExecuteError::Refused { .. })));
    assert_eq!(letters.kept(), 1);
    assert!(bus.explain::<Stuck>().unwrap().to_string().contains("what it let in"));
}
