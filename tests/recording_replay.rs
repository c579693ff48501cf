//! Recordings are played again, and what has changed is told.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use linkbus::{
    Builder, Bus, Command, Event, Query, SyncBus,
    clock::{ManualClock, Time as _},
    recording::{Difference, Ended, MemoryStore, Record, Recording, Replay, ReplayResult, Skipped},
};
use serde::{Deserialize, Serialize};

#[derive(Query, Serialize, Deserialize)]
#[query(reply = Quote, error = io::Error, name = "shop.QuoteFor")]
struct QuoteFor {
    item: String,
}

#[derive(Debug, Serialize, Clone)]
struct Quote {
    cents: u32,
    at: u32,
}

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(error = io::Error, name = "shop.Pay")]
struct Pay {
    cents: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "shop.Paid")]
struct Paid {
    cents: u32,
}

/// What `work` leaves in a recording of this bus.
fn recorded(bus: Builder<SyncBus>, work: impl FnOnce(&SyncBus)) -> Vec<Record> {
    let store = MemoryStore::new();
    work(&bus.layer(Recording::new(store.clone())).build().unwrap());
    store.take()
}

fn quotes(cents: u32, at: u32) -> Builder<SyncBus> {
    SyncBus::empty().query(move |quote: QuoteFor| match &*quote.item {
        "tea" => Ok(Quote { cents, at }),
        other => Err(io::Error::other(format!("no {other}, and {at} looked"))),
    })
}

fn ask(items: &[&str]) -> Vec<Record> {
    recorded(quotes(300, 1), |bus| {
        for item in items {
            let _ = bus.send(QuoteFor { item: (*item).to_owned() });
        }
    })
}

#[test]
fn what_comes_to_the_same_is_the_same() {
    let bus = quotes(300, 1).replayable().build().unwrap();
    let report = Replay::new(&bus).run(ask(&["tea", "mug", "tea"]));
    report.assert_same();
    assert_eq!((report.same, report.different, report.skipped), (3, 0, 0));
    assert_eq!(report.to_string(), "3 the same, 0 different, 0 skipped");
}

/// A test that replays nothing would never fail.
#[test]
#[should_panic(expected = "nothing was replayed")]
fn to_replay_nothing_fails_a_test() {
    Replay::new(&quotes(300, 1).replayable().build().unwrap()).run([]).assert_same();
}

#[tokio::test]
async fn a_bus_replays_too() {
    let quotes = |cents| {
        let find = move |quote: QuoteFor| async move {
            tokio::task::yield_now().await;
            if quote.item == "tea" { Ok(Quote { cents, at: 1 }) } else { Err(io::Error::other("no mug, and 1 looked")) }
        };
        Bus::empty().query_async(find).replayable().build().unwrap()
    };
    let records = ask(&["tea", "mug"]);
    assert!(Replay::new(&quotes(300)).run(records.clone()).await.is_same());
    assert_eq!(Replay::new(&quotes(301)).run(records).await.different, 1);
}

#[test]
fn a_reply_that_differs_is_told_with_its_place() {
    let bus = quotes(310, 2).replayable().build().unwrap();
    let report = Replay::new(&bus).run(ask(&["tea"]));
    let ReplayResult::Different(differences) = &report.notable[0].result else { panic!("{report}") };
    let expected =
        |at: &str, recorded: &str, now: &str| (at.to_owned(), Some(recorded.to_owned()), Some(now.to_owned()));
    let told: Vec<_> = differences
        .iter()
        .map(|difference| match difference {
            Difference::Reply { at, recorded, now } => (at.clone(), recorded.clone(), now.clone()),
            other => panic!("{other}"),
        })
        .collect();
    let (cents, at) = (expected("/cents", "300", "310"), expected("/at", "1", "2"));
    assert!(told.len() == 2 && told.contains(&cents) && told.contains(&at), "{told:?}");
    assert!(Replay::new(&bus).ignore(["at", "cents"]).run(ask(&["tea"])).is_same());
    assert_eq!(Replay::new(&bus).ignore(["at"]).run(ask(&["tea"])).different, 1);
}

#[test]
fn an_error_that_says_something_else_is_told() {
    let bus = quotes(300, 2).replayable().build().unwrap();
    let report = Replay::new(&bus).run(ask(&["mug"]));
    assert!(
        report.to_string().contains("the error says `no mug, and 2 looked`, and said `no mug, and 1 looked`"),
        "{report}"
    );
    assert!(Replay::new(&bus).ignore_error_texts().run(ask(&["mug"])).is_same());
}

#[test]
#[should_panic(expected = "it succeeds, and fails as failed before")]
fn another_outcome_fails_a_test() {
    let bus = SyncBus::empty().query(|_: QuoteFor| Quote { cents: 300, at: 1 }).replayable().build().unwrap();
    Replay::new(&bus).run(ask(&["mug"])).assert_same();
}

/// As often as it was dispatched, not as often as it was tried.
#[test]
fn a_dispatch_of_several_attempts_is_replayed_once() {
    let (store, clock) = (MemoryStore::new(), ManualClock::new());
    let tries = std::sync::atomic::AtomicU32::new(0);
    let pay = move |_: Pay| match tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        2 => Ok(()),
        _ => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
    };
    let recording = Recording::new(store.clone()).every_attempt();
    let bus = SyncBus::empty()
        .clock(clock)
        .command(pay)
        .layer(linkbus::layer::Retry::new())
        .layer(recording)
        .build()
        .unwrap();
    bus.execute(Pay { cents: 5 }).unwrap();
    let records = store.take();
    assert_eq!(records.len(), 3);
    let bus = SyncBus::empty().command(|_: Pay| ()).replayable().build().unwrap();
    let report = Replay::new(&bus).run(records);
    assert_eq!((report.same, report.different), (1, 0), "{report}");
}

/// What was not recorded cannot be the same.
#[test]
fn a_reply_that_was_not_recorded_is_not_said_to_be_the_same() {
    let store = MemoryStore::new();
    let bus =
        quotes(300, 1).layer(Recording::new(store.clone()).without_results().without_error_texts()).build().unwrap();
    for item in ["tea", "mug"] {
        let _ = bus.send(QuoteFor { item: item.into() });
    }
    let report = Replay::new(&quotes(999, 2).replayable().build().unwrap()).run(store.take());
    assert_eq!((report.same, report.unchecked, report.different), (0, 2, 0));
}

#[test]
fn a_panic_is_an_outcome() {
    let bus = SyncBus::empty().query(|_: QuoteFor| -> Quote { panic!("no") }).replayable().build().unwrap();
    let report = Replay::new(&bus).run(ask(&["tea"]));
    let ended = Difference::Ended { recorded: Ended::Succeeded, now: Ended::Panicked, error: None };
    assert_eq!(report.notable[0].result, ReplayResult::Different(vec![ended]));
}

mod orders {
    use linkbus::{AnyError, Command, SyncBus, handler};

    #[derive(Command, serde::Serialize, serde::Deserialize)]
    pub(crate) struct Place;

    #[handler]
    fn place(_: Place, bus: &SyncBus) -> Result<(), AnyError> {
        Ok(bus.publish(super::Paid { cents: 5 })?)
    }

    linkbus::module!(messages: [Place], handlers: [place]);
}

/// What a handler sent is sent by it again, not twice.
#[test]
fn what_a_handler_sent_is_left_to_it() {
    let count = Arc::new(Mutex::new(0));
    let bus = || {
        let count = Arc::clone(&count);
        SyncBus::empty().modules([orders::MODULE]).subscribe(move |_: &Paid| *count.lock().unwrap() += 1)
    };
    let records = recorded(bus(), |bus| bus.execute(orders::Place).unwrap());
    assert_eq!((records.len(), std::mem::take(&mut *count.lock().unwrap())), (2, 1));

    let report = Replay::new(&bus().replayable().build().unwrap()).run(records.clone());
    assert_eq!((report.same, report.nested, *count.lock().unwrap()), (1, 1, 1));
    let report = Replay::new(&bus().replayable().build().unwrap()).with_nested().run(records);
    assert_eq!((report.same, *count.lock().unwrap()), (2, 3));
}

/// A new dispatch belongs to the recorded one, and is caused by it.
#[test]
fn a_replay_belongs_to_what_was_recorded() {
    let records = ask(&["tea"]);
    let again = MemoryStore::new();
    let bus = quotes(300, 1).layer(Recording::new(again.clone())).build().unwrap();
    Replay::new(&bus).run(records.clone()).assert_same();
    let again = &again.take()[0];
    assert_eq!((again.correlation_id, again.causation_id), (records[0].correlation_id, Some(records[0].id)));
    assert_ne!(again.id, records[0].id);
}

/// Records come in the order in which dispatches ended, and are replayed in that in which they began.
#[test]
fn messages_are_dispatched_in_the_order_in_which_they_began() {
    let mut records = recorded(SyncBus::empty().command(|_: Pay| ()), |bus| {
        (1..=3).for_each(|cents| bus.execute(Pay { cents }).unwrap());
    });
    for (record, seconds) in records.iter_mut().zip([1, 2, 3]) {
        record.at += Duration::from_secs(seconds);
    }
    records.rotate_left(1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = Arc::clone(&seen);
    let bus =
        SyncBus::empty().command(move |pay: Pay| watch.lock().unwrap().push(pay.cents)).replayable().build().unwrap();
    Replay::new(&bus).run(records).assert_same();
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
}

fn a_minute_apart() -> Vec<Record> {
    let mut records = recorded(SyncBus::empty().command(|_: Pay| ()), |bus| {
        (1..=3).for_each(|cents| bus.execute(Pay { cents }).unwrap());
    });
    let first = records[0].at;
    for (record, minutes) in records.iter_mut().zip([0, 1, 3]) {
        record.at = first + Duration::from_secs(60 * minutes);
    }
    records
}

/// By the clock of the bus: nothing here waits.
#[test]
fn it_goes_at_the_pace_of_the_recording_if_asked_for() {
    for (times, waits) in [(1.0, [60, 120]), (60.0, [1, 2])] {
        let clock = ManualClock::new();
        let bus = SyncBus::empty().clock(clock.clone()).command(|_: Pay| ()).replayable().build().unwrap();
        Replay::new(&bus).times_faster(times).run(a_minute_apart()).assert_same();
        assert_eq!(clock.sleeps(), waits.map(Duration::from_secs));
    }
    let clock = ManualClock::new();
    let bus = SyncBus::empty().clock(clock.clone()).command(|_: Pay| ()).replayable().build().unwrap();
    Replay::new(&bus).run(a_minute_apart()).assert_same();
    assert_eq!(clock.sleeps(), []);
}

/// What a handler takes is not waited for a second time.
#[tokio::test]
async fn the_time_of_handlers_is_part_of_the_pace() {
    let clock = ManualClock::new();
    let till = clock.clone();
    let pay = move |_: Pay| till.sleep(Duration::from_secs(10));
    let bus = Bus::empty().clock(clock.clone()).command(pay).replayable().build().unwrap();
    Replay::new(&bus).at_recorded_pace().run(a_minute_apart()).await.assert_same();
    assert_eq!(clock.sleeps(), [10, 50, 10, 110, 10].map(Duration::from_secs));
}

#[test]
fn step_by_step_nothing_happens_before_it_is_asked_for() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = Arc::clone(&seen);
    let bus =
        SyncBus::empty().command(move |pay: Pay| watch.lock().unwrap().push(pay.cents)).replayable().build().unwrap();
    let replay = Replay::new(&bus);
    let mut steps = replay.steps(a_minute_apart());
    for expected in 1..=3 {
        assert_eq!(seen.lock().unwrap().len(), expected - 1);
        assert_eq!(steps.next().unwrap().result, ReplayResult::Same);
    }
    assert!(steps.next().is_none());
}

mod what_is_not_dispatched {
    use super::*;

    fn skipped(bus: Builder<SyncBus>, records: Vec<Record>) -> Skipped {
        let report = Replay::new(&bus.build().unwrap()).run(records);
        assert_eq!((report.skipped, report.is_same()), (1, false));
        match &report.notable[0].result {
            ReplayResult::Skipped(why) => why.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn paid() -> Vec<Record> {
        recorded(SyncBus::empty().command(|_: Pay| ()), |bus| bus.execute(Pay { cents: 5 }).unwrap())
    }

    #[test]
    fn what_the_bus_does_not_know() {
        assert_eq!(skipped(SyncBus::empty().replayable(), paid()), Skipped::UnknownMessage);
    }

    #[test]
    fn what_has_no_layers_on_a_bus_that_is_not_replayable() {
        assert_eq!(skipped(SyncBus::empty().command(|_: Pay| ()), paid()), Skipped::NoLayers);
    }

    #[test]
    fn what_was_recorded_without_its_payload_or_redacted() {
        let pays = || SyncBus::empty().command(|_: Pay| ());
        let record = |recording: fn(Recording) -> Recording| {
            let store = MemoryStore::new();
            let bus = pays().layer(recording(Recording::new(store.clone()))).build().unwrap();
            bus.execute(Pay { cents: 5 }).unwrap();
            store.take()
        };
        let why = skipped(pays().replayable(), record(Recording::without_payloads));
        assert_eq!(why.to_string(), "it was recorded without its payload (left_out)");
        let why = skipped(pays().replayable(), record(|recording| recording.redact(["cents"])));
        assert_eq!(why, Skipped::Redacted);
        let bus = pays().replayable().build().unwrap();
        let report = Replay::new(&bus).pass_over_redacted().run(record(|recording| recording.redact(["cents"])));
        assert_eq!((report.same, report.skipped, report.is_same()), (0, 0, true));
    }

    #[test]
    fn what_does_not_fit_the_message_any_more() {
        #[derive(Debug, Command, Deserialize)]
        #[command(name = "shop.Pay")]
        struct PayNow {
            #[expect(dead_code, reason = "it is read")]
            pounds: u32,
        }

        #[derive(Command)]
        #[command(name = "shop.Pay")]
        struct PayLater;

        #[derive(Event, Deserialize)]
        #[event(name = "shop.Pay")]
        struct PayEvent;

        let why = skipped(SyncBus::empty().command(|_: PayNow| ()).replayable(), paid());
        assert!(matches!(&why, Skipped::Unreadable { problem } if problem.contains("pounds")), "{why}");
        let why = skipped(SyncBus::empty().command(|_: PayLater| ()).replayable(), paid());
        assert_eq!(why, Skipped::NotDeserialize);
        let why = skipped(SyncBus::empty().subscribe(|_: &PayEvent| ()).replayable(), paid());
        assert_eq!(why.to_string(), "the message is of the kind event by now");
    }
}
