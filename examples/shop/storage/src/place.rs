use std::{fmt, path::PathBuf, time::Duration};

use rusqlite::Connection;

/// How long a module waits for another one, or another process, to finish writing to the same file.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where data is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: each module has a database of its own, which ends with the program.
    Memory,
    /// In one file that all modules share.
    File(PathBuf),
}

/// A database could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the database {place}")]
pub struct OpenError {
    place: Place,
    #[source]
    cause: rusqlite::Error,
}

impl Place {
    pub(crate) fn connect(&self, schema: &str) -> Result<Connection, OpenError> {
        self.prepare(schema).map_err(|cause| OpenError { place: self.clone(), cause })
    }

    fn prepare(&self, schema: &str) -> rusqlite::Result<Connection> {
        let connection = match self {
            Place::Memory => Connection::open_in_memory()?,
            Place::File(path) => Connection::open(path)?,
        };
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL;")?;
        connection.execute_batch(schema)?;
        Ok(connection)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Memory => f.write_str("memory"),
            Place::File(path) => path.display().fmt(f),
        }
    }
}
