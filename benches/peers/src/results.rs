//! What was measured, as it is kept between the programs.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Deserialize, Serialize};

/// Everything that was measured, and on what.
#[derive(Serialize, Deserialize)]
pub struct Results {
    /// Where and how.
    pub run: Run,
    /// For each peer, in the order of the tables.
    pub peers: Vec<PeerResults>,
}

/// Where and how it was measured.
#[derive(Serialize, Deserialize)]
pub struct Run {
    /// The processor, how many threads it runs at once, and the system.
    pub machine: String,
    /// As `rustc --version` says.
    pub compiler: String,
    /// How it was compiled.
    pub profile: String,
    /// The day, as year, month and day.
    pub date: String,
}

/// What one peer did.
#[derive(Serialize, Deserialize)]
pub struct PeerResults {
    /// Its name and version.
    pub peer: String,
    /// What it gives for the time.
    pub gives: String,
    /// By the name of the case.
    pub cases: BTreeMap<String, Figure>,
}

/// What became of one case; for each turn.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// It was done.
    Done {
        /// The median of criterion.
        nanoseconds: Option<f64>,
        /// Of callgrind.
        instructions: Option<f64>,
        /// Blocks of memory that were taken.
        blocks: Option<f64>,
    },
    /// It cannot be done, for this reason.
    Cannot(String),
}

impl Results {
    /// Reads what a program wrote.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
    }

    /// Writes it, and the folder if need be.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, serde_json::to_string_pretty(self)? + "\n")
    }
}
