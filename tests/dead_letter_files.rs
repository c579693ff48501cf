//! Dead letters in files, through the public face: what is on the disk, what is not, and what becomes of damage.
#![cfg(feature = "file-store")]

#[path = "support/log.rs"]
mod log;
#[path = "support/listen.rs"]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use linkbus::{
    Command, Event, Fault, Kind, SyncBus, Task, Uuid,
    layer::{
        DeadLetters, Reason,
        dead_letter::{
            Body, DeadLetter, DeadLetterStore as _, Durability, FileStore, Filter, FsyncPolicy, OpenError, ReadError,
            Replay, ReplayResult, Skipped, StoreError, Withheld,
        },
    },
};
use serde::{Deserialize, Serialize};

use self::log::Log;

/// A folder of the test's own, removed when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Folder(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("letters-{}", Uuid::now_v7())))
    }

    fn open(&self) -> FileStore {
        FileStore::open(&self.0).unwrap()
    }

    /// So that what is lost is on the disk when its dispatch is over.
    fn open_durable(&self) -> FileStore {
        FileStore::options().durability(Durability::OnAppend).open(&self.0).unwrap()
    }

    fn segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let mut segments: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "log")).collect();
        segments.sort();
        segments
    }

    fn text(&self) -> String {
        self.segments().iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[derive(Command, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(name = "shop.Pay")]
struct Pay {
    #[bus(key)]
    account: u32,
    cents: u64,
}

/// A bus on which payments fail until it is mended; zero cents always do.
struct Shop {
    letters: DeadLetters,
    bus: SyncBus,
    is_broken: Arc<AtomicBool>,
}

impl Shop {
    fn new(letters: DeadLetters) -> Self {
        let is_broken = Arc::new(AtomicBool::new(true));
        let broken = is_broken.clone();
        let pay = move |pay: Pay| {
            if broken.load(Ordering::Relaxed) || pay.cents == 0 { Err("the till is broken") } else { Ok(()) }
        };
        let bus = SyncBus::empty().command(pay).layer(letters.clone()).build().unwrap();
        Shop { letters, bus, is_broken }
    }

    fn on(store: FileStore) -> Self {
        Shop::new(DeadLetters::new(store))
    }

    fn lose(&self, account: u32, cents: u64) {
        self.bus.execute(Pay { account, cents }).unwrap_err();
    }

    fn mended(self) -> Self {
        self.is_broken.store(false, Ordering::Relaxed);
        self
    }

    fn cents(&self) -> Vec<u64> {
        let letters = self.letters.store().list(&Filter::any(), usize::MAX).unwrap();
        letters.iter().map(|letter| letter.read::<Pay>().unwrap().cents).collect()
    }
}

/// RD1, X27: letters outlive the process, and are replayed by the next.
#[test]
fn letters_are_replayed_by_the_next_process() {
    let folder = Folder::new();
    let shop = Shop::on(folder.open());
    (1..=3).for_each(|cents| shop.lose(1, cents));
    shop.bus.close().unwrap();
    drop(shop);

    let store = folder.open();
    assert_eq!((store.recovery().letters, store.recovery().torn.len(), store.recovery().damaged.len()), (3, 0, 0));
    let shop = Shop::on(store);
    assert_eq!(shop.cents(), [3, 2, 1]);
    let letter = &shop.letters.store().list(&Filter::of::<Pay>(), 1).unwrap()[0];
    assert_eq!((letter.kind, letter.error.text.as_deref()), (Kind::Command, Some("the till is broken")));
    let shop = shop.mended();
    let report = Replay::new(shop.letters.store(), &shop.bus).all(&Filter::any()).unwrap();
    assert_eq!((report.handled(), shop.letters.store().count().unwrap()), (3, 0));
    shop.bus.close().unwrap();
    drop(shop);
    assert_eq!(folder.open().recovery().letters, 0);
}

/// RD2, RD3.
#[test]
fn a_closed_store_refuses_and_closes_again() {
    let folder = Folder::new();
    let store = Arc::new(folder.open());
    let shop = Shop::new(DeadLetters::new(store.clone()));
    shop.lose(1, 1);
    let id = store.ids(&Filter::any()).unwrap()[0];
    assert!(!store.delete(Uuid::nil()).unwrap());
    assert!(store.get(Uuid::nil()).unwrap().is_none());
    store.close().unwrap();
    store.close().unwrap();
    shop.lose(1, 2);
    assert_eq!((shop.letters.kept(), shop.letters.lost()), (1, 1));
    assert!(matches!(store.get(id), Err(StoreError::Closed)));
    assert!(matches!(store.get(Uuid::nil()), Err(StoreError::Closed)));
    assert!(matches!(store.count(), Err(StoreError::Closed)));
    assert!(matches!(store.delete(id), Err(StoreError::Closed)));
    assert_eq!(folder.open().count().unwrap(), 1, "it is free for another");
}

#[test]
fn a_sync_every_zero_seconds_is_refused_and_leaves_nothing_behind() {
    let folder = Folder::new();
    let every = FileStore::options().fsync(FsyncPolicy::Every(Duration::ZERO));
    let error = every.open(&folder.0).unwrap_err();
    assert!(matches!(error, OpenError::Options { .. }));
    assert_eq!(
        error.to_string(),
        "dead letters cannot be kept like this: `FsyncPolicy::Every` with a time of zero would never rest: \
         `FsyncPolicy::Always` syncs at once"
    );
    assert!(!folder.0.exists());
}

/// A time that is over before anything is written costs nothing, and what is written is synced.
#[test]
fn a_store_that_syncs_often_ends_when_it_is_closed() {
    let folder = Folder::new();
    let every = FileStore::options().fsync(FsyncPolicy::Every(Duration::from_nanos(1)));
    let shop = Shop::on(every.open(&folder.0).unwrap());
    shop.lose(1, 1);
    shop.bus.close().unwrap();
    drop(shop);
    assert_eq!(folder.open().recovery().letters, 1);
}

#[test]
fn a_folder_is_for_one_store_at_a_time() {
    let folder = Folder::new();
    let store = folder.open();
    let error = FileStore::open(&folder.0).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }) && error.to_string().contains("are open already"), "{error}");
    drop(store);
    folder.open();
}

/// T6, T7.
#[cfg(unix)]
#[test]
fn nobody_else_may_read_or_write_letters() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = Folder::new();
    let shop = Shop::on(folder.open_durable());
    shop.lose(1, 1);
    assert_eq!(mode(&folder.0), 0o700);
    for entry in fs::read_dir(&folder.0).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    drop(shop);

    let link = Folder::new();
    symlink(&folder.0, &link.0).unwrap();
    assert!(matches!(FileStore::open(&link.0), Err(OpenError::Unsafe { .. })));
    fs::remove_file(&link.0).unwrap();

    let elsewhere = Folder::new();
    fs::write(&elsewhere.0, "precious").unwrap();
    fs::remove_file(folder.0.join("lock")).unwrap();
    for name in ["lock", "letters-0000000099.log"] {
        symlink(&elsewhere.0, folder.0.join(name)).unwrap();
        assert!(FileStore::open(&folder.0).is_err(), "{name}");
        fs::remove_file(folder.0.join(name)).unwrap();
    }
    assert_eq!(fs::read_to_string(&elsewhere.0).unwrap(), "precious");
    fs::remove_file(&elsewhere.0).unwrap();

    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).unwrap();
    let error = FileStore::open(&folder.0).unwrap_err();
    assert!(error.to_string().contains("chmod go-w"), "{error}");
}

#[derive(Command, Clone)]
struct NotSerialize;

#[test]
fn a_message_that_cannot_be_written_is_a_wiring_fault() {
    let folder = Folder::new();
    let letters = DeadLetters::new(folder.open());
    let error = SyncBus::empty().command(|_: NotSerialize| ()).layer(letters).build().unwrap_err();
    let Fault::LayerRefused { reason, .. } = &error.faults()[0] else { panic!("{error}") };
    assert!(reason.contains("derive `serde::Serialize`") && reason.contains("NotSerialize"), "{reason}");
}

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(name = "users.Login")]
struct Login {
    user: String,
    #[bus(secret)]
    password: String,
}

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(name = "users.Renamed")]
struct Renamed {
    #[bus(secret)]
    #[serde(rename = "pw")]
    password: String,
}

#[derive(Event, Clone, Serialize, Deserialize)]
#[event(name = "users.Seen")]
struct Seen(u32, #[bus(secret)] String);

#[derive(Task, Clone, Serialize, Deserialize)]
#[task(name = "users.Mail")]
enum Mail {
    Reset {
        #[bus(secret)]
        token: String,
    },
}

/// T7: a secret is in no file, whatever shape its message has, and not because an error repeats it.
#[test]
fn a_secret_is_never_written() {
    let folder = Folder::new();
    let letters = DeadLetters::new(folder.open());
    let bus = SyncBus::empty()
        .command(|login: Login| Err::<(), _>(format!("wrong password {}", login.password)))
        .command(|renamed: Renamed| Err::<(), _>(format!("wrong password {}", renamed.password)))
        .subscribe(|seen: &Seen| Err::<(), _>(seen.1.clone()))
        .subscribe(|seen: &Seen| assert!(seen.1.is_empty(), "{}", seen.1))
        .task(|Mail::Reset { token }: Mail| Err::<(), _>(token))
        .layer(letters.clone())
        .build()
        .unwrap();
    let canary = || "canary-7391".to_owned();
    bus.execute(Login { user: "ada".to_owned(), password: canary() }).unwrap_err();
    bus.execute(Renamed { password: canary() }).unwrap_err();
    bus.publish(Seen(7, canary())).unwrap_err();
    bus.dispatch(Mail::Reset { token: canary() }).unwrap_err();
    letters.store().flush().unwrap();
    let text = folder.text();
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains(r#"{"user":"ada","password":"***REDACTED***"}"#), "{text}");
    assert!(text.contains(r#"{"pw":"***REDACTED***"}"#), "{text}");
    assert!(text.contains(r#"[7,"***REDACTED***"]"#), "{text}");

    let report = Replay::new(letters.store(), &bus).all(&Filter::any()).unwrap();
    assert_eq!((report.letters.len(), report.skipped()), (5, 5));
    for one in &report.letters {
        let ReplayResult::Skipped(Skipped::Unreadable(why)) = &one.result else { panic!("{one:?}") };
        let expected = match &*one.message {
            "users.Login" | "users.Renamed" | "users.Seen" => ReadError::Redacted,
            _ => ReadError::Withheld(Withheld::SecretNotFound),
        };
        assert_eq!(*why, expected);
    }
    assert_eq!(letters.store().count().unwrap(), 5);
}

/// T7, T9: each replayed letter is logged, and nothing of its message is; nor where a letter is lost.
#[test]
fn a_replay_is_logged_without_what_it_is_about() {
    let folder = Folder::new();
    let log = Log::default();
    let shop = Shop::on(FileStore::options().max_letters(1).open(&folder.0).unwrap());
    support::listening(log.clone(), || {
        shop.lose(1, 73_917_391);
        shop.lose(2, 73_917_391);
        Replay::new(shop.letters.store(), &shop.bus).all(&Filter::any()).unwrap();
    });
    let id = shop.letters.store().ids(&Filter::any()).unwrap()[0];
    let log = log.text();
    let audit =
        format!("INFO linkbus message=a dead letter was replayed letter={id} message_name=shop.Pay outcome=\"failed\"");
    assert!(log.contains(&audit), "{log}");
    assert!(log.contains("ERROR linkbus message=a dead letter was not kept") && log.contains("is full"), "{log}");
    assert!(!log.contains("73917391"), "{log}");
}

#[test]
fn a_message_that_is_too_large_is_a_letter_without_it() {
    let folder = Folder::new();
    let shop = Shop::on(FileStore::options().max_message_bytes(20).open(&folder.0).unwrap());
    shop.lose(1, 1_000_000);
    let letter = &shop.letters.store().list(&Filter::any(), 1).unwrap()[0];
    assert!(matches!(&letter.body, Body::Withheld(Withheld::TooLarge { bytes, limit: 20 }) if *bytes > 20));
}

/// Bounded: a full store refuses, and says so; deleting makes room.
#[test]
fn a_full_store_refuses_until_a_letter_is_deleted() {
    for options in [FileStore::options().max_letters(2), FileStore::options().max_bytes(1100)] {
        let folder = Folder::new();
        let store = Arc::new(options.open(&folder.0).unwrap());
        let shop = Shop::new(DeadLetters::new(store.clone()));
        (1..=4).for_each(|cents| shop.lose(1, cents));
        assert_eq!(shop.cents(), [2, 1]);
        let health = store.health();
        assert_eq!((health.written, health.refused, shop.letters.lost()), (2, 2, 2));
        store.delete(store.ids(&Filter::any()).unwrap()[0]).unwrap();
        shop.lose(1, 5);
        assert_eq!(shop.cents(), [5, 2]);
    }
}

/// The torn end of a crash is cut off, with the place where it began.
#[test]
fn what_is_half_written_is_cut_off_and_reported() {
    for cut in [1, 20, 300] {
        let folder = Folder::new();
        let shop = Shop::on(folder.open_durable());
        shop.lose(1, 1);
        let whole = fs::metadata(&folder.segments()[0]).unwrap().len();
        shop.lose(1, 2);
        drop(shop);
        let segment = &folder.segments()[0];
        let length = fs::metadata(segment).unwrap().len();
        fs::OpenOptions::new().write(true).open(segment).unwrap().set_len(length - cut).unwrap();
        let store = folder.open();
        let [torn] = &store.recovery().torn[..] else { panic!("{:?}", store.recovery()) };
        assert_eq!(
            (torn.offset, torn.bytes, torn.file.as_str()),
            (whole, length - cut - whole, "letters-0000000001.log")
        );
        assert_eq!(Shop::on(store).cents(), [1]);
        assert_eq!(folder.open().recovery().torn.len(), 0, "once");
    }
}

/// RD4: what is damaged in the middle is reported with its place, left as it is, and takes nothing else with it.
#[test]
fn what_is_damaged_is_passed_over_and_reported() {
    let folder = Folder::new();
    let shop = Shop::on(folder.open_durable());
    shop.lose(1, 1);
    let begin = fs::metadata(&folder.segments()[0]).unwrap().len();
    shop.lose(1, 2);
    let end = fs::metadata(&folder.segments()[0]).unwrap().len();
    shop.lose(1, 3);
    let damaged_id = shop.letters.store().ids(&Filter::any()).unwrap()[1];
    let mut bytes = fs::read(&folder.segments()[0]).unwrap();
    bytes[usize::try_from(begin).unwrap() + 100] ^= 1;
    fs::write(&folder.segments()[0], &bytes).unwrap();
    let error = shop.letters.store().get(damaged_id).unwrap_err();
    assert!(matches!(&error, StoreError::Damaged { offset, .. } if *offset == begin), "{error}");
    assert!(error.to_string().contains("letters-0000000001.log"), "{error}");
    let report = Replay::new(shop.letters.store(), &shop.bus).dry_run().all(&Filter::any()).unwrap();
    assert!(matches!(report.letters[1].result, ReplayResult::Skipped(Skipped::NotRead(_))));
    let others = Replay::new(shop.letters.store(), &shop.bus).dry_run().all(&Filter::any().message("others")).unwrap();
    assert_eq!((others.letters.len(), others.letters[0].id), (1, damaged_id), "it may be one of them");
    drop(shop);
    for _ in 0..2 {
        let store = folder.open();
        let [damage] = &store.recovery().damaged[..] else { panic!("{:?}", store.recovery()) };
        assert_eq!((damage.offset, damage.bytes), (begin, end - begin));
        assert_eq!(Shop::on(store).cents(), [3, 1]);
    }
    assert_eq!(fs::read(&folder.segments()[0]).unwrap(), bytes);
}

#[test]
fn what_is_not_ours_is_not_opened() {
    for (first_line, is_expected) in [
        (
            "linkbus dead letters 2\n",
            (|error| matches!(error, OpenError::OtherVersion { .. })) as fn(&OpenError) -> bool,
        ),
        ("# my letters to grandma\n", |error| matches!(error, OpenError::NotLetters { .. })),
    ] {
        let folder = Folder::new();
        drop(folder.open());
        let path = folder.0.join("letters-0000000001.log");
        fs::write(&path, first_line).unwrap();
        let error = FileStore::open(&folder.0).unwrap_err();
        assert!(is_expected(&error) && error.to_string().contains("letters-0000000001.log"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), first_line);
    }
}

#[derive(Command, Clone, Serialize)]
#[command(name = "shop.Pay")]
struct WriteOnly {
    account: u32,
}

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(name = "shop.Pay")]
struct Changed {
    iban: String,
}

/// A later version of a program may not know what is in a letter: each such letter says so.
#[test]
fn what_cannot_be_read_any_more_stays_with_the_reason() {
    let folder = Folder::new();
    let shop = Shop::on(folder.open());
    shop.lose(1, 1);
    drop(shop);
    let letters = DeadLetters::new(folder.open());
    let write_only = SyncBus::empty().command(|_: WriteOnly| ()).layer(letters.clone()).build().unwrap();
    let changed = SyncBus::empty().command(|_: Changed| ()).layer(letters.clone()).build().unwrap();
    let without_layers = SyncBus::empty().command(|_: Pay| ()).build().unwrap();
    let result =
        |bus: &SyncBus| Replay::new(letters.store(), bus).all(&Filter::any()).unwrap().letters.remove(0).result;
    assert!(matches!(
        result(&write_only),
        ReplayResult::Skipped(Skipped::Unreadable(ReadError::NotDeserialize { message: "shop.Pay" }))
    ));
    let ReplayResult::Skipped(why @ Skipped::Unreadable(ReadError::Unreadable { .. })) = result(&changed) else {
        panic!("it was read")
    };
    assert!(why.to_string().contains("missing field `iban`"), "{why}");
    assert!(matches!(result(&without_layers), ReplayResult::Skipped(Skipped::NoLayers)));
    assert_eq!(letters.store().count().unwrap(), 1);
}

/// R12: poison takes nothing else with it. R25: order per key.
#[test]
fn poison_stays_and_the_others_are_handled() {
    let folder = Folder::new();
    let store = FileStore::options().fsync(FsyncPolicy::Never).open(&folder.0).unwrap();
    let shop = Shop::on(store);
    for number in 0..2_000 {
        let (account, is_poison) = (number % 100, number == 1_007);
        shop.lose(account, u64::from(!is_poison));
    }
    let shop = shop.mended();
    let report = Replay::new(shop.letters.store(), &shop.bus).all(&Filter::any()).unwrap();
    assert_eq!((report.handled(), report.failed(), report.skipped()), (1_990, 1, 9), "nine are behind it");
    let left = shop.letters.store().list(&Filter::any(), 100).unwrap();
    assert!(left.iter().all(|letter| letter.read::<Pay>().unwrap().account == 7));
    assert_eq!(left.last().unwrap().replays, 1);
    assert_eq!(left.len(), 10);
}

/// R28: what version 1 wrote is readable for ever.
#[test]
fn letters_of_version_1_are_read() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dead_letters/v1/letters-0000000001.log");
    let folder = Folder::new();
    drop(folder.open());
    fs::copy(golden, folder.0.join("letters-0000000001.log")).unwrap();
    let store = folder.open();
    assert_eq!((store.recovery().torn.len(), store.recovery().damaged.len()), (0, 0));
    let letters = store.list(&Filter::any(), 10).unwrap();
    let [redacted, event, pay] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!(*pay.read::<Pay>().unwrap(), Pay { account: 7, cents: 500 });
    assert_eq!(pay.id.to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
    assert_eq!((pay.attempts, pay.replays, pay.error.reason), (5, 1, Reason::TimedOut));
    assert!(pay.error.is_retryable);
    assert_eq!(pay.at, SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456));
    assert_eq!(pay.error.causes, ["a cause", "its \"own\"\tcause"]);
    let handler = event.handler.as_ref().unwrap();
    assert_eq!(
        (&*handler.name, &*handler.module, &*handler.file, handler.line, handler.place),
        ("send_mail", "shop::mail", "src/mail.rs", 12, 2)
    );
    assert!(matches!(event.body, Body::Json(_)) && event.kind == Kind::Event && event.causation_id.is_some());
    assert!(
        matches!(&redacted.body, Body::Redacted(json) if &**json == r#"{"user":"ada","password":"***REDACTED***"}"#)
    );
    for letter in &letters {
        assert_eq!(DeadLetter::from_line(&letter.to_line()).unwrap().to_line(), letter.to_line());
    }
}

/// Any number of threads at once: each letter is there, once.
#[test]
fn threads_share_a_store() {
    let folder = Folder::new();
    let store = Arc::new(FileStore::options().segment_bytes(10_000).open(&folder.0).unwrap());
    let shop = Shop::new(DeadLetters::new(store.clone()));
    std::thread::scope(|scope| {
        for account in 0..16 {
            let shop = &shop;
            scope.spawn(move || {
                (1..=20).for_each(|cents| shop.lose(account, cents));
                let of_mine = |id: &Uuid| {
                    let letter = shop.letters.store().get(*id).unwrap();
                    letter.is_some_and(|letter| letter.read::<Pay>().unwrap().account == account)
                };
                let mut ids = shop.letters.store().ids(&Filter::any()).unwrap();
                ids.retain(of_mine);
                assert_eq!(ids.len(), 20);
                ids[..10].iter().for_each(|&id| assert!(shop.letters.store().delete(id).unwrap()));
            });
        }
    });
    assert_eq!((store.count().unwrap(), shop.letters.lost()), (160, 0));
    drop(shop);
    Arc::into_inner(store).unwrap();
    assert_eq!(folder.open().recovery().letters, 160);
}
