//! What is recorded of a dispatch: rows R1 to R12 of the reference's behaviour, on both buses.

use std::{
    future::{Future, pending},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context as Polling, Poll, Waker},
    time::{Duration, SystemTime},
};

use linkbus::{
    AnyError, Bus, Command, Event, Kind, Query, SyncBus, Task,
    clock::{ManualClock, Time},
    layer::{self, AsyncAround, AsyncNext, Dispatch, Done, Reason, Retry, Timeout},
    recording::{Ended, MemoryStore, Record, RecordStore, Recording, StoreError, Withheld},
};
use serde::Serialize;

#[derive(Query, Serialize)]
#[query(reply = Vec<u32>, error = io::Error, name = "shop.PricesOf")]
struct PricesOf {
    item: String,
}

#[derive(Command, Clone, Serialize)]
#[command(error = io::Error, name = "shop.Pay")]
struct Pay {
    cents: u64,
}

#[derive(Command, Serialize)]
struct Note {
    text: String,
}

#[derive(Event, Serialize)]
#[event(name = "shop.Paid")]
struct Paid {
    cents: u64,
}

#[derive(Task, Serialize)]
#[task(name = "shop.Print")]
struct Print(u8);

fn no_paper() -> io::Error {
    io::Error::other("no paper")
}

/// A store, and a recording into it.
fn recording() -> (MemoryStore, Recording) {
    let store = MemoryStore::new();
    (store.clone(), Recording::new(store))
}

fn only(store: &MemoryStore) -> Record {
    let mut records = store.take();
    assert_eq!(records.len(), 1, "{records:?}");
    records.pop().unwrap()
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Polling::from_waker(Waker::noop()))
}

/// R1, R3, R4: of each kind, one record, after the handler.
#[test]
fn each_kind_of_message_is_one_record() {
    let (store, recording) = recording();
    let clock = ManualClock::new();
    let till = clock.clone();
    let bus = SyncBus::empty()
        .clock(clock)
        .query(|_: PricesOf| vec![3, 4])
        .command(move |_: Pay| {
            till.sleep(Duration::from_millis(7));
        })
        .subscribe(|_: &Paid| ())
        .task(|_: Print| ())
        .layer(recording)
        .build()
        .unwrap();
    let before = SystemTime::now();

    bus.send(PricesOf { item: "tea".into() }).unwrap();
    let record = only(&store);
    assert_eq!((&*record.message, &*record.class, record.kind.label()), ("shop.PricesOf", "PricesOf", "query"));
    assert_eq!(record.payload(), Some(r#"{"item":"tea"}"#));
    assert_eq!((record.result(), record.error()), (Some("[3,4]"), None));
    assert!(record.at >= before && record.at <= SystemTime::now());
    assert_eq!((record.ended, record.is_success(), record.attempt), (Ended::Succeeded, true, 1));
    assert_eq!((record.correlation_id, record.causation_id), (record.id, None));
    assert!(!record.is_nested && !record.is_redacted && record.withheld.is_none());

    bus.execute(Pay { cents: 5 }).unwrap();
    let record = only(&store);
    assert_eq!((record.payload(), record.result()), (Some(r#"{"cents":5}"#), None));
    assert_eq!(record.duration, Duration::from_millis(7));

    bus.publish(Paid { cents: 5 }).unwrap();
    let record = only(&store);
    assert_eq!((record.kind.label(), record.payload()), ("event", Some(r#"{"cents":5}"#)));
    assert_eq!(record.handler, None);

    bus.dispatch(Print(1)).unwrap();
    assert_eq!(only(&store).payload(), Some("1"));
}

/// R4, R7: the error is the caller's, and what it and its causes say is recorded.
#[test]
fn a_failure_is_recorded_with_what_its_causes_say() {
    #[derive(Debug, thiserror::Error)]
    #[error("the till is broken")]
    struct Broken(#[source] io::Error);

    let (store, recording) = recording();
    let print = |_: Print| Err::<(), _>(Broken(no_paper()));
    let bus = SyncBus::empty().task(print).layer(recording).build().unwrap();
    assert_eq!(bus.dispatch(Print(1)).unwrap_err().to_string(), "the till is broken");
    let record = only(&store);
    assert_eq!(record.error(), Some("the till is broken: no paper"));
    assert_eq!((record.ended, record.result()), (Ended::Failed(Reason::Handler), None));
}

/// R6: a missing handler is a failure.
#[test]
fn a_message_without_a_handler_is_recorded() {
    let (store, recording) = recording();
    let bus = SyncBus::empty().modules([unhandled::MODULE]).partial().layer(recording.only_errors()).build().unwrap();
    bus.execute(unhandled::Refund).unwrap_err();
    let record = only(&store);
    assert_eq!((record.ended, &record.handler), (Ended::Failed(Reason::NoHandler), &None));
    assert_eq!(record.error(), Some("no handler for command `recording.Refund`"));
}

mod unhandled {
    #[derive(linkbus::Command, serde::Serialize)]
    pub(crate) struct Refund;

    linkbus::module!(messages: [Refund], handlers: []);
}

/// R5: an event is one record, whatever number of subscribers fails.
#[test]
fn an_event_is_one_record_for_all_its_subscribers() {
    let (store, recording) = recording();
    let bus = SyncBus::empty()
        .subscribe(|_: &Paid| Err::<(), _>("one"))
        .subscribe(|_: &Paid| ())
        .subscribe(|_: &Paid| Err::<(), _>("two"))
        .layer(recording)
        .build()
        .unwrap();
    bus.publish(Paid { cents: 5 }).unwrap_err();
    let record = only(&store);
    let text = record.error().unwrap();
    assert!(text.contains('2'), "{text}");
    assert_eq!(record.ended, Ended::Failed(Reason::Handler));
}

/// R6.
#[test]
fn only_what_does_not_succeed_is_recorded_if_asked_for() {
    let store = MemoryStore::new();
    let pay = |pay: Pay| if pay.cents > 0 { Ok(()) } else { Err(no_paper()) };
    let lent = |paid: &Paid| if paid.cents > 0 { Ok(()) } else { Err("no") };
    let bus = SyncBus::empty()
        .command(pay)
        .subscribe(lent)
        .layer(Recording::new(store.clone()).only_errors())
        .build()
        .unwrap();
    bus.execute(Pay { cents: 1 }).unwrap();
    bus.publish(Paid { cents: 1 }).unwrap();
    assert!(store.records().is_empty());
    bus.execute(Pay { cents: 0 }).unwrap_err();
    assert_eq!(only(&store).payload(), Some(r#"{"cents":0}"#));
    bus.publish(Paid { cents: 0 }).unwrap_err();
    assert_eq!(only(&store).payload(), Some(r#"{"cents":0}"#));
}

#[test]
fn a_panic_is_recorded_without_what_it_says_and_goes_on_into_the_caller() {
    let (store, recording) = recording();
    let bus = SyncBus::empty().command(|_: Pay| -> () { panic!("it was 4711") }).layer(recording).build().unwrap();
    catch_unwind(AssertUnwindSafe(|| bus.execute(Pay { cents: 5 }))).unwrap_err();
    let record = only(&store);
    assert_eq!((record.ended, record.error(), record.payload()), (Ended::Panicked, None, Some(r#"{"cents":5}"#)));
}

#[test]
fn what_its_caller_drops_is_recorded_as_abandoned() {
    let (store, recording) = recording();
    let bus = Bus::empty().command_async(|_: Pay| pending::<io::Result<()>>()).layer(recording).build().unwrap();
    assert!(poll_once(bus.execute(Pay { cents: 5 })).is_pending());
    let record = only(&store);
    assert_eq!((record.ended, record.payload()), (Ended::Abandoned, Some(r#"{"cents":5}"#)));
}

/// The payload is what was dispatched: R2 of the reference shows what the writer saw later.
#[test]
fn the_payload_is_captured_when_the_message_is_dispatched() {
    #[derive(Command, Serialize)]
    struct Count(#[serde(serialize_with = "locked")] Arc<Mutex<u32>>);

    fn locked<S: serde::Serializer>(count: &Mutex<u32>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(*count.lock().unwrap())
    }

    let (store, recording) = recording();
    let count = |count: Count| *count.0.lock().unwrap() += 1;
    let bus = SyncBus::empty().command(count).layer(recording).build().unwrap();
    bus.execute(Count(Arc::default())).unwrap();
    assert_eq!(only(&store).payload(), Some("0"));
}

/// R8: whatever the store does.
#[test]
fn a_store_that_fails_or_panics_changes_nothing_for_the_caller() {
    struct Fails;

    impl RecordStore for Fails {
        fn append(&self, record: Record) -> Result<(), StoreError> {
            assert!(record.payload() != Some(r#"{"cents":1}"#), "no");
            Err(StoreError::Other("no".into()))
        }
    }

    let recording = Recording::new(Fails);
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(recording.clone()).build().unwrap();
    bus.execute(Pay { cents: 1 }).unwrap();
    bus.execute(Pay { cents: 2 }).unwrap();
    assert_eq!(recording.lost(), 2);
}

/// R9, R10, R12: closing closes the store, and dispatching goes on.
#[test]
fn a_closed_bus_closes_its_store_and_dispatches_on() {
    let (store, recording) = recording();
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(recording.clone()).build().unwrap();
    bus.execute(Pay { cents: 1 }).unwrap();
    bus.close().unwrap();
    bus.close().unwrap();
    bus.execute(Pay { cents: 2 }).unwrap();
    assert_eq!((store.records().len(), store.dropped(), recording.lost()), (1, 1, 1));
}

#[test]
fn a_store_that_is_shared_stays_open() {
    let (store, recording) = recording();
    let bus = || SyncBus::empty().command(|_: Pay| ()).layer(recording.clone().leave_store_open()).build().unwrap();
    bus().close().unwrap();
    bus().execute(Pay { cents: 1 }).unwrap();
    assert_eq!(store.records().len(), 1);
}

/// X15.
#[test]
fn a_full_memory_store_drops_the_oldest_and_counts_it() {
    let store = MemoryStore::with_capacity(2);
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(Recording::new(store.clone())).build().unwrap();
    (1..=5).for_each(|cents| bus.execute(Pay { cents }).unwrap());
    let payloads: Vec<_> = store.records().iter().map(|record| record.payload().unwrap().to_owned()).collect();
    assert_eq!(payloads, [r#"{"cents":4}"#, r#"{"cents":5}"#]);
    assert_eq!(store.dropped(), 3);
}

/// X15: a few large ones are as much as many small ones.
#[test]
fn a_memory_store_is_bounded_by_bytes_as_well() {
    let store = MemoryStore::with_limits(1_000, 64 << 10);
    let bus = SyncBus::empty().command(|_: Note| ()).layer(Recording::new(store.clone())).build().unwrap();
    let write = |letters| bus.execute(Note { text: "x".repeat(letters) }).unwrap();
    (0..100).for_each(|_| write(10_000));
    let left = store.records();
    assert!((3..=6).contains(&left.len()), "{} records", left.len());
    assert_eq!(store.dropped(), 100 - left.len() as u64);
    assert!(left.iter().all(|record| record.payload().is_some()));

    write(100_000);
    let records = store.take();
    let last = records.last().unwrap();
    assert_eq!((last.payload(), last.withheld), (None, Some(Withheld::TooLarge)));
    assert_eq!((records.len(), store.dropped()), (left.len() + 1, 100 - left.len() as u64));
    (0..3).for_each(|_| write(10_000));
    assert_eq!(store.take().len(), 3, "what was taken has no weight any more");

    let none = MemoryStore::with_limits(1_000, 0);
    let bus = SyncBus::empty().command(|_: Note| ()).layer(Recording::new(none.clone())).build().unwrap();
    (0..3).for_each(|_| bus.execute(Note { text: String::new() }).unwrap());
    assert_eq!((none.records().len(), none.dropped()), (1, 2));
}

/// What a handler sends is caused by what it handles, and says that it is nested.
#[test]
fn records_say_what_caused_them() {
    let (store, recording) = recording();
    let bus = SyncBus::empty().modules([nested::MODULE]).layer(recording).build().unwrap();
    bus.execute(nested::Outer).unwrap();
    let [inner, outer] = &store.take()[..] else { panic!("two records") };
    assert_eq!((&*inner.class, &*outer.class), ("Inner", "Outer"));
    assert_eq!((inner.causation_id, inner.correlation_id), (Some(outer.id), outer.id));
    assert!(inner.is_nested && !outer.is_nested);
    assert_eq!(outer.handler.as_ref().unwrap().to_string(), "recording::nested::outer");
}

mod nested {
    use linkbus::{AnyError, Command, SyncBus, handler};

    #[derive(Command, serde::Serialize, serde::Deserialize)]
    pub(crate) struct Outer;

    #[derive(Command, serde::Serialize, serde::Deserialize)]
    pub(crate) struct Inner;

    #[handler]
    fn outer(_: Outer, bus: &SyncBus) -> Result<(), AnyError> {
        Ok(bus.execute(Inner)?)
    }

    #[handler]
    fn inner(_: Inner) {}

    linkbus::module!(messages: [Outer, Inner], handlers: [outer, inner]);
}

/// The ids are those that the handler sees.
#[test]
fn a_handler_sees_the_ids_that_are_recorded() {
    mod asks {
        use linkbus::{Context, Query, Uuid, handler};

        #[derive(Query, serde::Serialize)]
        #[query(reply = Uuid)]
        pub(super) struct WhoAmI;

        #[handler]
        fn who_am_i(_: WhoAmI, context: &Context) -> Uuid {
            context.id()
        }

        linkbus::module!(messages: [WhoAmI], handlers: [who_am_i]);
    }

    let (store, recording) = recording();
    let bus = SyncBus::empty().modules([asks::MODULE]).layer(recording).build().unwrap();
    let id = bus.send(asks::WhoAmI).unwrap();
    assert_eq!(only(&store).id, id);
}

#[test]
fn outside_a_retry_there_is_one_record_with_the_attempts() {
    let (store, recording) = recording();
    let pay = |_: Pay| Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused));
    let bus =
        SyncBus::empty().clock(ManualClock::new()).command(pay).layer(recording).layer(Retry::new()).build().unwrap();
    bus.execute(Pay { cents: 5 }).unwrap_err();
    assert_eq!(only(&store).attempt, 3);
}

#[test]
fn inside_a_retry_the_last_attempt_is_recorded_or_each() {
    for (every_attempt, attempts) in [(false, vec![3]), (true, vec![1, 2, 3])] {
        let (store, recording) = recording();
        let recording = if every_attempt { recording.every_attempt() } else { recording };
        let pay = |_: Pay| Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused));
        let bus = SyncBus::empty()
            .clock(ManualClock::new())
            .command(pay)
            .layer(Retry::new())
            .layer(recording)
            .build()
            .unwrap();
        bus.execute(Pay { cents: 5 }).unwrap_err();
        assert_eq!(store.take().iter().map(|record| record.attempt).collect::<Vec<_>>(), attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn inside_a_time_out_that_runs_out_it_is_abandoned_and_outside_timed_out() {
    let (outer, outside) = recording();
    let (inner, inside) = recording();
    let bus = Bus::empty()
        .command_async(|_: Pay| pending::<io::Result<()>>())
        .layer(outside)
        .layer(Timeout::after(Duration::from_secs(1)))
        .layer(inside)
        .build()
        .unwrap();
    bus.execute(Pay { cents: 5 }).await.unwrap_err();
    assert_eq!((only(&outer).ended, only(&inner).ended), (Ended::Failed(Reason::TimedOut), Ended::Abandoned));
}

/// On the other thread of a time-out, too.
#[test]
fn two_recordings_are_apart() {
    let (outer, outside) = recording();
    let (inner, inside) = recording();
    let bus = SyncBus::empty()
        .command(|_: Pay| ())
        .layer(outside)
        .layer(Timeout::after(Duration::from_secs(60)))
        .layer(inside.redact(["cents"]))
        .build()
        .unwrap();
    bus.execute(Pay { cents: 5 }).unwrap();
    assert_eq!(only(&outer).payload(), Some(r#"{"cents":5}"#));
    assert_eq!(only(&inner).payload(), Some(r#"{"cents":"***REDACTED***"}"#));
}

#[tokio::test]
async fn a_record_says_in_which_task_and_thread() {
    let (store, recording) = recording();
    let bus = Bus::empty().command(|_: Pay| ()).layer(recording).build().unwrap();
    let spawned = {
        let bus = bus.clone();
        tokio::spawn(async move {
            bus.execute(Pay { cents: 5 }).await.unwrap();
            tokio::task::id()
        })
    };
    let id = spawned.await.unwrap();
    let record = only(&store);
    assert_eq!(record.worker.task.unwrap().to_string(), id.to_string());
    assert_eq!(&*record.worker.thread, std::thread::current().name().unwrap());
}

mod what_is_left_out {
    use super::*;

    #[derive(Command)]
    struct Opaque;

    /// R27: without a payload rather than not at all.
    #[test]
    fn a_message_that_is_not_serialize_has_no_payload() {
        let (store, recording) = recording();
        let bus = SyncBus::empty().command(|_: Opaque| ()).layer(recording).build().unwrap();
        bus.execute(Opaque).unwrap();
        let record = only(&store);
        assert_eq!((record.payload(), record.withheld), (None, Some(Withheld::NotSerialize)));
        let text = bus.explain::<Opaque>().unwrap().to_string();
        assert!(text.contains("payload = not recorded: `Opaque` is not `Serialize`"), "{text}");
    }

    #[test]
    fn a_payload_that_is_required_is_a_wiring_fault() {
        let bus = SyncBus::empty().command(|_: Opaque| ()).layer(recording().1.require_payloads());
        let text = bus.build().unwrap_err().to_string();
        assert!(text.contains("payloads are required, and `Opaque` is not `Serialize`"), "{text}");
    }

    /// R27, R29: one message that cannot be written costs itself alone.
    #[test]
    fn a_serialize_that_fails_or_panics_costs_one_payload() {
        #[derive(Command)]
        struct Odd(u8);

        impl Serialize for Odd {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0 {
                    0 => Err(serde::ser::Error::custom("4711")),
                    1 => panic!("4711"),
                    other => serializer.serialize_u8(other),
                }
            }
        }

        let (store, recording) = recording();
        let bus = SyncBus::empty().command(|_: Odd| ()).layer(recording).build().unwrap();
        (0..3).for_each(|number| bus.execute(Odd(number)).unwrap());
        let records = store.take();
        let told: Vec<_> = records.iter().map(|record| (record.payload(), record.withheld)).collect();
        assert_eq!(told, [(None, Some(Withheld::Failed)), (None, Some(Withheld::Failed)), (Some("2"), None)]);
    }

    #[test]
    fn what_is_too_large_is_left_out() {
        let (store, recording) = recording();
        let prices = |_: PricesOf| -> Vec<u32> { (0..100).collect() };
        let bus = SyncBus::empty().query(prices).layer(recording.max_bytes(20)).build().unwrap();
        bus.send(PricesOf { item: "tea".into() }).unwrap();
        let record = only(&store);
        assert_eq!((record.payload(), record.result()), (Some(r#"{"item":"tea"}"#), None));
        bus.send(PricesOf { item: "a rather large mug".into() }).unwrap();
        assert_eq!(only(&store).withheld, Some(Withheld::TooLarge));
    }

    #[test]
    fn payloads_results_and_error_texts_can_be_left_out() {
        let (store, recording) = recording();
        let recording = recording.without_payloads().without_results().without_error_texts();
        let prices = |prices: PricesOf| if prices.item.is_empty() { Err(no_paper()) } else { Ok(vec![1]) };
        let bus = SyncBus::empty().query(prices).layer(recording).build().unwrap();
        bus.send(PricesOf { item: "tea".into() }).unwrap();
        bus.send(PricesOf { item: String::new() }).unwrap_err();
        for record in store.take() {
            assert_eq!((record.payload(), record.result(), record.error()), (None, None, None));
            assert_eq!(record.withheld, Some(Withheld::LeftOut));
        }
        let text = bus.explain::<PricesOf>().unwrap().to_string();
        assert!(text.contains("payload = left out") && text.contains("result = left out"), "{text}");
    }

    /// R28: what JSON has no form for.
    #[test]
    fn numbers_that_json_has_not_are_null() {
        #[derive(Command, Serialize)]
        struct Measured([f64; 3]);

        let (store, recording) = recording();
        let bus = SyncBus::empty().command(|_: Measured| ()).layer(recording).build().unwrap();
        bus.execute(Measured([1.5, f64::NAN, f64::INFINITY])).unwrap();
        assert_eq!(only(&store).payload(), Some("[1.5,null,null]"));
    }
}

mod redaction {
    use super::*;

    #[derive(Command, Serialize)]
    #[command(error = io::Error)]
    struct SignIn {
        user: String,
        #[bus(secret)]
        password: String,
    }

    /// T7: a field that is marked is nowhere, and neither is what the error says, which may quote it.
    #[test]
    fn a_secret_field_is_never_recorded() {
        let (store, recording) = recording();
        let sign_in = |it: SignIn| if it.user.is_empty() { Err(io::Error::other(it.password)) } else { Ok(()) };
        let bus = SyncBus::empty().command(sign_in).layer(recording).build().unwrap();
        bus.execute(SignIn { user: "ada".into(), password: "c4n4ry".into() }).unwrap();
        bus.execute(SignIn { user: String::new(), password: "c4n4ry".into() }).unwrap_err();
        let [signed_in, failed] = &store.take()[..] else { panic!("two records") };
        assert_eq!(signed_in.payload(), Some(r#"{"user":"ada","password":"***REDACTED***"}"#));
        assert!(signed_in.is_redacted);
        assert_eq!(failed.error(), Some("***REDACTED***"));
    }

    /// R38, R39, X6, X7: at any depth and in any letter case, in results and errors as well.
    #[test]
    fn names_are_redacted_wherever_they_are() {
        #[derive(Debug, Serialize, Clone)]
        struct Account {
            name: &'static str,
            tokens: Vec<(u8, Token)>,
        }

        #[derive(Debug, Serialize, Clone)]
        struct Token {
            #[serde(rename = "apiToken")]
            token: &'static str,
        }

        #[derive(Query, Serialize)]
        #[query(reply = Account, error = io::Error)]
        struct AccountOf {
            is_there: bool,
        }

        let (store, recording) = recording();
        let account = Account { name: "ada", tokens: vec![(1, Token { token: "c4n4ry" })] };
        let find = move |of: AccountOf| {
            if of.is_there { Ok(account.clone()) } else { Err(io::Error::other("no Token { apitoken: \"c4n4ry\" }")) }
        };
        let bus = SyncBus::empty().query(find).layer(recording.redact(["APITOKEN"])).build().unwrap();
        bus.send(AccountOf { is_there: true }).unwrap();
        bus.send(AccountOf { is_there: false }).unwrap_err();
        let [found, failed] = &store.take()[..] else { panic!("two records") };
        assert_eq!(found.result(), Some(r#"{"name":"ada","tokens":[[1,{"apiToken":"***REDACTED***"}]]}"#));
        let text = failed.error().unwrap();
        assert!(text.starts_with("no Token { apitoken: ***REDACTED***") && !text.contains("c4n4ry"), "{text}");
    }

    /// T7: also where the payload was not written, so that nothing was replaced in it.
    #[test]
    fn an_error_quotes_no_secret_of_a_payload_that_is_not_there() {
        let sign_in = || {
            let (store, recording) = recording();
            (store, recording, |it: SignIn| -> io::Result<()> { Err(io::Error::other(it.password)) })
        };
        for change in [Recording::without_payloads, |recording: Recording| recording.max_bytes(3)] {
            let (store, recording, handler) = sign_in();
            let bus = SyncBus::empty().command(handler).layer(change(recording)).build().unwrap();
            bus.execute(SignIn { user: "ada".into(), password: "c4n4ry".into() }).unwrap_err();
            let record = only(&store);
            assert_eq!((record.payload(), record.error()), (None, Some("***REDACTED***")));
        }
        let (store, recording) = recording();
        let pay = |pay: Pay| -> io::Result<()> { Err(io::Error::other(pay.cents.to_string())) };
        let bus = SyncBus::empty().command(pay).layer(recording.redact(["cents"]).without_payloads()).build().unwrap();
        bus.execute(Pay { cents: 990_117 }).unwrap_err();
        assert_eq!(only(&store).error(), Some("***REDACTED***"));
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        let (store, recording) = recording();
        let bus = SyncBus::empty().command(|_: Pay| Err(io::Error::other("c4n4ry"))).layer(recording).build().unwrap();
        bus.execute(Pay { cents: 990_117 }).unwrap_err();
        let text = format!("{:?} {store:?}", store.records());
        assert!(!text.contains("c4n4ry") && !text.contains("990117"), "{text}");
    }
}

/// Layers inside may change the message: what came in is recorded.
#[tokio::test]
async fn what_came_in_is_recorded_whatever_layers_inside_do() {
    struct Doubles;

    impl AsyncAround for Doubles {
        async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
            let doubled = dispatch.get::<Pay>().map(|pay| Pay { cents: pay.cents * 2 });
            if let Some(doubled) = doubled {
                let _ = dispatch.replace(doubled);
            }
            next.run(dispatch).await
        }
    }

    let (store, recording) = recording();
    let pay = async |pay: Pay| if pay.cents == 10 { Ok(()) } else { Err(no_paper()) };
    let bus = Bus::empty().command_async(pay).layer(recording).layer(Doubles).build().unwrap();
    bus.execute(Pay { cents: 5 }).await.unwrap();
    assert_eq!(only(&store).payload(), Some(r#"{"cents":5}"#));
}

/// For some messages only.
#[test]
fn it_can_be_for_some_messages_only() {
    let (store, recording) = recording();
    let bus = SyncBus::empty()
        .command(|_: Pay| ())
        .subscribe(|_: &Paid| Ok::<_, AnyError>(()))
        .layer(layer::only(Kind::Command, recording))
        .build()
        .unwrap();
    bus.publish(Paid { cents: 1 }).unwrap();
    bus.execute(Pay { cents: 2 }).unwrap();
    assert_eq!(only(&store).payload(), Some(r#"{"cents":2}"#));
}

/// R7: wherever it is dropped, there is one record, in any place among the layers, and it says how it ended.
#[test]
fn dropped_at_any_poll_it_is_one_record() {
    fn recorded_after(polls: usize, is_outermost: bool) -> (bool, Vec<Record>) {
        let (store, recording) = recording();
        let pay = |_: Pay| async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused))
        };
        let clock = ManualClock::new();
        let bus = Bus::empty().clock(clock).command_async(pay);
        let timeout = Timeout::after(Duration::from_secs(1));
        let bus = if is_outermost {
            bus.layer(recording).layer(Retry::new()).layer(timeout)
        } else {
            bus.layer(Retry::new()).layer(timeout).layer(recording)
        };
        let bus = bus.build().unwrap();
        let mut call = Box::pin(bus.execute(Pay { cents: 5 }));
        let mut task = Polling::from_waker(Waker::noop());
        let is_over = (0..polls).any(|_| call.as_mut().poll(&mut task).is_ready());
        drop(call);
        (is_over, store.take())
    }

    for is_outermost in [true, false] {
        let mut polls = 0;
        let last = loop {
            let (is_over, records) = recorded_after(polls, is_outermost);
            if is_over {
                break records;
            }
            let ended: Vec<_> = records.iter().map(|record| record.ended).collect();
            let is_begun = polls > 0;
            assert_eq!(
                ended,
                vec![Ended::Abandoned; usize::from(is_begun)],
                "{polls} polls, outermost: {is_outermost}"
            );
            polls += 1;
        };
        assert_eq!(last.len(), 1, "{last:?}");
        assert_eq!((last[0].ended, last[0].attempt), (Ended::Failed(Reason::Handler), 3));
        assert!(polls > 6, "{polls} polls");
    }
}

/// R7: dropped by its caller between two attempts, on a `Bus`.
#[tokio::test(start_paused = true)]
async fn dropped_between_two_attempts_it_is_one_record_of_each_recording() {
    let [(outer, outside), (inner, inside), (innermost, further_inside)] = [recording(), recording(), recording()];
    let pay = |_: Pay| Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused));
    let bus = Bus::empty()
        .command(pay)
        .layer(outside)
        .layer(Retry::new())
        .layer(inside)
        .layer(further_inside.only_errors())
        .build()
        .unwrap();
    // The attempts are at 0 s, 2 s and 6 s.
    for (seconds, attempt) in [(1, 1), (3, 2)] {
        let call = bus.execute(Pay { cents: 5 });
        tokio::time::timeout(Duration::from_secs(seconds), call).await.unwrap_err();
        for store in [&outer, &inner, &innermost] {
            let [record] = &store.take()[..] else { panic!("one record") };
            assert_eq!((record.ended, record.attempt), (Ended::Abandoned, attempt));
            assert_eq!(record.payload(), Some(r#"{"cents":5}"#));
        }
    }
    bus.execute(Pay { cents: 5 }).await.unwrap_err();
    for store in [outer, inner, innermost] {
        let [record] = &store.take()[..] else { panic!("one record") };
        assert_eq!((record.ended, record.attempt), (Ended::Failed(Reason::Handler), 3));
    }
}

/// R7: on a `SyncBus` nobody can drop it there, but the clock may panic.
#[test]
fn a_panic_between_two_attempts_is_one_record_of_each_recording() {
    struct Broken;

    impl Time for Broken {
        fn sleep(&self, _: Duration) {
            panic!("no time");
        }

        fn sleep_async(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            unreachable!("it is for a `SyncBus`")
        }
    }

    let [(outer, outside), (inner, inside)] = [recording(), recording()];
    let pay = |_: Pay| Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused));
    let bus = SyncBus::empty().clock(Broken).command(pay);
    let bus = bus.layer(outside).layer(Retry::new()).layer(inside).build().unwrap();
    catch_unwind(AssertUnwindSafe(|| bus.execute(Pay { cents: 5 }))).unwrap_err();
    assert_eq!((only(&outer).ended, only(&inner).ended), (Ended::Panicked, Ended::Abandoned));
}

/// A layer between the retry and the recording may let the next attempt not come so far.
#[test]
fn a_next_attempt_that_does_not_come_to_the_recording_is_not_the_last_word() {
    struct LetsOneThrough;

    impl layer::Around for LetsOneThrough {
        fn call(&self, dispatch: &mut Dispatch<'_>, next: layer::Next<'_>) -> Done {
            if dispatch.attempt() > 1 { dispatch.refuse("no more") } else { next.run(dispatch) }
        }
    }

    let (store, recording) = recording();
    let pay = |_: Pay| Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused));
    let bus = SyncBus::empty().clock(ManualClock::new()).command(pay);
    let bus = bus.layer(Retry::new()).layer(LetsOneThrough).layer(recording).build().unwrap();
    bus.execute(Pay { cents: 5 }).unwrap_err();
    let record = only(&store);
    assert_eq!((record.ended, record.attempt), (Ended::Abandoned, 1));
}

/// R6: each panic is one record, however many there are.
#[test]
fn each_of_many_dispatches_of_which_some_panic_is_one_record() {
    let store = MemoryStore::with_capacity(20_000);
    let pay = |pay: Pay| assert!(!pay.cents.is_multiple_of(10), "no");
    let bus = SyncBus::empty().command(pay).layer(Recording::new(store.clone())).build().unwrap();
    for cents in 0..2_000 {
        let _ = catch_unwind(AssertUnwindSafe(|| bus.execute(Pay { cents })));
    }
    let records = store.take();
    let panicked = records.iter().filter(|record| record.ended == Ended::Panicked).count();
    assert_eq!((records.len(), panicked, store.dropped()), (2_000, 200, 0));
}
