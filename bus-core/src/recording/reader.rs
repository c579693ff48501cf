//! Reading what a recording wrote.

mod error;
mod lines;
mod runs;
#[cfg(test)]
mod tests;

use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::Path,
};

pub(super) use self::runs::is_run;
pub use self::{error::ReadError, runs::runs};

use self::lines::{Line, Lines, Place};
use super::{
    Filter, LineError, Record, RecordRef,
    line::{self, Said},
};

/// No line is longer than this, unless a reader is told: 64 MiB.
const DEFAULT_LIMIT: u64 = 64 << 20;
/// How much is read from a file at once.
const CHUNK: usize = 256 << 10;

/// Reads records one after the other, in memory for one line.
///
/// A line that is no record is an error with its place, and reading goes on behind it. A last line that is half written, as a
/// crash leaves it, ends the reading without an error: [`torn`](Self::torn) says that it is there. Lines that stand where records
/// were dropped are counted: [`missing`](Self::missing). The example of [the page](https://docs.rs/linkbus) on recording uses
/// it.
///
/// After the end it may be asked again: if the file has grown, reading goes on, behind a line that was half written as well.
///
/// ```
/// use linkbus::recording::{Filter, Reader};
///
/// let text = concat!(
///     r#"{"ts":"2026-11-25T16:00:00Z","type":"command","class":"Pay","payload":{},"duration_ns":7,"result":null,"error":null}"#, "\n",
///     "not a record\n",
///     r#"{"ts":"2026-11-25T16:00:01Z","ty"#,
/// );
/// let mut reader = Reader::new(text.as_bytes()).with_filter(Filter::any().message("Pay"));
/// assert_eq!(reader.next().unwrap().unwrap().class, "Pay");
/// assert!(reader.next().unwrap().unwrap_err().to_string().starts_with("line 2, at byte 117"));
/// assert!(reader.next().is_none());
/// assert_eq!(reader.torn().unwrap().offset, 130);
/// ```
pub struct Reader<R> {
    lines: Lines<R>,
    filter: Filter,
    missing: u64,
    torn: Option<Torn>,
    has_failed: bool,
}

/// A last line that is half written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Torn {
    /// Where it begins, in bytes from the beginning.
    pub offset: u64,
    /// How many bytes there are of it.
    pub bytes: u64,
}

impl Reader<BufReader<fs::File>> {
    /// Of a file that a [`JsonLineStore`](super::JsonLineStore) or py-message-bus wrote.
    ///
    /// # Errors
    /// [`ReadError::Io`] if it cannot be opened or is a folder, of which [`runs`] gives the files.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        let path = path.as_ref();
        match open(path) {
            Ok(file) => Ok(Reader::new(BufReader::with_capacity(CHUNK, file))),
            Err(source) => Err(ReadError::Io { path: Some(path.to_owned()), source }),
        }
    }
}

impl<R: BufRead> Reader<R> {
    /// Of whatever gives lines.
    pub fn new(input: R) -> Self {
        let lines = Lines::new(input, DEFAULT_LIMIT);
        Reader { lines, filter: Filter::any(), missing: 0, torn: None, has_failed: false }
    }

    /// Passes over the records that `filter` does not let through.
    #[must_use]
    pub fn with_filter(self, filter: Filter) -> Self {
        Reader { filter, ..self }
    }

    /// Reads no line that is longer than this many bytes without its line feed, 64 MiB by default, which bounds the memory that
    /// it takes.
    #[must_use]
    pub fn max_line_bytes(mut self, bytes: u64) -> Self {
        self.lines.limit = bytes;
        self
    }

    /// How many bytes were read, up to the end of the last line.
    pub fn position(&self) -> u64 {
        self.lines.place.offset
    }

    /// How many records were dropped when this was written, as far as it was read.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The half written line at the end, if there is one and the end was reached.
    pub fn torn(&self) -> Option<Torn> {
        self.torn
    }

    /// Lets `look` see what comes next: a record that the filter lets through, or a problem. Gives what `look` gives.
    ///
    /// It is [`next`](Iterator::next) without a copy of the record, and several times quicker.
    ///
    /// ```
    /// # use linkbus::recording::Reader;
    /// # let text = "";
    /// let (mut failures, mut problems) = (0, 0);
    /// let mut reader = Reader::new(text.as_bytes());
    /// while let Some(()) = reader.next_with(|read| match read {
    ///     Ok(record) => failures += u64::from(!record.is_success()),
    ///     Err(_) => problems += 1,
    /// }) {}
    /// # assert_eq!((failures, problems), (0, 0));
    /// ```
    pub fn next_with<T>(&mut self, look: impl FnOnce(Result<RecordRef<'_>, ReadError>) -> T) -> Option<T> {
        if self.has_failed {
            return None;
        }
        loop {
            self.torn = None;
            let is_whole = match self.lines.read() {
                Err(source) => {
                    self.has_failed = true;
                    return Some(look(Err(ReadError::Io { path: None, source })));
                }
                Ok(Line::None) => return None,
                Ok(Line::TooLong(Place { offset, number, .. })) => {
                    let limit = self.lines.limit;
                    return Some(look(Err(ReadError::TooLong { offset, number: number + 1, limit })));
                }
                Ok(Line::Read { is_whole }) => is_whole,
            };
            let (text, Place { offset, number, .. }) = (&self.lines.text, self.lines.place);
            let said = parse(text);
            let is_blank = text.trim_ascii().is_empty();
            if !is_whole && !is_blank && matches!(said, Err(LineError::Malformed { .. })) {
                self.torn = Some(Torn { offset, bytes: text.len() as u64 });
                return None;
            }
            self.lines.place.pass(text.len(), is_whole);
            match said {
                _ if is_blank => {}
                Ok(Said::Record(record)) if !self.filter.matches_ref(&record) => {}
                Ok(Said::Record(record)) => return Some(look(Ok(record))),
                Ok(Said::Gap(dropped)) => self.missing = self.missing.saturating_add(dropped),
                Err(source) => return Some(look(Err(ReadError::Line { offset, number: number + 1, source }))),
            }
        }
    }
}

/// Some systems open a folder and fail only when it is read, without its name.
fn open(path: &Path) -> io::Result<fs::File> {
    if path.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { fs::File::open(path) }
}

fn parse(line: &[u8]) -> Result<Said<'_>, LineError> {
    let text = std::str::from_utf8(line.trim_ascii()).map_err(|_| LineError::malformed("it is not UTF-8"))?;
    line::parse(text)
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_with(|read| read.map(|record| record.to_record()))
    }
}
