//! Dead letters in files, when the process is killed: at every system call, at random, and while it replays. And when the
//! system refuses to write.
//!
//! The program is its own victim: called with `child`, it does what the test wants to see killed, and says on its standard
//! output what it knows to be done.

#[path = "support/crashes.rs"]
mod crashes;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::Path,
    process::{Command as Process, ExitCode, Stdio},
};

use linkbus::{
    Command, SyncBus, Uuid,
    layer::{
        DeadLetters,
        dead_letter::{DeadLetterStore as _, Durability, FileStore, FileStoreOptions, Filter, FsyncPolicy, Replay},
    },
};
use serde::{Deserialize, Serialize};

use self::crashes::{Folder, Random, at_every_call, contents, kills, say, strace};

#[derive(Command, Clone, Serialize, Deserialize)]
struct Pay {
    #[bus(key)]
    account: u32,
    number: u32,
}

/// Numbers that no handler can do.
fn is_poison(number: u32) -> bool {
    number % 3333 == 5
}

fn main() -> ExitCode {
    crashes::main(
        run_child,
        &crashes::tests![
            killed_at_every_system_call_an_append_loses_nothing: strace,
            killed_at_every_system_call_recovery_loses_nothing: strace,
            killed_at_every_system_call_a_replay_loses_nothing: strace,
            killed_at_random_it_loses_nothing,
            killed_at_random_it_loses_the_newest_of_the_queue,
            killed_while_it_replays_each_letter_is_handled_or_there,
            a_file_that_may_not_grow_costs_no_letter_that_was_taken,
            a_disk_that_fails_costs_no_letter_that_was_taken: strace,
            while_the_disk_is_full_dispatches_go_on: strace,
        ],
    )
}

// The victim.

fn run_child(mode: &str, folder: &Path, count: u32) {
    match mode {
        "append" => append(&options().open(folder).unwrap().into(), count),
        "append-large" => append(&whole(FileStore::options()).open(folder).unwrap().into(), count),
        "append-behind" => append_behind(&FileStore::options().segment_bytes(1500).open(folder).unwrap().into(), count),
        "dispatch-on" => dispatch_on(&whole(FileStore::options()).open(folder).unwrap().into(), count),
        "dispatch-on-behind" => {
            dispatch_on(&FileStore::options().queue_letters(50).open(folder).unwrap().into(), count);
        }
        "open" => drop(options().open(folder).unwrap()),
        "replay" => replay(&FileStore::open(folder).unwrap().into()),
        other => panic!("`{other}` is no mode"),
    }
}

type Store = std::sync::Arc<FileStore>;

/// What `append` took is on the disk.
fn whole(options: FileStoreOptions) -> FileStoreOptions {
    options.durability(Durability::OnAppend)
}

/// Small segments, so that there are several.
fn options() -> FileStoreOptions {
    whole(FileStore::options().segment_bytes(1500))
}

/// Loses messages, and deletes every third letter.
fn append(store: &Store, count: u32) {
    let letters = DeadLetters::new(store.clone());
    let bus = SyncBus::empty().command(|_: Pay| Err::<(), _>("no")).layer(letters.clone()).build().unwrap();
    let first = store.ids(&Filter::any()).unwrap().last().map_or(0, |id| number_of(store, *id) + 1);
    for number in first..first.saturating_add(count) {
        let kept = letters.kept();
        bus.execute(Pay { account: number % 7, number }).unwrap_err();
        say(&format!("{}{number}", if letters.kept() > kept { '+' } else { '!' }));
        if number % 3 == 2 && store.count().unwrap() > 1 {
            let id = store.ids(&Filter::any()).unwrap()[0];
            let oldest = number_of(store, id);
            say(&format!("?{oldest}"));
            if store.delete(id).is_ok() {
                say(&format!("-{oldest}"));
            }
        }
    }
    let health = store.health();
    assert_eq!((health.written, health.refused), (letters.kept(), letters.lost()));
}

/// Loses messages, and says now and then how many are safe.
fn append_behind(store: &Store, count: u32) {
    let letters = DeadLetters::new(store.clone());
    let bus = SyncBus::empty().command(|_: Pay| Err::<(), _>("no")).layer(letters.clone()).build().unwrap();
    for number in 0..count {
        bus.execute(Pay { account: number % 7, number }).unwrap_err();
        assert_eq!(letters.lost(), 0);
        say(&format!("?{number}"));
        if number % 5 == 4 {
            store.flush().unwrap();
            (number - 4..=number).for_each(|number| say(&format!("+{number}")));
        }
    }
}

fn replay(store: &Store) {
    let pay = |pay: Pay| {
        if is_poison(pay.number) {
            return Err("poison");
        }
        say(&format!("handled {} {}", pay.account, pay.number));
        Ok(())
    };
    let bus = SyncBus::empty().command(pay).layer(DeadLetters::new(store.clone())).build().unwrap();
    Replay::new(store, &bus).all(&Filter::any()).unwrap();
}

fn number_of(store: &FileStore, id: Uuid) -> u32 {
    store.get(id).unwrap().unwrap().read::<Pay>().unwrap().number
}

// What is known of it.

#[derive(Default)]
struct Said {
    kept: BTreeSet<u32>,
    refused: BTreeSet<u32>,
    /// Its deletion was begun.
    maybe_gone: BTreeSet<u32>,
    gone: BTreeSet<u32>,
    /// Account and number, in order.
    handled: Vec<(u32, u32)>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let number = |text: &str| text.parse::<u32>().unwrap();
        if let Some(handled) = line.strip_prefix("handled ") {
            let (account, what) = handled.split_once(' ').unwrap();
            self.handled.push((number(account), number(what)));
            return;
        }
        let (sign, what) = line.split_at(1);
        match sign {
            "+" => self.kept.insert(number(what)),
            "!" => self.refused.insert(number(what)),
            "?" => self.maybe_gone.insert(number(what)),
            "-" => self.gone.insert(number(what)),
            _ => panic!("`{line}`"),
        };
    }

    fn all(output: &[u8]) -> Self {
        let mut said = Said::default();
        for line in crashes::lines(output) {
            said.hear(line);
        }
        said
    }

    /// What is in the folder is what was said, and the second recovery finds nothing to do.
    fn check(&self, folder: &Path, context: &str) {
        let store = options().open(folder).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert!(store.recovery().torn.len() <= 1 && store.recovery().damaged.is_empty(), "{context}: {store:?}");
        let there: BTreeSet<u32> =
            store.ids(&Filter::any()).unwrap().into_iter().map(|id| number_of(&store, id)).collect();
        let lost: Vec<_> = self.kept.difference(&self.maybe_gone).filter(|number| !there.contains(number)).collect();
        assert!(lost.is_empty(), "{context}: lost {lost:?}");
        assert!(self.gone.is_disjoint(&there), "{context}: {:?} came back", self.gone);
        assert!(self.refused.is_disjoint(&there), "{context}: {:?} were refused", self.refused);
        drop(store);
        let before = contents(folder);
        let again = options().open(folder).unwrap();
        assert_eq!((again.recovery().torn.len(), contents(folder)), (0, before), "{context}: recovered twice");
    }
}

/// What a command said, and whether it came to its end.
fn run(command: &[String]) -> (Said, bool) {
    let (output, is_done) = crashes::run(command);
    (Said::all(&output), is_done)
}

fn kill_after(command: &[String], lines: usize) -> (Said, bool) {
    let (output, is_done) = crashes::kill_after(command, lines);
    (Said::all(&output), is_done)
}

// Killed at every system call.

/// R2.
fn killed_at_every_system_call_an_append_loses_nothing() {
    let points = at_every_call(|context, killed| {
        let folder = Folder::new();
        let (said, is_done) = run(&killed(folder.child("append", 9)));
        if folder.0.exists() {
            said.check(&folder.0, context);
        }
        is_done
    });
    println!("killed at {points} points of appending");
    assert!(points > 40, "{points}");
}

/// A folder with letters, the last of them torn.
fn torn(count: u32) -> (Folder, Said) {
    let folder = Folder::new();
    let (said, is_done) = run(&folder.child("append", count));
    assert!(is_done);
    let last = contents(&folder.0).into_iter().rfind(|(path, _)| path.extension().is_some()).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(last.0).unwrap();
    file.write_all(b"0123abcd letter {\"n\":").unwrap();
    (folder, said)
}

/// R2.
fn killed_at_every_system_call_recovery_loses_nothing() {
    let points = at_every_call(|context, killed| {
        let (folder, said) = torn(8);
        let (_, is_done) = run(&killed(folder.child("open", 0)));
        said.check(&folder.0, context);
        is_done
    });
    println!("killed at {points} points of recovering");
    assert!(points > 10, "{points}");
}

/// What was handled, over all runs of a replay that was killed so often.
fn check_replay(handled: &[(u32, u32)], kills: usize, folder: &Path, letters: &BTreeSet<u32>) {
    let mut first = BTreeMap::<u32, Vec<u32>>::new();
    let mut twice = 0;
    for &(account, number) in handled {
        let of_account = first.entry(account).or_default();
        if of_account.contains(&number) {
            twice += 1;
        } else {
            of_account.push(number);
        }
    }
    assert!(twice <= kills, "{twice} were handled twice, after {kills} kills");
    assert!(first.values().all(|numbers| numbers.is_sorted()), "in the order of their key");
    let store = options().open(folder).unwrap();
    let left: BTreeSet<u32> = store.ids(&Filter::any()).unwrap().into_iter().map(|id| number_of(&store, id)).collect();
    let handled: BTreeSet<u32> = handled.iter().map(|(_, number)| *number).collect();
    assert_eq!(&(&handled | &left), letters, "handled or still there");
    assert!(letters.iter().filter(|number| is_poison(**number)).all(|number| left.contains(number)), "poison stays");
}

/// R2, R25.
fn killed_at_every_system_call_a_replay_loses_nothing() {
    let points = at_every_call(|_, killed| {
        let folder = Folder::new();
        let (said, _) = run(&folder.child("append", 8));
        let letters: BTreeSet<u32> = said.kept.difference(&said.gone).copied().collect();
        let (killed, is_done) = run(&killed(folder.child("replay", 0)));
        let (rest, _) = run(&folder.child("replay", 0));
        let handled = [killed.handled, rest.handled].concat();
        check_replay(&handled, 1, &folder.0, &letters);
        is_done
    });
    println!("killed at {points} points of replaying");
    assert!(points > 20, "{points}");
}

// Killed at random.

/// R4, on folders that see twelve kills each.
fn killed_at_random_it_loses_nothing() {
    let kills = kills();
    let mut random = Random(4);
    let (mut kept, mut torn) = (0, 0);
    let (mut folder, mut known) = (Folder::new(), Said::default());
    for kill in 0..kills {
        if kill % 12 == 0 {
            kept += known.kept.len();
            (folder, known) = (Folder::new(), Said::default());
        }
        let (said, _) = kill_after(&folder.child("append", 1_000_000), 1 + random.below(25));
        known.kept.extend(said.kept);
        known.maybe_gone.extend(said.maybe_gone);
        known.gone.extend(said.gone);
        if folder.0.exists() {
            torn += options().open(&folder.0).unwrap().recovery().torn.len();
            known.check(&folder.0, &format!("kill {kill}"));
        }
    }
    kept += known.kept.len();
    println!("{kills} kills, {kept} letters acknowledged, {torn} torn ends");
    assert!(kept > kills);
}

/// What `Durability::Behind` promises: what was flushed is there, and of the rest the newest are missing.
fn killed_at_random_it_loses_the_newest_of_the_queue() {
    let mut random = Random(7);
    let (mut safe, mut missing) = (0, 0);
    for cycle in 0..40 {
        let folder = Folder::new();
        let (said, _) = kill_after(&folder.child("append-behind", 1_000_000), 1 + random.below(60));
        let store = options().open(&folder.0).unwrap();
        let there: Vec<u32> = store.ids(&Filter::any()).unwrap().iter().map(|id| number_of(&store, *id)).collect();
        assert!(there.iter().copied().eq(0..u32::try_from(there.len()).unwrap()), "cycle {cycle}: {there:?}");
        assert!(there.len() >= said.kept.len(), "cycle {cycle}: {} were flushed", said.kept.len());
        safe += said.kept.len();
        missing += said.maybe_gone.iter().filter(|number| !there.contains(number)).count();
    }
    println!("{safe} letters flushed and there, {missing} of the others gone");
    assert!(safe > 40);
}

/// R25: 10,000 letters of 100 keys, with poison among them.
fn killed_while_it_replays_each_letter_is_handled_or_there() {
    let folder = Folder::new();
    let store: Store = FileStore::options().fsync(FsyncPolicy::Never).open(&folder.0).unwrap().into();
    let letters = DeadLetters::new(store.clone());
    let bus = SyncBus::empty().command(|_: Pay| Err::<(), _>("no")).layer(letters.clone()).build().unwrap();
    for number in 0..10_000 {
        bus.execute(Pay { account: number % 100, number }).unwrap_err();
    }
    bus.close().unwrap();
    drop((bus, letters, store));
    let mut random = Random(25);
    let (mut handled, mut kills) = (Vec::new(), 0);
    for _ in 0..5 {
        let (said, is_done) = kill_after(&folder.child("replay", 0), 1 + random.below(1200));
        handled.extend(said.handled);
        kills += usize::from(!is_done);
    }
    let (said, is_done) = run(&folder.child("replay", 0));
    assert!(is_done);
    handled.extend(said.handled);
    println!("{} handled, {kills} kills", handled.len());
    assert!(kills > 0);
    check_replay(&handled, kills, &folder.0, &(0..10_000).collect());
}

// Refused by the system.

/// Loses messages while nothing can be written, and says how many dispatches there were.
fn dispatch_on(store: &Store, count: u32) {
    let letters = DeadLetters::new(store.clone());
    let bus = SyncBus::empty()
        .command(|pay: Pay| if pay.number.is_multiple_of(2) { Err("no") } else { Ok(()) })
        .layer(letters.clone())
        .build()
        .unwrap();
    let outcomes = (0..count).map(|number| bus.execute(Pay { account: 1, number }));
    let failed = outcomes.filter(|outcome| outcome.as_ref().is_err_and(|error| error.to_string() == "no")).count();
    let _ = store.flush();
    assert_eq!(
        failed,
        usize::try_from(count.div_ceil(2)).unwrap(),
        "the others were handled, and these are the handler's own errors"
    );
    let health = store.health();
    assert_eq!(health.written + health.refused + health.lost, failed as u64, "{health:?}");
    assert_eq!(letters.lost(), health.refused + health.lost);
    say(&format!("{} {} {}", health.written, health.refused, health.lost));
}

/// R5: EFBIG, which needs no rights.
fn a_file_that_may_not_grow_costs_no_letter_that_was_taken() {
    let folder = Folder::new();
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"].map(str::to_owned).to_vec();
    let (said, is_done) = run(&[limited, folder.child("append-large", 60)].concat());
    assert!(is_done, "what fails is counted, and the program goes on");
    assert!(!said.refused.is_empty() && said.kept.len() > 30, "{} taken", said.kept.len());
    assert_eq!(said.kept.len() + said.refused.len(), 60);
    said.check(&folder.0, "file size limit");
}

/// R5: no room, and a sync that fails, each on one file.
fn a_disk_that_fails_costs_no_letter_that_was_taken() {
    for what in ["write:error=ENOSPC:when=4+", "write:error=EIO:when=4+", "fdatasync:error=EIO:when=4+"] {
        let folder = Folder::new();
        let first = folder.0.join("letters-0000000001.log").to_str().unwrap().to_owned();
        let mut command = strace(what, folder.child("append-large", 20));
        command.splice(1..1, ["-P".to_owned(), first]);
        let (said, is_done) = run(&command);
        assert!(is_done, "{what}");
        assert_eq!((said.refused.len(), said.kept.len()), (1, 19), "{what}: the next is in another segment");
        said.check(&folder.0, what);
    }
}

/// R5: by counting. From the third write on there is no room on any file, for as long as the process runs.
fn while_the_disk_is_full_dispatches_go_on() {
    for mode in ["dispatch-on", "dispatch-on-behind"] {
        let folder = Folder::new();
        let command = strace("write:error=ENOSPC:when=3+", folder.child(mode, 400));
        let output = Process::new(&command[0]).args(&command[1..]).stderr(Stdio::null()).output().unwrap();
        assert!(
            output.status.success(),
            "{mode}: all 400 dispatches came to their end, whatever became of their letters"
        );
        let store = options().open(&folder.0).unwrap();
        let there = store.count().unwrap();
        println!("{mode}: 400 dispatches, 200 failed, {there} letters written");
        assert!((1..200).contains(&there), "{mode}: {there}");
    }
}
