//! Effects once: what an inbox promises, on both buses.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use futures_util::FutureExt as _;
use linkbus::{
    Bus, Command, Event, ExecuteError, Flavor, Query, SyncBus, Task, WiringError,
    clock::ManualClock,
    layer::{
        DeadLetters, Inbox, Retry, Timeout,
        dead_letter::{Filter, Replay},
        inbox::MemoryInbox,
    },
};

#[path = "support/until.rs"]
mod until;

#[derive(Command, Clone)]
struct Pay {
    invoice: u64,
}

#[derive(Task, Clone)]
struct Print;

#[derive(Query, Clone)]
#[query(reply = u64)]
struct Ask;

#[derive(Event, Clone)]
struct Paid;

fn pay(invoice: u64) -> Pay {
    Pay { invoice }
}

fn by_invoice(inbox: Inbox) -> Inbox {
    inbox.key(|pay: &Pay| pay.invoice)
}

/// How often it was called.
#[derive(Clone, Default)]
struct Calls(Arc<AtomicU64>);

impl Calls {
    fn count(&self) -> u64 {
        self.0.fetch_add(1, Relaxed) + 1
    }

    fn seen(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[test]
fn a_copy_succeeds_and_is_not_handled() {
    let (calls, inbox) = (Calls::default(), by_invoice(Inbox::in_memory()));
    let handler = calls.clone();
    let bus = SyncBus::empty().command(move |_: Pay| _ = handler.count()).layer(inbox.clone()).build().unwrap();
    for invoice in [1, 2, 1, 1] {
        bus.execute(pay(invoice)).unwrap();
    }
    assert_eq!(calls.seen(), 2);
    assert_eq!((inbox.counts().handled(), inbox.counts().duplicates()), (2, 2));
}

#[test]
fn a_copy_succeeds_on_an_asynchronous_bus_too() {
    let (calls, inbox) = (Calls::default(), by_invoice(Inbox::in_memory()));
    let handler = calls.clone();
    let handle = move |_: Pay| {
        let handler = handler.clone();
        async move { _ = handler.count() }
    };
    let bus = Bus::empty().command_async(handle).layer(inbox.clone()).build().unwrap();
    for invoice in [1, 2, 1, 1] {
        bus.execute(pay(invoice)).now_or_never().unwrap().unwrap();
    }
    assert_eq!((calls.seen(), inbox.counts().duplicates()), (2, 2));
}

/// C10.
#[test]
fn what_failed_is_handled_again() {
    let (calls, inbox) = (Calls::default(), by_invoice(Inbox::in_memory()));
    let handler = calls.clone();
    let handle = move |_: Pay| if handler.count() == 1 { Err("no money") } else { Ok(()) };
    let bus = SyncBus::empty().command(handle).layer(inbox).build().unwrap();
    bus.execute(pay(1)).unwrap_err();
    bus.execute(pay(1)).unwrap();
    bus.execute(pay(1)).unwrap();
    assert_eq!(calls.seen(), 2);
}

#[test]
fn what_panicked_is_handled_again() {
    let (calls, inbox) = (Calls::default(), by_invoice(Inbox::in_memory()));
    let handler = calls.clone();
    let handle = move |_: Pay| assert_ne!(handler.count(), 1, "the first fails");
    let bus = SyncBus::empty().command(handle).layer(inbox).build().unwrap();
    let panicking = bus.clone();
    thread::spawn(move || panicking.execute(pay(1))).join().unwrap_err();
    bus.execute(pay(1)).unwrap();
    assert_eq!(calls.seen(), 2);
}

#[test]
fn what_was_dropped_by_its_caller_is_handled_again() {
    let calls = Calls::default();
    let handler = calls.clone();
    let handle = move |_: Pay| {
        let is_first = handler.count() == 1;
        async move {
            if is_first {
                std::future::pending::<()>().await;
            }
        }
    };
    let bus = Bus::empty().command_async(handle).layer(by_invoice(Inbox::in_memory())).build().unwrap();
    assert!(bus.execute(pay(1)).now_or_never().is_none());
    bus.execute(pay(1)).now_or_never().unwrap().unwrap();
    assert_eq!(calls.seen(), 2);
}

#[test]
fn two_copies_never_run_together() {
    let (running, most, calls) = (Calls::default(), Calls::default(), Calls::default());
    let handler = (running.clone(), most.clone(), calls.clone());
    let handle = move |pay: Pay| {
        let (running, most, calls) = &handler;
        most.0.fetch_max(running.count(), Relaxed);
        thread::yield_now();
        running.0.fetch_sub(1, Relaxed);
        // Every other one fails, so that the next copy has to run.
        if (calls.count() + pay.invoice).is_multiple_of(2) { Err("failed") } else { Ok(()) }
    };
    let inbox = by_invoice(Inbox::in_memory());
    let bus = SyncBus::empty().command(handle).layer(inbox.clone()).build().unwrap();
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for invoice in 0..200 {
                    start.wait();
                    let _ = bus.execute(pay(invoice));
                }
            });
        }
    });
    assert_eq!(most.seen(), 1);
    assert!(inbox.counts().waited() > 0, "no copy ever found another one: the test says nothing");
}

/// A handler that says when it is called, and goes on when it is told to.
struct Gate {
    called: Calls,
    open: Arc<Barrier>,
}

impl Gate {
    fn new() -> Self {
        Gate { called: Calls::default(), open: Arc::new(Barrier::new(2)) }
    }

    fn handler(&self) -> impl Fn(Pay) + Send + Sync + 'static {
        let (called, open) = (self.called.clone(), Arc::clone(&self.open));
        move |_| {
            called.count();
            open.wait();
        }
    }
}

#[test]
fn a_copy_that_waited_long_enough_is_told_to_come_again() {
    let (gate, clock) = (Gate::new(), ManualClock::new());
    let inbox = by_invoice(Inbox::in_memory()).wait_at_most(Duration::from_secs(3));
    let bus = SyncBus::empty().command(gate.handler()).layer(inbox.clone()).clock(clock).build().unwrap();
    let error = thread::scope(|scope| {
        scope.spawn(|| bus.execute(pay(1)).unwrap());
        until::until_scoped(|| gate.called.seen() == 1);
        let outcome = bus.execute(pay(1));
        gate.open.wait();
        outcome.unwrap_err()
    });
    assert!(matches!(error, ExecuteError::NotStarted { after, .. } if after == Duration::from_secs(3)), "{error}");
    assert!(error.is_retryable());
    assert_eq!((gate.called.seen(), inbox.counts().not_started(), inbox.counts().waited()), (1, 1, 1));
}

#[test]
fn a_copy_waits_no_longer_than_its_deadline() {
    let (gate, clock) = (Gate::new(), ManualClock::new());
    let inbox = by_invoice(Inbox::in_memory());
    let timeout = Timeout::after(Duration::from_secs(2));
    let bus = SyncBus::empty();
    let bus = bus.command(gate.handler()).layer(timeout).layer(inbox.clone()).clock(clock.clone()).build().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| bus.execute(pay(1)));
        until::until_scoped(|| gate.called.seen() == 1);
        let _ = bus.execute(pay(1));
        until::until_scoped(|| inbox.counts().not_started() == 1);
        gate.open.wait();
    });
    assert!(clock.sleeps().iter().sum::<Duration>() <= Duration::from_secs(2));
}

#[test]
fn a_copy_that_waits_succeeds_when_the_first_is_done() {
    let (calls, clock) = (Calls::default(), ManualClock::stopped());
    let (started, handler) = (calls.clone(), calls.clone());
    let (open, gate) = tokio::sync::watch::channel(false);
    let handle = move |_: Pay| {
        let (handler, mut gate) = (handler.clone(), gate.clone());
        async move {
            handler.count();
            gate.wait_for(|open| *open).await.unwrap();
        }
    };
    let inbox = by_invoice(Inbox::in_memory());
    let bus = Bus::empty().command_async(handle).layer(inbox.clone()).clock(clock.clone()).build().unwrap();
    let (mut first, mut copy) = (Box::pin(bus.execute(pay(1))), Box::pin(bus.execute(pay(1))));
    assert!((&mut first).now_or_never().is_none() && (&mut copy).now_or_never().is_none());
    assert_eq!(started.seen(), 1);
    open.send(true).unwrap();
    first.now_or_never().unwrap().unwrap();
    assert!((&mut copy).now_or_never().is_none());
    clock.advance(Duration::from_secs(1));
    copy.now_or_never().unwrap().unwrap();
    assert_eq!((calls.seen(), inbox.counts().duplicates(), inbox.counts().waited()), (1, 1, 1));
}

#[test]
fn each_attempt_of_a_retry_is_the_same_message() {
    let calls = Calls::default();
    let handler = calls.clone();
    let handle = move |_: Print| if handler.count() < 3 { Err("no paper") } else { Ok(()) };
    let inbox = Inbox::in_memory();
    let retry = Retry::new().when(|_| true);
    let bus = SyncBus::empty().task(handle).layer(retry).layer(inbox.clone()).clock(ManualClock::new());
    bus.build().unwrap().dispatch(Print).unwrap();
    assert_eq!((calls.seen(), inbox.counts().handled(), inbox.counts().duplicates()), (3, 1, 0));
}

/// What the caller was told had failed may have been done.
#[test]
fn a_replay_of_a_dead_letter_is_a_copy_of_what_failed() {
    let (calls, gate, clock) = (Calls::default(), Arc::new(Barrier::new(2)), ManualClock::stopped());
    let handler = (calls.clone(), Arc::clone(&gate), clock.clone());
    let handle = move |_: Print| {
        if handler.0.count() == 1 {
            handler.2.advance(Duration::from_secs(60));
            handler.1.wait();
        }
    };
    let (letters, inbox) = (DeadLetters::in_memory(), Inbox::in_memory());
    let timeout = Timeout::after(Duration::from_secs(30));
    let bus = SyncBus::empty().task(handle).layer(letters.clone()).layer(timeout).layer(inbox.clone()).clock(clock);
    let bus = bus.build().unwrap();
    bus.dispatch(Print).unwrap_err();
    gate.wait();
    until::until(|| inbox.counts().handled() == 1);
    let report = Replay::new(letters.store(), &bus).all(&Filter::any()).unwrap();
    assert_eq!((report.handled(), calls.seen(), inbox.counts().duplicates()), (1, 1, 1));
}

#[test]
fn the_window_is_over_when_it_is_over() {
    let (calls, clock) = (Calls::default(), ManualClock::stopped());
    let handler = calls.clone();
    let store = MemoryInbox::new().with_window(Duration::from_secs(60)).with_clock(clock.clone());
    let inbox = by_invoice(Inbox::new(store.clone()));
    let bus = SyncBus::empty().command(move |_: Pay| _ = handler.count()).layer(inbox).build().unwrap();
    bus.execute(pay(1)).unwrap();
    clock.advance(Duration::from_secs(60));
    bus.execute(pay(1)).unwrap();
    assert_eq!((calls.seen(), store.expired()), (1, 0));
    clock.advance(Duration::from_millis(1));
    bus.execute(pay(1)).unwrap();
    assert_eq!((calls.seen(), store.expired(), store.len()), (2, 1, 1));
}

#[test]
fn no_more_is_remembered_than_the_capacity_and_what_is_forgotten_is_counted() {
    let store = MemoryInbox::new().with_capacity(10);
    let calls = Calls::default();
    let handler = calls.clone();
    let bus = SyncBus::empty().command(move |_: Pay| _ = handler.count());
    let bus = bus.layer(by_invoice(Inbox::new(store.clone()))).build().unwrap();
    for invoice in 0..1_000 {
        bus.execute(pay(invoice)).unwrap();
    }
    assert_eq!((store.len(), store.evicted()), (10, 990));
    bus.execute(pay(999)).unwrap();
    bus.execute(pay(0)).unwrap();
    assert_eq!(calls.seen(), 1_001, "the newest is known, the oldest is not");
}

#[test]
fn what_is_running_is_not_evicted() {
    let (gate, store) = (Gate::new(), MemoryInbox::new().with_capacity(1));
    let (slow, inbox) = (gate.handler(), by_invoice(Inbox::new(store)).wait_at_most(Duration::from_secs(1)));
    let handle = move |pay: Pay| {
        if pay.invoice == 0 {
            slow(pay);
        }
    };
    let bus = SyncBus::empty().command(handle).layer(inbox.clone()).clock(ManualClock::new()).build().unwrap();
    let outcome = thread::scope(|scope| {
        scope.spawn(|| bus.execute(pay(0)).unwrap());
        until::until_scoped(|| gate.called.seen() == 1);
        for invoice in 1..100 {
            bus.execute(pay(invoice)).unwrap();
        }
        let outcome = bus.execute(pay(0));
        gate.open.wait();
        outcome
    });
    assert!(matches!(outcome, Err(ExecuteError::NotStarted { .. })));
    assert_eq!(inbox.counts().handled(), 100);
}

#[test]
fn a_key_that_is_too_long_is_refused() {
    let inbox = Inbox::in_memory().key(|_: &Pay| "7".repeat(513));
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(inbox.clone()).build().unwrap();
    let error = bus.execute(pay(1)).unwrap_err();
    assert!(matches!(&error, ExecuteError::Refused { .. }), "{error}");
    assert_eq!(inbox.counts().refused(), 1);
}

/// C21.
#[test]
fn queries_and_events_are_left_out() {
    let calls = Calls::default();
    let handler = calls.clone();
    let inbox = Inbox::in_memory();
    let bus = SyncBus::empty().query(move |_: Ask| handler.count()).subscribe(|_: &Paid| ()).layer(inbox.clone());
    let bus = bus.build().unwrap();
    assert_eq!((bus.send(Ask).unwrap(), bus.send(Ask).unwrap()), (1, 2));
    bus.publish(Paid).unwrap();
    assert_eq!((inbox.counts().handled(), calls.seen()), (0, 2));
    let left_out = |text: String| text.contains("Inbox") && text.contains("left out");
    assert!(left_out(bus.explain::<Ask>().unwrap().to_string()), "{}", bus.explain::<Ask>().unwrap());
    assert!(left_out(bus.explain::<Paid>().unwrap().to_string()));
}

#[test]
fn explain_says_what_the_key_is() {
    let bus = SyncBus::empty().command(|_: Pay| ()).task(|_: Print| ()).layer(by_invoice(Inbox::in_memory()));
    let bus = bus.build().unwrap();
    let (pay, print) = (bus.explain::<Pay>().unwrap().to_string(), bus.explain::<Print>().unwrap().to_string());
    assert!(pay.contains("what the program gives") && print.contains("the id of the dispatch"), "{pay}{print}");
    assert!(pay.contains("remembers for") && pay.contains("waits at most"), "{pay}");
}

fn refused<B: Flavor>(built: Result<B, WiringError>) -> String {
    built.map(|_| ()).unwrap_err().to_string()
}

/// The handler would run on, and the next copy beside it.
#[test]
fn a_time_out_inside_is_refused_on_a_synchronous_bus() {
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(Inbox::in_memory()).layer(Timeout::new());
    assert!(refused(bus.build()).contains("before `.layer(Inbox ..)`"));
    let bus = Bus::empty().command_async(async |_: Pay| ()).layer(Inbox::in_memory()).layer(Timeout::new());
    bus.build().unwrap();
}

/// It would wait for the first.
#[test]
fn a_second_inbox_around_a_message_is_left_out() {
    let inbox = Inbox::in_memory();
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(inbox.clone()).layer(inbox.clone()).build().unwrap();
    bus.execute(pay(1)).unwrap();
    assert_eq!((inbox.counts().handled(), inbox.counts().waited()), (1, 0));
}
