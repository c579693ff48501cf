//! Reading what a recording wrote.

use std::{
    error::Error,
    fmt, fs,
    io::{self, BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
};

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
    input: R,
    line: Vec<u8>,
    limit: u64,
    filter: Filter,
    offset: u64,
    number: u64,
    missing: u64,
    torn: Option<Torn>,
    /// What is in `line` was looked at.
    is_read: bool,
    /// The rest of a line that is too long is yet to come.
    is_skipping: bool,
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

/// Why something was not read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be opened or read. There is nothing more to come.
    Io {
        /// The file, if it has a name.
        path: Option<PathBuf>,
        /// What the system says.
        source: io::Error,
    },
    /// A line is not a record. Reading goes on behind it.
    Line {
        /// Where the line begins, in bytes from the beginning.
        offset: u64,
        /// Which line it is, counted from 1.
        number: u64,
        /// What is wrong with it.
        source: LineError,
    },
    /// A line is longer than is read. Reading goes on behind it.
    TooLong {
        /// Where the line begins, in bytes from the beginning.
        offset: u64,
        /// Which line it is, counted from 1.
        number: u64,
        /// How many bytes a line may have.
        limit: u64,
    },
}

impl Reader<BufReader<fs::File>> {
    /// Of a file that a [`JsonLineStore`](super::JsonLineStore) or py-message-bus wrote.
    ///
    /// # Errors
    /// [`ReadError::Io`] if it cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        let path = path.as_ref();
        match fs::File::open(path) {
            Ok(file) => Ok(Reader::new(BufReader::with_capacity(CHUNK, file))),
            Err(source) => Err(ReadError::Io { path: Some(path.to_owned()), source }),
        }
    }
}

impl<R: BufRead> Reader<R> {
    /// Of whatever gives lines.
    pub fn new(input: R) -> Self {
        Reader {
            input,
            line: Vec::new(),
            limit: DEFAULT_LIMIT,
            filter: Filter::any(),
            offset: 0,
            number: 0,
            missing: 0,
            torn: None,
            is_read: false,
            is_skipping: false,
            has_failed: false,
        }
    }

    /// Passes over the records that `filter` does not let through.
    #[must_use]
    pub fn with_filter(self, filter: Filter) -> Self {
        Reader { filter, ..self }
    }

    /// Reads no line that is longer than this many bytes without its line feed, 64 MiB by default, which bounds the memory that
    /// it takes.
    #[must_use]
    pub fn max_line_bytes(self, bytes: u64) -> Self {
        Reader { limit: bytes, ..self }
    }

    /// How many bytes were read, up to the end of the last line.
    pub fn position(&self) -> u64 {
        self.offset
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
            let line = match self.read_line() {
                Ok(line) => line,
                Err(source) => {
                    self.has_failed = true;
                    return Some(look(Err(ReadError::Io { path: None, source })));
                }
            };
            let (offset, number) = (self.offset, self.number + 1);
            let is_whole = match line {
                Line::None => return None,
                Line::TooLong(bytes) => {
                    self.offset += bytes;
                    self.number += u64::from(!self.is_skipping);
                    return Some(look(Err(ReadError::TooLong { offset, number, limit: self.limit })));
                }
                Line::Read { is_whole } => is_whole,
            };
            let said = parse(&self.line);
            let is_blank = self.line.trim_ascii().is_empty();
            if !is_whole && !is_blank && matches!(said, Err(LineError::Malformed { .. })) {
                self.torn = Some(Torn { offset, bytes: self.line.len() as u64 });
                return None;
            }
            self.is_read = true;
            self.offset += self.line.len() as u64;
            self.number += u64::from(is_whole);
            match said {
                _ if is_blank => {}
                Ok(Said::Record(record)) if !self.filter.matches_ref(&record) => {}
                Ok(Said::Record(record)) => return Some(look(Ok(record))),
                Ok(Said::Gap(dropped)) => self.missing = self.missing.saturating_add(dropped),
                Err(source) => return Some(look(Err(ReadError::Line { offset, number, source }))),
            }
        }
    }

    /// Reads a line with its line feed, or what there is of the last one. Of one that is too long nothing is kept.
    fn read_line(&mut self) -> io::Result<Line> {
        if self.is_skipping {
            self.offset += self.skip_line()?;
            self.number += u64::from(!self.is_skipping);
        }
        if std::mem::take(&mut self.is_read) {
            self.line.clear();
        }
        self.torn = None;
        // The line may have begun already, when the file was shorter.
        let most = self.limit.saturating_add(1).saturating_sub(self.line.len() as u64);
        self.input.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        let is_whole = self.line.ends_with(b"\n");
        if !is_whole && self.line.len() as u64 > self.limit {
            let begun = self.line.len() as u64;
            self.line.clear();
            return Ok(Line::TooLong(begun + self.skip_line()?));
        }
        Ok(if self.line.is_empty() { Line::None } else { Line::Read { is_whole } })
    }

    /// Passes over the rest of a line, and says how much that was.
    fn skip_line(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let bytes = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(bytes.len(), |end| end + 1);
            self.input.consume(used);
            skipped += used as u64;
            self.is_skipping = end.is_none();
            if used == 0 || end.is_some() {
                return Ok(skipped);
            }
        }
    }
}

enum Line {
    None,
    Read {
        /// Whether it has its line feed.
        is_whole: bool,
    },
    /// It has so many bytes.
    TooLong(u64),
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

impl ReadError {
    /// Whether there is nothing more to come.
    pub fn is_fatal(&self) -> bool {
        matches!(self, ReadError::Io { .. })
    }
}

/// The files in `folder` that a [`JsonLineStore`](super::JsonLineStore) wrote, in the order in which they were begun.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("linkbus-{}", linkbus::Uuid::now_v7()));
/// # std::fs::create_dir(&folder)?;
/// let newest = linkbus::recording::runs(&folder)?.pop();
/// # assert!(newest.is_none());
/// # std::fs::remove_dir(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If the folder cannot be read.
pub fn runs(folder: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
    let mut runs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_run = entry.file_name().to_str().is_some_and(is_run) && entry.file_type()?.is_file();
        if is_run {
            runs.push(entry.path());
        }
    }
    runs.sort_by_cached_key(|path| numbered(path));
    Ok(runs)
}

/// The parts of a name such that a number with more digits is the greater one.
fn numbered(path: &Path) -> Vec<(usize, String)> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.split('_').map(|part| (part.len(), part.to_owned())).collect()
}

/// Whether a file with this name is one of a recording.
pub(super) fn is_run(name: &str) -> bool {
    name.strip_prefix("run_").is_some_and(|rest| rest.strip_suffix(".jsonl").is_some())
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io { path: Some(path), .. } => write!(f, "`{}` cannot be read", path.display()),
            ReadError::Io { path: None, .. } => f.write_str("the recording cannot be read"),
            ReadError::Line { offset, number, source } => write!(f, "line {number}, at byte {offset}: {source}"),
            ReadError::TooLong { offset, number, limit } => {
                write!(f, "line {number}, at byte {offset}, is longer than {limit} bytes")
            }
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ReadError::Io { source, .. } => Some(source),
            ReadError::Line { .. } | ReadError::TooLong { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque, rc::Rc};

    use super::*;

    const WHOLE: &str = r#"{"ts":"2026-11-25T16:00:00Z","type":"event","class":"Paid","payload":[1],"duration_ns":7,"result":null,"error":null}"#;

    fn read(text: &str) -> (Vec<String>, Reader<io::Cursor<Vec<u8>>>) {
        let mut reader = Reader::new(io::Cursor::new(text.as_bytes().to_vec())).max_line_bytes(200);
        let told =
            reader.by_ref().map(|read| read.map_or_else(|error| error.to_string(), |record| record.class.into()));
        (told.collect(), reader)
    }

    #[test]
    fn a_last_line_that_is_half_written_is_told_with_its_place() {
        let (told, reader) = read(&format!("{WHOLE}\n{WHOLE}\n{}", &WHOLE[..40]));
        assert_eq!(told, ["Paid", "Paid"]);
        let offset = 2 * (WHOLE.len() as u64 + 1);
        assert_eq!((reader.torn(), reader.position()), (Some(Torn { offset, bytes: 40 }), offset));
    }

    #[test]
    fn a_last_line_that_is_whole_but_for_its_line_feed_is_read() {
        let (told, reader) = read(&format!("{WHOLE}\n{WHOLE}"));
        assert_eq!((told.len(), reader.torn()), (2, None));
    }

    #[test]
    fn what_is_damaged_is_told_and_passed_over() {
        let (told, reader) = read(&format!("{{}}\n\n{WHOLE}\n{}\n{WHOLE}\n", "x".repeat(500)));
        assert!(told[0].starts_with("line 1, at byte 0: the line is not a record"), "{told:?}");
        assert_eq!(told[1], "Paid");
        assert_eq!(told[2], format!("line 4, at byte {}, is longer than 200 bytes", WHOLE.len() + 5));
        assert_eq!((&*told[3], told.len(), reader.torn()), ("Paid", 4, None));
    }

    #[test]
    fn a_line_of_just_the_limit_is_read() {
        for (more, is_read) in [(0, true), (1, false)] {
            let limit = WHOLE.len() as u64 - more;
            let text = format!("{WHOLE}\n{WHOLE}\n");
            let told: Vec<_> = Reader::new(text.as_bytes()).max_line_bytes(limit).collect();
            assert_eq!(told.iter().filter(|read| read.is_ok()).count(), if is_read { 2 } else { 0 });
            assert_eq!(told.len(), 2);
        }
    }

    #[test]
    fn what_was_dropped_is_counted() {
        let gap = r#"{"ts":"2026-11-25T16:00:00Z","type":"gap","dropped":7,"v":1}"#;
        let (told, reader) = read(&format!("{WHOLE}\n{gap}\n{gap}\n{WHOLE}\n"));
        assert_eq!((told.len(), reader.missing()), (2, 14));
    }

    #[test]
    fn a_later_version_is_refused_with_what_to_do() {
        let (told, _) = read("{\"v\":2,\"news\":[1]}\n");
        assert!(told[0].contains("version 2") && told[0].contains("use a later linkbus"), "{told:?}");
    }

    /// A file that grows while it is read.
    #[derive(Clone, Default)]
    struct Growing(Rc<RefCell<VecDeque<u8>>>);

    impl Growing {
        fn grow(&self, text: &str) {
            self.0.borrow_mut().extend(text.as_bytes());
        }
    }

    impl io::Read for Growing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.borrow_mut().read(buffer)
        }
    }

    fn growing() -> (Growing, Reader<BufReader<Growing>>) {
        let file = Growing::default();
        (file.clone(), Reader::new(BufReader::with_capacity(7, file)).max_line_bytes(200))
    }

    fn next(reader: &mut Reader<impl BufRead>) -> Option<String> {
        reader.next_with(|read| read.map_or_else(|error| error.to_string(), |record| record.class.into()))
    }

    #[test]
    fn a_file_that_has_grown_is_read_on_within_a_line() {
        let (file, mut reader) = growing();
        let line = format!("{WHOLE}\n");
        for cut in 1..WHOLE.len() {
            file.grow(&line[..cut]);
            assert_eq!((next(&mut reader), next(&mut reader)), (None, None));
            assert_eq!(reader.torn().unwrap().bytes, cut as u64);
            file.grow(&line[cut..]);
            assert_eq!((next(&mut reader).as_deref(), reader.torn()), (Some("Paid"), None));
        }
        assert_eq!(reader.position(), line.len() as u64 * (WHOLE.len() as u64 - 1));
    }

    #[test]
    fn a_line_feed_that_comes_late_is_no_line_of_its_own() {
        let (file, mut reader) = growing();
        file.grow(WHOLE);
        assert_eq!(next(&mut reader).as_deref(), Some("Paid"));
        file.grow("\n?\n");
        let told = next(&mut reader).unwrap();
        assert!(told.starts_with(&format!("line 2, at byte {}", WHOLE.len() + 1)), "{told}");
    }

    #[test]
    fn the_rest_of_a_line_that_is_too_long_is_no_line_of_its_own() {
        let (file, mut reader) = growing();
        file.grow(&"x".repeat(300));
        assert_eq!(next(&mut reader).as_deref(), Some("line 1, at byte 0, is longer than 200 bytes"));
        file.grow(&"x".repeat(300));
        assert_eq!((next(&mut reader), reader.position()), (None, 600));
        file.grow(&format!("x\n{WHOLE}\n?\n"));
        assert_eq!(next(&mut reader).as_deref(), Some("Paid"));
        let told = next(&mut reader).unwrap();
        assert!(told.starts_with(&format!("line 3, at byte {}", 602 + WHOLE.len() + 1)), "{told}");
    }

    #[test]
    fn a_whole_line_of_a_later_version_is_not_a_torn_one() {
        let (told, reader) = read("{\"v\":2}");
        assert_eq!((told.len(), reader.torn()), (1, None));
    }

    #[test]
    fn after_a_failure_of_the_disk_there_is_nothing_more() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let mut reader = Reader::new(BufReader::new(Broken));
        assert!(reader.next().unwrap().unwrap_err().is_fatal());
        assert!(reader.next().is_none());
    }

    #[test]
    fn bytes_that_are_no_text_are_told() {
        let told: Vec<_> = Reader::new(&b"\xff\n"[..]).map(|read| read.unwrap_err().to_string()).collect();
        assert_eq!(told, ["line 1, at byte 0: the line is not a record: it is not UTF-8"]);
    }

    #[test]
    fn only_runs_are_runs() {
        for (name, expected) in [
            ("run_20261125_160000_17.jsonl", true),
            ("run_20261125_160000_17.jsonl.gz", false),
            ("rerun_1.jsonl", false),
            ("notes.jsonl", false),
        ] {
            assert_eq!(is_run(name), expected, "{name}");
        }
    }
}
