//! R6, R7, R17 over the whole stack of layers: whatever becomes of a dispatch, it has one outcome and leaves nothing behind.

#[cfg(feature = "metrics")]
#[path = "support/meter.rs"]
mod meter;

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::FutureExt;
use linkbus::{
    AnyError, Builder, Bus, Command, Event, Flavor, Message, Query, SyncBus, Task,
    clock::ManualClock,
    handler,
    layer::{Concurrency, Counts, DeadLetters, Latency, LatencyStats, Layer, Retry, Timeout, Trace},
};
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;

/// What to do: succeed, fail, or panic before or after waiting.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
enum Fate {
    Succeeds,
    Fails,
    PanicsAtOnce,
    PanicsLater,
    /// With what is not text, and what panics when it is dropped.
    PanicsBadly,
}

struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "dropped");
    }
}

impl Fate {
    fn of(turn: u32) -> Fate {
        match turn % 50 {
            10 => Fate::PanicsAtOnce,
            20 | 30 => Fate::PanicsLater,
            40 | 48 => Fate::PanicsBadly,
            45 => Fate::Fails,
            _ => Fate::Succeeds,
        }
    }

    fn before(self) {
        match self {
            Fate::PanicsAtOnce => panic!("at once"),
            Fate::PanicsBadly => std::panic::panic_any(Bad),
            _ => {}
        }
    }

    fn after(self) -> Result<(), AnyError> {
        match self {
            Fate::PanicsLater => panic!("later"),
            Fate::Fails => Err("failed".into()),
            _ => Ok(()),
        }
    }
}

#[derive(Query, Clone)]
#[query(reply = ())]
struct Ask(Fate);

#[derive(Command, Clone, Serialize, Deserialize)]
struct Do(Fate);

#[derive(Event, Clone, Serialize, Deserialize)]
struct Done(Fate);

#[derive(Task, Clone, Serialize, Deserialize)]
struct Work(Fate);

/// What the layers keep.
struct Kept {
    counts: Counts,
    concurrency: Concurrency,
    latency: LatencyStats,
    letters: DeadLetters,
    #[cfg(feature = "metrics")]
    meter: meter::Meter,
}

/// With the layer `Metrics`, if there is one.
fn metered<B: Flavor>(builder: Builder<B>) -> Builder<B> {
    #[cfg(feature = "metrics")]
    let builder = builder.layer(linkbus::layer::Metrics::new());
    builder
}

impl Kept {
    fn new() -> Self {
        Kept {
            counts: Counts::new(),
            concurrency: Concurrency::of_bus(2).per_message(1),
            latency: LatencyStats::default(),
            letters: DeadLetters::in_memory(),
            #[cfg(feature = "metrics")]
            meter: meter::Meter::default(),
        }
    }

    /// The bus with all layers around it.
    fn around<B: Flavor>(&self, builder: Builder<B>) -> B
    where
        Retry: Layer<B>,
        Timeout: Layer<B>,
        Concurrency: Layer<B>,
        DeadLetters: Layer<B>,
        Latency: Layer<B>,
        Counts: Layer<B>,
        Trace: Layer<B>,
    {
        let builder = metered(builder)
            .layer(Trace::new())
            .layer(self.counts.clone())
            .layer(Latency::new(&self.latency))
            .layer(self.concurrency.clone())
            .layer(self.letters.clone())
            .layer(Retry::new())
            .layer(Timeout::after(Duration::from_secs(3600)));
        self.built(|| builder.build().unwrap())
    }

    #[cfg(feature = "metrics")]
    fn built<B>(&self, build: impl FnOnce() -> B) -> B {
        metrics::with_local_recorder(&self.meter, build)
    }

    #[cfg(not(feature = "metrics"))]
    #[expect(clippy::unused_self, reason = "with the feature it is used")]
    fn built<B>(&self, build: impl FnOnce() -> B) -> B {
        build()
    }

    /// How many dispatches came to an end; none is left behind.
    fn ended<M: Message>(&self) -> u64 {
        let counts = self.counts.snapshot();
        #[cfg(feature = "metrics")]
        self.meter.is_at_rest_after(counts.total_processed() + counts.total_failed());
        let counts = counts.of::<M>().unwrap();
        assert_eq!(counts.in_flight, 0);
        let stats = self.concurrency.stats();
        assert_eq!((stats.in_flight, stats.waiting), (0, 0));
        assert_eq!(self.letters.lost(), 0);
        counts.processed + counts.failed
    }

    /// All turns of a command, with one letter for each of these.
    fn has_ended_with_a_letter_for(&self, lost: u32) {
        assert_eq!((self.ended::<Do>(), self.letters.kept()), (TURNS.into(), lost.into()));
    }
}

fn quiet() {
    std::panic::set_hook(Box::new(|_| ()));
}

/// What the future gives, or what it panics with.
async fn caught<T>(future: impl Future<Output = T>) -> std::thread::Result<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|task| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// R6: one in ten panics, and one in fifty fails.
const TURNS: u32 = 200_000;

/// R6.
#[test]
fn panics_on_a_sync_bus_leave_nothing_behind() {
    quiet();
    let kept = Kept::new();
    let bus = kept.around(SyncBus::empty().command(|Do(fate): Do| {
        fate.before();
        fate.after()
    }));
    let (mut panicked, mut failed) = (0, 0);
    for turn in 0..TURNS {
        match catch_unwind(AssertUnwindSafe(|| bus.execute(Do(Fate::of(turn))))) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => failed += 1,
            Err(panic) => {
                std::mem::forget(panic);
                panicked += 1;
            }
        }
    }
    assert_eq!((panicked, failed), (TURNS / 10, TURNS / 50));
    kept.has_ended_with_a_letter_for(panicked + failed);
}

/// R6.
#[tokio::test]
async fn panics_on_a_bus_leave_nothing_behind() {
    quiet();
    let kept = Kept::new();
    let bus = kept.around(Bus::empty().command_async(|Do(fate): Do| async move {
        fate.before();
        yield_now().await;
        fate.after()
    }));
    let (mut panicked, mut failed) = (0, 0);
    for turn in 0..TURNS {
        match caught(bus.execute(Do(Fate::of(turn)))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => failed += 1,
            Err(panic) => {
                std::mem::forget(panic);
                panicked += 1;
            }
        }
    }
    assert_eq!((panicked, failed), (TURNS / 10, TURNS / 50));
    kept.has_ended_with_a_letter_for(panicked + failed);
}

/// Polls a future so often, with a minute passing after each time, and then drops it; `true` if it was over.
fn poll_and_drop(clock: &ManualClock, future: impl Future, polls: usize) -> bool {
    let mut future = Box::pin(future);
    let mut task = Context::from_waker(Waker::noop());
    (0..polls).any(|_| {
        let is_over = future.as_mut().poll(&mut task).is_ready();
        clock.advance(Duration::from_secs(60));
        is_over
    })
}

/// A bus with one stack of layers, and what is seen of it.
struct Watched {
    kept: Kept,
    bus: Bus,
    clock: ManualClock,
    calls: Arc<AtomicU64>,
}

impl Watched {
    fn new(letters: DeadLetters, layers: impl FnOnce(&Kept, Builder<Bus>) -> Builder<Bus>) -> Self {
        let (kept, clock, calls) =
            (Kept { letters, ..Kept::new() }, ManualClock::stopped(), Arc::<AtomicU64>::default());
        let [ask, act, work, one, other] = [(); 5].map(|()| calls.clone());
        let builder = Bus::empty()
            .query_async(move |Ask(fate): Ask| wait_and(fate, &ask))
            .command_async(move |Do(fate): Do| wait_and(fate, &act))
            .task_async(move |Work(fate): Work| wait_and(fate, &work))
            .subscribe_async(move |Done(fate): &Done| wait_and(*fate, &one))
            .subscribe_async(move |Done(fate): &Done| wait_and(*fate, &other))
            .layer(kept.counts.clone());
        let builder = layers(&kept, metered(builder)).clock(clock.clone());
        let bus = kept.built(|| builder.build().unwrap());
        Watched { kept, bus, clock, calls }
    }

    /// How many times handlers were called, and how many letters there are.
    fn seen(&self) -> (u64, u64) {
        (self.calls.load(Relaxed), self.kept.letters.kept())
    }

    /// Drops a dispatch at each point where it waits, from before the first to after the last; says how many there were.
    ///
    /// One that is not dropped calls handlers so many times, and leaves so many letters.
    fn cancelled_everywhere<M: Message, F: Future>(&self, whole: (u64, u64), dispatch: impl Fn() -> F) -> usize {
        let mut started = self.kept.ended::<M>();
        for polls in 0..100 {
            let before = self.seen();
            let is_over = poll_and_drop(&self.clock, dispatch(), polls);
            started += u64::from(polls > 0);
            assert_eq!(self.kept.ended::<M>(), started, "after {polls} polls");
            let (calls, letters) = (self.seen().0 - before.0, self.seen().1 - before.1);
            if is_over {
                assert_eq!((calls, letters), whole);
                return polls;
            }
            assert!(calls <= whole.0 && letters == 0, "after {polls} polls: {calls} calls, {letters} letters");
        }
        panic!("it is not over")
    }

    /// Every verb, with handlers that succeed, and with those that fail and are tried again: three times in all.
    fn check(&self, stack: &str) {
        let bus = &self.bus;
        for fate in [Fate::Succeeds, Fate::Fails] {
            let fails = u64::from(fate == Fate::Fails);
            let (calls, letters) = (1 + 2 * fails, fails);
            let points = [
                self.cancelled_everywhere::<Ask, _>((calls, 0), || bus.send(Ask(fate))),
                self.cancelled_everywhere::<Do, _>((calls, letters), || bus.execute(Do(fate))),
                self.cancelled_everywhere::<Work, _>((calls, letters), || bus.dispatch(Work(fate))),
                self.cancelled_everywhere::<Done, _>((2, 2 * letters), || bus.publish(Done(fate))),
            ];
            println!("{stack}, {fate:?}: over at poll {points:?}");
            // Each call waits twice, and there is a delay before the next.
            let most = if fails == 1 { 9 } else { 3 };
            assert!(points[..3].iter().all(|point| *point >= most) && points[3] >= 3, "{stack}: {points:?}");
        }
    }
}

fn wait_and(fate: Fate, calls: &AtomicU64) -> impl Future<Output = Result<(), AnyError>> + Send + use<> {
    calls.fetch_add(1, Relaxed);
    async move {
        yield_now().await;
        yield_now().await;
        fate.after()
    }
}

fn retry() -> Retry {
    Retry::new().on_any_error()
}

fn hour() -> Timeout {
    Timeout::after(Duration::from_secs(3600))
}

/// R7: wherever it waits, in the handler, between two attempts, and before it is let in.
#[test]
fn a_dispatch_may_be_dropped_wherever_it_waits() {
    let letters = DeadLetters::in_memory;
    let recommended = |kept: &Kept, bus: Builder<Bus>| {
        let bus = bus.layer(Trace::new()).layer(Latency::new(&kept.latency)).layer(kept.concurrency.clone());
        bus.layer(kept.letters.clone()).layer(retry()).layer(hour())
    };
    Watched::new(letters(), recommended).check("recommended");
    Watched::new(letters(), |kept, bus| {
        let bus = bus.layer(retry()).layer(kept.letters.clone()).layer(kept.concurrency.clone()).layer(hour());
        bus.layer(Latency::new(&kept.latency)).layer(Trace::new())
    })
    .check("retry outside");
    Watched::new(letters(), |kept, bus| {
        let bus = bus.layer(kept.letters.clone()).layer(hour()).layer(retry()).layer(kept.concurrency.clone());
        bus.layer(Trace::new()).layer(hour())
    })
    .check("time-outs outside and inside");
    #[cfg(feature = "tower")]
    {
        use linkbus::layer::tower::Tower;

        let tower = || Tower::of_bus(tower::limit::ConcurrencyLimitLayer::new(1));
        Watched::new(letters(), |kept, bus| {
            bus.layer(kept.letters.clone()).layer(tower()).layer(retry()).layer(tower())
        })
        .check("tower");
    }
}

/// R7: what is in the files is what was lost, and nothing of what was dropped.
#[cfg(feature = "file-store")]
#[test]
fn a_dropped_dispatch_leaves_nothing_in_files() {
    use linkbus::layer::dead_letter::{DeadLetterStore as _, FileStore, FsyncPolicy};

    let folder = std::env::temp_dir().join(format!("linkbus-{}", linkbus::Uuid::now_v7()));
    let letters = DeadLetters::new(FileStore::options().fsync(FsyncPolicy::Never).open(&folder).unwrap());
    let watched = Watched::new(letters, |kept, bus| bus.layer(kept.letters.clone()).layer(retry()).layer(hour()));
    watched.check("files");
    watched.bus.close().now_or_never().expect("no layer waits").unwrap();
    drop(watched);
    let store = FileStore::open(&folder).unwrap();
    // One of the command, one of the task, and one of each subscriber.
    assert_eq!(store.count().unwrap(), 4);
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}

/// R7: one that waits for room, and is dropped, passes its turn on.
#[tokio::test]
async fn a_dispatch_may_be_dropped_while_it_waits_for_room() {
    let kept = Kept::new();
    let bus = kept.around(Bus::empty().command_async(|_: Do| wait_and(Fate::Succeeds, &AtomicU64::new(0))));
    let mut first = Box::pin(bus.execute(Do(Fate::Succeeds)));
    let mut task = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut task).is_pending());
    assert!(!poll_and_drop(&ManualClock::new(), bus.execute(Do(Fate::Succeeds)), 3));
    let third = bus.execute(Do(Fate::Succeeds));
    let (first, third) = tokio::join!(first, third);
    assert!(first.is_ok() && third.is_ok());
    assert_eq!(kept.ended::<Do>(), 3);
}

#[derive(Command, Clone)]
struct Deeper(u32);

mod on_sync_bus {
    use super::{AnyError, Deeper, SyncBus, handler};

    #[handler]
    fn deeper(deeper: &Deeper, bus: &SyncBus) -> Result<(), AnyError> {
        if deeper.0 == 0 { Ok(()) } else { Ok(bus.execute(Deeper(deeper.0 - 1))?) }
    }

    linkbus::module!(messages: [Deeper], handlers: [deeper]);
}

mod on_bus {
    use super::{AnyError, Bus, Deeper, handler, yield_now};

    #[handler]
    async fn deeper(deeper: &Deeper, bus: &Bus) -> Result<(), AnyError> {
        yield_now().await;
        if deeper.0 == 0 { Ok(()) } else { Ok(Box::pin(bus.execute(Deeper(deeper.0 - 1))).await?) }
    }

    linkbus::module!(messages: [Deeper], handlers: [deeper]);
}

/// R17: all these layers, the deepest nesting that is allowed, one permit, and a stack of two megabytes.
#[test]
fn nesting_as_deep_as_allowed_ends_on_a_small_stack() {
    let on_a_small_stack = |run: fn()| {
        std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
    };
    on_a_small_stack(|| {
        let kept = Kept::new();
        // The time-out would take each level to another thread.
        let bus = metered(SyncBus::empty().modules([on_sync_bus::MODULE]));
        let bus = bus.layer(Trace::new()).layer(kept.counts.clone()).layer(Latency::new(&kept.latency));
        let bus = bus.layer(kept.concurrency.clone()).layer(kept.letters.clone()).layer(Retry::new().max_attempts(2));
        let bus = kept.built(|| bus.clock(ManualClock::new()).build().unwrap());
        bus.execute(Deeper(63)).unwrap();
        let error = bus.execute(Deeper(64)).unwrap_err();
        assert!(format!("{error:?}").contains("RecursionLimit"), "{error:?}");
        kept.ended::<Deeper>();
    });
    on_a_small_stack(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let kept = Kept::new();
        let bus = kept.around(Bus::empty().modules([on_bus::MODULE]));
        runtime.block_on(bus.execute(Deeper(63))).unwrap();
        let error = runtime.block_on(bus.execute(Deeper(64))).unwrap_err();
        assert!(format!("{error:?}").contains("RecursionLimit"), "{error:?}");
        kept.ended::<Deeper>();
    });
}

/// What a dispatch borrowed is free when it was dropped.
#[tokio::test]
async fn what_a_dropped_dispatch_held_is_free() {
    #[derive(Command, Clone)]
    struct Holds(#[expect(dead_code, reason = "it is held")] Arc<()>);

    let held = Arc::new(());
    let kept = Kept::new();
    let bus = kept.around(Bus::empty().command_async(|holds: Holds| async move {
        yield_now().await;
        drop(holds);
    }));
    for polls in 0..4 {
        poll_and_drop(&ManualClock::new(), bus.execute(Holds(held.clone())), polls);
        assert_eq!(Arc::strong_count(&held), 1, "after {polls} polls");
    }
}

// The futures are sent between threads by runtimes, so that the layers' are, too.
#[expect(dead_code, reason = "it is compiled")]
fn is_send(bus: &Bus) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
    Box::pin(async move { drop(bus.execute(Do(Fate::Succeeds)).await) })
}
