//! Events: all subscribers run, in subscription order, whatever becomes of each.
#![expect(
    clippy::needless_pass_by_value,
    clippy::unused_async,
    reason = "handlers are written here in every form that they can have"
)]

use std::{
    future::Future,
    panic::panic_any,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use futures_util::FutureExt;
use linkbus::{AnyError, Bus, Event, PublishError, SubscriberError, SubscriberFailure, SyncBus, handler};
use tokio::{
    sync::{Barrier, mpsc, oneshot},
    task::yield_now,
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Event)]
struct Happened {
    number: u32,
}

const HAPPENED: Happened = Happened { number: 7 };

#[derive(Debug, thiserror::Error)]
#[error("subscriber {0} failed")]
struct Failed(u32);

/// What the subscribers did, in the order in which they did it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, entry: impl ToString) {
        self.0.lock().unwrap().push(entry.to_string());
    }

    fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// A subscriber that writes down that it ran.
    fn entry(&self, entry: impl ToString) -> impl Fn(&Happened) + Send + Sync + 'static {
        let (log, entry) = (self.clone(), entry.to_string());
        move |_| log.add(&entry)
    }

    /// One that then fails.
    fn failing(&self, number: u32) -> impl Fn(&Happened) -> Result<(), Failed> + Send + Sync + 'static {
        let log = self.clone();
        move |_| {
            log.add(number);
            Err(Failed(number))
        }
    }

    /// One that then panics.
    fn panicking(&self, number: u32) -> impl Fn(&Happened) + Send + Sync + 'static {
        let log = self.clone();
        move |_| {
            log.add(number);
            panic_any(format!("subscriber {number} panicked"));
        }
    }
}

/// Which subscribers failed, and of what.
fn failures(error: &PublishError) -> Vec<String> {
    let text = |failure: &SubscriberError| match &failure.failure {
        SubscriberFailure::Handler(error) => error.to_string(),
        SubscriberFailure::Panicked(text) => text.clone(),
        other => format!("{other:?}"),
    };
    error.failures().iter().map(text).collect()
}

/// L6: subscribers run in subscription order, one after the other, on the caller's thread.
#[test]
fn subscribers_run_in_subscription_order_on_the_callers_thread() {
    let log = Log::default();
    let seen = log.clone();
    let on_thread = move |_: &Happened| seen.add(format!("{:?}", thread::current().id()));
    let bus = SyncBus::empty().subscribe(log.entry(1)).subscribe(on_thread).subscribe(log.entry(2)).build().unwrap();
    bus.publish(HAPPENED).unwrap();
    assert_eq!(log.entries(), ["1".to_owned(), format!("{:?}", thread::current().id()), "2".to_owned()]);
}

/// L5: a subscriber that is there twice is called twice.
#[test]
fn a_closure_subscribed_twice_is_called_twice() {
    let log = Log::default();
    let seen = log.clone();
    let subscriber = move |event: &Happened| seen.add(event.number);
    let bus = SyncBus::empty().subscribe(subscriber.clone()).subscribe(subscriber).build().unwrap();
    bus.publish(HAPPENED).unwrap();
    assert_eq!(log.entries(), ["7", "7"]);
}

/// L7: an event that nobody subscribes to is published without a word and leaves no trace in the wiring.
#[tokio::test]
async fn an_event_without_subscribers_is_silent() {
    let sync = SyncBus::empty().build().unwrap();
    let bus = Bus::empty().build().unwrap();
    sync.publish(HAPPENED).unwrap();
    bus.publish(HAPPENED).await.unwrap();
    assert!(sync.wiring().registered_events().is_empty() && sync.wiring().route::<Happened>().is_none());
    assert!(bus.wiring().registered_events().is_empty() && bus.wiring().route::<Happened>().is_none());
}

/// L8, X21: one that fails does not stop the others, and its failure is the publish's own, with the error that it gave.
#[test]
fn a_single_failure_is_itself() {
    let log = Log::default();
    let bus =
        SyncBus::empty().subscribe(log.entry("a")).subscribe(log.failing(2)).subscribe(log.entry("b")).build().unwrap();
    let error = bus.publish(HAPPENED).unwrap_err();
    assert_eq!(log.entries(), ["a", "2", "b"]);
    let PublishError::Subscriber(failure) = error else { panic!("expected one failure: {error:?}") };
    assert_eq!(failure.downcast_ref::<Failed>().map(|failed| failed.0), Some(2));
    assert_eq!(failure.subscriber.message.short_name(), "Happened");
    assert_eq!(failure.subscriber.location.file, file!());
}

/// L8, X21: several failures are a group, in subscription order.
#[test]
fn several_failures_are_a_group_in_subscription_order() {
    let log = Log::default();
    let bus = SyncBus::empty()
        .subscribe(log.failing(1))
        .subscribe(log.entry("ok"))
        .subscribe(log.panicking(2))
        .subscribe(log.failing(3))
        .build()
        .unwrap();
    let error = bus.publish(HAPPENED).unwrap_err();
    assert_eq!(log.entries(), ["1", "ok", "2", "3"]);
    assert!(matches!(&error, PublishError::Several { message: "events.Happened", failures } if failures.len() == 3));
    assert_eq!(failures(&error), ["subscriber 1 failed", "subscriber 2 panicked", "subscriber 3 failed"]);
}

/// L9: a panic is isolated like an error, wherever in the row it happens and whatever its payload.
#[test]
fn a_panicking_subscriber_does_not_stop_the_others() {
    let log = Log::default();
    let bus = SyncBus::empty()
        .subscribe(log.panicking(1))
        .subscribe(log.entry("a"))
        .subscribe(|event: &Happened| assert!(event.number == 0, "a static text"))
        .subscribe(|_: &Happened| panic_any_number(17))
        .subscribe(log.entry("b"))
        .subscribe(log.panicking(2))
        .build()
        .unwrap();
    for _ in 0..100 {
        let error = bus.publish(HAPPENED).unwrap_err();
        let expected =
            ["subscriber 1 panicked", "a static text", "a panic value that is not text", "subscriber 2 panicked"];
        assert_eq!(failures(&error), expected);
        assert!(error.failures().iter().all(|failure| matches!(failure.failure, SubscriberFailure::Panicked(_))));
    }
    assert_eq!(log.entries()[..4], ["1", "a", "b", "2"]);
    assert_eq!(log.entries().len(), 400);
}

fn panic_any_number(number: u64) {
    panic_any(number);
}

/// L9: a panic whose payload panics once more when it is dropped is still one subscriber's affair.
#[tokio::test]
async fn a_panic_payload_that_panics_when_dropped_is_isolated() {
    static ARMED: AtomicBool = AtomicBool::new(true);

    struct Grenade;

    impl Drop for Grenade {
        fn drop(&mut self) {
            assert!(!ARMED.load(Ordering::SeqCst), "the payload's own panic");
        }
    }

    /// Lets the test fail, should one ever come through, and not its runner.
    struct Disarm;

    impl Drop for Disarm {
        fn drop(&mut self) {
            ARMED.store(false, Ordering::SeqCst);
        }
    }

    fn throw() {
        panic_any(Grenade);
    }

    let _disarm = Disarm;
    let log = Log::default();
    let sync = SyncBus::empty().subscribe(|_: &Happened| throw()).subscribe(log.entry("sync")).build().unwrap();
    let bus =
        Bus::empty().subscribe_async(|_: &Happened| async { throw() }).subscribe(log.entry("async")).build().unwrap();
    assert_eq!(failures(&sync.publish(HAPPENED).unwrap_err()), ["a panic value that is not text"]);
    assert_eq!(failures(&bus.publish(HAPPENED).await.unwrap_err()), ["a panic value that is not text"]);
    assert_eq!(log.entries(), ["sync", "async"]);
}

/// L12: the subscribers of a publish are those that the bus was built with: nothing can be added while it runs, so one
/// that publishes the same event from inside meets the same ones.
#[test]
fn a_nested_publish_meets_the_same_subscribers() {
    mod nested {
        use super::{Event, Log, SyncBus, handler};

        #[derive(Event)]
        pub(super) struct Countdown(pub(super) u32);

        #[handler]
        fn first(event: &Countdown, log: &Log, bus: &SyncBus) {
            log.add(format!("first {}", event.0));
            if event.0 > 0 {
                bus.publish(Countdown(event.0 - 1)).unwrap();
            }
        }

        #[handler]
        fn second(event: &Countdown, log: &Log) {
            log.add(format!("second {}", event.0));
        }

        linkbus::module! { messages: [Countdown], handlers: [first, second] }
    }

    let log = Log::default();
    let bus = SyncBus::empty().modules([nested::MODULE]).provide(log.clone()).build().unwrap();
    bus.publish(nested::Countdown(1)).unwrap();
    assert_eq!(log.entries(), ["first 1", "first 0", "second 0", "second 1"]);
    assert_eq!(bus.wiring().registered_events(), [("events.Countdown", 2)]);
}

/// A subscriber may take its event by value: each gets a copy of its own.
#[test]
fn a_subscriber_by_value_gets_a_copy() {
    mod copies {
        use super::{Event, Log, handler};

        #[derive(Event, Clone)]
        pub(super) struct Named(pub(super) String);

        #[handler]
        fn shout(mut event: Named, log: &Log) {
            event.0.push('!');
            log.add(event.0);
        }

        #[handler]
        fn say(event: &Named, log: &Log) {
            log.add(&event.0);
        }

        linkbus::module! { messages: [Named], handlers: [shout, say] }
    }

    let log = Log::default();
    let bus = SyncBus::empty().modules([copies::MODULE]).provide(log.clone()).build().unwrap();
    bus.publish(copies::Named("hey".into())).unwrap();
    assert_eq!(log.entries(), ["hey!", "hey"]);
}

/// LA2: subscribers run concurrently: here each waits for the other to have started.
#[tokio::test]
async fn async_subscribers_run_concurrently() {
    let barrier = Arc::new(Barrier::new(2));
    let meet = move |_: &Happened| {
        let barrier = Arc::clone(&barrier);
        async move {
            barrier.wait().await;
        }
    };
    let bus = Bus::empty().subscribe_async(meet.clone()).subscribe_async(meet).build().unwrap();
    timeout(DEADLINE, bus.publish(HAPPENED)).await.expect("they run one after the other").unwrap();
}

/// LA2: a fast subscriber finishes before a slow one that started earlier.
#[tokio::test]
async fn a_fast_subscriber_overtakes_a_slow_one() {
    let log = Log::default();
    let (done, wait) = oneshot::channel::<()>();
    let (done, wait) = (Mutex::new(Some(done)), Mutex::new(Some(wait)));
    let (slow, fast) = (log.clone(), log.clone());
    let bus = Bus::empty()
        .subscribe_async(move |_: &Happened| {
            let (log, fast_is_done) = (slow.clone(), wait.lock().unwrap().take().unwrap());
            async move {
                fast_is_done.await.unwrap();
                log.add("slow");
            }
        })
        .subscribe_async(move |_: &Happened| {
            let (log, done) = (fast.clone(), done.lock().unwrap().take().unwrap());
            async move {
                log.add("fast");
                done.send(()).unwrap();
            }
        })
        .build()
        .unwrap();
    timeout(DEADLINE, bus.publish(HAPPENED)).await.expect("the fast one waits for the slow one").unwrap();
    assert_eq!(log.entries(), ["fast", "slow"]);
}

/// LA2: all start in subscription order, the plain ones among the async ones in their place, also when there are many.
#[tokio::test]
async fn subscribers_start_in_subscription_order() {
    let log = Log::default();
    let mut builder = Bus::empty();
    for number in 0..50 {
        let seen = log.clone();
        builder = match number % 3 {
            0 => builder.subscribe(log.entry(number)),
            _ => builder.subscribe_async(move |_: &Happened| {
                let log = seen.clone();
                async move {
                    log.add(number);
                    yield_now().await;
                }
            }),
        };
    }
    builder.build().unwrap().publish(HAPPENED).await.unwrap();
    assert_eq!(log.entries(), (0..50).map(|number| number.to_string()).collect::<Vec<_>>());
}

/// LA2: publish is over when all are done, also when one has failed long before.
#[tokio::test]
async fn publish_waits_for_all_subscribers() {
    let (release, gate) = mpsc::unbounded_channel::<()>();
    let gate = Arc::new(tokio::sync::Mutex::new(gate));
    let log = Log::default();
    let seen = log.clone();
    let bus = Bus::empty()
        .subscribe(log.failing(1))
        .subscribe_async(move |_: &Happened| {
            let (log, gate) = (seen.clone(), Arc::clone(&gate));
            async move {
                gate.lock().await.recv().await.unwrap();
                log.add("last");
            }
        })
        .subscribe_async(|_: &Happened| async { Err::<(), _>(Failed(3)) })
        .build()
        .unwrap();
    let mut publish = pin!(bus.publish(HAPPENED));
    for _ in 0..10 {
        assert!(publish.as_mut().now_or_never().is_none());
    }
    assert_eq!(log.entries(), ["1"]);
    release.send(()).unwrap();
    let error = publish.await.unwrap_err();
    assert_eq!(log.entries(), ["1", "last"]);
    assert_eq!(failures(&error), ["subscriber 1 failed", "subscriber 3 failed"]);
}

/// LA3: the group is in subscription order even when they fail in another, and one failure is itself.
#[tokio::test]
async fn async_failures_are_in_subscription_order() {
    let (go, wait) = oneshot::channel::<()>();
    let (go, wait) = (Mutex::new(Some(go)), Mutex::new(Some(wait)));
    let log = Log::default();
    let (first, third) = (log.clone(), log.clone());
    let bus = Bus::empty()
        .subscribe_async(move |_: &Happened| {
            let (log, wait) = (first.clone(), wait.lock().unwrap().take().unwrap());
            async move {
                wait.await.unwrap();
                log.add("first fails");
                Err::<(), _>(Failed(1))
            }
        })
        .subscribe(log.entry("second runs"))
        .subscribe_async(move |_: &Happened| {
            let (log, go) = (third.clone(), go.lock().unwrap().take().unwrap());
            async move {
                log.add("third fails");
                go.send(()).unwrap();
                Err::<(), _>(Failed(3))
            }
        })
        .build()
        .unwrap();
    let error = timeout(DEADLINE, bus.publish(HAPPENED)).await.unwrap().unwrap_err();
    assert_eq!(log.entries(), ["second runs", "third fails", "first fails"]);
    assert_eq!(failures(&error), ["subscriber 1 failed", "subscriber 3 failed"]);
    assert!(matches!(error, PublishError::Several { .. }));
}

/// LA3: a single async failure is itself, with the subscriber's own error.
#[tokio::test]
async fn a_single_async_failure_is_itself() {
    let bus = Bus::empty()
        .subscribe_async(|_: &Happened| async { yield_now().await })
        .subscribe_async(|_: &Happened| async {
            yield_now().await;
            Err::<(), _>(Failed(2))
        })
        .build()
        .unwrap();
    let PublishError::Subscriber(failure) = bus.publish(HAPPENED).await.unwrap_err() else { panic!("one failed") };
    assert_eq!(failure.downcast_ref::<Failed>().map(|failed| failed.0), Some(2));
}

/// LA3, L9: async subscribers that panic before or after an await, or while they make their future, are isolated.
#[tokio::test]
async fn a_panicking_async_subscriber_does_not_stop_the_others() {
    let log = Log::default();
    let (seen, late) = (log.clone(), log.clone());
    let bus = Bus::empty()
        .subscribe_async(|event: &Happened| {
            assert!(event.number == 0, "while making the future");
            async {}
        })
        .subscribe_async(|event: &Happened| {
            let number = event.number;
            async move { assert!(number == 0, "before an await") }
        })
        .subscribe_async(move |event: &Happened| {
            let (log, number) = (seen.clone(), event.number);
            async move {
                yield_now().await;
                log.add("between");
                yield_now().await;
                assert!(number == 0, "after an await");
            }
        })
        .subscribe(log.panicking(4))
        .subscribe_async(move |_: &Happened| {
            let log = late.clone();
            async move {
                for _ in 0..5 {
                    yield_now().await;
                }
                log.add("last");
            }
        })
        .build()
        .unwrap();
    let error = bus.publish(HAPPENED).await.unwrap_err();
    assert_eq!(log.entries(), ["4", "between", "last"]);
    let expected =
        ["while making the future", "before an await", "after an await", "subscriber 4 panicked"].map(str::to_owned);
    assert_eq!(failures(&error), expected);
}

/// LA4: a subscriber whose own task was cancelled is reported with the error that says so.
#[tokio::test]
async fn a_cancelled_subscriber_is_reported() {
    mod cancelled {
        use super::{AnyError, Event, handler};

        #[derive(Event)]
        pub(super) struct Started;

        #[handler]
        async fn supervise(_: &Started) -> Result<(), AnyError> {
            let task = tokio::spawn(std::future::pending::<()>());
            task.abort();
            task.await?;
            Ok(())
        }

        #[handler]
        async fn notice(_: &Started) {}

        linkbus::module! { messages: [Started], handlers: [supervise, notice] }
    }

    let bus = Bus::empty().modules([cancelled::MODULE]).build().unwrap();
    let PublishError::Subscriber(failure) = bus.publish(cancelled::Started).await.unwrap_err() else {
        panic!("one was cancelled")
    };
    assert_eq!(failure.subscriber.name, "supervise");
    assert!(failure.downcast_ref::<tokio::task::JoinError>().unwrap().is_cancelled());
}

/// LA2: a publish that waits on one subscriber does not poll those that are done once more.
#[tokio::test]
async fn a_finished_subscriber_is_not_polled_again() {
    struct Once(bool);

    impl Future for Once {
        type Output = ();

        fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
            assert!(!std::mem::replace(&mut self.0, true), "polled after it was done");
            std::task::Poll::Ready(())
        }
    }

    let bus = Bus::empty()
        .subscribe_async(|_: &Happened| Once(false))
        .subscribe_async(|_: &Happened| async {
            for _ in 0..5 {
                yield_now().await;
            }
        })
        .build()
        .unwrap();
    bus.publish(HAPPENED).await.unwrap();
}
