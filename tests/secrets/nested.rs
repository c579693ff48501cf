//! The same where what is marked is a part of something else: of another message, a reply, an error.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use linkbus::{
    Command, Event, Query, SyncBus, Task,
    clock::ManualClock,
    layer::{
        DeadLetters, Latency, LatencyStats, Retry, Trace,
        dead_letter::{Body, FileStore, Filter},
    },
    recording::{JsonLineStore, MemoryStore, Record, RecordStore as _, Recording},
};
use serde::{Deserialize, Serialize};

use super::{CANARY, hush, log::Log, support, tempfile, written};

// None of these four is ever given to a bus: that they are linked is enough.

#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[serde(rename = "Credentials", rename_all = "camelCase")]
struct SignUp {
    user_name: String,
    #[bus(secret)]
    pass_word: String,
    #[bus(secret)]
    #[serde(rename = "digits", serialize_with = "as_it_is")]
    pin: String,
}

#[derive(Event, Clone, Debug, Serialize, Deserialize)]
struct Token(#[bus(secret)] String);

#[derive(Task, Clone, Debug, Serialize, Deserialize)]
struct Renewed(
    u32,
    #[serde(skip)]
    #[expect(dead_code, reason = "it is there to be skipped")]
    u32,
    #[bus(secret)] String,
);

#[derive(Task, Clone, Debug, Serialize, Deserialize)]
enum Mail {
    Reset {
        to: u32,
        #[bus(secret)]
        link: String,
    },
    Code(#[bus(secret)] String),
}

fn as_it_is<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// Is no message, and has some.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Step {
    First(SignUp),
    Then { token: Option<Token>, renewed: (u32, Renewed) },
    Last(u32, Mail),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Merged {
    number: u32,
    #[serde(flatten)]
    sign_up: SignUp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sent {
    number: u32,
    #[serde(flatten)]
    mail: Mail,
}

#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(name = "shop.Run")]
struct Run {
    number: u32,
    steps: Vec<Step>,
    by_name: BTreeMap<String, Box<SignUp>>,
    merged: Merged,
    sent: [Sent; 2],
    json: serde_json::Value,
}

/// Has nothing to hide, but its answer and its error do.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = Vec<Option<SignUp>>, error = Denied, name = "shop.WhoIs")]
struct WhoIs(u32);

#[derive(Debug, thiserror::Error)]
#[error("denied to {0:?}, {1:?}, {2:?}")]
struct Denied(SignUp, Token, Vec<Mail>);

fn secret() -> String {
    CANARY.to_owned()
}

fn sign_up() -> SignUp {
    SignUp { user_name: "ada".to_owned(), pass_word: secret(), pin: secret() }
}

fn run(number: u32) -> Run {
    let reset = || Mail::Reset { to: 7, link: secret() };
    let then = Step::Then { token: Some(Token(secret())), renewed: (1, Renewed(2, 3, secret())) };
    Run {
        number,
        steps: vec![Step::First(sign_up()), then, Step::Last(1, reset()), Step::Last(2, Mail::Code(secret()))],
        by_name: BTreeMap::from([("ada".to_owned(), Box::new(sign_up()))]),
        merged: Merged { number, sign_up: sign_up() },
        sent: [Sent { number, mail: reset() }, Sent { number, mail: Mail::Code(secret()) }],
        json: serde_json::to_value(sign_up()).unwrap(),
    }
}

fn handle_run(run: &Run) -> Result<(), String> {
    match run.number % 3 {
        0 => Ok(()),
        1 => Err(format!("not with {CANARY}, in {run:?}")),
        _ => panic!("it was {run:?}"),
    }
}

fn who_is(WhoIs(number): WhoIs) -> Result<Vec<Option<SignUp>>, Denied> {
    if number.is_multiple_of(2) { Ok(vec![None, Some(sign_up())]) } else { Err(denied()) }
}

fn denied() -> Denied {
    Denied(sign_up(), Token(secret()), vec![Mail::Reset { to: 7, link: secret() }, Mail::Code(secret())])
}

#[test]
fn a_secret_of_a_part_is_nowhere() {
    let folder = tempfile();
    let log = Log::default();
    let memory = MemoryStore::new();
    let records = Arc::new(JsonLineStore::options().queue_records(20_000).open(folder.join("records")).unwrap());
    let letters = DeadLetters::new(FileStore::open(folder.join("letters")).unwrap());
    let held = DeadLetters::in_memory();
    let bus = SyncBus::empty()
        .clock(ManualClock::new())
        .command(|run: Run| handle_run(&run))
        .query(who_is)
        .layer(Trace::new().with_ids())
        .layer(Latency::new(&LatencyStats::new()))
        .layer(Recording::new(records.clone()))
        .layer(Recording::new(memory.clone()))
        .layer(letters.clone())
        .layer(held.clone())
        .layer(Retry::new())
        .build()
        .unwrap();
    hush();
    support::listening(log.clone(), || {
        for number in 0..2_000 {
            let _ = catch_unwind(AssertUnwindSafe(|| bus.execute(run(number))));
            let _ = bus.send(WhoIs(number));
        }
        let any = Filter::any();
        let stores = [&letters, &held].map(|letters| letters.store().list(&any, 10_000).unwrap());
        let debug = format!("{:?} {stores:?} {letters:?} {held:?} {:?}", memory.records(), bus.explain::<Run>());
        assert!(debug.contains("shop.Run") && !debug.contains(CANARY), "in what Debug shows");
        assert!(matches!(&stores[0][0].body, Body::Redacted(json) if !json.contains(CANARY)));
        bus.close().unwrap();
    });

    assert_eq!((records.dropped(), records.written()), (0, 4_000));
    let files = written(&folder);
    assert!(files.len() > 1_000_000 && !files.contains(CANARY), "in a file");
    assert!(log.text().contains("shop.Run") && !log.text().contains(CANARY), "in the log");
    let records = memory.records();
    assert!(records.iter().all(|record| !texts(record).contains(CANARY)));
    shows(&records[0], &records[1], &records[3]);
    std::fs::remove_dir_all(folder).unwrap();
}

fn texts(record: &Record) -> String {
    [record.payload(), record.result(), record.error()].into_iter().flatten().collect()
}

/// What is left of a message, of an answer and of an error: everything but the secrets.
fn shows(run: &Record, answered: &Record, denied: &Record) {
    const SIGN_UP: &str = r#"{"userName":"ada","passWord":"*","digits":"*"}"#;
    let shown = |text: Option<&str>| text.unwrap().replace("***REDACTED***", "*");
    let [payload, sign_up]: [serde_json::Value; 2] =
        [&shown(run.payload()), SIGN_UP].map(|json| serde_json::from_str(json).unwrap());
    let expected = serde_json::json!({
        "number": 0,
        "steps": [
            { "First": sign_up },
            { "Then": { "token": "*", "renewed": [1, ["*", "*"]] } },
            { "Last": [1, { "Reset": { "to": 7, "link": "*" } }] },
            { "Last": [2, { "Code": "*" }] },
        ],
        "by_name": { "ada": sign_up },
        "merged": { "number": 0, "userName": "ada", "passWord": "*", "digits": "*" },
        "sent": [{ "number": 0, "Reset": "*" }, { "number": 0, "Code": "*" }],
        "json": sign_up,
    });
    assert_eq!(payload, expected);
    assert!(run.is_redacted && answered.is_redacted);
    assert_eq!(shown(answered.result()), format!("[null,{SIGN_UP}]"));
    let error = r#"denied to SignUp { user_name: "ada", pass_word: *, pin: * }, Token*, [Reset *, Code*]"#;
    assert_eq!(shown(denied.error()), error);
    assert!(!denied.is_redacted && denied.payload() == Some("1"));
}

/// The labels of the series; their values are counts and times.
#[cfg(feature = "metrics")]
#[test]
fn a_secret_is_in_no_series() {
    use linkbus::layer::Metrics;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Keys(Mutex<Vec<String>>);

    impl Keys {
        fn note(&self, key: &metrics::Key) {
            self.0.lock().unwrap().push(format!("{key:?}"));
        }
    }

    impl metrics::Recorder for Keys {
        fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
        fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
        fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
        fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
            self.note(key);
            metrics::Counter::noop()
        }
        fn register_gauge(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
            self.note(key);
            metrics::Gauge::noop()
        }
        fn register_histogram(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
            self.note(key);
            metrics::Histogram::noop()
        }
    }

    hush();
    let keys = Keys::default();
    metrics::with_local_recorder(&keys, || {
        let bus = SyncBus::empty().command(|run: Run| handle_run(&run)).query(who_is).layer(Metrics::new());
        let bus = bus.layer(DeadLetters::in_memory()).build().unwrap();
        for number in 0..9 {
            let _ = catch_unwind(AssertUnwindSafe(|| bus.execute(run(number))));
            let _ = bus.send(WhoIs(number));
        }
    });
    let keys = keys.0.into_inner().unwrap().concat();
    assert!(keys.contains("shop.Run") && !keys.contains(CANARY), "{keys}");
}

/// What is not there may have had secrets, and an error repeats what it likes.
#[test]
fn an_error_is_kept_of_no_message_that_was_not_written() {
    let store = MemoryStore::new();
    let recording = Recording::new(store.clone()).max_bytes(10);
    let bus = SyncBus::empty().command(|run: Run| handle_run(&run)).layer(recording).build().unwrap();
    bus.execute(run(1)).unwrap_err();
    assert_eq!(store.records()[0].error(), Some("***REDACTED***"));
}
