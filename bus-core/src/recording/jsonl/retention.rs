//! Runs that are old are removed.

use std::{io, time::SystemTime};

use super::super::reader::is_run;
use crate::files::Fs;

/// Leaves so many of the run files that were written last. Nothing else is touched: no link, no folder, no other name.
pub(super) fn remove_oldest(fs: &dyn Fs, keep: usize) -> io::Result<()> {
    let mut runs = runs(fs)?;
    runs.sort();
    let excess = runs.len().saturating_sub(keep);
    for (_, name) in &runs[..excess] {
        match fs.remove(name) {
            // Another store was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    Ok(())
}

fn runs(fs: &dyn Fs) -> io::Result<Vec<(SystemTime, String)>> {
    let mut runs = Vec::new();
    for name in fs.names()?.into_iter().filter(|name| is_run(name)) {
        match fs.modified(&name) {
            Ok(Some(at)) => runs.push((at, name)),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(runs)
}
