//! A folder of files that only this program's user may change: what stores of letters and of records are kept in.

mod disk;
mod folder;
#[cfg(test)]
pub(crate) mod sim;

use std::{io, path::PathBuf, time::SystemTime};

pub(crate) use self::{
    disk::Disk,
    folder::{FolderError, Missing},
};

/// One folder of files, so that a test can do with them what a disk does. Names are without a path.
pub(crate) trait Fs: Send + Sync + 'static {
    fn names(&self) -> io::Result<Vec<String>>;
    /// When the file was written last; `None` if it is a link, a folder or anything else that is not a plain file.
    fn modified(&self, name: &str) -> io::Result<Option<SystemTime>>;
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// A file that is not there yet.
    fn create(&self, name: &str) -> io::Result<Box<dyn Appender>>;
    /// Shortens the file to this length.
    fn cut(&self, name: &str, length: u64) -> io::Result<()>;
    /// Has what is in the file survive a power loss.
    fn sync(&self, name: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Removes the file, unless an [`Appender`] has it locked; whether it did.
    fn remove_unlocked(&self, name: &str) -> io::Result<bool>;
    /// Has the files that were created and removed survive a power loss as such.
    fn sync_folder(&self) -> io::Result<()>;
}

/// A file that grows at its end.
pub(crate) trait Appender: Send {
    /// Writes all of it, or fails having written any part of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Has what was written survive a power loss.
    fn sync(&mut self) -> io::Result<()>;
    /// Shortens the file to this length.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Keeps the file from [`Fs::remove_unlocked`] until this is dropped, whichever process asks for it; `false` if it is
    /// being removed. Where the system knows no such locks it keeps nobody, and is `true`.
    fn lock(&self) -> bool;
    /// Whether the file still has a name: what is written to one that was removed is lost.
    fn is_there(&self) -> io::Result<bool>;
}

/// Says what was being done to what, of an error of the system.
fn failed(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.into();
    move |source| FolderError::Io { doing, path, source }
}
