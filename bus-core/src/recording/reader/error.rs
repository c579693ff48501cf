//! Why something was not read.

use std::{error::Error, fmt, io, path::PathBuf};

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
