//! The file that is written, and those that come after it.

use std::{io, sync::Arc, time::SystemTime};

use super::retention;
use crate::files::{Appender, Fs};

/// After so many writes that failed another file is tried: it may be that only this one cannot be written.
const MOST_FAILURES: u32 = 8;

/// Where lines go: into a file, until that is full or fails, and then into another.
pub(super) struct Output {
    fs: Arc<dyn Fs>,
    max_runs: usize,
    max_file_bytes: u64,
    current: Option<RunFile>,
    /// How many records are in files that could not be synced, or were removed.
    pub(super) unsure: u64,
    /// How many files are not written any more because writing or syncing them failed, or they were removed.
    pub(super) abandoned: u64,
    /// Of a sync that nobody asked for: whoever asks next is told.
    untold: Option<Arc<io::Error>>,
}

struct RunFile {
    name: String,
    file: Box<dyn Appender>,
    length: u64,
    /// How many writes failed, one after the other.
    failures: u32,
    /// How many records are in it, and how many of them may not survive a power loss.
    records: u64,
    unsynced: u64,
    /// Whether the file itself would.
    is_there_for_good: bool,
}

impl Output {
    /// Begins the first file, and removes the oldest runs.
    pub(super) fn open(fs: Arc<dyn Fs>, max_runs: usize, max_file_bytes: u64) -> io::Result<Self> {
        retention::remove_oldest(&*fs, max_runs - 1)?;
        let current = Some(RunFile::begin(&*fs)?);
        Ok(Output { fs, max_runs, max_file_bytes, current, unsure: 0, abandoned: 0, untold: None })
    }

    /// The name of the file that was begun last.
    pub(super) fn name(&self) -> Option<&str> {
        self.current.as_ref().map(|current| current.name.as_str())
    }

    /// Whether something would be lost with the power.
    pub(super) fn is_unsynced(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.unsynced > 0)
    }

    /// Writes whole lines, so many of which are records. If it fails, none of them is there.
    pub(super) fn write(&mut self, lines: &[u8], records: usize) -> io::Result<()> {
        self.leave_removed();
        self.turn_over();
        if self.current.is_none() {
            // A disk that fails again and again is no reason to fill it, and one that fails once none to lose a good run.
            let _ = retention::remove_oldest(&*self.fs, self.max_runs.saturating_mul(2) - 1);
        }
        let current = match &mut self.current {
            Some(current) => current,
            None => self.current.insert(RunFile::begin(&*self.fs)?),
        };
        let before = current.length;
        if let Err(error) = current.file.write(lines) {
            let is_cut = current.file.cut(before).is_ok();
            current.failures += 1;
            if !is_cut || current.failures == MOST_FAILURES || error.kind() == io::ErrorKind::FileTooLarge {
                self.leave();
            }
            return Err(error);
        }
        current.failures = 0;
        current.length += lines.len() as u64;
        current.records += records as u64;
        current.unsynced += records as u64;
        Ok(())
    }

    /// Leaves a file that somebody removed.
    fn leave_removed(&mut self) {
        let Some(Err(error)) = self.current.as_ref().map(RunFile::look) else { return };
        self.abandon();
        let error = Arc::clone(self.untold.insert(Arc::new(error)));
        tracing::error!(target: "linkbus", error = &*error as &dyn std::error::Error,
            "a recording was removed while it was written: what was in it is lost, and another is begun");
    }

    /// Leaves a file that is full.
    fn turn_over(&mut self) {
        if self.current.as_ref().is_none_or(|current| current.length < self.max_file_bytes) {
            return;
        }
        self.leave();
        if let Err(error) = retention::remove_oldest(&*self.fs, self.max_runs - 1) {
            tracing::warn!(target: "linkbus", error = &error as &dyn std::error::Error, "old recordings were not removed");
        }
    }

    /// Begins another file with the next line.
    fn leave(&mut self) {
        if let Err(error) = self.sync_file() {
            self.untold = Some(Arc::new(error));
        }
        if let Some(current) = self.current.take() {
            self.remove_empty(current);
        }
    }

    fn remove_empty(&self, RunFile { name, file, length, .. }: RunFile) {
        // It would be locked.
        drop(file);
        if length == 0 {
            let _ = self.fs.remove_unlocked(&name);
        }
    }

    /// Has everything that was written survive a power loss.
    ///
    /// What is in a file that could not be synced is not written again, and it is said once.
    pub(super) fn sync(&mut self) -> Result<(), Arc<io::Error>> {
        let synced = self.sync_file();
        match (synced, self.untold.take()) {
            (Err(error), _) => Err(Arc::new(error)),
            (Ok(()), Some(error)) => Err(error),
            (Ok(()), None) => Ok(()),
        }
    }

    /// The same, when nobody waits for it.
    pub(super) fn sync_unasked(&mut self) -> Result<(), Arc<io::Error>> {
        self.sync_file().map_err(|error| Arc::clone(self.untold.insert(Arc::new(error))))
    }

    fn sync_file(&mut self) -> io::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        // The system tells of an error once, and forgets what it did not write: the file is not trusted again.
        current.sync(&*self.fs).inspect_err(|_| self.abandon())
    }

    fn abandon(&mut self) {
        let Some(current) = self.current.take() else { return };
        self.abandoned += 1;
        self.unsure += if current.is_removed() { current.records } else { current.unsynced };
        self.remove_empty(current);
    }

    /// The files are closed by whoever was the last to use them.
    pub(super) fn close(&mut self) {
        self.current = None;
    }
}

impl RunFile {
    /// A file that is not there yet: another store of this second may have taken the name.
    fn begin(fs: &dyn Fs) -> io::Result<Self> {
        let plain = format!("run_{}_{}", timestamp(SystemTime::now()), std::process::id());
        let mut name = format!("{plain}.jsonl");
        for further in 2..10_000 {
            match fs.create(&name) {
                // Before it was locked, another store may have taken it for one that nobody writes.
                Ok(file) if file.lock() && file.is_there()? => {
                    let (length, records, unsynced) = (0, 0, 0);
                    return Ok(RunFile {
                        name,
                        file,
                        length,
                        failures: 0,
                        records,
                        unsynced,
                        is_there_for_good: false,
                    });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            name = format!("{plain}_{further}.jsonl");
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("`{name}` and all names like it are taken")))
    }

    fn is_removed(&self) -> bool {
        matches!(self.file.is_there(), Ok(false))
    }

    /// Whether what is written to it can be found again.
    fn look(&self) -> io::Result<()> {
        if self.is_removed() {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("`{}` was removed", self.name)));
        }
        Ok(())
    }

    fn sync(&mut self, fs: &dyn Fs) -> io::Result<()> {
        self.look()?;
        if self.unsynced > 0 || !self.is_there_for_good {
            self.file.sync()?;
        }
        if !self.is_there_for_good {
            fs.sync_folder()?;
            self.is_there_for_good = true;
        }
        self.unsynced = 0;
        Ok(())
    }
}

/// `20261125_164500`, in UTC.
fn timestamp(at: SystemTime) -> String {
    let shown = humantime::format_rfc3339_seconds(at.max(SystemTime::UNIX_EPOCH)).to_string();
    let digits = shown.chars().filter(char::is_ascii_digit);
    let mut name: String = digits.collect();
    name.insert(name.len() - 6, '_');
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_time_in_utc() {
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_795_625_100);
        assert_eq!(timestamp(at), "20261125_164500");
    }
}
