//! What was measured, as it is kept between the programs.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What one program measured: linkbus is in two, one of them with its feature `strict-link`.
#[derive(Serialize, Deserialize)]
pub struct Results {
    /// Where and how.
    pub run: Run,
    /// A function that is called, which the others are measured by.
    pub baseline: PeerResults,
    /// This library, with each of its buses.
    pub linkbus: Vec<PeerResults>,
    /// What else could be used, in the order of the tables.
    pub rivals: Vec<PeerResults>,
}

/// Everything that was measured.
#[derive(Serialize, Deserialize)]
pub struct Comparison {
    /// As cargo builds it by itself.
    pub plain: Results,
    /// With the feature `strict-link`.
    pub strict: Results,
    /// The Python reference.
    pub reference: PeerResults,
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
    /// The commit of linkbus, and whether the files were as it has them.
    pub commit: String,
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

/// What became of one case.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// It was done.
    Done(Done),
    /// It cannot be done, for this reason.
    Cannot(String),
    /// It could be done, or nearly, and was not tried, for this reason.
    NotAsked(String),
}

/// What a turn takes, as far as it was measured; with callers, a turn of each.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct Done {
    /// Of criterion.
    pub nanoseconds: Option<Interval>,
    /// Of callgrind.
    pub instructions: Option<f64>,
    /// Blocks of memory that were taken.
    pub blocks: Option<f64>,
}

/// A median, and between what it is with a confidence of 95 %.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Interval {
    /// Of the samples.
    pub median: f64,
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

impl Figure {
    /// What was measured, if anything was.
    pub fn done(&self) -> Option<Done> {
        if let Figure::Done(done) = self { Some(*done) } else { None }
    }
}

/// Reads what a program wrote.
///
/// # Errors
/// If the file cannot be read, or has something else in it.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

/// Writes it, and the folder if need be.
///
/// # Errors
/// If the folder or the file cannot be written.
pub fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, serde_json::to_string_pretty(value)? + "\n")
}
