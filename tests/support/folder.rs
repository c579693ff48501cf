//! A folder of a test's own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use linkbus::Uuid;

/// Removed when the test is over.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// One that is not there yet.
    pub(crate) fn new() -> Self {
        Folder(Path::new(env!("CARGO_TARGET_TMPDIR")).join(Uuid::now_v7().to_string()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
