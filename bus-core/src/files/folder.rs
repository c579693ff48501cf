//! A folder that nobody else may write in.

use std::{
    fs::{self, DirBuilder, File},
    io,
    path::{Path, PathBuf},
};

use super::failed;

/// Why a folder is not used.
pub(crate) enum FolderError {
    /// Another process has it, or another store of this one.
    Locked { folder: PathBuf },
    /// Somebody else could read or change what is kept there.
    Unsafe { path: PathBuf, problem: &'static str },
    /// The system refused.
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

/// What is made of a folder that is not there.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Missing {
    /// The folder, but not the one that it is in.
    Folder,
    /// The folder, and those that it is in.
    Parents,
}

/// Has the folder be there, and be safe. What is made is for nobody else.
pub(super) fn secure(folder: &Path, missing: Missing) -> Result<(), FolderError> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(folder, missing)?,
        Err(error) => return Err(failed("look at", folder)(error)),
        Ok(_) => {}
    }
    let metadata = fs::symlink_metadata(folder).map_err(failed("look at", folder))?;
    check(folder, &metadata)
}

fn make(folder: &Path, missing: Missing) -> Result<(), FolderError> {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if missing == Missing::Parents && !above.exists() {
        make(above, missing)?;
    }
    match make_one(folder) {
        // Another process was quicker; whether it made a safe folder is looked at after this.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(failed("create", folder)),
    }?;
    sync(above).map_err(failed("sync", above))
}

fn check(folder: &Path, metadata: &fs::Metadata) -> Result<(), FolderError> {
    let problem = if metadata.is_symlink() {
        "it is a link: name the folder itself"
    } else if !metadata.is_dir() {
        "it is not a folder"
    } else if is_writable_by_others(metadata) {
        "others may write in it: take that away with `chmod go-w`"
    } else {
        return Ok(());
    };
    Err(FolderError::Unsafe { path: folder.to_owned(), problem })
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
fn make_one(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    DirBuilder::new().mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_one(folder: &Path) -> io::Result<()> {
    DirBuilder::new().create(folder)
}

#[cfg(unix)]
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A folder cannot be synced there; its entries are journalled.
#[cfg(not(unix))]
pub(super) fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}
