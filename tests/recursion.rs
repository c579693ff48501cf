//! Messages that go in circles end in an error that shows the circle, and leave no trace.
#![expect(clippy::needless_pass_by_value, reason = "handlers are written here in every form that they can have")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use futures_util::{FutureExt, future::join_all};
use linkbus::{
    Bus, Command, CommandHandle, Event, ExecuteError, PublishError, Query, RecursionLimit, SendError,
    SubscriberFailure, SyncBus, handler,
};
use tokio::task::yield_now;

/// The limit that was met further down, passed up through every handler of the circle.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct TooDeep(RecursionLimit);

impl From<ExecuteError<TooDeep>> for TooDeep {
    fn from(error: ExecuteError<TooDeep>) -> Self {
        match error {
            ExecuteError::Handler(error) => error,
            ExecuteError::RecursionLimit(limit) => TooDeep(*limit),
            other => panic!("unexpected: {other}"),
        }
    }
}

impl From<SendError<TooDeep>> for TooDeep {
    fn from(error: SendError<TooDeep>) -> Self {
        match error {
            SendError::Handler(error) => error,
            SendError::RecursionLimit(limit) => TooDeep(*limit),
            other => panic!("unexpected: {other}"),
        }
    }
}

/// How often handlers were called.
#[derive(Default)]
struct Calls(AtomicU32);

impl Calls {
    fn count(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn take(&self) -> u32 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// The plain handlers.
mod sync {
    use super::{AtomicU32, Calls, Command, CommandHandle, Event, Ordering, Query, SyncBus, TooDeep, handler};

    #[derive(Command)]
    #[command(error = TooDeep, name = "Again")]
    pub(super) struct Again;

    #[derive(Command)]
    #[command(error = TooDeep, name = "Ping")]
    pub(super) struct Ping;

    #[derive(Query)]
    #[query(reply = (), error = TooDeep, name = "Pong")]
    pub(super) struct Pong;

    #[derive(Command)]
    #[command(error = TooDeep, name = "Stored")]
    pub(super) struct Stored;

    #[derive(Event)]
    #[event(name = "Echo")]
    pub(super) struct Echo;

    /// Goes down as many levels as it says, and fails or panics there.
    #[derive(Command)]
    #[command(error = TooDeep, name = "Down")]
    pub(super) struct Down(pub(super) u32, pub(super) End);

    #[derive(Clone, Copy)]
    pub(super) enum End {
        Return,
        Panic,
    }

    pub(super) struct Service(pub(super) CommandHandle<SyncBus>);

    #[handler]
    fn again(_: Again, bus: &SyncBus, calls: &Calls) -> Result<(), TooDeep> {
        calls.count();
        Ok(bus.execute(Again)?)
    }

    #[handler]
    fn ping(_: Ping, bus: &SyncBus) -> Result<(), TooDeep> {
        Ok(bus.send(Pong)?)
    }

    #[handler]
    fn pong(_: Pong, bus: &SyncBus) -> Result<(), TooDeep> {
        Ok(bus.execute(Ping)?)
    }

    #[handler]
    fn stored(_: Stored, service: &Service) -> Result<(), TooDeep> {
        Ok(service.0.execute(Stored)?)
    }

    #[handler]
    fn echo(_: &Echo, bus: &SyncBus, calls: &Calls) -> Result<(), linkbus::AnyError> {
        calls.count();
        Ok(bus.publish(Echo)?)
    }

    #[handler]
    fn bystander(_: &Echo, bystanders: &Bystanders) {
        bystanders.0.fetch_add(1, Ordering::Relaxed);
    }

    #[derive(Default)]
    pub(super) struct Bystanders(pub(super) AtomicU32);

    #[handler]
    fn down(command: Down, bus: &SyncBus) -> Result<(), TooDeep> {
        match command {
            Down(0, End::Return) => Ok(()),
            Down(0, End::Panic) => panic!("at the bottom"),
            Down(levels, end) => Ok(bus.execute(Down(levels - 1, end))?),
        }
    }

    linkbus::module! {
        messages: [Again, Ping, Pong, Stored, Echo, Down],
        handlers: [again, ping, pong, stored, echo, bystander, down],
    }

    pub(super) fn builder() -> linkbus::Builder<SyncBus> {
        SyncBus::empty()
            .modules([MODULE])
            .provide(Calls::default())
            .provide(Bystanders::default())
            .provide_with(|bus| Service(bus.commands()))
    }
}

use sync::{Again, Down, Echo, End, Ping, Stored};

fn sync_bus() -> SyncBus {
    sync::builder().build().unwrap()
}

/// The limit that `execute` met, at whatever depth.
fn limit<E: Into<TooDeep>>(result: Result<(), E>) -> RecursionLimit {
    let TooDeep(limit) = result.expect_err("the circle has no end").into();
    limit
}

/// Nothing of an earlier dispatch counts: exactly the whole limit is free.
fn assert_whole_depth_is_free(bus: &SyncBus) {
    bus.execute(Down(63, End::Return)).unwrap();
    assert_eq!(limit(bus.execute(Down(64, End::Return))).limit, 64);
}

/// A message that dispatches itself is refused at 64 levels, and the error shows the way there.
#[test]
fn a_message_that_dispatches_itself_is_refused_at_depth_64() {
    let bus = sync_bus();
    let error = bus.execute(Again).unwrap_err();
    assert_eq!(error.to_string(), "dispatches are nested 64 deep: Again -> Again");
    let limit = limit(Err(error));
    assert_eq!(limit.limit, 64);
    assert_eq!(limit.path, ["Again"; 33]);
    assert_whole_depth_is_free(&bus);
}

/// A circle of two messages is shown once round.
#[test]
fn the_error_shows_the_circle() {
    let bus = sync_bus();
    let error = bus.execute(Ping).unwrap_err();
    assert_eq!(error.to_string(), "dispatches are nested 64 deep: Ping -> Pong -> Ping");
    let path = limit(Err(error)).path;
    assert_eq!(path.len(), 33);
    assert!(path.chunks(2).all(|round| round == ["Ping", "Pong"] || round == ["Ping"]));
}

/// A circle through a handle that a service keeps is seen like any other.
#[test]
fn a_circle_through_a_stored_handle_is_refused() {
    let bus = sync_bus();
    assert_eq!(limit(bus.execute(Stored)).path, ["Stored"; 33]);
    assert_whole_depth_is_free(&bus);
}

/// A circle of events fails innermost first; subscribers outside the circle run at every level.
#[test]
fn a_circle_of_events_is_refused() {
    let bus = sync_bus();
    let mut error: &(dyn std::error::Error + 'static) = &bus.publish(Echo).unwrap_err();
    let mut levels = 1;
    let limit = loop {
        if let Some(limit) = error.downcast_ref::<RecursionLimit>() {
            break limit;
        }
        levels += u32::from(error.is::<PublishError>());
        error = error.source().expect("the limit is at the bottom");
    };
    assert_eq!(limit.path, ["Echo"; 33]);
    assert!(levels >= 64);
    assert_whole_depth_is_free(&bus);
}

/// What is refused is one subscriber, not the event.
#[test]
fn a_subscriber_beyond_the_limit_is_named() {
    mod shallow {
        use super::{Echo, PublishError, SyncBus, handler};

        pub(super) struct Innermost(pub(super) std::sync::Mutex<Option<PublishError>>);

        #[handler]
        fn again(_: &Echo, bus: &SyncBus, innermost: &Innermost) {
            if let Err(error) = bus.publish(Echo) {
                *innermost.0.lock().unwrap() = Some(error);
            }
        }

        linkbus::module! { handlers: [again] }
    }

    let innermost = std::sync::Arc::new(shallow::Innermost(None.into()));
    let builder = SyncBus::empty().modules([shallow::MODULE]).provide_arc(innermost.clone()).max_depth(3);
    builder.build().unwrap().publish(Echo).unwrap();
    let error = innermost.0.lock().unwrap().take().expect("a fourth level is refused");
    let PublishError::Subscriber(refused) = error else { panic!("one was refused: {error}") };
    assert_eq!(refused.to_string(), "subscriber `again` of event `Echo` was not called");
    assert!(matches!(refused.failure, SubscriberFailure::RecursionLimit(limit) if limit.limit == 3));
}

/// The limit is the builder's, and a bus that allows more is not bound by one that allows less.
#[test]
fn the_limit_is_configurable() {
    let shallow = sync::builder().max_depth(3).build().unwrap();
    shallow.execute(Down(2, End::Return)).unwrap();
    let limit = limit(shallow.execute(Down(3, End::Return)));
    assert_eq!((limit.limit, limit.path), (3, vec!["Down"; 4]));
    let deep = sync::builder().max_depth(100).build().unwrap();
    deep.execute(Down(99, End::Return)).unwrap();
}

/// Of a long way the path holds the deepest 32 levels, and the message that was refused.
#[test]
fn a_long_path_keeps_its_deepest_part() {
    let bus = sync::builder().max_depth(100).build().unwrap();
    let limit = limit(bus.execute(Ping));
    assert_eq!((limit.limit, limit.path.len()), (100, 33));
    assert_eq!(limit.path.last(), Some(&"Ping"));
}

/// The depth is given back by errors and by panics.
#[test]
fn depth_is_restored_after_errors_and_panics() {
    let bus = sync_bus();
    for _ in 0..100 {
        limit(bus.execute(Again));
        catch_unwind(AssertUnwindSafe(|| bus.execute(Down(40, End::Panic)))).unwrap_err();
    }
    assert_whole_depth_is_free(&bus);
}

/// The depth is that of the call stack: a thousand dispatches one after the other are one level deep.
#[test]
fn a_thousand_roots_are_not_a_depth() {
    let bus = sync::builder().max_depth(4).build().unwrap();
    for _ in 0..1000 {
        bus.execute(Down(3, End::Return)).unwrap();
    }
}

/// Every thread has its own depth.
#[test]
fn threads_do_not_share_their_depth() {
    let bus = sync::builder().max_depth(4).build().unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..200).for_each(|_| bus.execute(Down(3, End::Return)).unwrap()));
        }
    });
}

/// The async handlers.
mod asynchronous {
    use super::{Bus, Calls, Command, CommandHandle, Event, TooDeep, handler, yield_now};

    #[derive(Command)]
    #[command(error = TooDeep, name = "AsyncAgain")]
    pub(super) struct Again(#[expect(dead_code, reason = "only its size counts")] pub(super) [u8; 1024]);

    #[derive(Command)]
    #[command(error = TooDeep, name = "AsyncStored")]
    pub(super) struct Stored;

    #[derive(Event)]
    #[event(name = "AsyncEcho")]
    pub(super) struct Echo;

    /// Waits on every level on the way down and on the way up.
    #[derive(Command)]
    #[command(error = TooDeep, name = "AsyncDown")]
    pub(super) struct Down(pub(super) u32);

    pub(super) struct Service(pub(super) CommandHandle);

    #[handler]
    async fn again(command: Again, bus: &Bus, calls: &Calls) -> Result<(), TooDeep> {
        calls.count();
        yield_now().await;
        Ok(bus.execute(command).await?)
    }

    #[handler]
    async fn stored(_: Stored, service: &Service) -> Result<(), TooDeep> {
        Ok(service.0.execute(Stored).await?)
    }

    #[handler]
    async fn echo(_: &Echo, bus: &Bus, calls: &Calls) -> Result<(), linkbus::AnyError> {
        calls.count();
        Ok(bus.publish(Echo).await?)
    }

    #[handler]
    async fn down(command: Down, bus: &Bus) -> Result<(), TooDeep> {
        yield_now().await;
        if command.0 > 0 {
            bus.execute(Down(command.0 - 1)).await?;
        }
        yield_now().await;
        Ok(())
    }

    linkbus::module! {
        messages: [Again, Stored, Echo, Down],
        handlers: [again, stored, echo, down],
    }

    pub(super) fn bus(max_depth: u32) -> (Bus, std::sync::Arc<Calls>) {
        let calls = std::sync::Arc::new(Calls::default());
        let bus = Bus::empty()
            .modules([MODULE])
            .provide_arc(calls.clone())
            .provide_with(|bus| Service(bus.commands()))
            .max_depth(max_depth)
            .build();
        (bus.unwrap(), calls)
    }
}

/// Async handlers are counted like plain ones, across their awaits.
#[tokio::test]
async fn a_circle_of_async_handlers_is_refused() {
    let (bus, calls) = asynchronous::bus(64);
    for _ in 0..3 {
        let limit = limit(bus.execute(asynchronous::Again([0; 1024])).await);
        assert_eq!(limit.path, ["AsyncAgain"; 33]);
        assert_eq!(calls.take(), 64);
    }
    assert_eq!(limit(bus.execute(asynchronous::Stored).await).path, ["AsyncStored"; 33]);
}

/// Circles of async subscribers too.
#[tokio::test]
async fn a_circle_of_async_events_is_refused() {
    let (bus, calls) = asynchronous::bus(64);
    for _ in 0..3 {
        bus.publish(asynchronous::Echo).await.unwrap_err();
        assert_eq!(calls.take(), 64);
    }
}

/// A thousand dispatches that are under way at once on one thread are each as deep as they are, and no deeper.
#[tokio::test]
async fn a_thousand_concurrent_roots_do_not_add_up() {
    let (bus, _) = asynchronous::bus(4);
    let roots = join_all((0..1000).map(|_| bus.execute(asynchronous::Down(3)))).await;
    assert!(roots.iter().all(Result::is_ok));
    assert_eq!(limit(bus.execute(asynchronous::Down(4)).await).limit, 4);
}

/// A dispatch that is dropped on its way gives its levels back, wherever it was.
#[tokio::test]
async fn depth_is_restored_after_cancellation() {
    let (bus, _) = asynchronous::bus(8);
    for polls in 0..20 {
        let mut dispatch = Box::pin(bus.execute(asynchronous::Down(7)));
        for _ in 0..polls {
            if dispatch.as_mut().now_or_never().is_some() {
                break;
            }
        }
        drop(dispatch);
        bus.execute(asynchronous::Down(7)).await.unwrap();
        assert_eq!(limit(bus.execute(asynchronous::Down(8)).await).limit, 8);
    }
}

/// A dispatch may be polled first on one thread and then on another; each has its depth back afterwards.
#[test]
fn a_dispatch_may_move_between_threads() {
    let (bus, _) = asynchronous::bus(8);
    let dispatch = bus.execute(asynchronous::Down(7));
    let mut dispatch = pin!(dispatch);
    let mut done = false;
    while !done {
        let dispatch = dispatch.as_mut();
        let fresh = &bus;
        done = thread::scope(|scope| {
            let poll = scope.spawn(move || {
                let polled = dispatch.now_or_never();
                let limit = limit(fresh.execute(asynchronous::Down(8)).now_or_never_for(40));
                assert_eq!(limit.limit, 8);
                polled
            });
            poll.join().unwrap().is_some_and(|outcome| outcome.is_ok())
        });
    }
}

/// Polls a future that only ever yields until it is done.
trait Drive: Future + Sized {
    fn now_or_never_for(self, polls: usize) -> Self::Output {
        let mut future = pin!(self);
        (0..polls).find_map(|_| future.as_mut().now_or_never()).expect("done after so many polls")
    }
}

impl<F: Future> Drive for F {}

/// R17: at the limit there is stack to spare: a thread of 2 MiB, as async runtimes have them, in a debug build.
#[test]
fn the_limit_is_met_long_before_the_stack_ends() {
    let small_stack = thread::Builder::new().stack_size(2 << 20).spawn(|| {
        let sync = sync_bus();
        limit(sync.execute(Again));
        limit(sync.execute(Stored));
        sync.publish(Echo).unwrap_err();
        let (bus, calls) = asynchronous::bus(64);
        limit(bus.execute(asynchronous::Again([0; 1024])).now_or_never_for(1000));
        limit(bus.execute(asynchronous::Stored).now_or_never_for(1000));
        assert_eq!(calls.take(), 64);
        bus.publish(asynchronous::Echo).now_or_never_for(1000).unwrap_err();
        assert_eq!(calls.take(), 64);
    });
    small_stack.unwrap().join().unwrap();
}
