//! The few things that are done with files, so that a test can do them differently.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use super::OpenError;

/// One folder of files. Names are without a path.
pub(super) trait Fs: Send + Sync + 'static {
    fn names(&self) -> io::Result<Vec<String>>;
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// A file that is not there yet.
    fn create(&self, name: &str) -> io::Result<Box<dyn Appender>>;
    /// Shortens the file to this length.
    fn cut(&self, name: &str, length: u64) -> io::Result<()>;
    /// Has what is in the file survive a power loss.
    fn sync(&self, name: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Has the files that were created and removed survive a power loss as such.
    fn sync_folder(&self) -> io::Result<()>;
}

/// A file that grows at its end.
pub(super) trait Appender: Send {
    /// Writes all of it, or fails having written any part of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Has what was written survive a power loss.
    fn sync(&mut self) -> io::Result<()>;
    /// Shortens the file to this length.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// A folder on a disk, of which this process has the lock.
pub(super) struct Disk {
    folder: PathBuf,
    /// Unlocked when it is dropped.
    _lock: File,
}

/// The name of the file that is locked.
const LOCK: &str = "lock";

impl Disk {
    /// The folder, made if it is not there, and locked against other processes.
    pub(super) fn open(folder: &Path) -> Result<Self, OpenError> {
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { doing, path, source }
        };
        match fs::symlink_metadata(folder) {
            Ok(metadata) => check_folder(folder, &metadata)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(folder).map_err(failed("create", folder))?;
                let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
                sync_folder(above).map_err(failed("sync", above))?;
            }
            Err(error) => return Err(failed("look at", folder)(error)),
        }
        let path = folder.join(LOCK);
        refuse_link(&path)?;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let lock = private(&mut options).open(&path).map_err(failed("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Disk { folder: folder.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { folder: folder.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed("lock", &path)(source)),
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

    fn sync_folder(&self) -> io::Result<()> {
        sync_folder(&self.folder)
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
}

fn refuse_link(path: &Path) -> Result<(), OpenError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            Err(OpenError::Unsafe { path: path.to_owned(), problem: "it is not a plain file" })
        }
        _ => Ok(()),
    }
}

fn check_folder(folder: &Path, metadata: &fs::Metadata) -> Result<(), OpenError> {
    let problem = if metadata.is_symlink() {
        "it is a link: name the folder itself"
    } else if !metadata.is_dir() {
        "it is not a folder"
    } else if is_writable_by_others(metadata) {
        "others may write in it: take that away with `chmod go-w`"
    } else {
        return Ok(());
    };
    Err(OpenError::Unsafe { path: folder.to_owned(), problem })
}

#[cfg(unix)]
fn is_writable_by_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o022 != 0
}

#[cfg(not(unix))]
fn is_writable_by_others(_: &fs::Metadata) -> bool {
    false
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    DirBuilder::new().mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().create(folder)
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

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A folder cannot be synced there; its entries are journalled.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
