//! Where records go: the port.

use std::{error::Error, fmt, io, sync::Arc, time::Duration};

use super::Record;

/// Where records are kept. Implement it to keep them somewhere else than in memory or in files.
///
/// [`append`](Self::append) is called at the end of every dispatch, on its thread: it must not wait for a disk or a network.
/// Errors and panics of it are logged and counted and go no further.
///
/// ```
/// use linkbus::{Command, SyncBus, recording::{Record, Recording, RecordStore, StoreError}};
/// # #[derive(Command, serde::Serialize)]
/// # struct Pay;
///
/// /// Prints a line for each.
/// struct Print;
///
/// impl RecordStore for Print {
///     fn append(&self, record: Record) -> Result<(), StoreError> {
///         println!("{} {} in {:?}", record.message, record.ended, record.duration);
///         Ok(())
///     }
/// }
///
/// SyncBus::empty().command(|_: Pay| ()).layer(Recording::new(Print)).build().unwrap().execute(Pay).unwrap();
/// ```
pub trait RecordStore: Send + Sync + 'static {
    /// Takes `record`, at once. A store that is full makes room by dropping the oldest record, and counts it.
    fn append(&self, record: Record) -> Result<(), StoreError>;

    /// How many records were dropped: because the store was full or closed, or because they could not be kept.
    fn dropped(&self) -> u64 {
        0
    }

    /// Has everything that was taken be where it is kept, and takes no more. Further calls do nothing.
    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl<S: RecordStore + ?Sized> RecordStore for Arc<S> {
    fn append(&self, record: Record) -> Result<(), StoreError> {
        (**self).append(record)
    }

    fn dropped(&self) -> u64 {
        (**self).dropped()
    }

    fn close(&self) -> Result<(), StoreError> {
        (**self).close()
    }
}

/// Why a store did not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// It was closed before.
    Closed,
    /// Not everything was written within the time that closing or flushing may take.
    OutOfTime {
        /// How long that is.
        limit: Duration,
        /// How many records were not written.
        unwritten: usize,
    },
    /// The disk, or whatever it writes to, failed.
    Io(io::Error),
    /// Anything else, in words.
    Other(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Closed => f.write_str("the store of the recording is closed"),
            StoreError::OutOfTime { limit, unwritten } => {
                write!(f, "{unwritten} records were not written within {limit:?}")
            }
            StoreError::Io(_) => f.write_str("the recording could not be written"),
            StoreError::Other(problem) => f.write_str(problem),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StoreError::Io(error) => Some(error),
            _ => None,
        }
    }
}
