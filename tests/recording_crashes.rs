//! Recordings in files, when the process is killed: at every system call and at random. When the system refuses to write. And
//! what a store leaves behind when it is closed, which no other test of the process may disturb.

#[path = "support/crashes.rs"]
mod crashes;
#[path = "support/live.rs"]
mod live;
#[path = "support/until.rs"]
mod until;

use std::{fmt::Write as _, fs, path::Path, process::ExitCode, sync::Arc};

use linkbus::{
    Command, SyncBus,
    recording::{JsonLineOptions, JsonLineStore, MemoryStore, Record, RecordStore as _, Recording},
};
use serde::Serialize;

use self::{
    crashes::{Folder, Random, at_every_call, contents, kill_after, kills, lines, run, say, strace},
    until::until,
};

fn main() -> ExitCode {
    crashes::main(
        run_child,
        &crashes::tests![
            killed_at_every_system_call_no_flushed_record_is_lost: strace,
            killed_at_random_no_flushed_record_is_lost,
            a_file_that_may_not_grow_costs_what_is_counted,
            a_disk_that_fails_once_costs_nothing: strace,
            a_sync_that_fails_is_said: strace,
            a_full_disk_costs_what_is_counted_until_there_is_room,
            a_folder_that_may_not_be_written_costs_what_is_counted_until_it_may,
            what_was_open_and_what_ran_is_gone_after_closing,
            under_steady_load_no_memory_is_left_behind,
        ],
    )
}

fn options() -> JsonLineOptions {
    JsonLineStore::options().max_runs(100_000).queue_records(100)
}

/// Appends and flushes: `+` what was flushed, `!` what could not be.
fn run_child(mode: &str, folder: &Path, count: u32) {
    if mode == "full" {
        return fill_the_disk(folder);
    }
    let is_killed = mode == "killed";
    // Small files, so that there are several.
    let options = if is_killed { options().max_file_bytes(1500) } else { options() };
    let store = options.open(folder).unwrap();
    let mut said = String::new();
    for number in 0..count {
        store.append(record(number)).unwrap();
        let sign = if store.flush().is_ok() { '+' } else { '!' };
        if is_killed {
            say(&format!("{sign}{number}"));
        } else {
            // At the end, because a write that fails is to be one of the store.
            writeln!(said, "{sign}{number}").unwrap();
        }
    }
    store.close().unwrap();
    let health = store.health();
    assert_eq!((health.written, health.dropped, health.queued), (count.into(), 0, 0));
    say(&format!("{said}unsure {}", health.unsure));
}

fn record(payload: u32) -> Record {
    let line = format!(
        r#"{{"ts":"2026-11-25T16:45:00.000000","type":"task","class":"Pay","payload":{payload},"duration_ns":1,"result":null,"error":null}}"#
    );
    Record::from_line(&line).unwrap()
}

/// The numbers behind this sign.
fn said(output: &[u8], sign: char) -> Vec<u64> {
    lines(output).iter().filter_map(|line| line.strip_prefix(sign)).map(|number| number.parse().unwrap()).collect()
}

/// What a folder has.
#[derive(Default)]
struct Left {
    numbers: Vec<u64>,
    torn: usize,
}

/// Each line is a record but a last one that is torn.
fn left(folder: &Path, context: &str) -> Left {
    let mut left = Left::default();
    for file in contents(folder).into_values() {
        let text = String::from_utf8(file).unwrap();
        for line in text.split_inclusive('\n') {
            if line.ends_with('\n') {
                let record = Record::from_line(line.trim_end()).unwrap_or_else(|error| panic!("{context}: {error}"));
                left.numbers.push(record.payload().unwrap().parse().unwrap());
            } else {
                left.torn += 1;
            }
        }
    }
    assert!(left.torn <= 1, "{context}: {} torn lines", left.torn);
    left
}

fn there(folder: &Path, context: &str) -> Vec<u64> {
    left(folder, context).numbers
}

fn check(output: &[u8], folder: &Path, context: &str) -> Left {
    let flushed = said(output, '+');
    if !folder.exists() {
        assert!(flushed.is_empty(), "{context}");
        return Left::default();
    }
    let left = left(folder, context);
    let lost: Vec<_> = flushed.iter().filter(|number| !left.numbers.contains(number)).collect();
    assert!(lost.is_empty(), "{context}: lost {lost:?}");
    left
}

/// R2.
fn killed_at_every_system_call_no_flushed_record_is_lost() {
    let points = at_every_call(|context, killed| {
        let folder = Folder::new();
        let (output, is_done) = run(&killed(folder.child("killed", 9)));
        check(&output, &folder.0, context);
        is_done
    });
    println!("killed at {points} points of appending and flushing");
    assert!(points > 40, "{points}");
}

/// R4.
fn killed_at_random_no_flushed_record_is_lost() {
    let kills = kills();
    let mut random = Random(4);
    let (mut flushed, mut written, mut torn) = (0, 0, 0);
    for kill in 0..kills {
        let folder = Folder::new();
        let (output, _) = kill_after(&folder.child("killed", 1_000_000), 1 + random.below(25));
        let left = check(&output, &folder.0, &format!("kill {kill}"));
        flushed += said(&output, '+').len();
        written += left.numbers.len();
        torn += left.torn;
    }
    println!("{kills} kills, {flushed} records flushed, 0 of them lost, {written} written, {torn} torn lines");
    assert!(flushed > kills);
}

/// R5: EFBIG, which needs no rights. What does not fit into one file is in the next.
fn a_file_that_may_not_grow_costs_what_is_counted() {
    let folder = Folder::new();
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"].map(str::to_owned).to_vec();
    let (output, is_done) = run(&[limited, folder.child("refused", 60)].concat());
    check(&output, &folder.0, "file size limit");
    assert!(is_done, "what does not fit is written elsewhere");
    assert_eq!(there(&folder.0, "file size limit").len(), 60);
}

fn refused(what: &str, count: u32) -> (Folder, Vec<u8>) {
    let folder = Folder::new();
    let (output, is_done) = run(&strace(what, folder.child("refused", count)));
    assert!(is_done, "{what}");
    (folder, output)
}

/// R5: the writer tries again.
fn a_disk_that_fails_once_costs_nothing() {
    for error in ["ENOSPC", "EIO"] {
        let what = format!("write:error={error}:when=5");
        let (folder, output) = refused(&what, 20);
        check(&output, &folder.0, &what);
        assert_eq!((said(&output, '+').len(), there(&folder.0, &what)), (20, (0..20).collect()), "{what}");
    }
}

/// R5: fsyncgate.
fn a_sync_that_fails_is_said() {
    let what = "fdatasync:error=EIO:when=3";
    let (folder, output) = refused(what, 20);
    check(&output, &folder.0, what);
    assert_eq!(said(&output, '!'), [2]);
    assert_eq!(contents(&folder.0).len(), 2, "another file");
    assert_eq!(lines(&output).last(), Some(&"unsure 1"));
}

/// R5: a disk of 1 MiB that fills up, which needs no rights where a process may have a namespace of its own.
fn a_full_disk_costs_what_is_counted_until_there_is_room() {
    let folder = Folder::new();
    fs::create_dir_all(&folder.0).unwrap();
    let mount = "mount -t tmpfs -o size=1m,mode=700 tmpfs \"$0\" && exec \"$@\"";
    let mounted = |command: Vec<String>| {
        let path = folder.0.to_str().unwrap();
        [["unshare", "-rm", "sh", "-c", mount, path].map(str::to_owned).to_vec(), command].concat()
    };
    if !run(&mounted(vec!["true".to_owned()])).1 {
        println!("SKIPPED: a disk of its own cannot be mounted here");
        return;
    }
    let (output, is_done) = run(&mounted(folder.child("full", 0)));
    assert!(is_done, "{:?}", lines(&output));
    println!("{}", lines(&output).join(", "));
}

/// The victim of the test above.
fn fill_the_disk(disk: &Path) {
    let filler = disk.join("filler");
    fs::write(&filler, vec![0; 700 << 10]).unwrap();
    let store = options().open(disk.join("records")).unwrap();
    let offered = fails_and_recovers(&store, || fs::remove_file(&filler).unwrap());
    is_accounted_for(&store, &disk.join("records"), offered);
}

/// R5: rights that are taken away while it runs; a file that is begun then is refused.
fn a_folder_that_may_not_be_written_costs_what_is_counted_until_it_may() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let store = options().max_file_bytes(10_000).open(&folder.0).unwrap();
    let set = |mode| fs::set_permissions(&folder.0, fs::Permissions::from_mode(mode)).unwrap();
    set(0o500);
    if fs::write(folder.0.join("probe"), "").is_ok() {
        println!("SKIPPED: this user may write whatever the rights are");
        return;
    }
    let offered = fails_and_recovers(&store, || set(0o700));
    is_accounted_for(&store, &folder.0, offered);
}

/// Offers records until the disk fails, and more than may wait; then has the disk `recover`, and as much offered again.
fn fails_and_recovers(store: &JsonLineStore, recover: impl FnOnce()) -> u32 {
    let mut numbers = 0..;
    let mut offer =
        |count: usize| numbers.by_ref().take(count).for_each(|number| store.append(record(number)).unwrap());
    while store.health().is_working() {
        offer(10);
        let _ = store.flush();
    }
    let before = store.health();
    offer(1_000);
    let during = store.health();
    assert_eq!((during.written, during.is_working()), (before.written, false));
    assert!(during.dropped >= before.dropped + 800, "{during:?}");
    recover();
    until(|| store.health().queued == 0);
    // As before: all of them, and none is dropped.
    let recovered = store.health();
    for _ in 0..100 {
        offer(10);
        store.flush().unwrap();
    }
    let after = store.health();
    assert!(after.is_working(), "{after:?}");
    assert_eq!((after.written, after.dropped), (recovered.written + 1_000, recovered.dropped));
    numbers.next().unwrap()
}

/// What was offered is in the files or in one of their gaps.
fn is_accounted_for(store: &JsonLineStore, folder: &Path, offered: u32) {
    store.close().unwrap();
    let health = store.health();
    let (mut records, mut missing) = (0, 0);
    for file in contents(folder).into_values() {
        for line in std::str::from_utf8(&file).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            match line["dropped"].as_u64() {
                Some(dropped) => missing += dropped,
                None => records += 1,
            }
        }
    }
    assert_eq!((records, missing), (health.written, health.dropped));
    assert_eq!(records + missing, u64::from(offered));
    say(&format!("{offered} offered"));
    say(&format!("{records} written"));
    say(&format!("{missing} dropped"));
}

/// R21.
fn what_was_open_and_what_ran_is_gone_after_closing() {
    let Ok(before) = usage() else {
        println!("SKIPPED: this system does not say what a process has open");
        return;
    };
    let folder = Folder::new();
    for cycle in 0..100 {
        let store = JsonLineStore::options().max_runs(3).queue_records(10).open(&folder.0).unwrap();
        store.append(record(1)).unwrap();
        until_usage_is((before.0 + 1, before.1 + 1));
        // Half of them are only dropped.
        if cycle % 2 == 0 {
            store.close().unwrap();
        } else {
            drop(store);
        }
    }
    until_usage_is(before);
    assert_eq!(contents(&folder.0).len(), 3);
}

/// A thread that was joined may be seen for a moment more.
fn until_usage_is(expected: (usize, usize)) {
    until(|| usage().unwrap() == expected);
}

#[derive(Command, Serialize)]
#[command(error = std::fmt::Error)]
struct Write {
    text: String,
}

/// R21: 40,000 dispatches of all sizes, some of which fail, leave less than 14 bytes each: not even one allocation.
fn under_steady_load_no_memory_is_left_behind() {
    let folder = Folder::new();
    let lines = Arc::new(JsonLineStore::options().max_runs(2).queue_records(1_000).open(&folder.0).unwrap());
    let memory = MemoryStore::with_limits(1_000, 256 << 10);
    let write = |write: Write| if write.text.len().is_multiple_of(10) { Err(std::fmt::Error) } else { Ok(()) };
    let bus = SyncBus::empty().command(write);
    let bus = bus.layer(Recording::new(lines.clone())).layer(Recording::new(memory.clone())).build().unwrap();
    let load = || {
        for number in 0..5_000 {
            let _ = bus.execute(Write { text: "x".repeat(number * 7 % 1_000) });
        }
        lines.flush().unwrap();
        live::bytes()
    };
    load();
    let warm = load();
    let grown: Vec<isize> = (0..8).map(|_| load() - warm).collect();
    println!("live bytes beside {warm}: {grown:?}, {} records written, {} dropped", lines.written(), lines.dropped());
    // What is written at once is bounded by that.
    assert!(grown.iter().all(|bytes| *bytes < 512 << 10), "{grown:?}");
    assert!(lines.written() > 10_000 && memory.dropped() > 40_000);
}

/// How many files are open, and how many threads there are.
fn usage() -> std::io::Result<(usize, usize)> {
    Ok((fs::read_dir("/proc/self/fd")?.count(), fs::read_dir("/proc/self/task")?.count()))
}
