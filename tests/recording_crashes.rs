//! Recordings in files, when the process is killed: at every system call and at random. When the system refuses to write. And
//! what a store leaves behind when it is closed, which no other test of the process may disturb.

#[path = "support/crashes.rs"]
mod crashes;

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use linkbus::recording::{JsonLineOptions, JsonLineStore, Record, RecordStore as _};

use self::crashes::{Folder, Random, at_every_call, contents, kill_after, kills, lines, run, say, strace};

fn main() -> ExitCode {
    crashes::main(
        run_child,
        &crashes::tests![
            killed_at_every_system_call_no_flushed_record_is_lost: strace,
            killed_at_random_no_flushed_record_is_lost,
            a_file_that_may_not_grow_costs_what_is_counted,
            a_disk_that_fails_once_costs_nothing: strace,
            a_sync_that_fails_is_said: strace,
            what_was_open_and_what_ran_is_gone_after_closing,
        ],
    )
}

fn options() -> JsonLineOptions {
    JsonLineStore::options().max_runs(100_000).queue_records(100)
}

/// Appends and flushes: `+` what was flushed, `!` what could not be.
fn run_child(mode: &str, folder: &Path, count: u32) {
    let is_killed = mode == "killed";
    // Small files, so that there are several.
    let options = if is_killed { options().max_file_bytes(1500) } else { options() };
    let store = options.open(folder).unwrap();
    let mut said = String::new();
    for number in 0..count {
        let line = format!(
            r#"{{"ts":"2026-11-25T16:45:00.000000","type":"task","class":"Pay","payload":{number},"duration_ns":1,"result":null,"error":null}}"#
        );
        store.append(Record::from_line(&line).unwrap()).unwrap();
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

/// R21.
fn what_was_open_and_what_ran_is_gone_after_closing() {
    let Ok(before) = usage() else {
        println!("SKIPPED: this system does not say what a process has open");
        return;
    };
    let folder = Folder::new();
    for cycle in 0..100 {
        let store = JsonLineStore::options().max_runs(3).queue_records(10).open(&folder.0).unwrap();
        let line = r#"{"ts":"2026-11-25T16:45:00.000000","type":"task","class":"Pay","payload":1,"duration_ns":1,"result":null,"error":null}"#;
        store.append(Record::from_line(line).unwrap()).unwrap();
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
    let end = Instant::now() + Duration::from_secs(20);
    while usage().unwrap() != expected {
        assert!(Instant::now() < end, "{:?} files and threads, not {expected:?}", usage());
        std::thread::yield_now();
    }
}

/// How many files are open, and how many threads there are.
fn usage() -> std::io::Result<(usize, usize)> {
    Ok((fs::read_dir("/proc/self/fd")?.count(), fs::read_dir("/proc/self/task")?.count()))
}
