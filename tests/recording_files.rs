//! Recordings in files, through the public face: which files there are, what is in them, and what is counted.
#![cfg(feature = "file-store")]

#[path = "support/log.rs"]
mod log;
#[path = "support/listen.rs"]
mod support;
#[path = "support/until.rs"]
mod until;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use linkbus::{
    Command, SyncBus, Uuid,
    recording::{JsonLineOptions, JsonLineStore, OpenError, Record, RecordStore as _, Recording, StoreError},
};
use serde::Serialize;
use serde_json::Value;

use self::{log::Log, until::until};

/// A folder of the test's own, removed when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Folder(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("recordings-{}", Uuid::now_v7())))
    }

    fn made() -> Self {
        let folder = Folder::new();
        fs::create_dir(&folder.0).unwrap();
        folder
    }

    /// A file that was written so many seconds ago.
    fn old(&self, name: &str, seconds: u64) {
        let file = File::create(self.0.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    fn open(&self) -> JsonLineStore {
        JsonLineStore::open(&self.0).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn record(number: u64) -> Record {
    of(0, number)
}

/// One of several threads that record.
fn of(account: u64, number: u64) -> Record {
    let line = format!(
        r#"{{"ts":"2026-11-25T16:45:00.000000","type":"command","class":"Pay","payload":{{"account":{account},"number":{number}}},"duration_ns":1,"result":null,"error":null}}"#
    );
    Record::from_line(&line).unwrap()
}

fn append(store: &JsonLineStore, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| store.append(record(number)).unwrap());
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn numbers(path: &Path) -> Vec<u64> {
    lines(path).iter().filter_map(|line| line["payload"]["number"].as_u64()).collect()
}

/// How many records the lines say are missing.
fn missing(path: &Path) -> u64 {
    lines(path).iter().filter(|line| line["type"] == "gap").map(|line| line["dropped"].as_u64().unwrap()).sum()
}

#[derive(Command, Serialize)]
struct Pay {
    number: u64,
}

/// X8: what was dispatched is in the file when the bus is closed.
#[test]
fn a_bus_that_is_closed_has_written_every_dispatch() {
    let folder = Folder::new();
    let store = Arc::new(folder.open());
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(Recording::new(store.clone())).build().unwrap();
    (0..5_000).for_each(|number| bus.execute(Pay { number }).unwrap());
    bus.close().unwrap();
    assert_eq!(numbers(&store.path()), (0..5_000).collect::<Vec<_>>());
    assert_eq!((store.written(), store.dropped()), (5_000, 0));
    let lines = fs::read_to_string(store.path()).unwrap();
    let record = Record::from_line(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&*record.class, record.is_success()), ("Pay", true));
}

/// R22: UTC, the process.
#[test]
fn a_run_file_is_named_after_its_time_and_process() {
    let folder = Folder::new();
    let store = folder.open();
    assert_eq!((store.folder(), store.path().parent()), (&*folder.0, Some(&*folder.0)));
    let name = store.path().file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(folder.names().join(" "), name, "it is there at once");
    let parts: Vec<_> = name.strip_suffix(".jsonl").unwrap().split('_').collect();
    let [run, day, second, process] = parts[..] else { panic!("{name}") };
    assert_eq!((run, day.len(), second.len()), ("run", 8, 6));
    assert_eq!(process, std::process::id().to_string());
    assert!(day.starts_with("20") && (day.to_owned() + second).bytes().all(|byte| byte.is_ascii_digit()));
}

/// R21, T5: for nobody else, and only what it makes.
#[cfg(unix)]
#[test]
fn folders_and_files_are_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = Folder::made();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).unwrap();
    let deep = folder.0.join("a/b");
    let store = JsonLineStore::open(&deep).unwrap();
    assert_eq!([&deep, deep.parent().unwrap()].map(mode), [0o700, 0o700]);
    assert_eq!((mode(&store.path()), mode(&folder.0)), (0o600, 0o755));
}

/// R21, T5.
#[cfg(unix)]
#[test]
fn what_is_no_safe_folder_is_refused() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = Folder::made();
    let at = |name: &str| folder.0.join(name);
    fs::write(at("file"), "").unwrap();
    fs::create_dir(at("open")).unwrap();
    fs::set_permissions(at("open"), fs::Permissions::from_mode(0o770)).unwrap();
    fs::create_dir(at("real")).unwrap();
    symlink(at("real"), at("link")).unwrap();
    symlink(at("nowhere"), at("dangling")).unwrap();
    for (name, what) in [("file", "not a folder"), ("open", "go-w"), ("link", "a link"), ("dangling", "a link")] {
        let error = JsonLineStore::open(at(name)).unwrap_err();
        assert!(matches!(&error, OpenError::Unsafe { problem, .. } if problem.contains(what)), "{name}: {error}");
    }
    assert!(fs::read_dir(at("real")).unwrap().next().is_none() && !at("nowhere").exists());
    assert!(matches!(JsonLineStore::open(at("file/deep")), Err(OpenError::Io { .. })));
}

/// R20: nothing is done.
#[test]
fn options_that_mean_nothing_are_refused_before_anything_is_done() {
    let folder = Folder::new();
    let zero = Duration::ZERO;
    let wrong: [(&str, JsonLineOptions); 7] = [
        ("max_runs", JsonLineStore::options().max_runs(0)),
        ("max_file_bytes", JsonLineStore::options().max_file_bytes(0)),
        ("queue_records", JsonLineStore::options().queue_records(0)),
        ("queue_records", JsonLineStore::options().queue_records(usize::MAX)),
        ("queue_bytes", JsonLineStore::options().queue_bytes(1)),
        ("close_timeout", JsonLineStore::options().close_timeout(zero)),
        ("sync_every", JsonLineStore::options().sync_every(zero)),
    ];
    for (name, options) in wrong {
        let error = options.open(&folder.0).unwrap_err();
        assert!(matches!(error, OpenError::Option { option, .. } if option == name), "{error}");
    }
    assert!(!folder.0.exists());
    let text = JsonLineStore::options().close_timeout(zero).open(&folder.0).unwrap_err().to_string();
    assert_eq!(text, "`close_timeout` cannot be zero: nothing could be written in it; write how long closing may take");
    let forever = JsonLineStore::options().close_timeout(Duration::MAX).sync_every(Duration::MAX);
    forever.open(&folder.0).unwrap().flush().unwrap();
}

/// R24: by the time they were written last, not by name.
#[test]
fn the_runs_that_were_written_last_are_kept() {
    let folder = Folder::made();
    folder.old("run_a.jsonl", 100);
    folder.old("run_b.jsonl", 300);
    folder.old("run_c.jsonl", 200);
    folder.old("run_d.jsonl", 50);
    let store = JsonLineStore::options().max_runs(3).open(&folder.0).unwrap();
    let own = store.path().file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(folder.names(), [&own, "run_a.jsonl", "run_d.jsonl"]);
    drop(store);
    let store = JsonLineStore::options().max_runs(1).open(&folder.0).unwrap();
    assert_eq!(folder.names(), [store.path().file_name().unwrap().to_str().unwrap()]);
}

/// R24.
#[cfg(unix)]
#[test]
fn links_folders_and_other_files_are_not_touched() {
    let folder = Folder::made();
    let foreign = ["note.txt", "run_1.json", "run_1.jsonl.gz", "a_run_1.jsonl", "letters.log"];
    for name in foreign {
        folder.old(name, 1000);
    }
    fs::create_dir(folder.0.join("run_folder.jsonl")).unwrap();
    let outside = Folder::made();
    outside.old("precious", 1000);
    std::os::unix::fs::symlink(outside.0.join("precious"), folder.0.join("run_link.jsonl")).unwrap();
    folder.old("run_old.jsonl", 1000);
    let before = folder.names();
    let store = JsonLineStore::options().max_runs(1).open(&folder.0).unwrap();
    let own = store.path().file_name().unwrap().to_str().unwrap().to_owned();
    let mut after = folder.names();
    after.retain(|name| *name != own);
    assert_eq!(after, before.into_iter().filter(|name| name != "run_old.jsonl").collect::<Vec<_>>());
    assert_eq!(outside.names(), ["precious"]);
}

/// R23: same folder, same process, same second.
#[test]
fn stores_of_one_second_keep_everything() {
    let folder = Folder::new();
    let stores: Vec<_> = (0..5).map(|_| folder.open()).collect();
    for (store, number) in stores.iter().zip(0..) {
        append(store, number..number + 1);
    }
    let paths: Vec<_> = stores.iter().map(JsonLineStore::path).collect();
    drop(stores);
    assert_eq!(folder.names().len(), 5);
    for (path, number) in paths.iter().zip(0..) {
        assert_eq!(numbers(path), [number]);
    }
}

/// R31, X5, X15: exactly, and in the order of the file.
#[test]
fn a_full_queue_drops_the_oldest_and_says_how_many() {
    let folder = Folder::new();
    let store = JsonLineStore::options().queue_records(100).open(&folder.0).unwrap();
    let log = Log::default();
    let mut offered = 0;
    // A writer that keeps up drops nothing: until it does not.
    while store.dropped() == 0 && offered < 2_000_000 {
        support::listening(log.clone(), || append(&store, offered..offered + 20_000));
        offered += 20_000;
    }
    store.close().unwrap();
    let (dropped, path) = (store.dropped(), store.path());
    assert!(dropped > 0, "a disk is not as quick as that");
    assert_eq!((store.written() + dropped, missing(&path)), (offered, dropped));
    let kept = numbers(&path);
    assert_eq!(kept.len() as u64, store.written());
    assert!(kept.is_sorted() && kept.ends_with(&(offered - 100..offered).collect::<Vec<_>>()), "the newest are there");
    let mut next = 0;
    let mut gaps = 0;
    for line in lines(&path) {
        if let Some(number) = line["payload"]["number"].as_u64() {
            assert_eq!(number, next);
            next += 1;
        } else {
            next += line["dropped"].as_u64().unwrap();
            gaps += 1;
        }
    }
    let warnings = log.count("the oldest records are dropped");
    assert!((1..=gaps).contains(&warnings), "{warnings} warnings for {gaps} gaps and {dropped} records");
}

/// A burst of 60,000 into the default queue.
#[test]
fn a_burst_of_sixty_thousand_is_kept() {
    let folder = Folder::new();
    let store = folder.open();
    append(&store, 0..60_000);
    store.close().unwrap();
    assert_eq!((store.written(), store.dropped()), (60_000, 0));
    assert_eq!(numbers(&store.path()), (0..60_000).collect::<Vec<_>>());
}

/// R33.
#[test]
fn closing_writes_what_waits_and_may_be_repeated() {
    let folder = Folder::new();
    let store = folder.open();
    append(&store, 0..3_000);
    store.close().unwrap();
    store.close().unwrap();
    assert_eq!(numbers(&store.path()), (0..3_000).collect::<Vec<_>>());
    assert!(matches!(store.flush(), Err(StoreError::Closed)));
}

/// R35.
#[test]
fn dropping_writes_what_waits() {
    let folder = Folder::new();
    let store = folder.open();
    append(&store, 0..3_000);
    let path = store.path();
    drop(store);
    assert_eq!(numbers(&path), (0..3_000).collect::<Vec<_>>());
}

/// R34, R37.
#[test]
fn a_closed_store_takes_no_more_and_counts_it() {
    let folder = Folder::new();
    let store = folder.open();
    append(&store, 0..1);
    store.close().unwrap();
    assert!(matches!(store.append(record(1)), Err(StoreError::Closed)));
    let health = store.health();
    assert_eq!((health.written, health.dropped, health.queued), (1, 1, 0));
    assert_eq!(numbers(&store.path()), [0]);
}

#[test]
fn what_was_flushed_can_be_read() {
    let folder = Folder::new();
    let store = folder.open();
    for number in 0..20 {
        append(&store, number..number + 1);
        store.flush().unwrap();
        assert_eq!(numbers(&store.path()).last(), Some(&number));
    }
}

#[test]
fn what_is_appended_is_written_without_being_asked() {
    let folder = Folder::new();
    let store = folder.open();
    for number in 0..3 {
        append(&store, number..number + 1);
        until(|| store.written() == number + 1);
        assert_eq!(numbers(&store.path()).last(), Some(&number));
    }
}

/// R29: one that cannot be written costs itself.
#[test]
fn a_record_that_cannot_be_written_costs_only_itself() {
    let folder = Folder::new();
    let store = folder.open();
    for number in 0..35 {
        let mut record = record(number);
        if number % 10 == 5 {
            // JSON has a form for it, and RFC 3339 has none.
            record.at = SystemTime::UNIX_EPOCH + Duration::from_secs(400_000_000_000);
        }
        store.append(record).unwrap();
    }
    store.close().unwrap();
    let expected: Vec<u64> = (0..35).filter(|number| number % 10 != 5).collect();
    assert_eq!((numbers(&store.path()), missing(&store.path())), (expected, 3));
    assert_eq!((store.written(), store.dropped()), (32, 3));
}

#[test]
fn closing_says_how_many_records_are_not_in_the_recording() {
    for lost in [0, 2] {
        let folder = Folder::new();
        let store = folder.open();
        append(&store, 0..3);
        for _ in 0..lost {
            let mut record = record(3);
            record.at = SystemTime::UNIX_EPOCH + Duration::from_secs(400_000_000_000);
            store.append(record).unwrap();
        }
        let log = Log::default();
        support::listening(log.clone(), || store.close().unwrap());
        let warnings = usize::from(lost != 0);
        assert_eq!((log.count("WARN"), log.count(&format!("lost={lost}"))), (warnings, warnings), "{}", log.text());
    }
}

/// R30.
#[test]
fn threads_do_not_mix_up_their_records() {
    let folder = Folder::new();
    let store = folder.open();
    thread::scope(|scope| {
        for account in 0..8 {
            let store = &store;
            scope.spawn(move || (0..2_000).for_each(|number| store.append(of(account, number)).unwrap()));
        }
    });
    store.close().unwrap();
    let mut next = [0; 8];
    for line in lines(&store.path()) {
        let account = usize::try_from(line["payload"]["account"].as_u64().unwrap()).unwrap();
        assert_eq!(line["payload"]["number"], next[account]);
        next[account] += 1;
    }
    assert_eq!(next, [2_000; 8]);
}

/// R32.
#[test]
fn threads_that_overflow_it_are_counted_exactly() {
    let folder = Folder::new();
    let store = JsonLineStore::options().queue_records(10).queue_bytes(64 << 10).open(&folder.0).unwrap();
    thread::scope(|scope| {
        for account in 0..8 {
            let store = &store;
            scope.spawn(move || (0..2_000).for_each(|number| store.append(of(account, number)).unwrap()));
        }
        for _ in 0..100 {
            let health = store.health();
            assert!(health.written + health.dropped + health.queued as u64 <= 16_000);
        }
    });
    store.close().unwrap();
    assert_eq!(store.written() + store.dropped(), 16_000);
    assert_eq!((numbers(&store.path()).len() as u64, missing(&store.path())), (store.written(), store.dropped()));
}

#[derive(Command, Serialize)]
struct Say {
    text: String,
    raw: Box<serde_json::value::RawValue>,
}

#[derive(Debug, thiserror::Error)]
#[error("no\n{{\"type\":\"gap\"}}\r\n\u{1b}[2J")]
struct Forged;

/// T8: whatever is said, a record is a line.
#[test]
fn what_is_recorded_cannot_forge_a_line() {
    let folder = Folder::new();
    let store = Arc::new(folder.open());
    let say = |_: Say| Err::<(), _>(Forged);
    let bus = SyncBus::empty().command(say).layer(Recording::new(store.clone())).build().unwrap();
    let nasty = ["\n", "\r", "\r\n{\"type\":\"gap\"}\n", "\u{1b}[31m", "\u{202e}", "\u{2028}\u{85}", "\"", "\\n", "\0"];
    for text in nasty {
        let raw = serde_json::value::RawValue::from_string("{\n\"a\":\r\n1}".to_owned()).unwrap();
        bus.execute(Say { text: text.to_owned(), raw }).unwrap_err();
    }
    let mut record = record(0);
    record.worker.thread = "a\nthread".into();
    store.append(record).unwrap();
    bus.close().unwrap();
    let text = fs::read_to_string(store.path()).unwrap();
    assert!(!text.contains(['\r', '\u{1b}', '\0']), "{text:?}");
    let lines = lines(&store.path());
    assert_eq!(lines.len(), nasty.len() + 1);
    for (line, text) in lines.iter().zip(nasty) {
        assert_eq!((&line["payload"]["text"], &line["payload"]["raw"]["a"]), (&text.into(), &1.into()));
        assert_eq!(line["error"], Forged.to_string());
    }
}

#[test]
fn a_full_run_is_followed_by_another() {
    let folder = Folder::new();
    let store = JsonLineStore::options().max_file_bytes(10_000).max_runs(4).open(&folder.0).unwrap();
    for number in 0..1_000 {
        append(&store, number..number + 1);
        if number % 50 == 0 {
            store.flush().unwrap();
        }
    }
    store.close().unwrap();
    assert_eq!((store.written(), store.dropped(), folder.names().len()), (1_000, 0, 4));
    assert!(numbers(&store.path()).ends_with(&[999]));
}
