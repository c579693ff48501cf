//! `linkbus recordings ls`

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use indicatif::HumanBytes;
use linkbus::recording::{Filter, runs};

use crate::{
    display::{visible, visible_json},
    failure::Failure,
    input::Manner,
    options::Ls,
    output,
    reading::Reading,
    time,
};

pub(crate) fn run(options: &Ls) -> Result<bool, Failure> {
    let runs = runs_of(&options.folder)?;
    if runs.is_empty() {
        output::tell(&Failure::NoRun { folder: options.folder.clone() }.to_string());
    }
    let mut out = output::stdout(true);
    let mut is_clean = true;
    for path in &runs {
        let run = if options.counts { Run::count(path) } else { Run::peek(path) }?;
        writeln!(out, "{}", if options.is_json { run.json(path) } else { run.line(path) })?;
        is_clean &= run.is_clean;
    }
    Ok(is_clean)
}

fn runs_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    if folder.is_file() {
        return Err(Failure::NoFolder { path: folder.to_owned() });
    }
    runs(folder).map_err(|source| Failure::unreadable(folder, source))
}

struct Run {
    bytes: u64,
    /// When its first record began.
    first: Option<SystemTime>,
    records: Option<u64>,
    is_clean: bool,
}

impl Run {
    /// Reads the first record.
    fn peek(path: &Path) -> Result<Self, Failure> {
        let mut records = Reading::open(path, Manner::Quiet, Filter::any())?;
        let first = records.next_with(|record| record.at)?;
        Ok(Run { bytes: size(path)?, first, records: None, is_clean: true })
    }

    /// Reads all records.
    fn count(path: &Path) -> Result<Self, Failure> {
        let mut records = Reading::open(path, Manner::Watched, Filter::any())?;
        let (mut first, mut count) = (None, 0);
        records.for_each(|record| {
            first.get_or_insert(record.at);
            count += 1;
        })?;
        let is_clean = records.finish().is_clean();
        Ok(Run { bytes: size(path)?, first, records: Some(count), is_clean })
    }

    fn json(&self, path: &Path) -> String {
        let value = serde_json::json!({
            "path": path.to_string_lossy(),
            "bytes": self.bytes,
            "records": self.records,
            "first": self.first.map(|at| time::exact(at).to_string()),
        });
        visible_json(&value.to_string()).into_owned()
    }

    fn line(&self, path: &Path) -> String {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let count = self.records.map_or(String::new(), |count| format!("  {count:>9} records"));
        let first = self.first.map_or("no records".to_owned(), |at| time::exact(at).to_string());
        format!("{:<32}  {:>10}{count}  {first}", visible(&name), HumanBytes(self.bytes).to_string())
    }
}

fn size(path: &Path) -> Result<u64, Failure> {
    Ok(fs::metadata(path).map_err(|source| Failure::unreadable(path, source))?.len())
}
