//! Files, folders and the standard input.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use crate::{failure::Failure, follow::Following, output::tell, progress, runs::Runs};

/// How much is read at once.
const CHUNK: usize = 256 << 10;

/// Something to read records from.
pub(crate) struct Input {
    /// What messages call it.
    pub(crate) name: String,
    pub(crate) bytes: BufReader<Box<dyn Read>>,
    /// What comes after it, if it is a run of a folder that is followed.
    pub(crate) later: Option<Runs>,
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
            return Ok(Input::new("standard input".to_owned(), Box::new(io::stdin()), None));
        }
        if !path.is_dir() {
            return Input::file(path, manner, None);
        }
        let (runs, newest) = Runs::of(path)?;
        Input::run(&newest, manner, runs)
    }

    /// The run that was begun after the one that was followed last, if there is one.
    pub(crate) fn next_of(mut runs: Runs) -> Result<Option<Self>, Failure> {
        let Some(next) = runs.advance()? else { return Ok(None) };
        Input::run(&next, Manner::Followed, runs).map(Some)
    }

    fn run(path: &Path, manner: Manner, runs: Runs) -> Result<Self, Failure> {
        tell(&format!("reading {}", path.display()));
        Input::file(path, manner, Some(runs))
    }

    fn file(path: &Path, manner: Manner, runs: Option<Runs>) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|source| Failure::unreadable(path, source))?;
        let name = path.display().to_string();
        Ok(match manner {
            Manner::Quiet => Input::new(name, Box::new(file), None),
            Manner::Watched => Input::new(name, progress::shown(file), None),
            Manner::Followed => Input::new(name, Box::new(Following::new(file, runs.clone())), runs),
        })
    }

    fn new(name: String, bytes: Box<dyn Read>, later: Option<Runs>) -> Self {
        Input { name, bytes: BufReader::with_capacity(CHUNK, bytes), later }
    }
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
