//! What one process of the tests wrote.

use std::{fs::File, io::Read as _, path::Path};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The version that is read.
const VERSION: u64 = 1;
/// 10,000 handlers take less: 64 MiB.
const LARGEST: u64 = 64 << 20;

#[derive(Deserialize)]
pub(super) struct CoverageFile {
    #[serde(rename = "linkbus_coverage")]
    version: u64,
    /// How many handlers there was no room for.
    pub(super) left_out: u64,
    pub(super) handlers: Vec<Covered>,
}

/// One handler, and what became of it.
#[derive(Deserialize, Serialize)]
pub(super) struct Covered {
    pub(super) handler: String,
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) ran: bool,
    pub(super) failed: bool,
    /// `None` if no retry is around it.
    pub(super) retried: Option<bool>,
}

impl CoverageFile {
    /// What is in the file, or why that cannot be made out.
    pub(super) fn read(path: &Path) -> Result<Result<Self, String>, Failure> {
        let unreadable = |source| Failure::unreadable(path, source);
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > LARGEST {
            return Ok(Err(format!("it is longer than {LARGEST} bytes")));
        }
        Ok(CoverageFile::parse(&bytes))
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file: CoverageFile =
            serde_json::from_slice(bytes).map_err(|error| format!("it is no coverage: {error}"))?;
        match file.version {
            VERSION => Ok(file),
            other => Err(format!("it is coverage of version {other}, and version {VERSION} is read")),
        }
    }
}

impl Covered {
    /// Adds what another process has done with the same handler.
    pub(super) fn add(&mut self, other: &Covered) {
        self.ran |= other.ran;
        self.failed |= other.failed;
        self.retried = match (self.retried, other.retried) {
            (Some(one), Some(other)) => Some(one | other),
            (one, other) => one.or(other),
        };
    }
}
