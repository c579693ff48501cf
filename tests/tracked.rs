//! Runs that are followed to their end.

use std::{
    cell::Cell,
    io::{BufRead, BufReader},
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    process::{Command as Process, Stdio},
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use futures_util::FutureExt;
use linkbus::{Bus, BusHandle, Command, Event, ExecuteError, Query, SyncBus, handler, testing::Branch};
use tokio::sync::Semaphore;

/// Of a run that does not end.
const LIMIT: Duration = Duration::from_millis(200);

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
    /// Keeps several.
    KeepsThree,
    /// Waits for a permit.
    Waits,
    /// Begins to buy, waiting for a permit, and leaves it.
    ChangesItsMind,
    /// In a task that panics, at a price of which nobody has heard.
    InATaskThatPanics,
    /// Blocks its thread, for ever.
    Blocks,
    Fails,
}

#[derive(Query)]
#[query(reply = u32, name = "desk.Price")]
struct Price;

#[derive(Query)]
#[query(reply = u32, name = "desk.NoPrice")]
struct NoPrice;

#[derive(Command)]
#[command(name = "desk.GoOn")]
struct GoOn(usize);

#[derive(Command)]
#[command(name = "desk.Repeat")]
struct Repeat(usize);

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
            How::KeepsThree => (0..3).for_each(|_| std::mem::forget(bus.clone())),
            How::Waits => desk.may_go_on.acquire().await?.forget(),
            How::ChangesItsMind => _ = bus.execute(Buy { how: How::Waits }).now_or_never(),
            How::InATaskThatPanics => {
                let bus = bus.clone();
                let task = tokio::spawn(async move { bus.send(NoPrice).await });
                assert!(task.await.is_err_and(|error| error.is_panic()));
            }
            How::Blocks => loop {
                std::thread::park();
            },
            How::Fails => return Err("no money".into()),
        }
        Ok(())
    }

    #[handler]
    fn price(_: Price) -> u32 {
        5
    }

    #[handler]
    fn no_price(_: NoPrice) -> u32 {
        unreachable!("there is none")
    }

    /// In a task for each step.
    #[handler]
    fn go_on(go_on: &GoOn, bus: &Bus) {
        if let Some(left) = go_on.0.checked_sub(1) {
            let bus = bus.clone();
            tokio::spawn(async move { bus.execute(GoOn(left)).await });
        }
    }

    #[handler]
    async fn repeat(repeat: Repeat, bus: &Bus) -> Result<(), linkbus::AnyError> {
        for _ in 0..repeat.0 {
            bus.send(Price).await?;
        }
        Ok(())
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

    linkbus::module!(
        messages: [Buy, Price, NoPrice, GoOn, Repeat, Count],
        handlers: [buy, price, no_price, go_on, repeat, count, Counter::note],
    );
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

/// What a run says that is not over in time, without how long something was under way.
async fn said_of_expired(how: How) -> (u32, String) {
    let line = line!() + 1;
    let run = async move { bus(&Desk::new(0)).track().within(LIMIT).execute(Buy { how }).await };
    let text = *tokio::spawn(run).await.unwrap_err().into_panic().downcast::<String>().unwrap();
    (line, text.lines().map(|line| line.split_inclusive("under way").next().unwrap()).collect::<Vec<_>>().join("\n"))
}

/// The line of the first of `tasks` that reads so.
fn line_of(code: &str) -> usize {
    include_str!("tracked.rs").lines().position(|line| line.trim() == code).unwrap() + 1
}

#[tokio::test]
async fn what_never_ends_is_named_with_its_places() {
    let (line, text) = said_of_expired(How::Keeps).await;
    let clone = line_of("How::Keeps => std::mem::forget(bus.clone()),");
    let expected = format!(
        "the run at tests/tracked.rs:{line} was not over within 200ms: still open were
  execute desk.Buy, at tests/tracked.rs:{line}: over, but its bus is still held; it was cloned at tests/tracked.rs:{clone}"
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn clones_that_are_made_in_one_place_are_counted() {
    let (_, text) = said_of_expired(How::KeepsThree).await;
    let clone = line_of("How::KeepsThree => (0..3).for_each(|_| std::mem::forget(bus.clone())),");
    assert!(text.ends_with(&format!("; it was cloned at tests/tracked.rs:{clone} (3 times)")), "{text}");
}

#[tokio::test]
async fn a_dispatch_that_never_ends_is_named_too() {
    let (line, text) = said_of_expired(How::Waits).await;
    let expected = format!(
        "the run at tests/tracked.rs:{line} was not over within 200ms: still open were
  execute desk.Buy, at tests/tracked.rs:{line}: under way"
    );
    assert_eq!(text, expected);
}

/// The test itself hangs, so what is open is told past the test harness.
#[test]
fn a_handler_that_blocks_for_ever_is_told_while_it_does() {
    let mut process = Process::new(std::env::current_exe().unwrap());
    process.args(["--exact", "blocks_for_ever", "--ignored"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = process.spawn().unwrap();
    let lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let (teller, told) = mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| teller.send(line)));
    let told: Vec<_> = (0..2).map_while(|_| told.recv_timeout(Duration::from_secs(60)).ok()).collect();
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(told.len(), 2, "nothing was told for a minute");
    assert!(told[0].starts_with("linkbus: the run at tests/tracked.rs:"), "{told:?}");
    assert!(told[0].ends_with(" was not over within 200ms: still open were"), "{told:?}");
    assert!(told[1].starts_with("  execute desk.Buy, at tests/tracked.rs:"), "{told:?}");
}

/// The test above runs it in a process of its own.
#[tokio::test]
#[ignore = "it never ends"]
async fn blocks_for_ever() {
    said_of_expired(How::Blocks).await;
}

async fn outcomes_of(how: How) -> Vec<(&'static str, String)> {
    let run = bus(&Desk::new(0)).track().execute(Buy { how }).await.succeeds();
    run.tree().branches().iter().map(|one| (one.message().name, one.outcome().to_owned())).collect()
}

#[tokio::test]
async fn a_dispatch_that_was_dropped_is_over() {
    let expected = [("desk.Buy", "succeeded"), ("desk.Buy", "dropped before it was over")];
    assert_eq!(outcomes_of(How::ChangesItsMind).await, expected.map(|(name, outcome)| (name, outcome.to_owned())));
}

#[tokio::test]
async fn a_dispatch_that_panicked_is_over() {
    let expected = [("desk.Buy", "succeeded"), ("desk.NoPrice", "panicked")];
    assert_eq!(outcomes_of(How::InATaskThatPanics).await, expected.map(|(name, outcome)| (name, outcome.to_owned())));
}

#[tokio::test]
async fn a_long_chain_is_followed_and_drawn() {
    let run = bus(&Desk::new(0)).track().execute(GoOn(20_000)).await.succeeds();
    let depths: Vec<_> = run.tree().branches().iter().map(Branch::depth).collect();
    assert_eq!(depths, (0..=20_000).collect::<Vec<_>>());
    let drawn = run.tree().to_string();
    let lines: Vec<_> = drawn.lines().collect();
    assert!(lines[32].starts_with(&format!("{:64}execute desk.GoOn -> ", "")), "{}", lines[32]);
    assert!(lines[33].starts_with(&format!("{:64}(depth 33) execute desk.GoOn -> ", "")), "{}", lines[33]);
    assert_eq!((lines.len(), lines[1_000]), (1_001, "and 19001 more"));
}

#[tokio::test]
async fn more_dispatches_than_are_kept_are_counted_and_make_no_answer_right() {
    let run = bus(&Desk::new(0)).track().execute(Repeat(100_004)).await.succeeds();
    assert_eq!((run.tree().branches().len(), run.tree().lost()), (100_000, 5));
    assert!(run.tree().to_string().ends_with("\nand 99005 more"));
    let panic = catch_unwind(AssertUnwindSafe(|| run.causes::<Price>(100_000))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert_eq!(text, "5 dispatches more than the 100000 that are kept: let one stimulus cause less");
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
    let wait = Mutex::new(Some(wait));
    let bus = SyncBus::empty().modules([threads::MODULE]).provide(threads::Wait(wait)).build().unwrap();
    go_on.send(()).unwrap();
    bus.track().execute(threads::Start).succeeds().causes::<Bought>(1);
}

thread_local! {
    static LINE_OF_PANIC: Cell<u32> = const { Cell::new(0) };
}

/// The line of a panic, and what it says.
fn panic_of(run: impl FnOnce()) -> (u32, String) {
    static NOTED: Once = Once::new();
    NOTED.call_once(|| {
        let told = take_hook();
        set_hook(Box::new(move |panic| {
            LINE_OF_PANIC.set(panic.location().unwrap().line());
            told(panic);
        }));
    });
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    (LINE_OF_PANIC.get(), *panic.downcast::<String>().unwrap())
}

#[test]
fn a_run_that_is_left_behind_fails_in_the_line_of_the_test() {
    let bus = SyncBus::empty().modules([threads::MODULE]).provide(threads::Wait(Mutex::new(None))).build().unwrap();
    let line = line!() + 2;
    let (place, text) = panic_of(|| {
        bus.track().within(LIMIT).execute(threads::Hang);
    });
    assert_eq!(place, line);
    let expected = format!(
        "the run at tests/tracked.rs:{line} was not over within 200ms: still open were
  execute desk.Hang, at tests/tracked.rs:{line}: under way for "
    );
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn a_thread_that_is_left_behind_fails_in_the_line_of_the_test() {
    let (_go_on, wait) = mpsc::channel::<()>();
    let wait = threads::Wait(Mutex::new(Some(wait)));
    let bus = SyncBus::empty().modules([threads::MODULE]).provide(wait).build().unwrap();
    let line = line!() + 2;
    let (place, text) = panic_of(|| {
        bus.track().within(LIMIT).execute(threads::Start);
    });
    assert_eq!(place, line);
    assert!(text.contains("execute desk.Start, at tests/tracked.rs:"), "{text}");
    assert!(text.contains(": over, but its bus is still held; it was cloned at tests/tracked.rs:"), "{text}");
}

/// A bus that outlives its run is a bus like any other.
#[test]
fn a_bus_of_a_run_that_is_over_belongs_to_the_run_that_it_is_used_in() {
    let bus = SyncBus::empty().modules([keeping::MODULE]).provide(keeping::Kept::default()).build().unwrap();
    let keep = || _ = bus.track().within(LIMIT).execute(keeping::Keep);
    catch_unwind(AssertUnwindSafe(keep)).unwrap_err();
    bus.track().execute(keeping::Use).succeeds().causes::<Bought>(1);
}

mod threads {
    use super::*;

    pub(super) struct Wait(pub(super) Mutex<Option<mpsc::Receiver<()>>>);

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

/// Keeps the bus of one run, and uses it in another.
mod keeping {
    use super::*;

    #[derive(Default)]
    pub(super) struct Kept(Mutex<Option<SyncBus>>);

    #[derive(Command)]
    pub(super) struct Keep;

    #[derive(Command)]
    pub(super) struct Use;

    #[handler]
    fn keep(_: Keep, bus: &SyncBus, kept: &Kept) {
        *kept.0.lock().unwrap() = Some(bus.clone());
    }

    #[handler]
    fn use_it(_: Use, kept: &Kept) -> Result<(), linkbus::AnyError> {
        let bus = kept.0.lock().unwrap().clone().expect("it was kept");
        Ok(bus.publish(Bought)?)
    }

    linkbus::module!(messages: [Keep, Use], handlers: [keep, use_it]);
}
