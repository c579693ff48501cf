//! Runs that are followed to their end.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use linkbus::{Bus, BusHandle, Command, Event, ExecuteError, Query, SyncBus, handler};
use tokio::sync::Semaphore;

/// What the handlers wait for, and what they count.
struct Desk {
    may_go_on: Semaphore,
    bought: AtomicU32,
}

impl Desk {
    fn new(permits: usize) -> Arc<Self> {
        Arc::new(Desk { may_go_on: Semaphore::new(permits), bought: AtomicU32::new(0) })
    }
}

#[derive(Command, Clone, Debug)]
#[command(name = "desk.Buy")]
struct Buy {
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Directly,
    InATask,
    /// Keeps a bus for good.
    Keeps,
    Fails,
}

#[derive(Query)]
#[query(reply = u32, name = "desk.Price")]
struct Price;

#[derive(Event)]
#[event(name = "desk.Bought")]
struct Bought;

#[derive(Command)]
#[command(name = "desk.Count")]
struct Count;

mod tasks {
    use super::*;

    #[handler]
    async fn buy(buy: Buy, bus: &Bus, desk: &Arc<Desk>) -> Result<(), linkbus::AnyError> {
        match buy.how {
            How::Directly => {
                bus.send(Price).await?;
                bus.publish(Bought).await?;
            }
            How::InATask => {
                let (bus, desk) = (bus.clone(), Arc::clone(desk));
                tokio::spawn(async move {
                    desk.may_go_on.acquire().await.unwrap().forget();
                    bus.publish(Bought).await
                });
            }
            How::Keeps => std::mem::forget(bus.clone()),
            How::Fails => return Err("no money".into()),
        }
        Ok(())
    }

    #[handler]
    fn price(_: Price) -> u32 {
        5
    }

    #[handler]
    fn count(_: Count, desk: &Arc<Desk>) {
        desk.bought.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps a handle instead of taking the bus.
    pub(super) struct Counter(pub(super) BusHandle);

    #[linkbus::handlers]
    impl Counter {
        #[handler]
        async fn note(&self, _: &Bought) -> Result<(), linkbus::AnyError> {
            Ok(self.0.commands().execute(Count).await?)
        }
    }

    linkbus::module!(messages: [Buy, Price, Count], handlers: [buy, price, count, Counter::note]);
}

fn bus(desk: &Arc<Desk>) -> Bus {
    let builder = Bus::empty().modules([tasks::MODULE]);
    builder.provide(Arc::clone(desk)).provide_with(|bus| tasks::Counter(bus.clone())).build().unwrap()
}

#[tokio::test]
async fn the_tree_says_who_caused_what() {
    let desk = Desk::new(0);
    let run = bus(&desk).track().execute(Buy { how: How::Directly }).await.succeeds();
    let shape: Vec<_> = run.tree().branches().iter().map(|one| (one.depth(), one.message().name)).collect();
    assert_eq!(shape, [(0, "desk.Buy"), (1, "desk.Price"), (1, "desk.Bought"), (2, "desk.Count")]);
    assert!(run.tree().branches().iter().all(|one| one.outcome() == "succeeded" && one.duration().is_some()));
    assert!(run.tree().to_string().contains("\n    execute desk.Count -> succeeded in "), "{}", run.tree());
    assert!(run.tree().branches().iter().all(|one| one.origin().file == "tests/tracked.rs"));
    run.causes::<Bought>(1).causes::<Buy>(0).leaves("one that was bought", || desk.bought.load(Ordering::Relaxed) == 1);
}

#[tokio::test]
async fn a_task_that_a_handler_spawned_is_waited_for() {
    let desk = Desk::new(0);
    let tracked = tokio::spawn({
        let bus = bus(&desk);
        async move { bus.track().execute(Buy { how: How::InATask }).await }
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert!(!tracked.is_finished());
    }
    desk.may_go_on.add_permits(1);
    let run = tracked.await.unwrap();
    run.succeeds().causes::<Count>(1);
    assert_eq!(desk.bought.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_never_ends_is_named_with_its_places() {
    let desk = Desk::new(0);
    let bus = bus(&desk);
    let run = tokio::spawn(async move {
        bus.track().within(Duration::from_millis(50)).execute(Buy { how: How::Keeps }).await;
    });
    let panic = run.await.unwrap_err().into_panic();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(
        text.starts_with("not over within 50ms: still open are\n  execute desk.Buy, at tests/tracked.rs:"),
        "{text}"
    );
    assert!(text.contains("over, but its bus is still held; it was cloned at tests/tracked.rs:"), "{text}");
}

#[tokio::test]
async fn a_dispatch_that_never_ends_is_named_too() {
    let desk = Desk::new(0);
    let bus = bus(&desk);
    let run = tokio::spawn(async move {
        bus.track().within(Duration::from_millis(50)).execute(Buy { how: How::InATask }).await;
    });
    let text = *run.await.unwrap_err().into_panic().downcast::<String>().unwrap();
    assert!(text.contains("execute desk.Buy, at tests/tracked.rs:"), "{text}");
}

#[tokio::test]
async fn an_outcome_that_was_not_expected_is_shown_with_the_tree() {
    let desk = Desk::new(0);
    let failed = || async { bus(&desk).track().execute(Buy { how: How::Fails }).await };
    let run = failed().await.fails_with(|error| matches!(error, ExecuteError::Handler(_)));
    assert_eq!(run.into_outcome().unwrap_err().to_string(), "no money");
    let run = failed().await;
    let panic = catch_unwind(AssertUnwindSafe(|| run.succeeds())).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(
        text.starts_with("expected it to succeed, but it failed: no money\nexecute desk.Buy -> no money in "),
        "{text}"
    );
    let run = failed().await;
    let panic = catch_unwind(AssertUnwindSafe(|| run.causes::<Bought>(1..))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(
        text.starts_with("expected `desk.Bought` to be caused 1 times or more, but it was caused not at all\n"),
        "{text}"
    );
}

#[tokio::test]
async fn two_runs_at_once_do_not_see_each_other() {
    let desk = Desk::new(0);
    let bus = bus(&desk);
    let (one, other) =
        tokio::join!(bus.track().execute(Buy { how: How::Directly }), bus.track().execute(Buy { how: How::Directly }),);
    assert_eq!((one.tree().branches().len(), other.tree().branches().len()), (4, 4));
}

#[test]
fn a_thread_that_a_handler_started_is_waited_for() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(Some(wait));
    let bus = SyncBus::empty().modules([threads::MODULE]).provide(threads::Wait(wait)).build().unwrap();
    go_on.send(()).unwrap();
    bus.track().execute(threads::Start).succeeds().causes::<Bought>(1);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        bus.track().within(Duration::from_millis(50)).execute(threads::Hang);
    }));
    let text = *panic.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("execute desk.Hang, at tests/tracked.rs:"), "{text}");
    assert!(text.contains(": under way for "), "{text}");
}

mod threads {
    use super::*;

    pub(super) struct Wait(pub(super) std::sync::Mutex<Option<mpsc::Receiver<()>>>);

    #[derive(Command)]
    #[command(name = "desk.Start")]
    pub(super) struct Start;

    #[derive(Command)]
    #[command(name = "desk.Hang")]
    pub(super) struct Hang;

    #[handler]
    fn start(_: Start, bus: &SyncBus, wait: &Wait) {
        let (bus, wait) = (bus.clone(), wait.0.lock().unwrap().take().unwrap());
        std::thread::spawn(move || {
            wait.recv().unwrap();
            bus.publish(Bought)
        });
    }

    #[handler]
    fn hang(_: Hang) {
        std::thread::park();
    }

    linkbus::module!(messages: [Start, Hang], handlers: [start, hang]);
}
