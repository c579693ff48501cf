//! The folder of a socket, which nobody else may use.

use std::{
    env, fs,
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::{
        fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
        net::UnixStream,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    process::geteuid,
};

use crate::error::OpenError;

/// The folder for the sockets of this user.
pub(super) fn of_this_user() -> PathBuf {
    match env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute()) {
        Some(folder) => folder.join("linkbus"),
        None => PathBuf::from(format!("/tmp/linkbus-{}", geteuid().as_raw())),
    }
}

/// Makes the folder if it is not there, and looks whether others could use it.
pub(super) fn check(folder: &Path, fault: impl Fn(io::Error) -> OpenError) -> Result<(), OpenError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fault(error)),
        _ => {}
    }
    // Not `metadata`, which would look where a link points to.
    let found = fs::symlink_metadata(folder).map_err(fault)?;
    let problem = if found.is_symlink() {
        "it is a symbolic link: name the folder itself"
    } else if !found.is_dir() {
        "it is no folder"
    } else if found.uid() != geteuid().as_raw() {
        "it belongs to another user: take a folder of your own"
    } else if found.mode() & 0o077 != 0 {
        "others may use it: `chmod 700` it, or name a folder in it that is not there yet"
    } else {
        return Ok(());
    };
    Err(OpenError::Folder { folder: folder.to_owned(), problem })
}

/// Removes the socket of a hub that is no more. The caller has the [`Lock`]; who has none and listens all the same is no hub of ours.
fn remove_stale(path: &Path, fault: impl Fn(io::Error) -> OpenError) -> Result<(), OpenError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(fault(error)),
        Ok(found) if found.file_type().is_socket() && found.uid() == geteuid().as_raw() => {
            if UnixStream::connect(path).is_ok() {
                return Err(OpenError::InUse { path: path.to_owned() });
            }
            fs::remove_file(path).map_err(fault)
        }
        Ok(_) => Err(OpenError::Occupied { path: path.to_owned() }),
    }
}

/// Only this user may connect.
pub(super) fn protect(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o600))
}

/// The place of a socket, at which nobody else is. Nothing is left of it when it is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// Removed first: while the lock is held, it is ours.
    _socket: Removed,
    _lock: Lock,
}

impl Reserved {
    /// The place of this socket; `None` if another hub has it.
    pub(super) fn take(socket: &Path, fault: impl Fn(io::Error) -> OpenError) -> Result<Option<Self>, OpenError> {
        let Some(lock) = Lock::take(socket).map_err(&fault)? else { return Ok(None) };
        remove_stale(socket, fault)?;
        Ok(Some(Reserved { _socket: Removed(socket.to_owned()), _lock: lock }))
    }
}

/// That a hub is the only one at a path. Given up when it is dropped, or when the process ends.
#[derive(Debug)]
struct Lock {
    /// Removed first: who opens it then has another one.
    _path: Removed,
    _file: File,
}

impl Lock {
    /// The lock for this socket; `None` if another hub has it.
    fn take(socket: &Path) -> io::Result<Option<Self>> {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        loop {
            let flags = OFlags::NOFOLLOW.bits().cast_signed();
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(flags)
                .open(&path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
                locked => locked?,
            }
            // Who had it before may have removed the file meanwhile.
            if fs::symlink_metadata(&path).is_ok_and(|found| is_same(&found, &file)) {
                return Ok(Some(Lock { _file: file, _path: Removed(path) }));
            }
        }
    }
}

fn is_same(found: &fs::Metadata, file: &File) -> bool {
    file.metadata().is_ok_and(|held| (held.dev(), held.ino()) == (found.dev(), found.ino()))
}

/// A file that is removed when this is dropped.
#[derive(Debug)]
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(target: "linkbus", path = %self.0.display(), %error, "a file of the hub is left behind");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_that_was_removed_meanwhile_is_not_the_one_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bus.lock");
        let held = File::create(&path).unwrap();
        let found = || fs::symlink_metadata(&path).unwrap();
        assert!(is_same(&found(), &held));
        fs::remove_file(&path).unwrap();
        File::create(&path).unwrap();
        assert!(!is_same(&found(), &held));
    }
}
