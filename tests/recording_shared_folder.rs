//! Several stores in one folder: none removes what another writes. And a file that somebody else removes.
#![cfg(all(feature = "file-store", unix))]

use std::{
    fs,
    path::{Path, PathBuf},
};

use linkbus::{
    Uuid,
    recording::{JsonLineOptions, JsonLineStore, Reader, Record, RecordStore as _, StoreError, runs},
};

/// A folder of the test's own, removed when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Folder(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shared-{}", Uuid::now_v7())))
    }

    fn open(&self, options: JsonLineOptions) -> JsonLineStore {
        options.open(&self.0).unwrap()
    }

    /// How many records are in each file.
    fn records(&self) -> Vec<usize> {
        runs(&self.0).unwrap().iter().map(|file| Reader::open(file).unwrap().map(Result::unwrap).count()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn append(store: &JsonLineStore, records: usize) {
    let line = r#"{"ts":"2026-11-25T16:45:00.000000","type":"command","class":"Pay","payload":{},"duration_ns":1,"result":null,"error":null}"#;
    let record = Record::from_line(line).unwrap();
    (0..records).for_each(|_| store.append(record.clone()).unwrap());
}

#[test]
fn twelve_stores_in_a_folder_keep_everything() {
    let folder = Folder::new();
    let stores: Vec<_> = (0..12).map(|_| folder.open(JsonLineStore::options())).collect();
    for store in &stores {
        append(store, 1_000);
    }
    for store in &stores {
        store.close().unwrap();
    }
    assert!(stores.iter().all(|store| (store.written(), store.dropped()) == (1_000, 0)));
    assert_eq!(folder.records(), [1_000; 12]);
}

#[test]
fn a_store_that_keeps_one_run_leaves_the_run_of_another() {
    let folder = Folder::new();
    let one = JsonLineStore::options().max_runs(1);
    let (first, second) = (folder.open(one), folder.open(one));
    append(&first, 3);
    append(&second, 4);
    first.close().unwrap();
    second.close().unwrap();
    assert_ne!(first.path(), second.path());
    assert_eq!(folder.records(), [3, 4]);
}

#[test]
fn a_file_that_is_full_makes_room_only_among_those_that_nobody_writes() {
    let folder = Folder::new();
    let other = folder.open(JsonLineStore::options());
    append(&other, 5);
    other.flush().unwrap();
    let store = folder.open(JsonLineStore::options().max_runs(2).max_file_bytes(1));
    for _ in 0..4 {
        append(&store, 1);
        store.flush().unwrap();
    }
    assert_eq!(folder.records(), [5, 1]);
}

#[test]
fn a_run_is_removed_once_its_store_is_closed() {
    let folder = Folder::new();
    let first = folder.open(JsonLineStore::options());
    append(&first, 3);
    first.close().unwrap();
    append(&folder.open(JsonLineStore::options().max_runs(1)), 4);
    assert_eq!(folder.records(), [4]);
}

/// What was in it is counted, whoever flushes is told once, and what comes is kept.
#[test]
fn a_file_that_somebody_removes_is_counted_and_another_is_begun() {
    let folder = Folder::new();
    let store = folder.open(JsonLineStore::options());
    append(&store, 3);
    store.flush().unwrap();
    fs::remove_file(store.path()).unwrap();
    append(&store, 2);
    assert!(matches!(store.flush(), Err(StoreError::Io(_))));
    store.flush().unwrap();
    let health = store.health();
    assert_eq!((health.written, health.unsure, health.abandoned_files), (5, 3, 1));
    assert_eq!(folder.records(), [2]);
}

#[test]
fn a_flush_does_not_vouch_for_a_file_that_was_removed() {
    let folder = Folder::new();
    let store = folder.open(JsonLineStore::options());
    append(&store, 3);
    store.flush().unwrap();
    fs::remove_file(store.path()).unwrap();
    assert!(matches!(store.flush(), Err(StoreError::Io(_))));
    assert_eq!(store.health().unsure, 3);
    append(&store, 1);
    store.close().unwrap();
    assert_eq!(folder.records(), [1]);
}
