//! On a disk that is made up: R3, what is left after a power loss; R5, what an append says when the disk does not work; and
//! what one that does not wait for the disk comes to.

use std::{io, sync::Arc};

use uuid::Uuid;

use super::{
    super::{Body, DeadLetter, DeadLetterStore as _, ErrorReport, Filter, StoreError},
    Durability, FileStore, FileStoreOptions, FsyncPolicy, OpenError,
};
use crate::{
    files::sim::{Doing, Faults, Random, SimDisk},
    layer::Reason,
    message::Kind,
};

impl SimDisk {
    fn open(&self, options: FileStoreOptions) -> Result<FileStore, OpenError> {
        options.open_fs(Arc::new(self.clone()))
    }
}

fn letter(number: u64, padding: usize) -> DeadLetter {
    DeadLetter {
        id: Uuid::from_u64_pair(1, number),
        message: "shop.Pay".into(),
        kind: Kind::Command,
        body: Body::Json(format!("{{\"number\":{number},\"padding\":\"{}\"}}", "x".repeat(padding)).into()),
        error: ErrorReport::without_text(Reason::Handler, false),
        handler: None,
        attempts: 1,
        replays: 0,
        at: std::time::SystemTime::UNIX_EPOCH,
        dispatch_id: Uuid::nil(),
        correlation_id: Uuid::nil(),
        causation_id: None,
    }
}

fn number_of(letter: &DeadLetter) -> u64 {
    letter.id.as_u64_pair().1
}

/// What is known for sure about letters.
#[derive(Default)]
struct Known {
    /// Acknowledged, and its deletion not begun.
    there: Vec<u64>,
    /// Its deletion was acknowledged.
    gone: Vec<u64>,
}

fn small(policy: FsyncPolicy) -> FileStoreOptions {
    FileStore::options().segment_bytes(1500).fsync(policy).durability(Durability::OnAppend)
}

/// Appends, deletes and replays until the power is gone.
fn work(disk: &SimDisk, random: &mut Random, known: &mut Known, from: u64) -> Option<()> {
    let store = disk.open(small(FsyncPolicy::Always)).ok()?;
    for number in from.. {
        let padding = usize::try_from(random.below(300)).unwrap();
        store.append(letter(number, padding)).ok()?;
        known.there.push(number);
        if random.below(3) > 0 && !known.there.is_empty() {
            let place = usize::try_from(random.below(known.there.len() as u64)).unwrap();
            let number = known.there.swap_remove(place);
            store.delete(Uuid::from_u64_pair(1, number)).ok()?;
            known.gone.push(number);
        }
        if random.below(5) == 0 {
            let _ = store.note_replay(Uuid::from_u64_pair(1, *known.there.first()?));
        }
    }
    None
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Kept,
    /// Nothing was acknowledged, so nothing could be lost.
    Nothing,
    /// A letter was lost, or one came back that was deleted.
    Broken,
}

/// Works until the power is lost, twice over.
fn verdict(seed: u64, block: usize, faults: Faults) -> Verdict {
    let mut random = Random(seed);
    let mut disk = SimDisk::new();
    let mut known = Known::default();
    for round in 0..2 {
        disk.state().fuse = Some(1 + random.below(60));
        disk.set(faults);
        let _ = work(&disk, &mut random, &mut known, 1000 * round);
        let left = disk.state().after_power_loss(block, &mut random);
        // What the power took while it was repaired is to be repaired as well.
        let interrupted = SimDisk(Arc::clone(&left.0));
        interrupted.state().fuse = Some(random.below(6));
        drop(interrupted.open(small(FsyncPolicy::Always)));
        interrupted.state().fuse = None;
        disk = left.state().after_power_loss(block, &mut random);
        let Ok(store) = disk.open(small(FsyncPolicy::Always)) else { return Verdict::Broken };
        let letters = store.list(&Filter::any(), usize::MAX).unwrap();
        for letter in &letters {
            let Body::Json(json) = &letter.body else { return Verdict::Broken };
            let beginning = format!("{{\"number\":{},", number_of(letter));
            assert!(json.starts_with(&beginning), "another letter than was written");
        }
        let there: Vec<u64> = letters.iter().map(number_of).collect();
        let is_lost = known.there.iter().any(|number| !there.contains(number));
        let is_back = known.gone.iter().any(|number| there.contains(number));
        if is_lost || is_back {
            return Verdict::Broken;
        }
        drop(store);
        let before = disk.contents();
        let again = disk.open(small(FsyncPolicy::Always)).unwrap();
        assert_eq!((&again.recovery().torn[..], disk.contents() == before), (&[][..], true), "it was repaired before");
    }
    if known.there.is_empty() { Verdict::Nothing } else { Verdict::Kept }
}

/// R3: 1,000 seeds.
fn no_letter_is_taken(block: usize) {
    for seed in 0..1000 {
        assert_ne!(verdict(seed, block, Faults::default()), Verdict::Broken, "seed {seed}, blocks of {block}");
    }
}

/// R3.
#[test]
fn a_power_loss_takes_no_letter_that_was_acknowledged_blocks_of_64() {
    no_letter_is_taken(64);
}

/// R3.
#[test]
fn a_power_loss_takes_no_letter_that_was_acknowledged_blocks_of_512() {
    no_letter_is_taken(512);
}

/// R3.
#[test]
fn a_power_loss_takes_no_letter_that_was_acknowledged_blocks_of_4096() {
    no_letter_is_taken(4096);
}

/// R3, the controls: the disk would show it.
#[test]
fn without_syncs_a_power_loss_takes_letters() {
    for block in [64, 512, 4096] {
        let verdicts = |faults| {
            let verdicts: Vec<_> = (0..150).map(|seed| verdict(seed, block, faults)).collect();
            let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
            (count(Verdict::Broken), count(Verdict::Kept))
        };
        let (broken, kept) = verdicts(Faults { no_sync: true, ..Faults::default() });
        assert!(
            broken > 100 && broken >= 9 * kept,
            "{broken} broken and {kept} not without syncs of files, blocks of {block}"
        );
        let (broken, kept) = verdicts(Faults { no_folder_sync: true, ..Faults::default() });
        assert!(broken > 100 && kept == 0, "{broken} broken and {kept} not without syncs of the folder");
    }
}

/// Letters that were synced once are there after a power loss, with every policy, wherever they were moved in between and
/// whatever failed then.
#[test]
fn tidying_takes_no_letter_that_was_synced() {
    let hour = std::time::Duration::from_secs(3600);
    for (policy, seed) in [FsyncPolicy::Never, FsyncPolicy::Every(hour)].into_iter().zip([0, 1000]) {
        for seed in seed..seed + 200 {
            let mut random = Random(seed);
            let disk = SimDisk::new();
            let store = disk.open(small(FsyncPolicy::Always)).unwrap();
            let mut synced: Vec<u64> = (0..20).collect();
            for &number in &synced {
                store.append(letter(number, 50)).unwrap();
            }
            drop(store);

            let store = disk.open(small(policy)).unwrap();
            for number in 100..150 + random.below(100) {
                let fails = random.below(4) == 0;
                let error = fails.then_some(io::ErrorKind::Other);
                let only = (random.below(4) > 0).then_some(Doing::Sync);
                disk.set(Faults { error, only, ..Faults::default() });
                let _ = store.append(letter(number, 100));
                let _ = store.delete(Uuid::from_u64_pair(1, number));
                if random.below(10) == 0 && synced.len() > 5 {
                    let place = usize::try_from(random.below(synced.len() as u64)).unwrap();
                    // It may be there or not, whether this says so or not.
                    let _ = store.delete(Uuid::from_u64_pair(1, synced.swap_remove(place)));
                }
            }
            let left = disk.state().after_power_loss(512, &mut random);
            let there = numbers(&left.open(small(FsyncPolicy::Always)).unwrap());
            let lost: Vec<_> = synced.iter().filter(|number| !there.contains(number)).collect();
            assert!(lost.is_empty(), "{policy:?}, seed {seed}: lost {lost:?}");
        }
    }
}

/// What was acknowledged without a sync is synced before its segment is left, or is counted.
#[test]
fn a_write_that_fails_leaves_nothing_unsynced_behind() {
    let (disk, store) = opened(FsyncPolicy::Never);
    store.append(letter(1, 10)).unwrap();
    disk.set(Faults { error: Some(io::ErrorKind::StorageFull), only: Some(Doing::Write), ..Faults::default() });
    store.append(letter(2, 10)).unwrap_err();
    disk.set(Faults::default());
    store.append(letter(3, 10)).unwrap();
    store.close().unwrap();
    assert_eq!(store.health().unsure, 0);
    let left = disk.state().after_power_loss(512, &mut Random(1));
    assert_eq!(numbers(&left.open(small(FsyncPolicy::Always)).unwrap()), [3, 1]);

    let (disk, store) = opened(FsyncPolicy::Never);
    store.append(letter(1, 10)).unwrap();
    disk.set(Faults { error: Some(io::ErrorKind::Other), ..Faults::default() });
    store.append(letter(2, 10)).unwrap_err();
    assert_eq!(store.health().unsure, 1);
}

/// Changes a byte of the record of this letter, wherever it is.
fn scratch(disk: &SimDisk, number: u64) {
    let mut state = disk.state();
    let name = state.names.keys().cloned().collect::<Vec<_>>();
    let text = format!("{{\"number\":{number},");
    for name in name {
        let file = state.names[&name];
        let bytes = state.files[file].bytes();
        let place = bytes.windows(text.len()).position(|bytes| bytes == text.as_bytes());
        if let Some(place) = place {
            bytes[place + text.len()] ^= 1;
        }
    }
}

/// The one that is damaged stays, and no other with it.
#[test]
fn one_damaged_record_does_not_stop_tidying() {
    for is_known_at_opening in [false, true] {
        let options = || small(FsyncPolicy::Always).max_bytes(20_000);
        let disk = SimDisk::new();
        let mut store = disk.open(options()).unwrap();
        for number in 0..2 {
            store.append(letter(number, 100)).unwrap();
        }
        scratch(&disk, 0);
        let damaged = disk.contents();
        if is_known_at_opening {
            drop(store);
            store = disk.open(options()).unwrap();
        }
        for number in 10..2010 {
            store.append(letter(number, 100)).unwrap();
            store.delete(Uuid::from_u64_pair(1, number)).unwrap();
        }
        store.flush().unwrap();
        let health = store.health();
        let on_disk: usize = disk.contents().values().map(Vec::len).sum();
        assert_eq!(health.bytes_on_disk, on_disk as u64);
        assert!(health.bytes_on_disk - health.damaged_bytes < 2 * health.bytes + 3 * 1500, "{health:?}");
        assert_eq!((health.damaged_segments, health.letters), (1, if is_known_at_opening { 1 } else { 2 }));
        assert_eq!(store.get(Uuid::from_u64_pair(1, 1)).unwrap().map(|letter| number_of(&letter)), Some(1));
        let (name, bytes) = damaged.first_key_value().unwrap();
        assert_eq!(disk.contents()[name][..bytes.len()], bytes[..], "what is damaged is as it was");
    }
}

/// Whatever is damaged and when: a letter that can be read is there, one that was deleted is not, and the rest of the disk
/// is tidied.
#[test]
fn beside_damage_no_letter_is_lost_and_none_comes_back() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let disk = SimDisk::new();
        let mut store = disk.open(small(FsyncPolicy::Always)).unwrap();
        let (mut there, mut replayed, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..400 {
            store.append(letter(number, usize::try_from(random.below(200)).unwrap())).unwrap();
            there.push(number);
            if random.below(10) > 0 {
                let gone = there.swap_remove(usize::try_from(random.below(there.len() as u64)).unwrap());
                assert!(store.delete(Uuid::from_u64_pair(1, gone)).unwrap());
                replayed.retain(|number| *number != gone);
            }
            let one = there.get(usize::try_from(random.below(there.len() as u64 + 1)).unwrap()).copied();
            match (random.below(40), one) {
                (0, Some(one)) if damaged.len() < 4 => {
                    there.retain(|number| *number != one);
                    replayed.retain(|number| *number != one);
                    scratch(&disk, one);
                    damaged.push(one);
                }
                (1, _) => {
                    drop(store);
                    store = disk.open(small(FsyncPolicy::Always)).unwrap();
                }
                (2 | 3, Some(one)) if !replayed.contains(&one) => {
                    store.note_replay(Uuid::from_u64_pair(1, one)).unwrap();
                    replayed.push(one);
                }
                _ => {}
            }
            store.flush().unwrap();
            let health = store.health();
            assert!(health.bytes_on_disk - health.damaged_bytes < 2 * health.bytes + 6 * 1500, "{seed}: {health:?}");
        }
        drop(store);
        let store = disk.open(small(FsyncPolicy::Always)).unwrap();
        let ids = store.ids(&Filter::any()).unwrap();
        let mut found: Vec<u64> = ids.iter().map(|id| id.as_u64_pair().1).collect();
        found.retain(|number| !damaged.contains(number));
        there.sort_unstable();
        assert_eq!(found, there, "seed {seed}");
        for number in there {
            let letter = store.get(Uuid::from_u64_pair(1, number)).unwrap().unwrap();
            assert_eq!(letter.replays, u32::from(replayed.contains(&number)), "seed {seed}, letter {number}");
        }
        assert!(damaged.is_empty() || store.health().damaged_segments <= damaged.len() as u64);
    }
}

/// Opens a store on a disk that works.
fn opened(policy: FsyncPolicy) -> (SimDisk, FileStore) {
    let disk = SimDisk::new();
    let store = disk.open(small(policy)).unwrap();
    (disk, store)
}

fn numbers(store: &FileStore) -> Vec<u64> {
    store.list(&Filter::any(), usize::MAX).unwrap().iter().map(number_of).collect()
}

/// R5.
#[test]
fn a_full_disk_refuses_letters_until_there_is_room_and_counts_them() {
    for half in [0, 1, 40, 200] {
        let (disk, store) = opened(FsyncPolicy::Always);
        store.append(letter(1, 10)).unwrap();
        disk.set(Faults { error: Some(io::ErrorKind::StorageFull), half, ..Faults::default() });
        for number in 2..5 {
            let error = store.append(letter(number, 10)).unwrap_err();
            assert!(matches!(&error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull));
        }
        assert!(!store.health().is_working());
        assert_eq!(numbers(&store), [1], "what there was can be read");
        disk.set(Faults::default());
        store.append(letter(5, 10)).unwrap();
        let health = store.health();
        assert!(health.is_working());
        assert_eq!((health.written, health.refused), (2, 3));
        drop(store);
        let store = disk.open(small(FsyncPolicy::Always)).unwrap();
        assert_eq!(numbers(&store), [5, 1], "what was refused is not there");
    }
}

/// R5: after a sync failed, the file is not trusted again.
#[test]
fn after_a_failed_sync_another_segment_is_begun() {
    let (disk, store) = opened(FsyncPolicy::Always);
    store.append(letter(1, 10)).unwrap();
    disk.set(Faults { error: Some(io::ErrorKind::Other), only: Some(Doing::Sync), ..Faults::default() });
    store.append(letter(2, 10)).unwrap_err();
    disk.set(Faults::default());
    let before = disk.contents();
    store.append(letter(3, 10)).unwrap();
    assert_eq!(store.health().abandoned_segments, 1);
    let after = disk.contents();
    assert!(before.iter().all(|(name, bytes)| after[name] == *bytes), "the segment is as it was");
    assert_eq!((before.len(), after.len()), (1, 2));
    drop(store);
    assert_eq!(numbers(&disk.open(small(FsyncPolicy::Always)).unwrap()), [3, 1], "what was refused is not there");
}

/// What the other policies promise.
#[test]
fn without_a_sync_for_each_letter_close_syncs() {
    let hour = std::time::Duration::from_secs(3600);
    for policy in [FsyncPolicy::Never, FsyncPolicy::Every(hour)] {
        let (disk, store) = opened(policy);
        store.append(letter(1, 10)).unwrap();
        let begun = disk.state().syncs;
        store.append(letter(2, 10)).unwrap();
        assert_eq!(disk.state().syncs, begun, "{policy:?}");
        store.close().unwrap();
        assert_eq!(disk.state().syncs, begun + 1, "{policy:?}");
    }
}

/// What is deleted gives its room back, on the disk as well.
#[test]
fn segments_without_letters_are_removed_and_mostly_empty_ones_are_moved_together() {
    let (disk, store) = opened(FsyncPolicy::Always);
    for number in 0..2000 {
        store.append(letter(number, 100)).unwrap();
        if number % 100 != 0 {
            store.delete(Uuid::from_u64_pair(1, number)).unwrap();
        }
    }
    store.note_replay(Uuid::from_u64_pair(1, 0)).unwrap();
    store.flush().unwrap();
    let health = store.health();
    assert_eq!(health.letters, 20);
    let on_disk: usize = disk.contents().values().map(Vec::len).sum();
    assert_eq!(health.bytes_on_disk, on_disk as u64);
    assert!(health.bytes_on_disk < 2 * health.bytes + 4 * 1500, "{health:?}");
    let expected: Vec<u64> = (0..20).rev().map(|hundred| hundred * 100).collect();
    assert_eq!(numbers(&store), expected, "in their old order");
    drop(store);
    let store = disk.open(small(FsyncPolicy::Always)).unwrap();
    assert_eq!(numbers(&store), expected);
    assert_eq!(store.get(Uuid::from_u64_pair(1, 0)).unwrap().unwrap().replays, 1);
}

/// A process that was killed between writing and syncing left what the next one must not rely on.
#[test]
fn what_recovery_finds_is_synced_before_it_is_shown() {
    let (disk, store) = opened(FsyncPolicy::Never);
    store.append(letter(1, 10)).unwrap();
    let killed = SimDisk::new();
    {
        let (state, mut copy) = (disk.state(), killed.state());
        copy.names = state.names.clone();
        copy.files = state.files.clone();
    }
    let again = killed.open(small(FsyncPolicy::Always)).unwrap();
    assert_eq!(numbers(&again), [1]);
    let left = killed.state().after_power_loss(512, &mut Random(1));
    assert_eq!(numbers(&left.open(small(FsyncPolicy::Always)).unwrap()), [1]);
}

/// A store whose `append` does not wait for the disk.
fn behind(disk: &SimDisk, queue_letters: usize) -> FileStore {
    small(FsyncPolicy::Always)
        .durability(Durability::Behind)
        .queue_letters(queue_letters)
        .open_fs(Arc::new(disk.clone()))
        .unwrap()
}

/// The disk hangs: letters are taken as long as the queue has room, and then refused, and nobody waits.
#[test]
fn append_does_not_wait_for_the_disk() {
    let disk = SimDisk::new();
    let store = behind(&disk, 3);
    let gate = disk.gate();
    let hangs = gate.lock().unwrap();
    for number in 1..=3 {
        store.append(letter(number, 10)).unwrap();
    }
    let error = store.append(letter(4, 10)).unwrap_err();
    assert!(matches!(error, StoreError::Behind { letters: 3, .. }), "{error}");
    let health = store.health();
    assert_eq!((health.written, health.refused, health.lost, health.waiting), (0, 1, 0, 3));
    drop(hangs);
    store.flush().unwrap();
    let health = store.health();
    assert_eq!((health.written, health.refused, health.lost, health.waiting), (3, 1, 0, 0));
    let left = disk.state().after_power_loss(512, &mut Random(1));
    assert_eq!(numbers(&left.open(small(FsyncPolicy::Always)).unwrap()), [3, 2, 1], "what was flushed is synced");
}

/// All other calls see what was taken.
#[test]
fn what_was_taken_is_read_before_it_is_written() {
    let id = |number| Uuid::from_u64_pair(1, number);
    let calls: [fn(&FileStore) -> bool; 5] = [
        |store| store.count().unwrap() == 2,
        |store| store.ids(&Filter::any()).unwrap().len() == 2,
        |store| store.get(Uuid::from_u64_pair(1, 2)).unwrap().is_some(),
        |store| store.delete(Uuid::from_u64_pair(1, 2)).unwrap(),
        |store| {
            store.note_replay(Uuid::from_u64_pair(1, 2)).unwrap();
            store.get(Uuid::from_u64_pair(1, 2)).unwrap().is_some_and(|letter| letter.replays == 1)
        },
    ];
    for call in calls {
        let disk = SimDisk::new();
        let store = behind(&disk, 10);
        let gate = disk.gate();
        let hangs = gate.lock().unwrap();
        store.append(letter(1, 10)).unwrap();
        store.append(letter(2, 10)).unwrap();
        std::thread::scope(|scope| {
            let sees = scope.spawn(|| call(&store));
            drop(hangs);
            assert!(sees.join().unwrap());
        });
        assert!(store.get(id(3)).unwrap().is_none());
    }
}

#[test]
fn close_writes_what_was_taken() {
    let disk = SimDisk::new();
    let store = behind(&disk, 100);
    (1..=50).for_each(|number| store.append(letter(number, 10)).unwrap());
    store.close().unwrap();
    assert!(matches!(store.append(letter(51, 10)), Err(StoreError::Closed)));
    let left = disk.state().after_power_loss(512, &mut Random(1));
    assert_eq!(numbers(&left.open(small(FsyncPolicy::Always)).unwrap()).len(), 50);
}

/// R5: what was taken and then cannot be written is no secret.
#[test]
fn a_letter_that_is_lost_is_counted_and_flush_says_so() {
    let disk = SimDisk::new();
    let store = Arc::new(behind(&disk, 100));
    let letters = crate::layer::DeadLetters::new(Arc::clone(&store));
    store.append(letter(1, 10)).unwrap();
    store.flush().unwrap();
    disk.set(Faults { error: Some(io::ErrorKind::StorageFull), ..Faults::default() });
    store.append(letter(2, 10)).unwrap();
    let error = store.flush().unwrap_err();
    assert!(matches!(&error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull));
    store.flush().unwrap();
    let health = store.health();
    assert_eq!((health.written, health.refused, health.lost, health.waiting), (1, 0, 1, 0));
    assert_eq!((store.lost(), letters.lost(), store.count().unwrap()), (1, 1, 1));
    store.append(letter(3, 10)).unwrap();
    store.close().unwrap_err();
    assert_eq!(letters.lost(), 2);
}

/// Whatever fails: what was offered is what was written, refused and lost.
///
/// What four threads come to depends on who runs first, so there is one of each outcome for certain before and after them.
#[test]
fn no_letter_is_counted_twice_or_not_at_all() {
    let fails = Faults { error: Some(io::ErrorKind::Other), ..Faults::default() };
    for durability in [Durability::Behind, Durability::OnAppend] {
        let disk = SimDisk::new();
        let options = small(FsyncPolicy::Always).durability(durability).queue_letters(5).max_letters(600);
        let store = disk.open(options).unwrap();
        let offer = |number| drop(store.append(letter(number, 10)));
        offer(1);
        store.flush().unwrap();
        disk.set(fails);
        offer(2);
        let _ = store.flush();
        std::thread::scope(|scope| {
            for thread in 1..=4 {
                let (store, disk) = (&store, &disk);
                scope.spawn(move || {
                    let mut random = Random(thread);
                    for number in 0..250 {
                        disk.set(if random.below(3) == 0 { fails } else { Faults::default() });
                        offer(1000 * thread + number);
                        if number % 10 == 0 {
                            // Or all would be refused before the disk had its turn.
                            let _ = store.flush();
                        }
                    }
                });
            }
        });
        disk.set(Faults::default());
        // More than there is room for.
        (9000..9601).for_each(offer);
        let _ = store.flush();
        let health = store.health();
        assert_eq!(health.written + health.refused + health.lost, 2 + 1000 + 601, "{health:?}");
        assert!(health.written > 0 && health.refused > 0, "{health:?}");
        assert_eq!(health.lost == 0, durability == Durability::OnAppend, "{health:?}");
        assert_eq!(store.count().unwrap() as u64, health.written);
    }
}

/// A panic while writing or tidying is a failure like others, and the store goes on.
#[test]
fn a_panic_of_the_writer_does_not_leave_callers_waiting() {
    for durability in [Durability::Behind, Durability::OnAppend] {
        let disk = SimDisk::new();
        let store = disk.open(small(FsyncPolicy::Always).durability(durability)).unwrap();
        store.append(letter(1, 10)).and_then(|()| store.flush()).unwrap();
        disk.set(Faults { panics: Some(Doing::Write), ..Faults::default() });
        let error = store.append(letter(2, 10)).and_then(|()| store.flush()).unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
        disk.set(Faults::default());
        let health = store.health();
        assert_eq!((health.written, health.refused + health.lost, health.waiting), (1, 1, 0));
        store.append(letter(3, 10)).unwrap();
        assert_eq!(numbers(&store), [3, 1]);

        for number in 10..30 {
            store.append(letter(number, 200)).unwrap();
        }
        disk.set(Faults { panics: Some(Doing::Remove), ..Faults::default() });
        for number in 10..30 {
            assert!(store.delete(Uuid::from_u64_pair(1, number)).unwrap());
        }
        disk.set(Faults::default());
        store.append(letter(4, 10)).unwrap();
        store.flush().unwrap();
        assert!(store.health().bytes_on_disk < 5000, "it is still tidied");
        assert_eq!(numbers(&store), [4, 3, 1]);
    }
}
