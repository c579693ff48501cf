//! Why a store of lines cannot be opened.

use std::{error::Error, fmt, io, path::PathBuf};

use crate::files::FolderError;

/// Why a [`JsonLineStore`](super::JsonLineStore) cannot be opened.
///
/// ```
/// use linkbus::recording::{JsonLineStore, OpenError};
///
/// let refused = JsonLineStore::options().queue_records(0).open("recordings").unwrap_err();
/// assert!(matches!(refused, OpenError::Option { option: "queue_records", .. }));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// An option has a value that means nothing. Nothing was done.
    Option {
        /// The option.
        option: &'static str,
        /// What its value is, and what to write instead.
        problem: &'static str,
    },
    /// Somebody else could read or change what is kept there.
    Unsafe {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: &'static str,
    },
    /// The system refused.
    Io {
        /// What was being done: `create`, `sync` ...
        doing: &'static str,
        /// The folder, or one that it is in.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl From<FolderError> for OpenError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Locked { folder } => {
                OpenError::Unsafe { path: folder, problem: "another process has it open" }
            }
            FolderError::Unsafe { path, problem } => OpenError::Unsafe { path, problem },
            FolderError::Io { doing, path, source } => OpenError::Io { doing, path, source },
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Option { option, problem } => write!(f, "`{option}` cannot be {problem}"),
            OpenError::Unsafe { path, problem } => {
                write!(f, "recordings cannot be kept in `{}`: {problem}", path.display())
            }
            OpenError::Io { doing, path, .. } => write!(f, "cannot {doing} `{}`", path.display()),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            OpenError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
