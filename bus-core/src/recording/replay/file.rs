//! Replaying a file.

use std::{fs, io::BufReader, path::Path};

use super::{
    super::{ReadError, Reader, Record},
    Replay, ReplayReport,
};
use crate::{bus::Bus, sync_bus::SyncBus};

impl Replay<'_, SyncBus> {
    /// Dispatches the messages of a file that a [`JsonLineStore`](super::super::JsonLineStore) wrote.
    ///
    /// Lines that cannot be read, records that were dropped when it was written, and an end that is torn are in the report.
    ///
    /// ```no_run
    /// # use linkbus::{SyncBus, recording::Replay};
    /// #[test]
    /// fn orders_are_placed_as_they_were() {
    ///     let bus = SyncBus::builder().replayable().build().unwrap();
    ///     Replay::new(&bus).run_file("tests/recordings/orders.jsonl").unwrap().assert_same();
    /// }
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn run_file(&self, path: impl AsRef<Path>) -> Result<ReplayReport, ReadError> {
        let mut file = File::open(path.as_ref())?;
        let mut report = self.run(&mut file);
        file.finish(&mut report)?;
        Ok(report)
    }
}

impl Replay<'_, Bus> {
    /// Dispatches the messages of a file that a [`JsonLineStore`](super::super::JsonLineStore) wrote.
    ///
    /// Lines that cannot be read, records that were dropped when it was written, and an end that is torn are in the report.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub async fn run_file(&self, path: impl AsRef<Path>) -> Result<ReplayReport, ReadError> {
        let mut file = File::open(path.as_ref())?;
        let mut report = self.run(&mut file).await;
        file.finish(&mut report)?;
        Ok(report)
    }
}

/// The records of a file, and what else is in it.
struct File {
    reader: Reader<BufReader<fs::File>>,
    damaged: u64,
    failed: Option<ReadError>,
}

impl File {
    fn open(path: &Path) -> Result<Self, ReadError> {
        Ok(File { reader: Reader::open(path)?, damaged: 0, failed: None })
    }

    fn finish(self, report: &mut ReplayReport) -> Result<(), ReadError> {
        report.damaged = self.damaged;
        report.dropped = self.reader.missing();
        report.is_torn = self.reader.torn().is_some();
        self.failed.map_or(Ok(()), Err)
    }
}

impl Iterator for File {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            match self.reader.next()? {
                Ok(record) => return Some(record),
                Err(error) if error.is_fatal() => {
                    self.failed = Some(error);
                    return None;
                }
                Err(_) => self.damaged += 1,
            }
        }
    }
}
