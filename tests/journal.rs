//! What is asserted about what was dispatched: where it fails, what it looks at, and who dispatched what.

#[path = "support/until.rs"]
mod until;

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe, Location, catch_unwind},
    sync::{Arc, OnceLock},
    thread,
};

use linkbus::{
    Bus, Command, Event, Query, SyncBus, Task,
    layer::{
        DeadLetters,
        dead_letter::{Filter, Replay},
    },
    testing::{Fake, Journal, SyncFakeBus, step, step_where},
};
use until::until;

#[derive(Query, Debug)]
#[query(reply = u32, name = "shop.Stock")]
struct Stock {
    item: u32,
}

#[derive(Command, Debug)]
#[command(name = "shop.Reserve")]
struct Reserve {
    item: u32,
}

#[derive(Event, Debug, serde::Serialize, serde::Deserialize)]
#[event(name = "shop.SoldOut")]
struct SoldOut;

#[derive(Task, Debug)]
#[task(name = "shop.Print")]
struct Print;

thread_local! {
    /// The file and the line of the last panic of this thread.
    static PANICKED: Cell<Option<(String, u32)>> = const { Cell::new(None) };
}

/// The text of the panic, and the file and the line that it points to.
fn panic_of(test: impl FnOnce()) -> (String, (String, u32)) {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICKED.set(info.location().map(|place: &Location<'_>| (place.file().to_owned(), place.line())));
            usual(info);
        }));
    });
    let panic = catch_unwind(AssertUnwindSafe(test)).unwrap_err();
    (*panic.downcast::<String>().unwrap(), PANICKED.take().unwrap())
}

#[test]
fn a_failed_assertion_points_to_the_line_of_the_test() {
    let fake = Fake::over(SyncBus::empty().query(|stock: Stock| stock.item)).unwrap();
    fake.bus().send(Stock { item: 5 }).unwrap();
    fake.bus().publish(SoldOut).unwrap();
    fake.bus().execute(Reserve { item: 5 }).unwrap();
    let points_here = |line: u32, test: &dyn Fn()| {
        let (text, place) = panic_of(test);
        assert_eq!(place, ("tests/journal.rs".to_owned(), line), "{text}");
    };
    points_here(line!(), &|| _ = fake.sent::<Stock>());
    points_here(line!(), &|| fake.assert_sent::<Stock>(2));
    points_here(line!(), &|| fake.assert_sent_where(1, |_: &Stock| true));
    points_here(line!(), &|| fake.assert_published_where(2, |_: &SoldOut| true));
    points_here(line!(), &|| fake.assert_nothing_published());
    points_here(line!(), &|| fake.assert_nothing_else());
    points_here(line!(), &|| fake.assert_order([step::<Print>()]));
    points_here(line!(), &|| fake.assert_order([step_where(|_: &Stock| true)]));
    points_here(line!(), &|| fake.on::<Stock>().reply(1));
}

#[test]
fn what_fits_a_step_may_use_the_fake() {
    let fake = SyncFakeBus::new();
    fake.bus().execute(Reserve { item: 1 }).unwrap();
    fake.bus().execute(Reserve { item: 2 }).unwrap();
    let asserted = thread::spawn(move || {
        let journal = fake.clone();
        let is_last = move |reserve: &Reserve| journal.executed::<Reserve>().last().unwrap().item == reserve.item;
        fake.assert_order([step_where(is_last)]);
    });
    until(|| asserted.is_finished());
    asserted.join().unwrap();
}

#[test]
fn a_step_that_has_to_look_at_a_message_that_is_gone_says_why() {
    let fake = Fake::over(SyncBus::empty().query(|stock: Stock| stock.item)).unwrap();
    fake.bus().send(Stock { item: 5 }).unwrap();
    fake.assert_order([step::<Stock>()]);
    let (text, _) = panic_of(|| fake.assert_order([step_where(|stock: &Stock| stock.item == 5)]));
    assert!(text.starts_with("`shop.Stock` was handed over to its handler by value and could not be kept"), "{text}");
}

#[test]
fn what_an_order_was_about_is_nothing_else() {
    let fake = SyncFakeBus::new();
    fake.bus().execute(Reserve { item: 1 }).unwrap();
    fake.bus().publish(SoldOut).unwrap();
    fake.bus().dispatch(Print).unwrap();
    fake.assert_order([step_where(|reserve: &Reserve| reserve.item == 1), step::<Print>()]);
    let (text, _) = panic_of(|| fake.assert_nothing_else());
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("2. publish shop.SoldOut"), "{text}");
    fake.assert_order([step::<SoldOut>()]);
    fake.assert_nothing_else();
}

#[test]
fn behind_what_is_kept_nothing_is_asserted() {
    let fake = SyncFakeBus::new();
    (0..100_000).for_each(|_| fake.bus().publish(SoldOut).unwrap());
    fake.assert_published::<SoldOut>(100_000);
    fake.bus().publish(SoldOut).unwrap();
    fake.bus().publish(SoldOut).unwrap();
    let (text, _) = panic_of(|| fake.assert_published::<SoldOut>(1..));
    assert!(text.starts_with("2 dispatches more than the 100000 that are kept: call `clear` or `reset`"), "{text}");
    fake.clear();
    fake.assert_nothing_else();
}

mod subscribers {
    use linkbus::{AnyError, SyncBus, handler};

    use super::{Print, Reserve, SoldOut};

    #[handler]
    fn reserve_more(_: &SoldOut, bus: &SyncBus) -> Result<(), AnyError> {
        Ok(bus.execute(Reserve { item: 1 })?)
    }

    #[handler]
    fn print_it(_: &SoldOut, bus: &SyncBus) -> Result<(), AnyError> {
        Ok(bus.dispatch(Print)?)
    }

    linkbus::module!(messages: [SoldOut], handlers: [reserve_more, print_it]);
}

mod waiting_subscribers {
    use linkbus::{AnyError, Bus, handler};
    use tokio::task::yield_now;

    use super::{Print, Reserve, SoldOut};

    #[handler]
    async fn reserve_later(_: &SoldOut, bus: &Bus) -> Result<(), AnyError> {
        yield_now().await;
        bus.execute(Reserve { item: 1 }).await?;
        yield_now().await;
        Ok(bus.execute(Reserve { item: 2 }).await?)
    }

    #[handler]
    async fn print_later(_: &SoldOut, bus: &Bus) -> Result<(), AnyError> {
        yield_now().await;
        bus.dispatch(Print).await?;
        yield_now().await;
        Ok(bus.dispatch(Print).await?)
    }

    linkbus::module!(messages: [SoldOut], handlers: [reserve_later, print_later]);
}

/// Each message that a handler sent, with that handler.
fn sent_by_handlers(journal: &Journal) -> Vec<(&'static str, &'static str)> {
    let all = journal.all();
    let sent = all.iter().filter_map(|noted| Some((noted.message().name, noted.sender()?.name)));
    sent.collect()
}

#[test]
fn what_one_of_several_subscribers_sends_is_known_to_be_its_own() {
    let fake = Fake::over(SyncBus::empty().modules([subscribers::MODULE])).unwrap();
    for _ in 0..2 {
        fake.clear();
        fake.bus().publish(SoldOut).unwrap();
        assert_eq!(sent_by_handlers(&fake), [("shop.Reserve", "reserve_more"), ("shop.Print", "print_it")]);
    }
    let unanswered = fake.unanswered();
    let unanswered: Vec<_> = unanswered.iter().map(|one| (one.message().name, one.sender().name)).collect();
    assert_eq!(unanswered, [("shop.Reserve", "reserve_more"), ("shop.Print", "print_it")]);
}

#[tokio::test]
async fn what_subscribers_send_that_wait_together_is_known_to_be_their_own() {
    let fake = Fake::over(Bus::empty().modules([waiting_subscribers::MODULE])).unwrap();
    fake.bus().publish(SoldOut).await.unwrap();
    let mut sent = sent_by_handlers(&fake);
    sent.sort_unstable();
    let (reserves, prints) = (("shop.Reserve", "reserve_later"), ("shop.Print", "print_later"));
    assert_eq!(sent, [prints, prints, reserves, reserves]);
}

#[test]
fn what_one_subscriber_sends_when_it_is_tried_again_is_its_own() {
    let letters = DeadLetters::in_memory();
    let fake = Fake::over(SyncBus::empty().modules([subscribers::MODULE]).layer(letters.clone())).unwrap();
    fake.on::<Print>().once().fail("no paper");
    fake.bus().publish(SoldOut).unwrap_err();
    fake.clear();
    Replay::new(letters.store(), fake.bus()).all(&Filter::any()).unwrap();
    assert_eq!(sent_by_handlers(&fake), [("shop.Print", "print_it")]);
}

mod tidy {
    use std::sync::OnceLock;

    use linkbus::{AnyError, SyncBus, handler, testing::SyncFakeBus};

    use super::{Print, Reserve};

    #[handler]
    fn reserve_and_forget(_: &Reserve, bus: &SyncBus, fake: &OnceLock<SyncFakeBus>) -> Result<(), AnyError> {
        fake.get().unwrap().clear();
        Ok(bus.dispatch(Print)?)
    }

    linkbus::module!(messages: [Reserve], handlers: [reserve_and_forget]);
}

#[test]
fn who_sends_is_not_known_of_a_dispatch_that_was_forgotten() {
    let shared = Arc::new(OnceLock::new());
    let wired = SyncBus::empty().modules([tidy::MODULE]).provide_arc(shared.clone());
    let fake = shared.get_or_init(|| Fake::over(wired).unwrap());
    fake.bus().execute(Reserve { item: 1 }).unwrap();
    let all = fake.all();
    assert_eq!((all.len(), all[0].message().name), (1, "shop.Print"));
    assert!(all[0].sender().is_none());
}
