//! Runs that are old are removed.

use std::{io, time::SystemTime};

use super::super::reader::is_run;
use crate::files::Fs;

/// Leaves so many of the run files that were written last, and all that a store still writes. Nothing else is touched: no
/// link, no folder, no other name.
pub(super) fn remove_oldest(fs: &dyn Fs, keep: usize) -> io::Result<()> {
    let mut runs = runs(fs)?;
    runs.sort();
    let mut excess = runs.len().saturating_sub(keep);
    for (_, name) in &runs {
        if excess == 0 {
            break;
        }
        let is_gone = match fs.remove_unlocked(name) {
            // Another store was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            removed => removed?,
        };
        excess -= usize::from(is_gone);
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
