//! `cargo xtask bench`: the figures that are the same on a busy machine, and what layers cost, as Markdown tables.

use crate::command::{CommandLine, run_all};
use crate::step::Outcome;

/// The programs of the benches package that print tables; `cargo bench -p linkbus-benches` is the one that times.
const PROGRAMS: &[&str] = &["instructions", "layers --all-features", "letters", "records", "at_scale"];

pub(crate) fn run() -> Outcome {
    let run = |program: &&str| CommandLine::cargo(&format!("run --release -p linkbus-benches --bin {program}"));
    run_all(PROGRAMS.iter().map(run))
}
