//! A folder on a disk.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    Appender, FolderError, Fs, Missing, failed,
    folder::{secure, sync},
};

/// A folder on a disk.
pub(crate) struct Disk {
    folder: PathBuf,
    /// Unlocked when it is dropped.
    _lock: Option<File>,
}

/// The name of the file that is locked.
const LOCK: &str = "lock";

impl Disk {
    /// The folder, made if it is not there.
    pub(crate) fn open(folder: &Path, missing: Missing) -> Result<Self, FolderError> {
        secure(folder, missing)?;
        Ok(Disk { folder: folder.to_owned(), _lock: None })
    }

    /// The folder, locked against other processes.
    pub(crate) fn locked(self) -> Result<Self, FolderError> {
        let path = self.folder.join(LOCK);
        refuse_link(&path)?;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let lock = private(&mut options).open(&path).map_err(failed("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Disk { _lock: Some(lock), ..self }),
            Err(TryLockError::WouldBlock) => Err(FolderError::Locked { folder: self.folder }),
            Err(TryLockError::Error(source)) => Err(failed("lock", path)(source)),
        }
    }

    /// The path of a file, which is not to lead out of the folder.
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if !metadata.is_file() => Err(io::Error::other("it is not a plain file")),
            _ => Ok(path),
        }
    }
}

impl Fs for Disk {
    fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.folder)?;
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
        names.collect()
    }

    fn modified(&self, name: &str) -> io::Result<Option<SystemTime>> {
        let metadata = fs::symlink_metadata(self.folder.join(name))?;
        if metadata.is_file() { metadata.modified().map(Some) } else { Ok(None) }
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path(name)?)
    }

    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(name)?)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Appender>> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        Ok(Box::new(private(&mut options).open(self.folder.join(name))?))
    }

    fn cut(&self, name: &str, length: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path(name)?)?.set_len(length)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path(name)?)?.sync_data()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn remove_unlocked(&self, name: &str) -> io::Result<bool> {
        let path = self.path(name)?;
        // Held until it is removed. One that cannot be opened is nobody's that could open this folder.
        let file = File::open(&path);
        if file.as_ref().is_ok_and(|file| !is_locked_for_us(file)) {
            return Ok(false);
        }
        fs::remove_file(path).map(|()| true)
    }

    fn sync_folder(&self) -> io::Result<()> {
        sync(&self.folder)
    }
}

impl Appender for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn lock(&self) -> bool {
        is_locked_for_us(self)
    }

    fn is_there(&self) -> io::Result<bool> {
        self.metadata().map(|metadata| has_name(&metadata))
    }
}

/// Locks the file if nobody else has, and the system can.
#[cfg(unix)]
fn is_locked_for_us(file: &File) -> bool {
    !matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// A lock would keep those out who read the file.
#[cfg(not(unix))]
fn is_locked_for_us(_: &File) -> bool {
    true
}

#[cfg(unix)]
fn has_name(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.nlink() > 0
}

#[cfg(not(unix))]
fn has_name(_: &fs::Metadata) -> bool {
    true
}

fn refuse_link(path: &Path) -> Result<(), FolderError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            Err(FolderError::Unsafe { path: path.to_owned(), problem: "it is not a plain file" })
        }
        _ => Ok(()),
    }
}

/// Of files that are created: for nobody else.
#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}
