//! Why something was not read.

use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
};

use super::super::LineError;

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

impl ReadError {
    /// Whether there is nothing more to come.
    pub fn is_fatal(&self) -> bool {
        matches!(self, ReadError::Io { .. })
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io { path: Some(path), source } => {
                write!(f, "`{}` cannot be read", path.display())?;
                hint(path, source).map_or(Ok(()), |hint| write!(f, ": {hint}"))
            }
            ReadError::Io { path: None, .. } => f.write_str("the recording cannot be read"),
            ReadError::Line { offset, number, source } => write!(f, "line {number}, at byte {offset}: {source}"),
            ReadError::TooLong { offset, number, limit } => {
                write!(f, "line {number}, at byte {offset}, is longer than {limit} bytes")
            }
        }
    }
}

/// What to do, where the words of the system leave it open.
fn hint(path: &Path, source: &io::Error) -> Option<&'static str> {
    match source.kind() {
        _ if path.as_os_str().is_empty() => Some("its name is empty, name a file such as run_1.jsonl"),
        io::ErrorKind::IsADirectory => Some("it is a folder, open one of its `runs`, of which the last is the newest"),
        io::ErrorKind::NotADirectory => Some("a part of its path is a file and no folder, check the path"),
        io::ErrorKind::NotFound => Some("check its name, and from which folder it is looked for"),
        io::ErrorKind::PermissionDenied => Some("read it as the user who recorded it"),
        _ => None,
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
