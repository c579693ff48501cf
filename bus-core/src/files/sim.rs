//! A disk that is made up.
//!
//! It keeps what was synced, and of the rest block by block either what was or what would have been. A file whose folder
//! was not synced is gone; one that was removed without it may be back.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use super::{Appender, Fs};

/// `SplitMix64` (Steele, Lea and Flood, 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn is(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Doing {
    Write,
    Sync,
    Remove,
}

/// What the disk does not do.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) struct Faults {
    /// Syncing a file does nothing.
    pub(crate) no_sync: bool,
    /// Syncing the folder does nothing.
    pub(crate) no_folder_sync: bool,
    /// Writing and syncing fail with this.
    pub(crate) error: Option<io::ErrorKind>,
    /// Or only one of them does.
    pub(crate) only: Option<Doing>,
    /// Who does this panics.
    pub(crate) panics: Option<Doing>,
    /// So many bytes of a write are written before it fails.
    pub(crate) half: usize,
    /// What was written so cannot be cut off.
    pub(crate) no_cut: bool,
}

impl Faults {
    fn error_of(&self, doing: Doing) -> Option<io::ErrorKind> {
        self.error.filter(|_| self.only.is_none_or(|only| only == doing))
    }
}

#[derive(Clone)]
pub(crate) struct SimDisk(pub(crate) Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    /// A number for each file, and the names that are there now.
    pub(crate) files: Vec<SimFile>,
    pub(crate) names: BTreeMap<String, usize>,
    /// The names that survive.
    synced_names: BTreeMap<String, usize>,
    faults: Faults,
    /// How many operations are left before the power is lost.
    pub(crate) fuse: Option<u64>,
    pub(crate) syncs: u64,
    /// How many writes were begun, those that wait included.
    pub(crate) writes_begun: u64,
    /// Writing waits until it can be locked.
    gate: Arc<Mutex<()>>,
}

#[derive(Clone, Default)]
pub(crate) struct SimFile {
    now: Vec<u8>,
    synced: Vec<u8>,
    is_locked: bool,
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
        let fault = self.faults.error_of(Doing::Write);
        let part = if fault.is_some() { self.faults.half.min(bytes.len()) } else { bytes.len() };
        // The power may be lost while it is written.
        let part = if is_last { part / 2 } else { part };
        self.files[file].now.extend_from_slice(&bytes[..part]);
        fault.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn sync(&mut self, file: usize) -> io::Result<()> {
        self.step()?;
        self.syncs += 1;
        if let Some(kind) = self.faults.error_of(Doing::Sync) {
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
    pub(crate) fn after_power_loss(&self, block: usize, random: &mut Random) -> SimDisk {
        let mut left = State::default();
        for (name, &number) in &self.synced_names {
            let is_removed = !self.names.contains_key(name);
            if is_removed && random.is() {
                continue;
            }
            let bytes = self.files[number].after_power_loss(block, random);
            left.names.insert(name.clone(), left.files.len());
            left.files.push(SimFile { now: bytes.clone(), synced: bytes, is_locked: false });
        }
        left.synced_names = left.names.clone();
        SimDisk(Arc::new(Mutex::new(left)))
    }
}

impl SimFile {
    /// What is on the disk, which may be changed behind the back of the store.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        self.synced.clone_from(&self.now);
        &mut self.now
    }

    fn after_power_loss(&self, block: usize, random: &mut Random) -> Vec<u8> {
        let SimFile { now, synced, .. } = self;
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
    pub(crate) fn new() -> Self {
        SimDisk(Arc::default())
    }

    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Nothing is written while this is locked.
    pub(crate) fn gate(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.state().gate)
    }

    fn panic_at(&self, doing: Doing) {
        let panics = self.state().faults.panics;
        assert!(panics != Some(doing), "the disk is on fire");
    }

    pub(crate) fn set(&self, faults: Faults) {
        self.state().faults = faults;
    }
}

impl Fs for SimDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    /// In the order in which they were made.
    fn modified(&self, name: &str) -> io::Result<Option<SystemTime>> {
        let place = self.state().file(name)?;
        Ok(Some(SystemTime::UNIX_EPOCH + Duration::from_secs(place as u64)))
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
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.files.len();
        state.files.push(SimFile::default());
        state.names.insert(name.to_owned(), file);
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
        self.panic_at(Doing::Remove);
        let mut state = self.state();
        state.step()?;
        state.names.remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn remove_unlocked(&self, name: &str) -> io::Result<bool> {
        let is_locked = {
            let state = self.state();
            state.files[state.file(name)?].is_locked
        };
        if is_locked { Ok(false) } else { self.remove(name).map(|()| true) }
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
        self.disk.state().writes_begun += 1;
        let gate = self.disk.gate();
        let _open = gate.lock();
        self.disk.panic_at(Doing::Write);
        self.disk.state().write(self.file, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.state().sync(self.file)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.step()?;
        if state.faults.no_cut {
            return Err(io::ErrorKind::Other.into());
        }
        state.files[self.file].now.truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn lock(&self) -> bool {
        !std::mem::replace(&mut self.disk.state().files[self.file].is_locked, true)
    }

    fn is_there(&self) -> io::Result<bool> {
        Ok(self.disk.state().names.values().any(|&file| file == self.file))
    }
}

impl Drop for SimAppender {
    fn drop(&mut self) {
        if let Ok(mut state) = self.disk.0.lock() {
            state.files[self.file].is_locked = false;
        }
    }
}

impl SimDisk {
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        state.names.iter().map(|(name, file)| (name.clone(), state.files[*file].now.clone())).collect()
    }
}
