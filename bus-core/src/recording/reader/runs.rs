//! The files of a folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The files in `folder` that a [`JsonLineStore`](crate::recording::JsonLineStore) wrote, in the order in which they were begun.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("linkbus-{}", linkbus::Uuid::now_v7()));
/// # std::fs::create_dir(&folder)?;
/// let newest = linkbus::recording::runs(&folder)?.pop();
/// # assert!(newest.is_none());
/// # std::fs::remove_dir(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If the folder cannot be read.
pub fn runs(folder: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
    let mut runs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_run = entry.file_name().to_str().is_some_and(is_run) && entry.file_type()?.is_file();
        if is_run {
            runs.push(entry.path());
        }
    }
    runs.sort_by_cached_key(|path| numbered(path));
    Ok(runs)
}

/// The parts of a name such that a number with more digits is the greater one.
fn numbered(path: &Path) -> Vec<(usize, String)> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.split('_').map(|part| (part.len(), part.to_owned())).collect()
}

/// Whether a file with this name is one of a recording.
pub(in crate::recording) fn is_run(name: &str) -> bool {
    name.strip_prefix("run_").is_some_and(|rest| rest.strip_suffix(".jsonl").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_are_runs() {
        for (name, expected) in [
            ("run_20261125_160000_17.jsonl", true),
            ("run_20261125_160000_17.jsonl.gz", false),
            ("rerun_1.jsonl", false),
            ("notes.jsonl", false),
        ] {
            assert_eq!(is_run(name), expected, "{name}");
        }
    }
}
