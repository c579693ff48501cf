//! The runs of a folder, one after the other, as they are begun.

use std::{
    io,
    path::{Path, PathBuf},
};

use linkbus::recording::runs;

use crate::failure::Failure;

/// Where runs were followed up to.
#[derive(Clone)]
pub(crate) struct Runs {
    folder: PathBuf,
    /// Those that are there and are not to come.
    known: Vec<PathBuf>,
}

impl Runs {
    /// With all that are there; their newest.
    pub(crate) fn of(folder: &Path) -> Result<(Self, PathBuf), Failure> {
        let known = runs(folder).map_err(|source| Failure::unreadable(folder, source))?;
        let newest = known.last().cloned().ok_or_else(|| Failure::NoRun { folder: folder.to_owned() })?;
        Ok((Runs { folder: folder.to_owned(), known }, newest))
    }

    /// Whether another was begun.
    pub(crate) fn has_next(&self) -> io::Result<bool> {
        Ok(runs(&self.folder)?.iter().any(|run| !self.known.contains(run)))
    }

    /// Goes on to the next, if another was begun.
    pub(crate) fn advance(&mut self) -> Result<Option<PathBuf>, Failure> {
        let mut there = runs(&self.folder).map_err(|source| Failure::unreadable(&self.folder, source))?;
        let next = there.iter().find(|run| !self.known.contains(run)).cloned();
        // What the writer has removed need not be remembered.
        there.retain(|run| self.known.contains(run) || next.as_ref() == Some(run));
        self.known = there;
        Ok(next)
    }
}
