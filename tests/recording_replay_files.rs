//! Files are played again: which records of them, and what is wrong with them.
#![cfg(feature = "file-store")]

#[path = "support/folder.rs"]
mod folder;

use std::{
    fs,
    future::pending,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use futures_util::FutureExt as _;
use linkbus::{
    Bus, Command, SyncBus,
    recording::{Ended, Filter, JsonLineStore, Recording, Replay, ReplayReport},
};
use serde::{Deserialize, Serialize};

use self::folder::Folder;

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(error = io::Error, name = "shop.Pay")]
struct Pay {
    cents: u32,
}

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(error = io::Error, name = "stock.Reserve")]
struct Reserve;

const PAID: &str = r#"{"ts":"2026-11-25T16:00:00Z","type":"command","class":"Pay","payload":{"cents":5},"duration_ns":7,"result":null,"error":null,"message":"shop.Pay"}"#;
const RESERVED: &str = r#"{"ts":"2026-11-25T16:00:01Z","type":"command","class":"Reserve","payload":null,"duration_ns":7,"result":null,"error":null,"message":"stock.Reserve"}"#;
const GAP: &str = r#"{"ts":"2026-11-25T16:00:02Z","type":"gap","dropped":41,"v":1}"#;

fn shop() -> SyncBus {
    SyncBus::empty().command(|_: Pay| ()).command(|_: Reserve| ()).replayable().build().unwrap()
}

fn file_of(folder: &Folder, text: &str) -> PathBuf {
    fs::create_dir_all(folder.path()).unwrap();
    let path = folder.path().join("run_1.jsonl");
    fs::write(&path, text).unwrap();
    path
}

/// What a replay of this file says, which is not that it is the same.
#[track_caller]
fn replay_of_a_broken(text: &str) -> ReplayReport {
    let folder = Folder::new();
    let report = Replay::new(&shop()).run_file(file_of(&folder, text)).unwrap();
    assert!(!report.is_same(), "{report}");
    assert_eq!(report.same, 1, "what is whole is replayed: {report}");
    report
}

#[test]
fn a_file_that_is_whole_is_the_same() {
    let folder = Folder::new();
    Replay::new(&shop()).run_file(file_of(&folder, &format!("{PAID}\n"))).unwrap().assert_same();
}

#[test]
fn a_line_that_is_half_written_is_told_and_is_not_the_same() {
    let report = replay_of_a_broken(&format!("{PAID}\n{}", &PAID[..40]));
    assert!(report.is_torn && (report.damaged, report.dropped) == (0, 0), "{report}");
}

#[test]
fn a_line_that_is_damaged_is_told_and_is_not_the_same() {
    let report = replay_of_a_broken(&format!("not a record\n{PAID}\n{{}}\n"));
    assert_eq!((report.damaged, report.dropped, report.is_torn), (2, 0, false));
}

#[test]
fn records_that_were_dropped_are_told_and_are_not_the_same() {
    let report = replay_of_a_broken(&format!("{PAID}\n{GAP}\n"));
    assert_eq!((report.dropped, report.damaged, report.is_torn), (41, 0, false));
}

#[tokio::test]
async fn a_bus_tells_what_is_wrong_with_a_file_too() {
    let folder = Folder::new();
    let path = file_of(&folder, &format!("{PAID}\n{GAP}\n{{}}\n{}", &PAID[..40]));
    let bus = Bus::empty().command(|_: Pay| ()).replayable().build().unwrap();
    let report = Replay::new(&bus).run_file(path).await.unwrap();
    assert_eq!((report.same, report.damaged, report.dropped, report.is_torn), (1, 1, 41, true));
}

#[test]
fn a_filter_passes_over_records_and_nothing_else() {
    let folder = Folder::new();
    let path = file_of(&folder, &format!("{PAID}\n{RESERVED}\n{GAP}\n"));
    let bus = shop();
    assert_eq!(Replay::new(&bus).run_file(&path).unwrap().same, 2);
    let report = Replay::new(&bus).filter(Filter::any().message("shop.*")).run_file(&path).unwrap();
    assert_eq!((report.same, report.dropped), (1, 41));
}

/// Otherwise a dispatch that succeeded at last would be replayed as one that failed.
#[test]
fn a_filter_asks_the_last_attempt() {
    let attempt = |number: u32, outcome: &str| {
        let id = "01977e3f-0000-7000-8000-000000000001";
        let whole = PAID.strip_suffix('}').unwrap();
        format!(r#"{whole},"v":1,"outcome":"{outcome}","id":"{id}","correlation_id":"{id}","attempt":{number}}}"#)
    };
    let folder = Folder::new();
    let path = file_of(&folder, &format!("{}\n{}\n", attempt(1, "failed"), attempt(2, "succeeded")));
    let bus = shop();
    let failed = Replay::new(&bus).filter(Filter::any().only_failures()).run_file(&path).unwrap();
    let succeeded = Replay::new(&bus).filter(Filter::any().only_successes()).run_file(&path).unwrap();
    assert_eq!((failed.different + failed.same, succeeded.same), (0, 1));
}

/// As every server has clients that go away.
#[tokio::test]
async fn what_its_caller_dropped_is_dispatched_and_not_compared() {
    let folder = Folder::new();
    let store = Arc::new(JsonLineStore::open(folder.path()).unwrap());
    let slow = |_: Pay| pending::<io::Result<()>>();
    let bus = Bus::empty().command_async(slow).layer(Recording::new(store.clone())).build().unwrap();
    assert!(bus.execute(Pay { cents: 5 }).now_or_never().is_none());
    bus.close().await.unwrap();

    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = Arc::clone(&seen);
    let pay = move |pay: Pay| watch.lock().unwrap().push(pay.cents);
    let bus = Bus::empty().command(pay).replayable().build().unwrap();
    let report = Replay::new(&bus).run_file(store.path()).await.unwrap();
    report.assert_same();
    assert_eq!((report.same, report.unchecked, seen.lock().unwrap().clone()), (0, 1, vec![5]));

    let bus = Bus::empty().command(|_: Pay| Err(io::Error::other("no"))).replayable().build().unwrap();
    let report = Replay::new(&bus).run_file(store.path()).await.unwrap();
    assert_eq!((report.unchecked, report.different), (1, 0), "nobody knows how it would have ended");
    let filtered =
        Replay::new(&bus).filter(Filter::any().ended(Ended::Succeeded)).run_file(store.path()).await.unwrap();
    assert_eq!(filtered.unchecked, 0);
}
