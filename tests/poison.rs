//! R12: messages that cannot be handled. Each is one letter with its reason and attempts, and the others go on.
//!
//! An `async fn` that never waits cannot be stopped by anybody, which the page on time-outs says. On a `SyncBus` the same
//! handler has a thread to itself.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use futures_util::future::join_all;
use linkbus::{
    AnyError, Builder, Bus, Command, Event, Flavor, SyncBus, Task,
    clock::ManualClock,
    handler,
    layer::{
        Concurrency, DeadLetters, Layer, Reason, Retry, Timeout,
        dead_letter::{DeadLetter, Filter},
    },
};

/// Always fails.
#[derive(Command, Clone)]
struct Fails;

/// Always panics.
#[derive(Task, Clone)]
struct Panics;

/// Is never over.
#[derive(Command, Clone)]
struct Hangs;

/// Has no handler on the bus.
#[derive(Command, Clone)]
struct Unknown;

/// One of its two subscribers always fails.
#[derive(Event, Clone)]
struct Happened;

/// One of the others.
#[derive(Command, Clone)]
struct Fine;

#[derive(Clone, Default)]
struct Done(Arc<AtomicUsize>);

/// Lets those that hang go when the test is over.
#[derive(Clone, Default)]
struct Over(Arc<AtomicBool>);

mod on_sync_bus {
    use super::{
        AnyError, Done, Fails, Fine, Hangs, Happened, LIMIT, ManualClock, Over, Panics, Relaxed, Unknown, handler,
        thread,
    };

    #[handler]
    fn fails(_: &Fails) -> Result<(), AnyError> {
        Err("always".into())
    }

    #[handler]
    fn panics(_: &Panics) {
        panic!("always")
    }

    #[handler]
    fn hangs(_: &Hangs, clock: &ManualClock, over: &Over) {
        clock.advance(LIMIT);
        while !over.0.load(Relaxed) {
            thread::yield_now();
        }
    }

    #[handler]
    fn is_told(_: &Happened) {}

    #[handler]
    fn does_not_want_to_know(_: &Happened) -> Result<(), AnyError> {
        Err("always".into())
    }

    #[handler]
    fn fine(_: &Fine, done: &Done) {
        done.0.fetch_add(1, Relaxed);
    }

    linkbus::module! {
        messages: [Fails, Panics, Hangs, Unknown, Happened, Fine],
        handlers: [fails, panics, hangs, is_told, does_not_want_to_know, fine],
    }
}

mod on_bus {
    use super::{AnyError, Done, Fails, Fine, Hangs, Happened, Panics, Relaxed, Unknown, handler};
    use tokio::task::yield_now;

    #[handler]
    async fn fails(_: &Fails) -> Result<(), AnyError> {
        yield_now().await;
        Err("always".into())
    }

    #[handler]
    async fn panics(_: &Panics) {
        yield_now().await;
        panic!("always")
    }

    #[handler]
    async fn hangs(_: &Hangs) {
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }

    #[handler]
    async fn is_told(_: &Happened) {
        tokio::task::yield_now().await;
    }

    #[handler]
    async fn does_not_want_to_know(_: &Happened) -> Result<(), AnyError> {
        yield_now().await;
        Err("always".into())
    }

    #[handler]
    async fn fine(_: &Fine, done: &Done) {
        yield_now().await;
        done.0.fetch_add(1, Relaxed);
    }

    linkbus::module! {
        messages: [Fails, Panics, Hangs, Unknown, Happened, Fine],
        handlers: [fails, panics, hangs, is_told, does_not_want_to_know, fine],
    }
}

const LIMIT: Duration = Duration::from_secs(60);
const OTHERS: usize = 10_000;

fn around<B: Flavor>(builder: Builder<B>, letters: &DeadLetters, limits: &Concurrency, done: &Done) -> B
where
    Concurrency: Layer<B>,
    DeadLetters: Layer<B>,
    Retry: Layer<B>,
    Timeout: Layer<B>,
{
    builder
        .partial()
        .provide(done.clone())
        .layer(limits.clone())
        .layer(letters.clone())
        .layer(Retry::new().max_attempts(5).on_any_error())
        .layer(Timeout::after(LIMIT))
        .build()
        .unwrap()
}

/// What a letter says, without what is different each time.
fn said(letter: &DeadLetter) -> (String, Option<String>, Reason, u32) {
    let name = letter.message.split('.').next_back().unwrap().to_owned();
    let handler = letter.handler.as_ref().map(|handler| handler.name.clone().into_owned());
    (name, handler, letter.error.reason, letter.attempts)
}

/// One letter for each that was lost, and nothing is left behind.
fn check(letters: &DeadLetters, limits: &Concurrency, done: &Done) {
    assert_eq!(done.0.load(Relaxed), OTHERS);
    let all = letters.store().list(&Filter::any(), usize::MAX).unwrap();
    let mut all: Vec<_> = all.iter().map(said).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [
        ("Fails", Some("fails"), Reason::Handler, 5),
        ("Hangs", Some("hangs"), Reason::TimedOut, 5),
        ("Happened", Some("does_not_want_to_know"), Reason::Handler, 1),
        ("Panics", Some("panics"), Reason::Panicked, 1),
        ("Unknown", None, Reason::NoHandler, 1),
    ];
    let expected = expected
        .map(|(name, handler, reason, attempts)| (name.to_owned(), handler.map(str::to_owned), reason, attempts));
    assert_eq!(all, expected);
    assert_eq!((letters.kept(), letters.lost()), (5, 0));
    assert_eq!((limits.stats().in_flight, limits.stats().waiting), (0, 0));
}

/// R12.
#[test]
fn poison_is_one_letter_each_and_the_others_are_done() {
    let (letters, limits, done) = (DeadLetters::in_memory(), Concurrency::of_bus(4), Done::default());
    let (clock, over) = (ManualClock::new(), Over::default());
    let bus = SyncBus::empty().modules([on_sync_bus::MODULE]).provide(clock.clone()).provide(over.clone()).clock(clock);
    let bus = around(bus, &letters, &limits, &done);
    for turn in 0..OTHERS {
        match turn {
            1_000 => drop(bus.execute(Fails).unwrap_err()),
            2_000 => drop(catch_unwind(AssertUnwindSafe(|| bus.dispatch(Panics))).unwrap_err()),
            3_000 => drop(bus.execute(Hangs).unwrap_err()),
            4_000 => drop(bus.execute(Unknown).unwrap_err()),
            5_000 => drop(bus.publish(Happened).unwrap_err()),
            _ => {}
        }
        bus.execute(Fine).unwrap();
    }
    check(&letters, &limits, &done);
    over.0.store(true, Relaxed);
}

/// R12. Side by side, with fewer permits than there are messages.
#[tokio::test(start_paused = true)]
async fn poison_is_one_letter_each_and_the_others_are_done_on_a_bus() {
    let (letters, limits, done) = (DeadLetters::in_memory(), Concurrency::of_bus(16), Done::default());
    let bus = around(Bus::empty().modules([on_bus::MODULE]), &letters, &limits, &done);
    let elsewhere = bus.clone();
    let panics = tokio::spawn(async move { elsewhere.dispatch(Panics).await });
    let poison = async {
        let (fails, hangs, unknown, happened) =
            tokio::join!(bus.execute(Fails), bus.execute(Hangs), bus.execute(Unknown), bus.publish(Happened));
        assert!(panics.await.unwrap_err().is_panic());
        [fails.is_err(), hangs.is_err(), unknown.is_err(), happened.is_err()]
    };
    let others = async {
        for _ in 0..OTHERS / 500 {
            let outcomes = join_all((0..500).map(|_| bus.execute(Fine))).await;
            assert!(outcomes.iter().all(Result::is_ok));
        }
    };
    let (poison, ()) = tokio::join!(poison, others);
    assert_eq!(poison, [true; 4]);
    check(&letters, &limits, &done);
}
