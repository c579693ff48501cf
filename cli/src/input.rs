//! Files, folders and the standard input.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use linkbus::recording::runs;

use crate::{failure::Failure, follow::Following, output::tell, progress};

/// How much is read at once.
const CHUNK: usize = 256 << 10;

/// Something to read records from.
pub(crate) struct Input {
    /// What messages call it.
    pub(crate) name: String,
    pub(crate) bytes: BufReader<Box<dyn Read>>,
}

/// How a file is read.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    /// Up to its end.
    Quiet,
    /// Up to its end, with a progress bar if it is long.
    Watched,
    /// As it grows.
    Followed,
}

impl Input {
    /// `path` is a file, a folder for its newest run, or `-`.
    pub(crate) fn open(path: &Path, manner: Manner) -> Result<Self, Failure> {
        if is_stdin(path) {
            return Ok(Input::new("standard input".to_owned(), Box::new(io::stdin())));
        }
        let path = newest_run(path)?;
        let file = File::open(&path).map_err(|source| Failure::unreadable(&path, source))?;
        let bytes: Box<dyn Read> = match manner {
            Manner::Quiet => Box::new(file),
            Manner::Watched => progress::shown(file),
            Manner::Followed => Box::new(Following::new(file)),
        };
        Ok(Input::new(path.display().to_string(), bytes))
    }

    fn new(name: String, bytes: Box<dyn Read>) -> Self {
        Input { name, bytes: BufReader::with_capacity(CHUNK, bytes) }
    }
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn newest_run(path: &Path) -> Result<PathBuf, Failure> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let runs = runs(path).map_err(|source| Failure::unreadable(path, source))?;
    let newest = runs.into_iter().next_back().ok_or_else(|| Failure::NoRun { folder: path.to_owned() })?;
    tell(&format!("reading {}", newest.display()));
    Ok(newest)
}
