//! The coverage of one process, where others find it.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};

use super::{CoverageReport, HandlerCoverage};
use crate::{handler::HandlerFacts, recording::HandlerName};

/// A file of its own for each process; the name is taken by nobody else.
#[derive(Debug)]
pub(super) struct CoverageFile {
    folder: PathBuf,
    name: String,
    /// Held while it is written.
    writer: Mutex<Writer>,
}

#[derive(Debug, Default)]
struct Writer {
    /// What is there.
    written: Vec<u8>,
    /// It was said that it cannot be written.
    is_told: bool,
}

impl CoverageFile {
    pub(super) fn new(folder: PathBuf) -> Self {
        let name = format!("coverage_{}.json", crate::id::new());
        CoverageFile { folder, name, writer: Mutex::default() }
    }

    /// Writes what is new in the report. If that fails it is said once, and the tests go on.
    pub(super) fn write(&self, report: impl FnOnce() -> CoverageReport) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked for under the lock, so that an older one does not replace a newer one.
        let bytes = text(&report()).into_bytes();
        if bytes == writer.written {
            return;
        }
        match self.put(&bytes) {
            Ok(()) => writer.written = bytes,
            Err(error) if !writer.is_told => {
                writer.is_told = true;
                eprintln!("linkbus: the coverage cannot be written to `{}`: {error}", self.folder.display());
            }
            Err(_) => {}
        }
    }

    /// All of it or nothing.
    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let unfinished = self.folder.join(format!(".{}", self.name));
        fs::write(&unfinished, bytes)?;
        fs::rename(&unfinished, self.folder.join(&self.name))
    }
}

fn text(report: &CoverageReport) -> String {
    let handlers: Vec<_> = report.handlers.iter().map(line).collect();
    json!({ "linkbus_coverage": 1, "left_out": report.left_out, "handlers": handlers }).to_string()
}

/// Whether, not how often: it is written when one of these becomes true.
fn line(coverage: &HandlerCoverage) -> Value {
    let HandlerFacts { message, location, .. } = coverage.handler;
    json!({
        "handler": HandlerName::of(&coverage.handler).to_string(),
        "kind": message.kind.label(),
        "message": message.name,
        "file": location.file,
        "line": location.line,
        "ran": coverage.ran > 0,
        "failed": coverage.failed > 0,
        "retried": coverage.retried.map(|retried| retried > 0),
    })
}
