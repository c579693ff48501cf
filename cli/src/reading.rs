//! Reading records, and telling what is wrong with the file.

use std::{
    io::{BufReader, Read},
    path::Path,
};

use linkbus::recording::{Filter, ReadError, Reader, RecordRef};

use crate::{
    failure::Failure,
    input::{Input, Manner},
    output::tell,
    runs::Runs,
};

/// How many damaged lines of a file are told one by one.
const TOLD: u64 = 10;

/// The records of one input.
pub(crate) struct Reading {
    name: String,
    reader: Reader<BufReader<Box<dyn Read>>>,
    damaged: u64,
    later: Option<Runs>,
}

/// What is wrong with what was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Problems {
    /// How many lines are no records.
    pub(crate) damaged: u64,
    /// How many records were dropped when it was written.
    pub(crate) dropped: u64,
    /// How many last lines are half written.
    pub(crate) torn_ends: u64,
}

impl Reading {
    pub(crate) fn open(path: &Path, manner: Manner, filter: Filter) -> Result<Self, Failure> {
        Input::open(path, manner).map(|input| Reading::of(input, filter))
    }

    /// Goes on to the run that was begun after this, if it is followed and there is one. What was wrong with this is added to
    /// `problems`.
    pub(crate) fn next_run(self, filter: Filter, problems: &mut Problems) -> Result<Option<Self>, Failure> {
        let later = self.later.clone();
        problems.add(self.finish());
        let next = later.map_or(Ok(None), Input::next_of)?;
        Ok(next.map(|input| Reading::of(input, filter)))
    }

    fn of(Input { name, bytes, later }: Input, filter: Filter) -> Self {
        Reading { name, reader: Reader::new(bytes).with_filter(filter), damaged: 0, later }
    }

    /// Lets `look` see the next record, and gives what it gives. Damaged lines are told and passed over.
    pub(crate) fn next_with<T>(&mut self, mut look: impl FnMut(&RecordRef<'_>) -> T) -> Result<Option<T>, Failure> {
        loop {
            match self.reader.next_with(|read| read.map(|record| look(&record))) {
                None => return Ok(None),
                Some(Ok(seen)) => return Ok(Some(seen)),
                Some(Err(source)) if source.is_fatal() => {
                    return Err(Failure::Broken { name: self.name.clone(), source });
                }
                Some(Err(problem)) => self.tell_damaged(&problem),
            }
        }
    }

    /// Lets `look` see all records there are.
    pub(crate) fn for_each(&mut self, mut look: impl FnMut(&RecordRef<'_>)) -> Result<(), Failure> {
        while self.next_with(&mut look)?.is_some() {}
        Ok(())
    }

    fn tell_damaged(&mut self, problem: &ReadError) {
        self.damaged += 1;
        if self.damaged <= TOLD {
            tell(&format!("{}: {problem}", self.name));
        }
    }

    /// What was wrong with all that was read, which is told.
    pub(crate) fn finish(self) -> Problems {
        let (name, torn) = (&self.name, self.reader.torn());
        let problems =
            Problems { damaged: self.damaged, dropped: self.reader.missing(), torn_ends: torn.iter().len() as u64 };
        if problems.damaged > TOLD {
            tell(&format!("{name}: {} more lines are damaged", problems.damaged - TOLD));
        }
        if problems.dropped > 0 {
            tell(&format!("{name}: {} records were dropped when it was written", problems.dropped));
        }
        if let Some(torn) = torn {
            tell(&format!("{name}: the last line, at byte {}, is half written", torn.offset));
        }
        problems
    }
}

impl Problems {
    pub(crate) fn is_clean(&self) -> bool {
        self.damaged == 0 && self.dropped == 0 && self.torn_ends == 0
    }

    pub(crate) fn add(&mut self, more: Problems) {
        self.damaged += more.damaged;
        self.dropped += more.dropped;
        self.torn_ends += more.torn_ends;
    }
}
