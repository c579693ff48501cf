//! What can go wrong, other than in an answer to the bus.

use std::{io, path::PathBuf};

/// An inbox was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be made or opened.
    #[error("cannot open `{}`", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// SQLite cannot use the file.
    #[error("cannot use `{}` as an inbox", file.display())]
    Sqlite {
        /// Which file.
        file: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Its tables were made by a later version of this crate.
    #[error(
        "the inbox in `{}` is of version {found}, and this program knows version {known}: use the version of `bus-sqlite` \
         that made it, or a later one",
        file.display()
    )]
    Newer {
        /// Which file.
        file: PathBuf,
        /// The version of its tables.
        found: i64,
        /// The version that is known here.
        known: i64,
    },
    /// There is no thread for it.
    #[error("cannot start the thread of the inbox")]
    Thread(#[source] io::Error),
}

/// A message was not marked as done: roll the transaction back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompleteError {
    /// The handler was not called through this inbox.
    #[error("no claim for `{message}`: put `.layer(Inbox::new(inbox.clone()))` around it, with the same inbox")]
    NotClaimed {
        /// The wire name of the message.
        message: &'static str,
    },
    /// The claim ran out while this process was stopped, and somebody else has it, or had it.
    #[error("the claim of `{message}` was taken over: roll back, it is handled elsewhere")]
    Fenced {
        /// The wire name of the message.
        message: &'static str,
    },
    /// SQLite failed.
    #[error("cannot mark the message as done")]
    Sqlite(#[from] rusqlite::Error),
}
