//! R3: what is left after a power loss, on a disk that is made up. R5: what becomes of records when the disk does not work.
//!
//! The writer has no thread here, so that it does its turns when the test says so.

mod broken;

use std::{collections::BTreeSet, io, path::Path, sync::Arc, time::Duration};

use super::{
    super::{
        Record, RecordStore as _, StoreError,
        line::{Said, parse},
    },
    JsonLineOptions, JsonLineStore, OpenError,
    writer::{Turn, Writer},
};
use crate::files::sim::{Doing, Faults, Random, SimDisk};

fn record(number: u64, padding: usize) -> Record {
    let padding = "x".repeat(padding);
    let line = format!(
        r#"{{"ts":"2026-11-25T16:45:00.000000","type":"task","class":"Pay","payload":{{"number":{number},"padding":"{padding}"}},"duration_ns":1,"result":null,"error":null}}"#
    );
    Record::from_line(&line).unwrap()
}

/// A store whose writer is in the hands of the test.
struct Bench {
    disk: SimDisk,
    store: JsonLineStore,
    writer: Writer,
}

impl Bench {
    fn open(disk: &SimDisk, options: JsonLineOptions) -> Result<Self, OpenError> {
        let (store, writer) = options.parts(Path::new(""), Arc::new(disk.clone()))?;
        Ok(Bench { disk: disk.clone(), store, writer })
    }

    fn append(&self, numbers: impl IntoIterator<Item = u64>) {
        numbers.into_iter().for_each(|number| self.store.append(record(number, 10)).unwrap());
    }

    /// Until everything is written, or the disk fails.
    fn write(&mut self) -> Turn {
        loop {
            let turn = self.writer.turn();
            if turn != Turn::Goes {
                return turn;
            }
        }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let asked = self.store.queue.ask()?;
        self.write();
        self.store.queue.answered(asked, Duration::ZERO)
    }

    /// Written, dropped, queued.
    fn counts(&self) -> (u64, u64, usize) {
        let health = self.store.health();
        (health.written, health.dropped, health.queued)
    }

    /// What the lines of all files say, each a record's number or how many are missing.
    fn lines(&self) -> Vec<Result<u64, u64>> {
        let contents = self.disk.contents();
        contents.values().flat_map(|bytes| std::str::from_utf8(bytes).unwrap().lines()).map(said).collect()
    }
}

fn said(line: &str) -> Result<u64, u64> {
    match parse(line).unwrap_or_else(|error| panic!("{error}: {line}")) {
        Said::Record(record) => Ok(number_of(&record.to_record())),
        Said::Gap(missing) => Err(missing),
    }
}

fn number_of(record: &Record) -> u64 {
    let payload: serde_json::Value = serde_json::from_str(record.payload().unwrap()).unwrap();
    payload["number"].as_u64().unwrap()
}

fn small() -> JsonLineOptions {
    JsonLineStore::options().queue_records(5)
}

/// Flushes again and again, until the power is gone.
fn work(disk: &SimDisk, random: &mut Random, acknowledged: &mut BTreeSet<u64>, from: u64) -> Option<()> {
    let options = JsonLineStore::options().queue_records(20).max_runs(1000).max_file_bytes(1500);
    let mut bench = Bench::open(disk, options).ok()?;
    let mut next = from;
    loop {
        let end = next + 1 + random.below(8);
        for number in next..end {
            let padding = usize::try_from(random.below(300)).unwrap();
            bench.store.append(record(number, padding)).ok()?;
            if random.below(4) == 0 && bench.writer.turn() == Turn::Fails {
                return None;
            }
        }
        bench.flush().ok()?;
        acknowledged.extend(next..end);
        next = end;
    }
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Kept,
    /// Nothing was acknowledged, so nothing could be lost.
    Nothing,
    Lost,
}

/// Works until the power is lost, twice over.
fn verdict(seed: u64, block: usize, faults: Faults) -> Verdict {
    let mut random = Random(seed);
    let mut disk = SimDisk::new();
    let mut acknowledged = BTreeSet::new();
    for round in 0..2 {
        disk.state().fuse = Some(1 + random.below(60));
        disk.set(faults);
        let _ = work(&disk, &mut random, &mut acknowledged, 1000 * round);
        let left = disk.state().after_power_loss(block, &mut random);
        disk = left;
        let there: BTreeSet<u64> = disk.contents().values().flat_map(|file| readable(file)).collect();
        if !acknowledged.is_subset(&there) {
            return Verdict::Lost;
        }
    }
    if acknowledged.is_empty() { Verdict::Nothing } else { Verdict::Kept }
}

/// What can be read of a file whose end may be torn.
fn readable(file: &[u8]) -> Vec<u64> {
    let lines = file.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    lines.filter_map(|line| Record::from_line(line).ok()).map(|record| number_of(&record)).collect()
}

/// R3: 1,000 seeds.
fn no_record_is_taken(block: usize) {
    for seed in 0..1000 {
        assert_ne!(verdict(seed, block, Faults::default()), Verdict::Lost, "seed {seed}, blocks of {block}");
    }
}

/// R3.
#[test]
fn a_power_loss_takes_no_record_that_was_flushed_blocks_of_64() {
    no_record_is_taken(64);
}

/// R3.
#[test]
fn a_power_loss_takes_no_record_that_was_flushed_blocks_of_512() {
    no_record_is_taken(512);
}

/// R3.
#[test]
fn a_power_loss_takes_no_record_that_was_flushed_blocks_of_4096() {
    no_record_is_taken(4096);
}

/// R3, the controls: the disk would show it.
#[test]
fn without_syncs_a_power_loss_takes_records() {
    for block in [64, 512, 4096] {
        let verdicts = |faults| {
            let verdicts: Vec<_> = (0..150).map(|seed| verdict(seed, block, faults)).collect();
            let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
            (count(Verdict::Lost), count(Verdict::Kept))
        };
        let (lost, kept) = verdicts(Faults { no_sync: true, ..Faults::default() });
        assert!(lost >= 9 * kept, "{lost} lost and {kept} not without syncs of files, blocks of {block}");
        let (lost, kept) = verdicts(Faults { no_folder_sync: true, ..Faults::default() });
        assert!(lost > 100 && kept == 0, "{lost} lost and {kept} not without syncs of the folder");
    }
}

/// R5: while the disk is full the oldest are dropped, each counted, and a line says where.
#[test]
fn a_full_disk_costs_the_oldest_records_and_each_is_counted() {
    for half in [0, 1, 40, 900] {
        let mut bench = Bench::open(&SimDisk::new(), small()).unwrap();
        bench.append([0]);
        bench.flush().unwrap();
        bench.disk.set(Faults { error: Some(io::ErrorKind::StorageFull), half, ..Faults::default() });
        bench.append(1..=20);
        assert_eq!(bench.counts(), (1, 15, 5));
        for _ in 0..3 {
            assert_eq!(bench.write(), Turn::Fails);
            assert_eq!((bench.counts(), bench.lines()), ((1, 15, 5), vec![Ok(0)]), "the file ends with a whole line");
        }
        let error = bench.store.health().error.unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        bench.append(21..=40);
        assert_eq!(bench.counts(), (1, 30, 10));
        bench.disk.set(Faults::default());
        bench.flush().unwrap();
        let expected = [vec![Ok(0), Err(15)], (16..=20).map(Ok).collect(), vec![Err(15)], (36..=40).map(Ok).collect()];
        assert_eq!(bench.lines(), expected.concat());
        assert!(bench.store.health().is_working());
        assert_eq!((bench.counts(), bench.disk.contents().len()), ((11, 30, 0), 1));
    }
}

/// R5: what the writer had taken and could not write is older than what came since.
#[test]
fn what_was_taken_and_not_written_is_dropped_before_what_came_later() {
    let mut bench = Bench::open(&SimDisk::new(), JsonLineStore::options().queue_records(10)).unwrap();
    let append = |bench: &Bench, numbers: std::ops::Range<u64>| {
        numbers.for_each(|number| bench.store.append(record(number, 100_000)).unwrap());
    };
    append(&bench, 0..10);
    bench.disk.set(Faults { error: Some(io::ErrorKind::StorageFull), ..Faults::default() });
    assert_eq!(bench.write(), Turn::Fails);
    append(&bench, 10..15);
    assert_eq!(bench.write(), Turn::Fails);
    assert_eq!(bench.counts(), (0, 2, 13), "three are a chunk that is tried again, ten wait");
    append(&bench, 15..24);
    bench.disk.set(Faults::default());
    bench.flush().unwrap();
    let expected = [(0..3).map(Ok).collect(), vec![Err(11)], (14..24).map(Ok).collect::<Vec<_>>()];
    assert_eq!((bench.lines(), bench.counts()), (expected.concat(), (13, 11, 0)));
}

/// R5: when more came than fits while it was tried, the oldest of what was taken go.
#[test]
fn what_is_given_back_has_to_fit() {
    let mut bench = Bench::open(&SimDisk::new(), JsonLineStore::options().queue_records(10)).unwrap();
    let append = |bench: &Bench, numbers: std::ops::Range<u64>| {
        numbers.for_each(|number| bench.store.append(record(number, 100_000)).unwrap());
    };
    append(&bench, 0..10);
    assert_eq!(bench.writer.turn(), Turn::Goes, "a chunk of three");
    append(&bench, 10..18);
    bench.disk.set(Faults { error: Some(io::ErrorKind::StorageFull), ..Faults::default() });
    assert_eq!(bench.write(), Turn::Fails);
    assert_eq!(bench.counts(), (3, 2, 13));
    bench.disk.set(Faults::default());
    bench.flush().unwrap();
    let expected = [(0..6).map(Ok).collect(), vec![Err(2)], (8..18).map(Ok).collect::<Vec<_>>()];
    assert_eq!((bench.lines(), bench.counts()), (expected.concat(), (16, 2, 0)));
}

/// R5: a file whose end cannot be cut off is not written any more.
#[test]
fn what_cannot_be_cut_off_is_left_and_another_file_begun() {
    let mut bench = Bench::open(&SimDisk::new(), small()).unwrap();
    bench.append([0]);
    bench.write();
    bench.disk.set(Faults { error: Some(io::ErrorKind::Other), half: 20, no_cut: true, ..Faults::default() });
    bench.append([1, 2]);
    assert_eq!(bench.write(), Turn::Fails);
    bench.disk.set(Faults::default());
    assert!(matches!(bench.flush(), Err(StoreError::Io(_))), "the first was not synced");
    bench.flush().unwrap();
    let files: Vec<Vec<u64>> = bench.disk.contents().values().map(|file| readable(file)).collect();
    assert_eq!(files, [[0].to_vec(), [1, 2].to_vec()]);
    let health = bench.store.health();
    assert_eq!((health.written, health.unsure, health.abandoned_files), (3, 1, 1));
}

/// R5: a limit on the size of a file; and whatever else is wrong with only this file.
#[test]
fn a_file_that_cannot_be_written_is_followed_by_another() {
    for (kind, failures) in [(io::ErrorKind::FileTooLarge, 1), (io::ErrorKind::Other, 8)] {
        let mut bench = Bench::open(&SimDisk::new(), small()).unwrap();
        bench.append([0]);
        bench.flush().unwrap();
        bench.append([1]);
        bench.disk.set(Faults { error: Some(kind), half: 20, ..Faults::default() });
        (0..failures).for_each(|_| assert_eq!(bench.write(), Turn::Fails));
        bench.disk.set(Faults::default());
        bench.flush().unwrap();
        assert_eq!((bench.lines(), bench.disk.contents().len()), (vec![Ok(0), Ok(1)], 2), "{kind}");
    }
}

/// R5: files that nothing was written to do not stay.
#[test]
fn a_long_outage_leaves_no_empty_files() {
    let mut bench = Bench::open(&SimDisk::new(), small()).unwrap();
    bench.append([0]);
    bench.disk.set(Faults { error: Some(io::ErrorKind::StorageFull), ..Faults::default() });
    (0..100).for_each(|_| assert_eq!(bench.write(), Turn::Fails));
    assert!(bench.disk.contents().len() <= 1);
    bench.disk.set(Faults::default());
    let _ = bench.flush();
    assert_eq!((bench.lines(), bench.disk.contents().len()), (vec![Ok(0)], 1));
}

/// R5: after a sync failed, the file is not trusted again, and whoever relied on it is told.
#[test]
fn after_a_failed_sync_another_file_is_begun() {
    let mut bench = Bench::open(&SimDisk::new(), small()).unwrap();
    bench.append([1]);
    bench.disk.set(Faults { error: Some(io::ErrorKind::Other), only: Some(Doing::Sync), ..Faults::default() });
    assert!(matches!(bench.flush(), Err(StoreError::Io(_))));
    assert!(!bench.store.health().is_working());
    bench.disk.set(Faults::default());
    let before = bench.disk.contents();
    bench.append([2]);
    bench.flush().unwrap();
    let after = bench.disk.contents();
    assert!(before.iter().all(|(name, bytes)| after[name] == *bytes), "the file is as it was");
    let health = bench.store.health();
    assert_eq!((health.written, health.unsure, health.abandoned_files, after.len()), (2, 1, 1, 2));
    assert!(health.is_working() && after.contains_key(bench.store.path().to_str().unwrap()));
}

/// R5: a sync that nobody asked for failed; the next flush may not say that all is well.
#[test]
fn a_sync_that_failed_unseen_is_told_by_the_next_flush() {
    let every = |interval| small().sync_every(interval);
    for options in [every(Duration::from_nanos(1)), small().max_file_bytes(1)] {
        let mut bench = Bench::open(&SimDisk::new(), options).unwrap();
        bench.append([1]);
        bench.disk.set(Faults { error: Some(io::ErrorKind::Other), only: Some(Doing::Sync), ..Faults::default() });
        bench.write();
        bench.append([2]);
        bench.write();
        bench.disk.set(Faults::default());
        assert!(matches!(bench.flush(), Err(StoreError::Io(_))));
        bench.flush().unwrap();
    }
}

#[test]
fn without_being_asked_it_syncs_every_so_often_only_if_told_so() {
    for (options, syncs) in [(small(), 0), (small().sync_every(Duration::from_nanos(1)), 1)] {
        let mut bench = Bench::open(&SimDisk::new(), options).unwrap();
        bench.append([1]);
        assert_eq!(bench.write(), Turn::Rests);
        assert_eq!(bench.disk.state().syncs, syncs);
    }
}

#[test]
fn a_flush_is_answered_though_more_and_more_is_recorded() {
    let mut bench = Bench::open(&SimDisk::new(), small()).unwrap();
    bench.append([0]);
    let asked = bench.store.queue.ask().unwrap();
    for number in 1..4 {
        bench.writer.turn();
        bench.append([number]);
    }
    bench.store.queue.answered(asked, Duration::ZERO).unwrap();
    assert!(bench.store.health().queued > 0, "it never rested");
}

#[test]
fn the_bytes_that_wait_are_bounded_and_a_record_too_large_alone_loses_its_texts() {
    let mut bench = Bench::open(&SimDisk::new(), JsonLineStore::options().queue_bytes(64 << 10)).unwrap();
    for number in 0..100 {
        bench.store.append(record(number, 10_000)).unwrap();
    }
    let (_, dropped, queued) = bench.counts();
    assert_eq!((dropped, queued), (94, 6));
    bench.flush().unwrap();
    let mut large = record(100, 100_000);
    large.texts.error = Some(2..8);
    bench.store.append(large).unwrap();
    bench.flush().unwrap();
    let contents = bench.disk.contents();
    let text = std::str::from_utf8(contents.values().next().unwrap()).unwrap();
    let last = Record::from_line(text.lines().last().unwrap()).unwrap();
    assert_eq!((last.payload(), last.withheld), (None, Some(super::super::Withheld::TooLarge)));
    assert_eq!((last.error(), bench.counts()), (Some("number"), (7, 94, 0)));
}

#[test]
fn a_full_file_is_followed_by_another_and_the_oldest_are_removed() {
    let mut bench = Bench::open(&SimDisk::new(), small().max_runs(3).max_file_bytes(1)).unwrap();
    for number in 0..6 {
        bench.append([number]);
        bench.write();
    }
    bench.flush().unwrap();
    let mut left = bench.lines();
    left.sort();
    assert_eq!(left, [Ok(3), Ok(4), Ok(5)]);
}

/// R5: by itself, on its thread.
#[test]
fn it_goes_on_by_itself_when_there_is_room() {
    let disk = SimDisk::new();
    let (store, writer) = small().parts(Path::new(""), Arc::new(disk.clone())).unwrap();
    let store = store.start(writer).unwrap();
    disk.set(Faults { error: Some(io::ErrorKind::StorageFull), ..Faults::default() });
    store.append(record(0, 0)).unwrap();
    until(|| !store.health().is_working());
    (1..100).for_each(|number| store.append(record(number, 0)).unwrap());
    let health = store.health();
    assert_eq!(health.written + health.dropped + health.queued as u64, 100);
    disk.set(Faults::default());
    until(|| store.health().queued == 0);
    let health = store.health();
    assert_eq!((health.written + health.dropped, health.is_working()), (100, true));
    store.close().unwrap();
}

/// R33: a disk that hangs does not hold whoever closes for longer than that.
#[test]
fn closing_gives_up_when_its_time_is_over_and_says_how_much_is_lost() {
    let disk = SimDisk::new();
    let limit = Duration::from_millis(50);
    let (store, writer) = small().close_timeout(limit).parts(Path::new(""), Arc::new(disk.clone())).unwrap();
    let store = store.start(writer).unwrap();
    let hangs = disk.clone();
    let hangs = hangs.state();
    (0..3).for_each(|number| store.append(record(number, 0)).unwrap());
    assert!(matches!(store.flush(), Err(StoreError::OutOfTime { limit: it, unwritten: 3 }) if it == limit));
    assert!(matches!(store.close(), Err(StoreError::OutOfTime { unwritten: 3, .. })));
    store.close().unwrap();
    assert!(matches!(store.append(record(3, 0)), Err(StoreError::Closed)));
    drop(hangs);
    until(|| store.health().queued == 0);
    let health = store.health();
    assert_eq!(health.written + health.dropped, 4);
}

/// Whoever flushes when another gives up does not wait for an answer that will not come.
#[test]
fn a_flush_ends_with_the_writer() {
    let options = small().close_timeout(Duration::MAX);
    let bench = Bench::open(&SimDisk::new(), options).unwrap();
    let asked = bench.store.queue.ask().unwrap();
    bench.store.queue.close();
    bench.store.queue.give_up();
    bench.writer.run();
    assert!(matches!(bench.store.queue.answered(asked, Duration::MAX), Err(StoreError::Closed)));
}

fn until(is_so: impl Fn() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "it does not come to it");
        std::thread::yield_now();
    }
}
