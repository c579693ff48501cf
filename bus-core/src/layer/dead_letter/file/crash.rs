//! R3: what is left after a power loss, on a disk that is made up. R5: what an append says when the disk does not work.
//!
//! The disk keeps what was synced, and of the rest block by block either what was or what would have been. A file whose
//! folder was not synced is gone; one that was removed without it may be back.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use uuid::Uuid;

use super::{
    super::{Body, DeadLetter, DeadLetterStore as _, ErrorReport, Filter, StoreError},
    FileStore, FileStoreOptions, FsyncPolicy,
    fs::{Appender, Fs},
};
use crate::{layer::Reason, message::Kind};

/// `SplitMix64` (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn is(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }
}

/// What the disk does not do.
#[derive(Clone, Copy, Default, PartialEq)]
struct Faults {
    /// Syncing a file does nothing.
    no_sync: bool,
    /// Syncing the folder does nothing.
    no_folder_sync: bool,
    /// Writing and syncing fail with this.
    error: Option<io::ErrorKind>,
    /// Only syncing does.
    only_sync: bool,
    /// So many bytes of a write are written before it fails.
    half: usize,
}

#[derive(Clone)]
struct SimDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// A number for each file, and the names that are there now.
    files: Vec<SimFile>,
    names: BTreeMap<String, usize>,
    /// The names that survive.
    synced_names: BTreeMap<String, usize>,
    faults: Faults,
    /// How many operations are left before the power is lost.
    fuse: Option<u64>,
    syncs: u64,
}

#[derive(Clone, Default)]
struct SimFile {
    now: Vec<u8>,
    synced: Vec<u8>,
}

impl State {
    /// One operation; an error once the power is gone.
    fn step(&mut self) -> io::Result<()> {
        match &mut self.fuse {
            Some(0) => Err(io::Error::other("the power is gone")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn file(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or(io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, file: usize, bytes: &[u8]) -> io::Result<()> {
        let is_last = self.fuse == Some(1);
        self.step()?;
        let fault = self.faults.error.filter(|_| !self.faults.only_sync);
        let part = if fault.is_some() { self.faults.half.min(bytes.len()) } else { bytes.len() };
        // The power may be lost while it is written.
        let part = if is_last { part / 2 } else { part };
        self.files[file].now.extend_from_slice(&bytes[..part]);
        fault.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn sync(&mut self, file: usize) -> io::Result<()> {
        self.step()?;
        self.syncs += 1;
        if let Some(kind) = self.faults.error {
            return Err(kind.into());
        }
        if !self.faults.no_sync {
            self.files[file].synced = self.files[file].now.clone();
        }
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        self.step()?;
        if !self.faults.no_folder_sync {
            self.synced_names = self.names.clone();
        }
        Ok(())
    }

    /// What is there when the power is back.
    fn after_power_loss(&self, block: usize, random: &mut Random) -> SimDisk {
        let mut left = State::default();
        for (name, &number) in &self.synced_names {
            let is_removed = !self.names.contains_key(name);
            if is_removed && random.is() {
                continue;
            }
            let bytes = self.files[number].after_power_loss(block, random);
            left.names.insert(name.clone(), left.files.len());
            left.files.push(SimFile { now: bytes.clone(), synced: bytes });
        }
        left.synced_names = left.names.clone();
        SimDisk(Arc::new(Mutex::new(left)))
    }
}

impl SimFile {
    fn after_power_loss(&self, block: usize, random: &mut Random) -> Vec<u8> {
        let SimFile { now, synced } = self;
        let (short, long) = (now.len().min(synced.len()), now.len().max(synced.len()));
        let length = short + usize::try_from(random.below((long - short + 1) as u64)).unwrap();
        let mut left = vec![0; length];
        for begin in (0..length).step_by(block) {
            let end = length.min(begin + block);
            let source = if random.is() { now } else { synced };
            // What neither knows was never written: a hole, which reads as zeros.
            for (place, byte) in left.iter_mut().enumerate().take(end).skip(begin) {
                let survives = synced.get(place).filter(|byte| now.get(place) == Some(byte));
                *byte = survives.or(source.get(place)).copied().unwrap_or_default();
            }
        }
        left
    }
}

impl SimDisk {
    fn new() -> Self {
        SimDisk(Arc::default())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn set(&self, faults: Faults) {
        self.state().faults = faults;
    }

    fn open(&self, options: FileStoreOptions) -> Result<FileStore, super::OpenError> {
        options.open_fs(Arc::new(self.clone()))
    }
}

impl Fs for SimDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let state = self.state();
        Ok(state.files[state.file(name)?].now.clone())
    }

    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let bytes = self.read(name)?;
        let begin = usize::try_from(offset).unwrap();
        bytes.get(begin..begin + length).map(<[u8]>::to_vec).ok_or(io::ErrorKind::UnexpectedEof.into())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Appender>> {
        let mut state = self.state();
        state.step()?;
        let file = state.files.len();
        state.files.push(SimFile::default());
        assert!(state.names.insert(name.to_owned(), file).is_none(), "`{name}` is created twice");
        Ok(Box::new(SimAppender { disk: self.clone(), file }))
    }

    fn cut(&self, name: &str, length: u64) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let file = state.file(name)?;
        state.files[file].now.truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let file = state.file(name)?;
        state.sync(file)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.names.remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.state().sync_names()
    }
}

struct SimAppender {
    disk: SimDisk,
    file: usize,
}

impl Appender for SimAppender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.state().write(self.file, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.state().sync(self.file)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.step()?;
        state.files[self.file].now.truncate(usize::try_from(length).unwrap());
        Ok(())
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
    FileStore::options().segment_bytes(1500).fsync(policy)
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

impl SimDisk {
    fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        state.names.iter().map(|(name, file)| (name.clone(), state.files[*file].now.clone())).collect()
    }
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
        assert!(broken >= 9 * kept, "{broken} broken and {kept} not without syncs of files, blocks of {block}");
        let (broken, kept) = verdicts(Faults { no_folder_sync: true, ..Faults::default() });
        assert!(broken > 100 && kept == 0, "{broken} broken and {kept} not without syncs of the folder");
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
    disk.set(Faults { error: Some(io::ErrorKind::Other), only_sync: true, ..Faults::default() });
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
