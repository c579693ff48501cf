//! Chaos: what befalls a dispatch, that a seed does the same again, and what is told of a seed that fails.

use std::{
    collections::BTreeSet,
    iter,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command as Process,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all};
use linkbus::{
    Bus, Command, Context, Event, Query, SyncBus, Task, Uuid,
    clock::{ManualClock, Time as _},
    handler,
    layer::Retry,
    testing::{Chaos, Happened, Injected, Mishap},
};

#[derive(Query)]
#[query(reply = u32, name = "shop.Stock")]
struct Stock;

#[derive(Command, Clone)]
#[command(name = "shop.Pay")]
struct Pay;

#[derive(Event)]
#[event(name = "shop.Paid")]
struct Paid(u32);

#[derive(Task)]
#[task(name = "shop.Print")]
struct Print;

#[derive(Command)]
#[command(name = "shop.Sign")]
struct Sign;

/// Counts what is handled.
#[derive(Default)]
struct Handled(AtomicU32);

impl Handled {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

fn handled() -> &'static Handled {
    Box::leak(Box::default())
}

/// What is dispatched, whether that succeeded, and whether an error was made on purpose.
type Sent = [(&'static str, Result<(), bool>); 4];

fn is_injected(error: impl std::error::Error + 'static) -> bool {
    Injected::find(&error).is_some()
}

fn send_each_sync(chaos: &Chaos) -> (Sent, u32) {
    let handled = handled();
    let bus = SyncBus::empty()
        .query(|_: Stock| {
            handled.add();
            1
        })
        .command(|_: Pay| handled.add())
        .subscribe(|_: &Paid| handled.add())
        .task(|_: Print| handled.add())
        .layer(chaos.clone())
        .build()
        .unwrap();
    let sent = [
        ("query", bus.send(Stock).map(drop).map_err(is_injected)),
        ("command", bus.execute(Pay).map_err(is_injected)),
        ("event", bus.publish(Paid(1)).map_err(is_injected)),
        ("task", bus.dispatch(Print).map_err(is_injected)),
    ];
    (sent, handled.count())
}

async fn send_each(chaos: &Chaos) -> (Sent, u32) {
    let handled = handled();
    let bus = Bus::empty()
        .query_async(|_: Stock| async {
            handled.add();
            1
        })
        .command_async(|_: Pay| async { handled.add() })
        .subscribe_async(|_: &Paid| async { handled.add() })
        .task_async(|_: Print| async { handled.add() })
        .layer(chaos.clone())
        .build()
        .unwrap();
    let sent = [
        ("query", bus.send(Stock).await.map(drop).map_err(is_injected)),
        ("command", bus.execute(Pay).await.map_err(is_injected)),
        ("event", bus.publish(Paid(1)).await.map_err(is_injected)),
        ("task", bus.dispatch(Print).await.map_err(is_injected)),
    ];
    (sent, handled.count())
}

/// What comes of each kind, on both buses, and how many were handled.
fn assert_each(chaos: impl Fn() -> Chaos, outcomes: [Result<(), bool>; 4], handled: u32) {
    let sent = ["query", "command", "event", "task"].into_iter().zip(outcomes).collect::<Vec<_>>();
    for (got, count) in [send_each_sync(&chaos()), send_each(&chaos()).now_or_never().unwrap()] {
        assert_eq!((got.to_vec(), count), (sent.clone(), handled));
    }
}

#[test]
fn a_failed_message_is_not_handled_and_its_caller_is_told() {
    assert_each(|| Chaos::seeded(1).fails(1.0), [Err(true); 4], 0);
}

#[test]
fn a_dropped_message_is_not_handled() {
    assert_each(|| Chaos::seeded(1).drops(1.0), [Err(true), Err(true), Ok(()), Ok(())], 0);
}

#[test]
fn an_answer_is_lost_when_the_handler_has_run() {
    assert_each(|| Chaos::seeded(1).loses_answers(1.0), [Err(true), Err(true), Ok(()), Err(true)], 4);
}

/// All but the query and the task, which are not `Clone` and taken by value.
#[test]
fn a_duplicated_message_is_handled_twice() {
    assert_each(|| Chaos::seeded(1).duplicates(1.0), [Ok(()); 4], 6);
}

#[test]
fn without_a_probability_nothing_happens() {
    assert_each(|| Chaos::seeded(1), [Ok(()); 4], 4);
}

fn pay_bus(chaos: &Chaos, handled: &'static Handled) -> SyncBus {
    let retry = Retry::new().max_attempts(50);
    let builder = SyncBus::empty().command(|_: Pay| handled.add()).layer(retry).layer(chaos.clone());
    builder.clock(ManualClock::new()).build().unwrap()
}

#[test]
fn an_error_that_was_made_on_purpose_is_tried_again() {
    let (chaos, handled) = (Chaos::seeded(3).fails(0.5), handled());
    let bus = pay_bus(&chaos, handled);
    for _ in 0..20 {
        bus.execute(Pay).unwrap();
    }
    assert_eq!(handled.count(), 20);
    let failed = chaos.done().happened().len();
    assert!((5..60).contains(&failed), "{failed}");
}

#[test]
fn a_retry_after_a_lost_answer_calls_the_handler_again() {
    let (chaos, handled) = (Chaos::seeded(3).loses_answers(0.5), handled());
    let bus = pay_bus(&chaos, handled);
    for _ in 0..20 {
        bus.execute(Pay).unwrap();
    }
    assert_eq!(handled.count() as usize, 20 + chaos.done().happened().len());
}

#[test]
fn an_error_is_recognised_behind_the_handler_that_met_it() {
    let bus =
        SyncBus::empty().task(|_: Print| ()).command(|_: Pay| ()).layer(Chaos::seeded(1).fails(1.0).only::<Pay>());
    let bus = bus.build().unwrap();
    let outer =
        SyncBus::empty().command(move |_: Sign| Ok::<(), linkbus::AnyError>(bus.execute(Pay)?)).build().unwrap();
    let error = outer.execute(Sign).unwrap_err();
    let injected = Injected::find(&error).unwrap();
    assert_eq!((injected.message().name, injected.nth(), injected.mishap()), ("shop.Pay", 1, Mishap::Failed));
    assert_eq!(injected.to_string(), "on purpose, by chaos of seed 1: execute shop.Pay, dispatch 1: failed");
}

#[test]
fn other_messages_are_let_be() {
    let chaos = Chaos::seeded(1).fails(1.0).only::<Pay>().only::<Stock>();
    assert_each(move || chaos.clone(), [Err(true), Err(true), Ok(()), Ok(())], 2);
}

/// The ids of what came.
static CAME: Mutex<Vec<Uuid>> = Mutex::new(Vec::new());

fn came() -> std::sync::MutexGuard<'static, Vec<Uuid>> {
    CAME.lock().unwrap_or_else(PoisonError::into_inner)
}

mod once {
    use super::{Context, Sign, came, handler};

    /// It takes each message once.
    #[handler]
    fn sign(_: &Sign, context: &Context) -> Result<(), &'static str> {
        let mut came = came();
        let is_known = came.contains(&context.id());
        came.push(context.id());
        if is_known { Err("signed already") } else { Ok(()) }
    }

    linkbus::module!(messages: [Sign], handlers: [sign]);
}

/// Neither is there a need for `Clone`: the handler borrows.
#[test]
fn a_duplicate_has_the_same_ids_and_the_caller_gets_the_first_outcome() {
    let bus = SyncBus::empty().modules([once::MODULE]).layer(Chaos::seeded(1).duplicates(1.0)).build().unwrap();
    bus.execute(Sign).unwrap();
    let came = came();
    assert_eq!(came.len(), 2);
    assert_eq!(came[0], came[1]);
}

#[test]
fn what_cannot_be_copied_comes_once_and_explain_says_so() {
    let chaos = Chaos::seeded(1).duplicates(1.0).fails(0.1);
    let bus = SyncBus::empty().command(|_: Sign| ()).layer(chaos).build().unwrap();
    let text = bus.explain::<Sign>().unwrap().to_string();
    assert!(
        text.contains("duplicates = never, it is not `Clone` and its handler takes it by value (by the type)"),
        "{text}"
    );
}

#[test]
fn delays_go_by_the_clock() {
    let clock = ManualClock::new();
    let chaos = Chaos::seeded(1).delays(1.0, Duration::from_secs(60));
    let begun = clock.now();
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(chaos.clone()).clock(clock.clone()).build().unwrap();
    (0..10).for_each(|_| bus.execute(Pay).unwrap());
    let delays: Vec<_> = chaos
        .done()
        .happened()
        .iter()
        .map(|happened| match happened.mishap() {
            Mishap::Delayed(by) => by,
            other => unreachable!("{other}"),
        })
        .collect();
    assert_eq!(clock.sleeps(), delays);
    assert!(delays.iter().all(|by| *by < Duration::from_secs(60)) && delays[0] != delays[1]);
    assert_eq!(clock.now() - begun, delays.iter().sum::<Duration>());
}

/// The order in which 20 events, published together, are handled.
fn order(chaos: Chaos) -> Vec<u32> {
    let order: &'static Mutex<Vec<u32>> = Box::leak(Box::default());
    let bus = Bus::empty()
        .subscribe(|paid: &Paid| order.lock().unwrap().push(paid.0))
        .layer(chaos)
        .clock(ManualClock::new())
        .build()
        .unwrap();
    let published = join_all((0..20).map(|number| bus.publish(Paid(number))));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(published).into_iter().for_each(Result::unwrap);
    order.lock().unwrap().clone()
}

#[test]
fn messages_are_overtaken_and_none_is_lost() {
    let mut order = order(Chaos::seeded(5).reorders(0.3, 4));
    assert!(!order.is_sorted(), "{order:?}");
    order.sort_unstable();
    assert_eq!(order, (0..20).collect::<Vec<_>>());
}

#[test]
fn all_go_on_where_all_are_held_back() {
    assert_eq!(order(Chaos::seeded(5).reorders(1.0, u32::MAX).patience(Duration::from_secs(9))).len(), 20);
}

#[test]
fn one_that_is_held_back_goes_on_when_so_many_others_are_over() {
    let chaos = Chaos::seeded(5).reorders(0.5, 4);
    let bus = Bus::empty().command(|_: Pay| ()).layer(chaos.clone()).clock(ManualClock::stopped()).build().unwrap();
    let pay = || {
        let mut paying = Box::pin(bus.execute(Pay));
        paying.as_mut().now_or_never().is_none().then_some(paying)
    };
    let mut windows = BTreeSet::new();
    for _ in 0..40 {
        let mut held = iter::repeat_with(pay).flatten().next().unwrap();
        let Mishap::HeldBack { others } = chaos.done().happened().last().unwrap().mishap() else { unreachable!() };
        windows.insert(others);
        let (mut over, mut held_as_well) = (0, Vec::new());
        while over < others {
            assert!(held.as_mut().now_or_never().is_none(), "{over} of {others} are over");
            match pay() {
                Some(paying) => held_as_well.push(paying),
                None => over += 1,
            }
        }
        held.as_mut().now_or_never().unwrap().unwrap();
    }
    assert_eq!(Vec::from_iter(windows), [1, 2, 3, 4]);
}

/// A bus on which everything is held back, and its clock, which does not move.
fn holding_bus() -> (Bus, ManualClock) {
    let clock = ManualClock::stopped();
    let chaos = Chaos::seeded(5).reorders(1.0, 1).patience(Duration::from_secs(2));
    (Bus::empty().command(|_: Pay| ()).layer(chaos).clock(clock.clone()).build().unwrap(), clock)
}

#[test]
fn one_that_nothing_overtakes_goes_on_when_its_patience_is_at_an_end() {
    let (bus, clock) = holding_bus();
    let mut paid = Box::pin(bus.execute(Pay));
    assert!((0..5).all(|_| paid.as_mut().now_or_never().is_none()));
    clock.advance(Duration::from_secs(1));
    assert!(paid.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_secs(1));
    paid.as_mut().now_or_never().unwrap().unwrap();
}

#[test]
fn closing_the_bus_lets_go_what_is_held_back() {
    let (bus, _clock) = holding_bus();
    let mut paid = Box::pin(bus.execute(Pay));
    assert!(paid.as_mut().now_or_never().is_none());
    bus.close().now_or_never().unwrap().unwrap();
    paid.as_mut().now_or_never().unwrap().unwrap();
}

#[test]
fn on_a_sync_bus_nothing_is_held_back() {
    let chaos = Chaos::seeded(5).reorders(1.0, 4).fails(0.0).delays(1.0, Duration::ZERO);
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(chaos.clone()).clock(ManualClock::new()).build().unwrap();
    bus.execute(Pay).unwrap();
    assert!(chaos.done().happened().iter().all(|happened| happened.mishap() == Mishap::Delayed(Duration::ZERO)));
    let text = bus.explain::<Pay>().unwrap().to_string();
    assert!(text.contains("reorders = never, on a `SyncBus` nothing can overtake"), "{text}");
}

fn everything(seed: u64) -> Chaos {
    let chaos = Chaos::seeded(seed).fails(0.1).drops(0.1).loses_answers(0.1).duplicates(0.2);
    chaos.delays(0.3, Duration::from_secs(5))
}

/// What was done to 4 times 50 of two messages, by message and number.
fn run_on(threads: u32, seed: u64) -> Vec<Happened> {
    let chaos = everything(seed);
    let bus = SyncBus::empty().command(|_: Pay| ()).subscribe(|_: &Paid| ()).layer(chaos.clone());
    let bus = bus.clock(ManualClock::new()).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for number in 0..200 / threads {
                    let _ = bus.execute(Pay);
                    let _ = bus.publish(Paid(number));
                }
            });
        }
    });
    let mut happened = chaos.done().happened().to_vec();
    // Of one dispatch they are in order.
    happened.sort_by_key(|happened| (happened.message().name, happened.nth()));
    happened
}

#[test]
fn a_seed_does_the_same_again_whatever_the_threads() {
    let happened = run_on(1, 11);
    assert!(happened.len() > 100);
    assert_eq!(happened, run_on(4, 11));
    assert_ne!(happened, run_on(1, 12));
}

#[test]
fn what_is_kept_of_what_was_done_is_bounded_and_the_rest_is_counted() {
    let chaos = Chaos::seeded(1).fails(1.0);
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(chaos.clone()).build().unwrap();
    (0..10_002).for_each(|_| drop(bus.execute(Pay)));
    let done = chaos.done();
    assert_eq!((done.happened().len(), done.lost()), (10_000, 2));
    assert!(done.to_string().ends_with("dispatch 10000: failed\n  and 2 more"));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (chaos, told) in [
        (Chaos::seeded(1).fails(1.5), "`fails` must have a probability from 0 to 1, got 1.5"),
        (Chaos::seeded(1).drops(f64::NAN), "`drops` must have a probability from 0 to 1, got NaN"),
        (Chaos::seeded(1).reorders(0.5, 0), "`reorders` must have a window >= 1, got 0"),
    ] {
        let error = SyncBus::empty().command(|_: Pay| ()).layer(chaos).build().unwrap_err();
        assert_eq!(error.faults()[0].code(), "BUS013");
        assert!(error.to_string().contains(told), "{error}");
    }
}

/// Fails with every seed from 3 on; is run by the tests below.
#[test]
#[ignore = "it is to fail"]
fn fails_from_seed_3_on() {
    Chaos::each_seed(0..10, |chaos| {
        println!("ran {}", chaos.seed());
        let probability = if chaos.seed() < 3 { 0.0 } else { 1.0 };
        let bus = SyncBus::empty().command(|_: Pay| ()).layer(chaos.fails(probability)).build().unwrap();
        bus.execute(Pay).unwrap();
    });
}

/// As [`fails_from_seed_3_on`].
#[tokio::test]
#[ignore = "it is to fail"]
async fn fails_later_from_seed_3_on() {
    Chaos::each_seed_async(0..10, async |chaos| {
        println!("ran {}", chaos.seed());
        let probability = if chaos.seed() < 3 { 0.0 } else { 1.0 };
        let bus = Bus::empty().command(|_: Pay| ()).layer(chaos.fails(probability)).build().unwrap();
        tokio::task::yield_now().await;
        bus.execute(Pay).await.unwrap();
    })
    .await;
}

/// The seeds that a test of this file ran, and what it told.
fn ran(test: &str, seed: Option<&str>) -> (Vec<u64>, String) {
    let mut process = Process::new(std::env::current_exe().unwrap());
    process.args(["--exact", test, "--ignored", "--nocapture"]).env_remove("LINKBUS_CHAOS_SEED");
    process.envs(seed.map(|seed| ("LINKBUS_CHAOS_SEED", seed)));
    let output = process.output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    let seeds = stdout.lines().filter_map(|line| line.split_once("ran ")?.1.parse().ok());
    (seeds.collect(), stderr)
}

#[test]
fn a_seed_that_fails_is_told_and_can_be_run_alone() {
    for test in ["fails_from_seed_3_on", "fails_later_from_seed_3_on"] {
        let (seeds, told) = ran(test, None);
        assert_eq!(seeds, [0, 1, 2, 3], "{told}");
        let expected = "chaos: the test failed; LINKBUS_CHAOS_SEED=3 runs this seed alone
seed 3:
  execute shop.Pay, dispatch 1: failed\n";
        assert!(told.contains(expected), "{told}");
        assert_eq!(ran(test, Some("7")).0, [7]);
        assert_eq!(ran(test, Some("1")).0, [1]);
    }
}

#[test]
fn a_seed_that_is_no_number_is_told() {
    let (seeds, told) = ran("fails_from_seed_3_on", Some("seven"));
    assert_eq!(seeds, [0; 0]);
    assert!(told.contains("LINKBUS_CHAOS_SEED is `seven`: write a seed, such as LINKBUS_CHAOS_SEED=17"), "{told}");
}

fn without_money(_: Pay) {
    panic!("no money")
}

#[test]
fn a_panic_of_the_handler_is_no_mishap() {
    let chaos = Chaos::seeded(1).fails(0.5);
    let bus = SyncBus::empty().command(without_money).layer(chaos.clone()).build().unwrap();
    let paid = (0..100).filter(|_| catch_unwind(AssertUnwindSafe(|| bus.execute(Pay))).is_ok()).count();
    assert_eq!(paid, chaos.done().happened().len());
}
