//! Fakes and spies: what is answered, what is noted, and what a failed assertion says.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use linkbus::{
    Bus, Command, Event, PublishError, Query, QueryHandle, SendError, SubscriberFailure, SyncBus, Task,
    clock::{ManualClock, Time as _},
    handler,
    layer::Retry,
    roles::{AsyncQueryDispatcher, HandlerRegistry, MessageDispatcher, QueryDispatcher, QueryRegistry},
    testing::{Fake, FakeBus, Spy, SyncFakeBus, step, step_where},
};

#[derive(Query, Debug, PartialEq)]
#[query(reply = u32, name = "shop.Stock")]
struct Stock {
    item: u32,
}

#[derive(Command, Debug, Clone, PartialEq)]
#[command(name = "shop.Reserve")]
struct Reserve {
    item: u32,
}

#[derive(Event, Debug)]
#[event(name = "shop.SoldOut")]
struct SoldOut;

#[derive(Task)]
#[task(name = "shop.Print")]
struct Print;

#[derive(Command, Debug)]
#[command(name = "shop.Login")]
struct Login {
    #[bus(secret)]
    password: &'static str,
}

#[derive(Command, Debug)]
#[command(name = "shop.SwitchUser")]
#[expect(dead_code, reason = "they are read by `Debug`")]
struct SwitchUser {
    to: Option<Login>,
    reason: &'static str,
}

fn text_of(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).unwrap_err();
    *panic.downcast::<String>().unwrap()
}

/// The text without the places in this file, which move when it is edited.
fn without_lines(text: &str) -> String {
    let mut lines = text.lines().map(|line| match line.split_once(", at tests/fakes.rs:") {
        Some((before, after)) => format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => line.to_owned(),
    });
    let first = lines.next().unwrap_or_default();
    lines.fold(first, |text, line| format!("{text}\n{line}"))
}

#[test]
fn everything_is_noted_in_order_and_by_type() {
    let fake = SyncFakeBus::new();
    fake.on::<Stock>().reply(3);
    assert_eq!(fake.send(Stock { item: 1 }).unwrap(), 3);
    fake.execute(Reserve { item: 1 }).unwrap();
    fake.execute(Reserve { item: 2 }).unwrap();
    fake.publish(SoldOut).unwrap();
    MessageDispatcher::dispatch(&fake, Print).unwrap();

    assert_eq!(*fake.sent::<Stock>()[0], Stock { item: 1 });
    let items: Vec<_> = fake.executed::<Reserve>().iter().map(|reserve| reserve.item).collect();
    assert_eq!(items, [1, 2]);
    assert_eq!((fake.published::<SoldOut>().len(), fake.dispatched::<Print>().len()), (1, 1));
    let names: Vec<_> = fake.all().iter().map(|noted| noted.message().name).collect();
    assert_eq!(names, ["shop.Stock", "shop.Reserve", "shop.Reserve", "shop.SoldOut", "shop.Print"]);
}

#[tokio::test]
async fn an_async_fake_notes_the_same() {
    async fn stock(queries: &impl AsyncQueryDispatcher) -> u32 {
        queries.send(Stock { item: 1 }).await.unwrap()
    }
    let fake = FakeBus::new();
    fake.on::<Stock>().reply(3);
    assert_eq!(stock(&fake).await, 3);
    fake.bus().publish(SoldOut).await.unwrap();
    fake.bus().execute_many([Reserve { item: 1 }, Reserve { item: 2 }]).await.unwrap();
    fake.assert_sent::<Stock>(1);
    fake.assert_published::<SoldOut>(1);
    fake.assert_executed::<Reserve>(2);
    fake.assert_nothing_dispatched();
    fake.assert_nothing_else();
}

/// The reference raises an error, and records the query nevertheless (F3).
#[test]
fn a_query_without_a_stub_fails_and_is_noted() {
    let fake = SyncFakeBus::new();
    let error = fake.send(Stock { item: 1 }).unwrap_err();
    assert!(matches!(error, SendError::NoHandler { message: "shop.Stock" }));
    fake.assert_sent::<Stock>(1);
}

#[test]
fn a_later_stub_takes_the_place_of_an_earlier_one() {
    let fake = SyncFakeBus::new();
    fake.on::<Stock>().reply(1);
    fake.on::<Stock>().reply(2);
    assert_eq!(fake.send(Stock { item: 1 }).unwrap(), 2);
    assert_eq!(fake.send(Stock { item: 9 }).unwrap(), 2);
}

#[test]
fn stubs_that_are_used_up_come_first() {
    let fake = SyncFakeBus::new();
    fake.on::<Stock>().reply(0);
    fake.on::<Stock>().reply_each([1, 2]);
    fake.on::<Stock>().times(2).reply_with(|stock: &Stock| stock.item);
    let answers = [0; 6].map(|_| fake.send(Stock { item: 7 }).unwrap());
    assert_eq!(answers, [1, 2, 7, 7, 0, 0]);
}

#[test]
fn a_stub_fails_and_panics_as_a_handler_does() {
    let fake = SyncFakeBus::new();
    fake.on::<Reserve>().once().fail("no room");
    assert_eq!(fake.execute(Reserve { item: 1 }).unwrap_err().into_handler().unwrap().to_string(), "no room");
    fake.on::<Reserve>().panic("on fire");
    assert_eq!(text_of(|| fake.execute(Reserve { item: 1 }).unwrap()), "on fire");
    fake.on::<SoldOut>().once().panic("on fire");
    let error = fake.publish(SoldOut).unwrap_err();
    assert!(matches!(&error.failures()[0].failure, SubscriberFailure::Panicked(text) if text == "on fire"));
    fake.on::<SoldOut>().fail("no paper");
    let PublishError::Subscriber(error) = fake.publish(SoldOut).unwrap_err() else { unreachable!() };
    assert_eq!(error.to_string(), "subscriber `stub` of event `shop.SoldOut` failed");
    let outcomes: Vec<_> = fake.all().iter().map(|noted| noted.outcome().unwrap().to_owned()).collect();
    assert_eq!(outcomes[0], "failed: no room");
    assert_eq!(outcomes[1], "panicked");
}

#[tokio::test]
async fn a_stub_answers_late_in_virtual_time() {
    let clock = ManualClock::new();
    let fake = Fake::over(Bus::empty().clock(clock.clone())).unwrap();
    let begun = clock.now();
    fake.on::<Stock>().after(Duration::from_secs(3600)).reply(1);
    assert_eq!(fake.bus().send(Stock { item: 1 }).await.unwrap(), 1);
    assert_eq!(clock.now() - begun, Duration::from_secs(3600));
}

#[test]
fn the_layers_of_the_bus_are_around_stubs() {
    let clock = ManualClock::new();
    let retry = Retry::new().on_any_error();
    let fake = Fake::over(SyncBus::empty().clock(clock).layer(retry)).unwrap();
    fake.on::<Reserve>().times(2).fail("no room");
    fake.execute(Reserve { item: 1 }).unwrap();
    fake.assert_executed::<Reserve>(1);
    assert_eq!(fake.all()[0].outcome(), Some("succeeded"));
}

#[test]
fn reset_forgets_stubs_and_what_was_dispatched() {
    let fake = SyncFakeBus::new();
    fake.on::<Stock>().reply(1);
    fake.send(Stock { item: 1 }).unwrap();
    fake.reset();
    fake.assert_sent::<Stock>(0);
    fake.send(Stock { item: 1 }).unwrap_err();
    fake.assert_sent::<Stock>(1);
}

#[test]
fn what_registers_can_be_run_against_a_fake() {
    fn register<R: QueryRegistry + HandlerRegistry>(registry: R) -> R {
        registry.query(|_: Stock| -> u32 { unreachable!() }).query(|_: Stock| 2).subscribe(|_: &SoldOut| ())
    }
    let fake = register(SyncFakeBus::new());
    fake.on::<Stock>().reply(3);
    assert_eq!(fake.send(Stock { item: 1 }).unwrap(), 3);
}

#[test]
fn a_service_with_a_handle_is_tested_with_a_fake() {
    struct Basket {
        stock: QueryHandle<SyncBus>,
    }
    let fake = SyncFakeBus::new();
    fake.on::<Stock>().reply(3);
    let basket = Basket { stock: fake.bus().handle().queries() };
    assert_eq!(basket.stock.send(Stock { item: 1 }).unwrap(), 3);
    assert_eq!(fake.all()[0].origin().unwrap().file, "tests/fakes.rs");
}

#[test]
fn a_failed_assertion_shows_what_was_dispatched_instead() {
    let fake = SyncFakeBus::new();
    fake.execute(Reserve { item: 7 }).unwrap();
    fake.send(Stock { item: 7 }).unwrap_err();
    let line = line!() - 1;
    fake.dispatch(Print).unwrap();
    fake.execute(Login { password: "hunter2" }).unwrap();

    let text = text_of(|| fake.assert_executed_where(1, |reserve: &Reserve| reserve.item == 8));
    assert!(text.contains(&format!(", at tests/fakes.rs:{line}")), "{text}");
    assert_eq!(
        without_lines(&text),
        "expected `shop.Reserve` that fits to be executed once, but it was executed not at all
what was dispatched:
   1. execute shop.Reserve: Reserve { item: 7 } -> succeeded
   2. send shop.Stock: Stock { item: 7 } -> no_handler: no handler for query `shop.Stock`
   3. dispatch shop.Print -> succeeded
   4. execute shop.Login -> succeeded"
    );
    let text = text_of(|| SyncFakeBus::new().assert_sent::<Stock>(1..));
    assert_eq!(
        text,
        "expected `shop.Stock` to be sent 1 times or more, but it was sent not at all\nwhat was dispatched: nothing"
    );
}

#[test]
fn a_secret_is_shown_in_no_part_of_a_message_and_in_no_error() {
    let fake = SyncFakeBus::new();
    fake.on::<SwitchUser>().reply_with(|switch| Err::<(), _>(format!("refused: {switch:?}")));
    fake.on::<Login>().reply_with(|login| Err::<(), _>(format!("wrong: {}", login.password)));
    fake.execute(SwitchUser { to: Some(Login { password: "hunter2" }), reason: "lunch" }).unwrap_err();
    fake.execute(Login { password: "hunter2" }).unwrap_err();
    let shown: Vec<_> = fake.all().iter().map(|noted| without_lines(&noted.to_string())).collect();
    let switch = r#"SwitchUser { to: Some(Login { password: ***REDACTED*** }), reason: "lunch" }"#;
    assert!(shown[0].starts_with(&format!("execute shop.SwitchUser: {switch} -> failed: ")), "{shown:?}");
    assert!(shown[0].contains(&format!("refused: {switch}")), "{shown:?}");
    assert_eq!(shown[1], "execute shop.Login -> failed");
}

#[test]
fn an_order_that_is_another_is_shown() {
    let fake = SyncFakeBus::new();
    fake.publish(SoldOut).unwrap();
    fake.execute(Reserve { item: 7 }).unwrap();
    fake.assert_order([step::<SoldOut>(), step_where(|reserve: &Reserve| reserve.item == 7)]);
    let text = text_of(|| fake.assert_order([step::<Reserve>(), step::<SoldOut>()]));
    assert_eq!(
        without_lines(&text),
        "step 2, `publish shop.SoldOut`, was not there, after line 2, which is step 1
what was dispatched:
   1. publish shop.SoldOut: SoldOut -> succeeded
   2. execute shop.Reserve: Reserve { item: 7 } -> succeeded"
    );
}

#[test]
fn nothing_else_is_what_no_assertion_was_about() {
    let fake = SyncFakeBus::new();
    fake.execute(Reserve { item: 7 }).unwrap();
    fake.publish(SoldOut).unwrap();
    fake.assert_published::<SoldOut>(1);
    let text = text_of(|| fake.assert_nothing_else());
    assert_eq!(
        without_lines(&text),
        "nothing else was expected, but there was:\n   1. execute shop.Reserve: Reserve { item: 7 } -> succeeded"
    );
    let text = text_of(|| fake.assert_nothing_published());
    assert_eq!(
        without_lines(&text),
        "nothing was to be published, but there was:\n   2. publish shop.SoldOut: SoldOut -> succeeded"
    );
    fake.assert_executed_where(1.., |_: &Reserve| true);
    fake.assert_nothing_else();
}

#[test]
fn a_spy_watches_a_real_bus_with_a_handler_replaced() {
    let spy = Spy::new();
    let bus = SyncBus::empty()
        .layer(spy.clone())
        .command(|_: Reserve| -> Result<(), &str> { panic!("not in a test") })
        .replace(|_: Reserve| Err("no room"))
        .subscribe(|_: &SoldOut| ())
        .build()
        .unwrap();
    bus.execute(Reserve { item: 1 }).unwrap_err();
    bus.publish(SoldOut).unwrap();
    spy.assert_executed_where(1, |reserve: &Reserve| reserve.item == 1);
    spy.assert_published::<SoldOut>(1);
    assert_eq!(spy.all()[0].outcome(), Some("failed: no room"));
}

#[test]
fn a_message_that_cannot_be_kept_is_noted_and_says_why() {
    let fake = Fake::over(SyncBus::empty().query(|stock: Stock| stock.item)).unwrap();
    assert_eq!(fake.send(Stock { item: 5 }).unwrap(), 5);
    fake.assert_sent::<Stock>(1);
    assert_eq!(fake.all()[0].text(), Some("Stock { item: 5 }"));
    let text = text_of(|| _ = fake.sent::<Stock>());
    assert_eq!(
        text,
        "`shop.Stock` was handed over to its handler by value and could not be kept: derive `Clone` for it, or have the handler take `&Stock`"
    );
}

mod baskets {
    use super::*;

    #[derive(Command)]
    #[command(name = "shop.Buy")]
    pub(super) struct Buy;

    #[handler(sends(Stock, Reserve, SoldOut))]
    fn buy(_: &Buy, bus: &SyncBus) -> Result<(), linkbus::AnyError> {
        bus.dispatch(Print)?;
        match bus.send(Stock { item: 1 })? {
            0 => bus.publish(SoldOut)?,
            _ => bus.execute(Reserve { item: 1 })?,
        }
        Ok(())
    }

    linkbus::module!(messages: [Buy], handlers: [buy]);
}

#[test]
fn what_a_module_sends_to_nobody_is_listed_up_front() {
    let fake = Fake::over(SyncBus::empty().modules([baskets::MODULE])).unwrap();
    let names = |fake: &SyncFakeBus| fake.unanswered().iter().map(|one| one.message().name).collect::<Vec<_>>();
    assert_eq!(names(&fake)[..2], ["shop.Stock", "shop.Reserve"]);
    let text = text_of(|| fake.assert_exhaustive());
    assert!(text.starts_with("what handlers of this bus send is neither handled on it nor stubbed:\n  query `shop.Stock`, sent by `buy` (tests/fakes.rs:"), "{text}");
    assert!(text.ends_with("stub each, with `on::<Stock>()` and so on"), "{text}");

    fake.on::<Stock>().reply(1);
    fake.on::<Reserve>().reply(());
    fake.execute(baskets::Buy).unwrap();
    // It says nothing of what it was seen to do.
    assert_eq!(names(&fake), ["shop.Print"]);
    assert!(!fake.unanswered()[0].is_declared());
    fake.on::<Print>().reply(());
    fake.assert_exhaustive();
    fake.assert_order([step::<baskets::Buy>(), step::<Print>(), step::<Stock>(), step::<Reserve>()]);
    assert!(fake.all()[1].to_string().ends_with(", by `buy`"));
}

#[test]
fn a_dispatch_is_noted_with_the_handler_that_asked_for_it() {
    let (send, received) = std::sync::mpsc::channel::<SyncBus>();
    let received = std::sync::Mutex::new(received);
    let fake = Fake::over(SyncBus::empty().command(move |_: Reserve| {
        let bus = received.lock().unwrap().recv().unwrap();
        bus.publish(SoldOut).map_err(|_| "no")
    }))
    .unwrap();
    send.send(fake.bus().clone()).unwrap();
    fake.execute(Reserve { item: 1 }).unwrap();
    let all = fake.all();
    assert_eq!(all[1].message().name, "shop.SoldOut");
    assert_eq!(all[1].sender().unwrap().message.name, "shop.Reserve");
    assert!(all[0].is_handled() && !all[1].is_handled());
}
