//! `linkbus coverage`

mod file;
mod json;
mod text;

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use self::file::{CoverageFile, Covered};
use crate::{failure::Failure, options::Coverage, output};

pub(crate) fn run(options: &Coverage) -> Result<bool, Failure> {
    let merged = Merged::of(&options.folder)?;
    let shown = if options.is_json { json::of(&merged) } else { text::of(&merged) };
    let mut out = output::stdout(false);
    out.write_all(shown.as_bytes())?;
    out.flush()?;
    Ok(merged.is_clean())
}

/// What tells handlers apart: file, line, handler and message.
type Identity = (String, u64, String, String);

/// What all processes together have covered, by file and line.
#[derive(Default)]
struct Merged {
    handlers: BTreeMap<Identity, Covered>,
    /// How many files were read.
    processes: u64,
    /// How many could not be made out.
    damaged: u64,
    left_out: u64,
}

impl Merged {
    fn of(folder: &Path) -> Result<Self, Failure> {
        let mut merged = Merged::default();
        for path in files(folder)? {
            match CoverageFile::read(&path)? {
                Ok(file) => merged.add(file),
                Err(why) => {
                    merged.damaged += 1;
                    output::tell(&format!("{}: {why}", path.display()));
                }
            }
        }
        if merged.processes + merged.damaged == 0 {
            return Err(Failure::NoCoverage { folder: folder.to_owned() });
        }
        Ok(merged)
    }

    fn add(&mut self, file: CoverageFile) {
        self.processes += 1;
        self.left_out += file.left_out;
        for covered in file.handlers {
            let (file, handler, message) = (covered.file.clone(), covered.handler.clone(), covered.message.clone());
            match self.handlers.entry((file, covered.line, handler, message)) {
                std::collections::btree_map::Entry::Vacant(place) => _ = place.insert(covered),
                std::collections::btree_map::Entry::Occupied(mut place) => place.get_mut().add(&covered),
            }
        }
    }

    fn never_ran(&self) -> impl Iterator<Item = &Covered> {
        self.handlers.values().filter(|covered| !covered.ran)
    }

    fn never_failed(&self) -> impl Iterator<Item = &Covered> {
        self.handlers.values().filter(|covered| covered.ran && !covered.failed)
    }

    fn never_retried(&self) -> impl Iterator<Item = &Covered> {
        self.handlers.values().filter(|covered| covered.ran && covered.retried == Some(false))
    }

    fn is_clean(&self) -> bool {
        self.damaged == 0 && self.left_out == 0 && self.never_ran().next().is_none()
    }
}

/// The files of the folder that hold coverage, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |source| Failure::unreadable(folder, source);
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let is_coverage = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("coverage_") && path.extension().is_some_and(|extension| extension == "json")
    };
    let mut files: Vec<_> = paths.into_iter().filter(is_coverage).collect();
    files.sort();
    Ok(files)
}
