//! How a store of lines is.

use std::{io, sync::Arc};

/// How a [`JsonLineStore`](super::JsonLineStore) is, and what it did since it was opened.
///
/// What was offered to it is `written + dropped + queued`, at every moment.
///
/// ```
/// use linkbus::recording::JsonLineStore;
///
/// # let folder = std::env::temp_dir().join(format!("linkbus-{}", linkbus::Uuid::now_v7()));
/// let store = JsonLineStore::open(&folder)?;
/// let health = store.health();
/// assert!(health.is_working());
/// assert_eq!((health.written, health.dropped, health.queued), (0, 0, 0));
/// # drop(store);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JsonLineHealth {
    /// Why the last write or sync failed; `None` if it did not. It is tried again by itself.
    pub error: Option<Arc<io::Error>>,
    /// How many records are in files.
    pub written: u64,
    /// How many records are lost: what waited was full, they could not be made JSON, or the store was closed.
    pub dropped: u64,
    /// How many records wait to be written, or are being written.
    pub queued: usize,
    /// How many of the written records may not be there: a power loss may take them because syncing their file failed, or
    /// somebody removed the file while it was written.
    pub unsure: u64,
    /// How many files it stopped to write because writing or syncing them failed, or because somebody removed
    /// them.
    pub abandoned_files: u64,
}

impl JsonLineHealth {
    /// Whether the last write and the last sync succeeded.
    pub fn is_working(&self) -> bool {
        self.error.is_none()
    }
}
