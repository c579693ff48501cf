//! The layer `Counts`: counters that the program reads by itself.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::SystemTime,
};

use futures_util::FutureExt;
use linkbus::{
    Bus, Command, Event, Query, SyncBus, Task,
    layer::{
        Counts, DeadLetters,
        dead_letter::{Filter, Replay},
    },
};

#[derive(Query)]
#[query(reply = u32)]
struct Double(u32);

#[derive(Command)]
struct Pay(bool);

#[derive(Event)]
struct Paid(bool);

#[derive(Task)]
struct Print;

fn panic_with(text: &str) {
    panic!("{text}")
}

#[derive(Task)]
struct Unknown;

/// More than have counters of their own.
const THREADS: usize = 80;

fn sync_bus(counts: &Counts) -> SyncBus {
    SyncBus::empty()
        .query(|query: Double| query.0 * 2)
        .command(|pay: Pay| if pay.0 { Ok(()) } else { Err("no money") })
        .subscribe(|paid: &Paid| if paid.0 { Ok(()) } else { Err("no mail") })
        .subscribe(|_: &Paid| ())
        .subscribe(|paid: &Paid| assert!(paid.0))
        .task(|_: Print| panic_with("out of paper"))
        .layer(counts.clone())
        .build()
        .unwrap()
}

/// K1, K3: what is counted for each message, the sums, and that unknown is not zero.
#[test]
fn what_succeeds_and_what_fails_is_counted_for_each_message() {
    let counts = Counts::new();
    let bus = sync_bus(&counts);
    let before = SystemTime::now();
    bus.execute(Pay(true)).unwrap();
    bus.execute(Pay(true)).unwrap();
    bus.execute(Pay(false)).unwrap_err();
    assert!(catch_unwind(AssertUnwindSafe(|| bus.dispatch(Print))).is_err());
    let snapshot = counts.snapshot();
    let pay = snapshot.of::<Pay>().unwrap();
    assert_eq!((pay.processed, pay.failed, pay.in_flight), (2, 1, 0));
    let print = snapshot.of::<Print>().unwrap();
    assert_eq!((print.processed, print.failed, print.in_flight), (0, 1, 0));
    assert!(snapshot.of::<Unknown>().is_none());
    let totals = (snapshot.total_processed(), snapshot.total_failed(), snapshot.total_in_flight());
    assert_eq!(totals, (2, 2, 0));
    assert!((before..=SystemTime::now()).contains(&snapshot.collected_at));
}

/// K4: an idle message is listed with zeros, in the order of the names.
#[test]
fn idle_messages_are_zero() {
    let counts = Counts::new();
    let _bus = sync_bus(&counts);
    let snapshot = counts.snapshot();
    let names: Vec<_> = snapshot.messages.iter().map(|counts| counts.message.name).collect();
    assert_eq!(names, ["counts.Double", "counts.Paid", "counts.Pay", "counts.Print"]);
    assert!(snapshot.messages.iter().all(|counts| (counts.processed, counts.failed, counts.in_flight) == (0, 0, 0)));
}

/// K4: an event counts once, and each of its subscribers for itself.
#[test]
fn subscribers_are_counted_one_by_one() {
    let counts = Counts::new();
    let bus = sync_bus(&counts);
    bus.publish(Paid(true)).unwrap();
    bus.publish(Paid(false)).unwrap_err();
    let snapshot = counts.snapshot();
    let paid = snapshot.of::<Paid>().unwrap();
    assert_eq!((paid.processed, paid.failed), (1, 1));
    let subscribers: Vec<_> = paid.subscribers.iter().map(|one| (one.processed, one.failed)).collect();
    assert_eq!(subscribers, [(1, 1), (2, 0), (1, 1)]);
    assert!(snapshot.of::<Pay>().unwrap().subscribers.is_empty());
}

/// A replay is for one subscriber: the others were not called, and are not counted.
#[tokio::test]
async fn a_replay_counts_for_the_subscriber_that_it_is_for() {
    let repaired = Arc::new(AtomicU32::new(0));
    let (first, last) = (repaired.clone(), repaired.clone());
    // The first is repaired before the replay, the last is not.
    let first = move |_: &Paid| if first.load(Relaxed) == 1 { Ok(()) } else { Err("no mail") };
    let last = move |_: &Paid| if last.load(Relaxed) == 2 { Ok(()) } else { Err("no paper") };
    let check = |counts: &Counts| {
        let snapshot = counts.snapshot();
        let paid = snapshot.of::<Paid>().unwrap();
        assert_eq!((paid.processed, paid.failed), (1, 2));
        let subscribers: Vec<_> = paid.subscribers.iter().map(|one| (one.processed, one.failed)).collect();
        assert_eq!(subscribers, [(1, 1), (1, 0), (0, 2)]);
    };

    let (counts, letters) = (Counts::new(), DeadLetters::in_memory());
    let bus = SyncBus::empty().subscribe(first.clone()).subscribe(|_: &Paid| ()).subscribe(last.clone());
    let bus = bus.layer(counts.clone()).layer(letters.clone()).build().unwrap();
    bus.publish(Paid(true)).unwrap_err();
    repaired.store(1, Relaxed);
    Replay::new(letters.store(), &bus).all(&Filter::any()).unwrap();
    check(&counts);

    repaired.store(0, Relaxed);
    let (counts, letters) = (Counts::new(), DeadLetters::in_memory());
    let bus = Bus::empty().subscribe(first).subscribe_async(|_: &Paid| std::future::ready(())).subscribe(last);
    let bus = bus.layer(counts.clone()).layer(letters.clone()).build().unwrap();
    bus.publish(Paid(true)).await.unwrap_err();
    repaired.store(1, Relaxed);
    Replay::new(letters.store(), &bus).all(&Filter::any()).await.unwrap();
    check(&counts);
}

/// R7: what is dropped is a failure, and is not in flight any more; of its subscribers nothing is known.
#[tokio::test]
async fn what_is_dropped_is_counted() {
    let counts = Counts::new();
    let bus =
        Bus::empty().subscribe_async(|_: &Paid| std::future::pending::<()>()).layer(counts.clone()).build().unwrap();
    let mut publication = Box::pin(bus.publish(Paid(true)));
    assert!((&mut publication).now_or_never().is_none());
    assert_eq!(counts.snapshot().total_in_flight(), 1);
    drop(publication);
    let snapshot = counts.snapshot();
    let paid = snapshot.of::<Paid>().unwrap();
    assert_eq!((paid.processed, paid.failed, paid.in_flight), (0, 1, 0));
    assert_eq!((paid.subscribers[0].processed, paid.subscribers[0].failed), (0, 0));
}

/// K1.
#[tokio::test]
async fn reset_keeps_what_is_in_flight() {
    let counts = Counts::new();
    let bus = Bus::empty()
        .task_async(|_: Print| std::future::pending::<()>())
        .subscribe(|_: &Paid| ())
        .layer(counts.clone())
        .build()
        .unwrap();
    bus.publish(Paid(true)).await.unwrap();
    let mut print = Box::pin(bus.dispatch(Print));
    assert!((&mut print).now_or_never().is_none());
    counts.reset();
    let snapshot = counts.snapshot();
    assert_eq!((snapshot.total_processed(), snapshot.total_in_flight()), (0, 1));
    assert_eq!(snapshot.of::<Paid>().unwrap().subscribers[0].processed, 0);
    drop(print);
    assert_eq!((counts.snapshot().total_failed(), counts.snapshot().total_in_flight()), (1, 0));
}

/// K1.
#[test]
fn threads_and_buses_count_together() {
    let counts = Counts::new();
    let buses = [sync_bus(&counts), sync_bus(&counts)];
    std::thread::scope(|scope| {
        for bus in buses.iter().chain(&buses) {
            scope.spawn(|| {
                for _ in 0..1000 {
                    bus.send(Double(1)).unwrap();
                }
            });
        }
    });
    let snapshot = counts.snapshot();
    assert_eq!(snapshot.of::<Double>().unwrap().processed, 4000);
    assert_eq!(snapshot.messages.len(), 4);
}

/// K1, K3: whichever thread a dispatch begins and ends on.
#[test]
fn many_threads_count_exactly() {
    const DISPATCHES: u64 = 2000;
    let counts = Counts::new();
    let bus = sync_bus(&counts);
    let begin = Barrier::new(THREADS);
    let take_part = || {
        begin.wait();
        for number in 0..DISPATCHES {
            bus.execute(Pay(number % 2 == 0)).ok();
            bus.publish(Paid(true)).unwrap();
        }
    };
    std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(take_part))));
    let snapshot = counts.snapshot();
    let (pay, paid) = (snapshot.of::<Pay>().unwrap(), snapshot.of::<Paid>().unwrap());
    let half = THREADS as u64 * DISPATCHES / 2;
    assert_eq!((pay.processed, pay.failed, pay.in_flight), (half, half, 0));
    assert_eq!((paid.processed, paid.in_flight), (2 * half, 0));
    assert!(paid.subscribers.iter().all(|subscriber| subscriber.processed == 2 * half));
    counts.reset();
    assert_eq!(counts.snapshot().total_processed() + counts.snapshot().total_failed(), 0);
}

/// R7: also if another thread drops it.
#[test]
fn a_future_that_ends_on_another_thread_is_not_in_flight_any_more() {
    let counts = Counts::new();
    let bus = Bus::empty().task_async(|_: Print| std::future::pending::<()>()).layer(counts.clone()).build().unwrap();
    let mut print = Box::pin(bus.dispatch(Print));
    assert!((&mut print).now_or_never().is_none());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut beside = Box::pin(bus.dispatch(Print));
            assert!((&mut beside).now_or_never().is_none());
            assert_eq!(counts.snapshot().total_in_flight(), 2);
            drop(print);
            assert_eq!(counts.snapshot().total_in_flight(), 1);
        });
    });
    let snapshot = counts.snapshot();
    assert_eq!((snapshot.total_failed(), snapshot.total_in_flight()), (2, 0));
}
