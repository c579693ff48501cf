//! T7: what is marked as secret, or named to be redacted, is nowhere that this library writes or shows.
//!
//! One value that occurs nowhere else goes into every kind of place of 10,000 messages, their errors, panics and replies;
//! then everything that was written and logged is searched for it.
#![cfg(feature = "file-store")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    path::Path,
    sync::{Arc, Once},
};

use linkbus::{
    Command, Event, Query, SyncBus, Task,
    clock::ManualClock,
    layer::{
        DeadLetters, Latency, LatencyStats, Retry, Trace,
        dead_letter::{FileStore, Filter, Replay},
    },
    recording::{JsonLineStore, MemoryStore, RecordStore as _, Recording},
};
use serde::{Deserialize, Serialize};

#[path = "support/log.rs"]
mod log;
#[path = "secrets/nested.rs"]
mod nested;
#[path = "support/listen.rs"]
mod support;

use self::log::Log;

const CANARY: &str = "c4n4ry-7f3a";

/// Marked, at the top.
#[derive(Command, Clone, Serialize, Deserialize)]
#[command(name = "shop.SignIn")]
struct SignIn {
    user: u32,
    #[bus(secret)]
    password: String,
}

/// Marked in an enum, so that it cannot be told from the rest.
#[derive(Task, Clone, Serialize, Deserialize)]
#[task(name = "shop.Rotate")]
enum Rotate {
    Key(#[bus(secret)] String),
}

/// Marked by place.
#[derive(Event, Clone, Serialize, Deserialize)]
#[event(name = "shop.Issued")]
struct Issued(u32, #[bus(secret)] String);

/// Named, inside of others, and in the reply.
#[derive(Query, Clone, Serialize, Deserialize)]
#[query(reply = Account, name = "shop.AccountOf")]
struct AccountOf {
    by: Vec<(u32, Credentials)>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Credentials {
    #[serde(rename = "accessToken")]
    token: String,
}

#[derive(Debug, Clone, Serialize)]
struct Account {
    credentials: std::collections::BTreeMap<&'static str, String>,
}

#[derive(Debug, thiserror::Error)]
#[error("not for {0}")]
struct Refused(String, #[source] std::io::Error);

fn refused(secret: &str) -> Refused {
    Refused(secret.to_owned(), std::io::Error::other(format!("because of {secret}")))
}

/// Says nothing of the panics that handlers are made to have, several thousand times.
fn hush() {
    static HUSHED: Once = Once::new();
    HUSHED.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            let text = panic.payload().downcast_ref::<String>();
            if !text.is_some_and(|text| text.contains(CANARY)) {
                loud(panic);
            }
        }));
    });
}

/// Everything that was written below this folder.
fn written(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all += &written(&path) } else { all += &String::from_utf8(fs::read(path).unwrap()).unwrap() }
    }
    all
}

#[test]
fn a_secret_is_nowhere() {
    let folder = tempfile();
    let log = Log::default();
    let (memory, stats) = (MemoryStore::new(), LatencyStats::new());
    let records = Arc::new(JsonLineStore::options().queue_records(20_000).open(folder.join("records")).unwrap());
    let letters = DeadLetters::new(FileStore::open(folder.join("letters")).unwrap());
    let names = ["accesstoken", "TOKEN"];
    let bus = SyncBus::empty()
        .clock(ManualClock::new())
        .command(|sign_in: SignIn| match sign_in.user % 3 {
            0 => Ok(()),
            1 => Err(refused(&sign_in.password)),
            _ => panic!("it was {}", sign_in.password),
        })
        .task(|Rotate::Key(key): Rotate| Err::<(), _>(refused(&key)))
        .subscribe(|issued: &Issued| if issued.0.is_multiple_of(2) { Ok(()) } else { Err(refused(&issued.1)) })
        .query(|of: AccountOf| match of.by.first() {
            Some((0, credentials)) => Ok(Account { credentials: [("Token", credentials.token.clone())].into() }),
            Some((_, credentials)) => Err(refused(&credentials.token)),
            None => Err(refused(&format!("accessToken: {CANARY:?}"))),
        })
        .layer(Trace::new().with_error_text().with_ids())
        .layer(Latency::new(&stats))
        .layer(Recording::new(records.clone()).redact(names))
        .layer(Recording::new(memory.clone()).redact(names))
        .layer(letters.clone())
        .layer(Retry::new())
        .build()
        .unwrap();

    hush();
    support::listening(log.clone(), || {
        let secret = || CANARY.to_owned();
        for number in 0..3_300 {
            let _ = catch_unwind(AssertUnwindSafe(|| bus.execute(SignIn { user: number, password: secret() })));
            let _ = bus.publish(Issued(number, secret()));
            if number % 25 == 0 {
                let _ = bus.dispatch(Rotate::Key(secret()));
            }
        }
        tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::new(), || {
            for number in 0..3_300 {
                let by = if number % 3 == 2 { vec![] } else { vec![(number % 3, Credentials { token: secret() })] };
                let _ = bus.send(AccountOf { by });
            }
        });
        let _ = Replay::new(letters.store(), &bus).all(&Filter::of::<Rotate>());
        let debug =
            format!("{:?} {letters:?} {:?}", memory.records(), letters.store().list(&Filter::any(), 100).unwrap());
        assert!(!debug.contains(CANARY), "{debug}");
        bus.close().unwrap();
    });

    assert_eq!((records.dropped(), records.written()), (0, 10_032));
    let files = written(&folder);
    assert!(files.contains("***REDACTED***") && files.contains("secret_not_found") && files.len() > 1_000_000);
    assert!(!files.contains(CANARY), "in a file");
    let log = log.text();
    assert!(log.contains("shop.SignIn") && !log.contains(CANARY), "in the log");
    for record in memory.records() {
        let texts = [record.payload(), record.result(), record.error()].into_iter().flatten().collect::<String>();
        assert!(!texts.contains(CANARY), "{texts}");
    }
    fs::remove_dir_all(folder).unwrap();
}

fn tempfile() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("linkbus-secrets-{}", linkbus::Uuid::now_v7()));
    fs::create_dir(&folder).unwrap();
    folder
}
