//! What is nested so deep that nobody could read it again is not written, and spoils nothing beside it.
#![cfg(feature = "file-store")]

use std::{fs, path::Path, sync::Arc};

use linkbus::{
    Command, Query, SyncBus, Uuid,
    layer::{
        DeadLetters,
        dead_letter::{self, Body, FileStore, Filter},
    },
    recording::{JsonLineStore, Reader, Recording, Withheld},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// In JSON it is one object and so many lists.
#[derive(Command, Clone, Serialize, Deserialize)]
#[command(name = "shop.Sort")]
struct Sort {
    lists: Value,
}

#[derive(Query, Clone, Serialize, Deserialize)]
#[query(reply = Value, name = "shop.Sorted")]
struct Sorted(usize);

fn lists(count: usize) -> Value {
    (0..count).fold(Value::Null, |inner, _| Value::from(vec![inner]))
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("deep-{}", Uuid::now_v7()))
}

#[test]
fn a_payload_or_a_result_that_is_too_deep_is_no_line_that_cannot_be_read() {
    let folder = folder();
    let store = Arc::new(JsonLineStore::open(&folder).unwrap());
    let bus = SyncBus::empty().command(|_: Sort| ()).query(|of: Sorted| lists(of.0));
    let bus = bus.layer(Recording::new(store.clone())).build().unwrap();
    for count in [125, 126, 127, 100] {
        bus.execute(Sort { lists: lists(count) }).unwrap();
        bus.send(Sorted(count + 1)).unwrap();
    }
    bus.close().unwrap();

    let text = fs::read_to_string(store.path()).unwrap();
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let records: Vec<_> = Reader::open(store.path()).unwrap().map(Result::unwrap).collect();
    let kept: Vec<_> = records.iter().map(|record| (record.payload().is_some(), record.withheld)).collect();
    let (whole, deep) = ((true, None), (false, Some(Withheld::TooDeep)));
    assert_eq!(kept, [whole, whole, deep, whole, deep, whole, whole, whole]);
    let results: Vec<_> = records.iter().skip(1).step_by(2).map(|record| record.result().is_some()).collect();
    assert_eq!(results, [true, false, false, true]);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_letter_that_is_too_deep_is_kept_without_its_message() {
    let folder = folder();
    let letters = DeadLetters::new(FileStore::open(&folder).unwrap());
    let bus = SyncBus::empty().command(|_: Sort| Err::<(), _>("no")).layer(letters.clone()).build().unwrap();
    for count in [125, 126] {
        bus.execute(Sort { lists: lists(count) }).unwrap_err();
    }
    bus.close().unwrap();
    drop((bus, letters));

    let store = FileStore::open(&folder).unwrap();
    let letters = dead_letter::DeadLetterStore::list(&store, &Filter::any(), 10).unwrap();
    assert!(matches!(letters[0].body, Body::Withheld(dead_letter::Withheld::TooDeep)));
    assert_eq!(letters[1].read::<Sort>().unwrap().lists, lists(125));
    let why = letters[0].read::<Sort>().map(|_| ()).unwrap_err().to_string();
    assert!(why.contains("more than 126 lists and objects"), "{why}");
    drop(store);
    fs::remove_dir_all(folder).unwrap();
}
