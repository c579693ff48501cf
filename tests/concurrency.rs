//! Limits on what is in flight: who is let in, who waits, who is refused, and that nothing is left behind.

#[path = "support/until.rs"]
mod deadline;

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use futures_util::FutureExt;
use linkbus::{
    Bus, Command, DispatchError, Event, ExecuteError, Kind, PublishError, Query, SendError, SyncBus, Task,
    layer::{Concurrency, ConcurrencyStats, only},
};
use tokio::sync::Semaphore;

use self::deadline::until;

#[derive(Query)]
#[query(reply = u32)]
struct Ask(u32);

#[derive(Command)]
struct Act(u32);

#[derive(Event)]
struct Happened(u32);

#[derive(Task)]
struct Work(u32);

type Polled<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

fn poll<T>(future: &mut Polled<'_, T>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn figures(stats: ConcurrencyStats) -> [u64; 6] {
    let ConcurrencyStats { in_flight, waiting, admitted, rejected, abandoned, nested, .. } = stats;
    [in_flight as u64, waiting as u64, admitted, rejected, abandoned, nested]
}

/// What handlers wait for, so that a test holds them; and the order in which they began.
#[derive(Clone)]
struct Held {
    may_end: Arc<Semaphore>,
    begun: Arc<Mutex<Vec<u32>>>,
}

impl Held {
    fn new() -> Self {
        Held { may_end: Arc::new(Semaphore::new(0)), begun: Arc::default() }
    }

    async fn run(&self, number: u32) {
        self.begun.lock().unwrap().push(number);
        self.may_end.acquire().await.unwrap().forget();
    }

    fn end(&self, handlers: usize) {
        self.may_end.add_permits(handlers);
    }

    fn begun(&self) -> Vec<u32> {
        self.begun.lock().unwrap().clone()
    }

    /// A bus of all four kinds, whose handlers are held.
    fn bus(&self, limits: &Concurrency) -> Bus {
        let [ask, act, happened, work] = [(); 4].map(|()| self.clone());
        Bus::empty()
            .query_async(move |query: Ask| {
                let held = ask.clone();
                async move {
                    held.run(query.0).await;
                    query.0
                }
            })
            .command_async(move |command: Act| {
                let held = act.clone();
                async move { held.run(command.0).await }
            })
            .subscribe_async(move |event: &Happened| {
                let (held, number) = (happened.clone(), event.0);
                async move { held.run(number).await }
            })
            .task_async(move |task: Work| {
                let held = work.clone();
                async move { held.run(task.0).await }
            })
            .layer(limits.clone())
            .build()
            .unwrap()
    }
}

/// One dispatch of each kind; true if it was refused for want of room.
async fn dispatch(bus: &Bus, kind: Kind, number: u32) -> bool {
    match kind {
        Kind::Query => matches!(bus.send(Ask(number)).await, Err(SendError::Overloaded { .. })),
        Kind::Command => matches!(bus.execute(Act(number)).await, Err(ExecuteError::Overloaded { .. })),
        Kind::Event => matches!(bus.publish(Happened(number)).await, Err(PublishError::Overloaded { .. })),
        Kind::Task => matches!(bus.dispatch(Work(number)).await, Err(DispatchError::Overloaded { .. })),
    }
}

const KINDS: [Kind; 4] = [Kind::Query, Kind::Command, Kind::Event, Kind::Task];

fn started(bus: &Bus, kind: Kind, number: u32) -> Polled<'_, bool> {
    let mut dispatched: Polled<'_, bool> = Box::pin(dispatch(bus, kind, number));
    assert!(poll(&mut dispatched).is_pending());
    dispatched
}

/// Polls until nothing more happens; gives those that are not done.
fn settle(mut dispatches: Vec<Polled<'_, bool>>) -> Vec<Polled<'_, bool>> {
    for _ in 0..2 {
        dispatches.reverse();
        dispatches.retain_mut(|dispatched| poll(dispatched).is_pending());
    }
    dispatches
}

/// First come, first served, whatever the order in which the waiting ones are polled.
#[test]
fn what_is_over_the_limit_of_the_bus_waits_its_turn() {
    let (held, limits) = (Held::new(), Concurrency::of_bus(1));
    let bus = held.bus(&limits);
    let mut dispatches: Vec<_> = (0..8).map(|number| started(&bus, KINDS[number as usize % 4], number)).collect();
    for ended in 0..8 {
        assert_eq!(held.begun(), (0..=ended).collect::<Vec<_>>());
        assert_eq!(figures(limits.stats()), [1, 7 - u64::from(ended), 1 + u64::from(ended), 0, 0, 0]);
        held.end(1);
        dispatches = settle(dispatches);
    }
    assert!(dispatches.is_empty());
    assert_eq!(figures(limits.stats()), [0, 0, 8, 0, 0, 0]);
}

#[test]
fn each_message_has_its_own_limit_and_what_waits_for_it_takes_no_room_on_the_bus() {
    let held = Held::new();
    let limits = Concurrency::of_bus(3).per_message(2).for_kind(Kind::Event, 1).for_message::<Act>(1);
    let bus = held.bus(&limits);
    let acts: Vec<_> = (0..4).map(|number| started(&bus, Kind::Command, number)).collect();
    let events: Vec<_> = (10..12).map(|number| started(&bus, Kind::Event, number)).collect();
    let asks: Vec<_> = (20..23).map(|number| started(&bus, Kind::Query, number)).collect();
    assert_eq!(held.begun(), [0, 10, 20]);
    assert_eq!(figures(limits.stats_of::<Act>().unwrap()), [1, 3, 1, 0, 0, 0]);
    assert_eq!(figures(limits.stats_of::<Happened>().unwrap()), [1, 1, 1, 0, 0, 0]);
    assert_eq!(figures(limits.stats_of::<Ask>().unwrap()), [1, 2, 1, 0, 0, 0]);
    drop(acts);
    assert!(settle(events).len() == 2 && settle(asks).len() == 3);
    assert_eq!(held.begun(), [0, 10, 20, 21]);
    assert_eq!(figures(limits.stats_of::<Act>().unwrap()), [0, 0, 1, 0, 3, 0]);
}

#[test]
fn every_kind_says_overloaded_when_nobody_may_wait() {
    let (held, limits) = (Held::new(), Concurrency::of_bus(1).reject());
    let bus = held.bus(&limits);
    let inside = started(&bus, Kind::Query, 0);
    for kind in KINDS {
        assert_eq!(dispatch(&bus, kind, 1).now_or_never(), Some(true), "{kind}");
    }
    let error = bus.execute(Act(1)).now_or_never().unwrap().unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(figures(limits.stats()), [1, 0, 1, 5, 0, 0]);
    drop(inside);
    assert_eq!(figures(limits.stats()), [0, 0, 1, 5, 0, 0]);
    assert_eq!(held.begun(), [0]);
}

#[test]
fn no_more_wait_than_may() {
    let (held, limits) = (Held::new(), Concurrency::of_bus(1).max_waiting(3));
    let bus = held.bus(&limits);
    let mut waiting: Vec<_> = (0..4).map(|number| started(&bus, Kind::Task, number)).collect();
    assert_eq!(dispatch(&bus, Kind::Task, 4).now_or_never(), Some(true));
    assert_eq!(figures(limits.stats()), [1, 3, 1, 1, 0, 0]);
    // One that gives up makes room for another, at the end of the queue.
    drop(waiting.remove(1));
    waiting.push(started(&bus, Kind::Task, 5));
    held.end(4);
    for _ in 0..4 {
        waiting = settle(waiting);
    }
    assert_eq!(held.begun(), [0, 2, 3, 5]);
    assert_eq!(figures(limits.stats()), [0, 0, 4, 1, 1, 0]);
    assert_eq!(limits.stats().offered(), 6);
}

/// A future that is dropped after so many polls.
fn cancelled_after<T>(polls: usize, mut future: Polled<'_, T>) -> Option<T> {
    (0..polls).find_map(|_| match poll(&mut future) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    })
}

/// R7.
#[test]
fn a_dispatch_that_is_dropped_anywhere_leaves_no_permit_and_no_place_in_the_queue() {
    let mut points = 0;
    for kind in KINDS {
        for is_waiting in [false, true] {
            let (held, limits) = (Held::new(), Concurrency::of_bus(1).per_message(1));
            let bus = held.bus(&limits);
            for polls in 0.. {
                let first = is_waiting.then(|| started(&bus, kind, 1));
                let mut second: Polled<'_, bool> = Box::pin(dispatch(&bus, kind, 2));
                for _ in 0..polls {
                    assert!(poll(&mut second).is_pending());
                }
                let third = (polls > 0).then(|| started(&bus, kind, 3));
                points += 1;
                drop(second);
                drop(first);
                if let Some(mut third) = third {
                    // The turn was passed on.
                    held.end(1);
                    assert!((0..3).any(|_| poll(&mut third).is_ready()));
                }
                let stats = limits.stats();
                assert_eq!((stats.in_flight, stats.waiting), (0, 0));
                if polls == 3 {
                    break;
                }
            }
            held.end(1);
            assert_eq!(cancelled_after(1, Box::pin(dispatch(&bus, kind, 4))), Some(false));
        }
    }
    assert_eq!(points, 4 * 2 * 4);
}

/// R7: the turn has come, and whoever it came to is gone before it is polled again.
#[test]
fn a_turn_that_has_come_goes_on_to_the_next() {
    let (held, limits) = (Held::new(), Concurrency::of_bus(1));
    let bus = held.bus(&limits);
    let [first, second, third] = [0, 1, 2].map(|number| started(&bus, Kind::Command, number));
    drop(first);
    drop(second);
    assert_eq!(settle(vec![third]).len(), 1);
    assert_eq!(held.begun(), [0, 2]);
    assert_eq!(figures(limits.stats()), [0, 0, 2, 0, 1, 0]);
}

/// R6.
#[tokio::test]
async fn a_panic_gives_its_permit_back() {
    let limits = Concurrency::of_bus(1).reject();
    let bus = Bus::empty()
        .command_async(|act: Act| async move {
            tokio::task::yield_now().await;
            assert!(act.0 > 0, "on purpose");
        })
        .query(|ask: Ask| ask.0)
        .layer(limits.clone())
        .build()
        .unwrap();
    for round in 1..=100 {
        let panicking = bus.clone();
        let task = tokio::spawn(async move { panicking.execute(Act(0)).await });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(figures(limits.stats()), [0, 0, 2 * round - 1, 0, 0, 0]);
        assert_eq!(bus.send(Ask(7)).await.unwrap(), 7);
    }
}

/// R6.
#[test]
fn a_panic_gives_its_permit_back_on_a_sync_bus() {
    let limits = Concurrency::of_messages().per_message(1).reject();
    let bus =
        SyncBus::empty().command(|act: Act| assert!(act.0 > 0, "on purpose")).layer(limits.clone()).build().unwrap();
    for round in 1..=100 {
        assert!(catch_unwind(AssertUnwindSafe(|| bus.execute(Act(0)))).is_err());
        assert_eq!(figures(limits.stats()), [0, 0, round, 0, 0, 0]);
    }
}

/// Waiting is part of the time that a time-out around the dispatch gives; then nothing is left in the queue.
#[tokio::test(start_paused = true)]
async fn who_is_out_of_time_waits_no_longer() {
    let (held, limits) = (Held::new(), Concurrency::of_bus(1));
    let bus = held.bus(&limits);
    let inside = started(&bus, Kind::Query, 0);
    let timed_out = tokio::time::timeout(Duration::from_secs(5), bus.execute(Act(1))).await;
    assert!(timed_out.is_err());
    assert_eq!(figures(limits.stats()), [1, 0, 1, 0, 1, 0]);
    drop(inside);
    held.end(1);
    bus.execute(Act(2)).await.unwrap();
}

/// R9: nothing that was offered is unaccounted for, and no more than may are inside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_is_accounted_for_to_the_last_dispatch() {
    const OFFERED: u32 = 20_000;
    static INSIDE: AtomicU32 = AtomicU32::new(0);
    static MOST: AtomicU32 = AtomicU32::new(0);
    let limits = Concurrency::of_bus(3).max_waiting(5);
    let bus = Bus::empty()
        .command_async(|_: Act| async {
            MOST.fetch_max(INSIDE.fetch_add(1, SeqCst) + 1, SeqCst);
            tokio::task::yield_now().await;
            INSIDE.fetch_sub(1, SeqCst);
        })
        .layer(limits.clone())
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..OFFERED)
        .map(|number| {
            let bus = bus.clone();
            tokio::spawn(async move { bus.execute(Act(number)).await.is_ok() })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += u64::from(task.await.unwrap());
    }
    let stats = limits.stats();
    assert_eq!(figures(stats), [0, 0, accepted, u64::from(OFFERED) - accepted, 0, 0]);
    assert_eq!(stats.offered(), u64::from(OFFERED));
    assert!((1..=3).contains(&MOST.load(SeqCst)));
}

/// A `SyncBus` whose handler waits for a word; the receiver gets the number of each that has begun.
fn blocking_bus(limits: &Concurrency) -> (SyncBus, mpsc::Sender<()>, mpsc::Receiver<u32>) {
    let ((go, may_go), (say, said)) = (mpsc::channel(), mpsc::channel());
    let may_go = Mutex::new(may_go);
    let bus = SyncBus::empty()
        .command(move |act: Act| {
            say.send(act.0).unwrap();
            may_go.lock().unwrap().recv().unwrap();
        })
        .query(|ask: Ask| ask.0)
        .task(|_: Work| ())
        .subscribe(|_: &Happened| ())
        .layer(limits.clone())
        .build()
        .unwrap();
    (bus, go, said)
}

#[test]
fn threads_wait_their_turn_on_a_sync_bus() {
    let limits = Concurrency::of_bus(2);
    let (bus, go, said) = blocking_bus(&limits);
    thread::scope(|scope| {
        for number in 0..6 {
            let bus = &bus;
            scope.spawn(move || bus.execute(Act(number)).unwrap());
            // The next one comes when this one is in, or in the queue.
            until(|| limits.stats().offered() == u64::from(number) + 1);
        }
        assert_eq!(figures(limits.stats()), [2, 4, 2, 0, 0, 0]);
        let mut begun: Vec<_> = said.iter().take(2).collect();
        begun.sort_unstable();
        assert_eq!(begun, [0, 1]);
        for number in 2..6 {
            go.send(()).unwrap();
            assert_eq!(said.recv().unwrap(), number);
        }
        (0..2).for_each(|_| go.send(()).unwrap());
    });
    assert_eq!(figures(limits.stats()), [0, 0, 6, 0, 0, 0]);
}

#[test]
fn every_kind_is_refused_on_a_sync_bus_when_nobody_may_wait() {
    let limits = Concurrency::of_bus(1).reject();
    let (bus, go, said) = blocking_bus(&limits);
    thread::scope(|scope| {
        scope.spawn(|| bus.execute(Act(0)).unwrap());
        assert_eq!(said.recv().unwrap(), 0);
        assert!(matches!(bus.send(Ask(1)), Err(SendError::Overloaded { .. })));
        assert!(matches!(bus.execute(Act(1)), Err(ExecuteError::Overloaded { .. })));
        assert!(matches!(bus.publish(Happened(1)), Err(PublishError::Overloaded { .. })));
        assert!(matches!(bus.dispatch(Work(1)), Err(DispatchError::Overloaded { .. })));
        go.send(()).unwrap();
    });
    assert_eq!(figures(limits.stats()), [0, 0, 1, 4, 0, 0]);
    assert_eq!(bus.send(Ask(1)).unwrap(), 1);
}

/// R9.
#[test]
fn a_storm_of_threads_is_accounted_for() {
    const EACH: u32 = 5_000;
    let limits = Concurrency::of_messages().per_message(1).max_waiting(1);
    let bus = SyncBus::empty().query(|ask: Ask| ask.0).layer(limits.clone()).build().unwrap();
    let accepted: u64 = thread::scope(|scope| {
        let storm = || (0..EACH).map(|number| u64::from(bus.send(Ask(number)).is_ok())).sum::<u64>();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(storm)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(figures(limits.stats()), [0, 0, accepted, u64::from(4 * EACH) - accepted, 0, 0]);
}

#[test]
fn clones_on_two_buses_limit_both_together_and_one_that_is_set_differently_stands_alone() {
    let (held, limits) = (Held::new(), Concurrency::of_bus(1).reject());
    let [one, two] = [held.bus(&limits), held.bus(&limits)];
    let apart = limits.clone().max_waiting(0);
    let other = held.bus(&apart);
    let _inside = started(&one, Kind::Command, 0);
    assert_eq!(dispatch(&two, Kind::Query, 1).now_or_never(), Some(true));
    let _inside_too = started(&other, Kind::Query, 2);
    assert_eq!((limits.stats().rejected, apart.stats().rejected), (1, 0));
}

/// Each of two limits in one chain counts, the inner one too.
#[test]
fn a_limit_inside_a_limit() {
    let (held, outer, inner) = (Held::new(), Concurrency::of_bus(3), Concurrency::of_bus(1).reject());
    let act = held.clone();
    let bus = Bus::empty()
        .command_async(move |command: Act| {
            let held = act.clone();
            async move { held.run(command.0).await }
        })
        .query(|ask: Ask| ask.0)
        .layer(outer.clone())
        .layer(only(Kind::Command, inner.clone()))
        .build()
        .unwrap();
    let _inside = started(&bus, Kind::Command, 0);
    assert_eq!(dispatch(&bus, Kind::Command, 1).now_or_never(), Some(true));
    assert_eq!(dispatch(&bus, Kind::Query, 1).now_or_never(), Some(false));
    assert_eq!(figures(outer.stats()), [1, 0, 3, 0, 0, 0]);
    assert_eq!(figures(inner.stats()), [1, 0, 1, 1, 0, 0]);
    assert_eq!(inner.stats_of::<Ask>(), None);
}

#[test]
fn explain_shows_each_limit_and_where_it_came_from() {
    let limits = Concurrency::of_messages().for_kind(Kind::Command, 4).for_message::<Ask>(7);
    let bus =
        Bus::empty().query(|ask: Ask| ask.0).command(|_: Act| ()).task(|_: Work| ()).layer(limits).build().unwrap();
    let text = bus.explain::<Ask>().unwrap().to_string();
    assert!(text.contains("in flight of this message = 7 (set on the layer)"), "{text}");
    assert!(text.contains("waiting at most = 1024 (default)"), "{text}");
    assert!(bus.explain::<Act>().unwrap().to_string().contains("in flight of this message = 4"));
    let text = bus.explain::<Work>().unwrap().to_string();
    assert!(text.contains("left out, no limit is set for it"), "{text}");
}

#[test]
fn a_limit_of_nothing_is_refused_when_the_bus_is_built() {
    for limits in [Concurrency::of_bus(0), Concurrency::of_bus(5).for_message::<Ask>(0)] {
        let error = SyncBus::empty().query(|ask: Ask| ask.0).layer(limits).build().err().unwrap();
        assert_eq!(error.faults()[0].code(), "BUS013");
        assert!(error.to_string().contains("a limit of 0 lets nothing through"), "{error}");
    }
}
