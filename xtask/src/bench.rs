//! `cargo xtask bench`: linkbus beside its peers, what a dispatch and layers cost, and the figures that the step
//! `instructions` compares with.

mod build;
mod kept;
mod peers;
mod profiles;

use crate::args::Bench;
use crate::command::{CommandLine, run_all};
use crate::instructions;
use crate::step::Outcome;

/// The programs of the benches package that print tables; `cargo bench -p linkbus-benches` is the one that times.
const PROGRAMS: &[&str] = &["instructions", "layers --features metrics,tower", "letters", "records", "at_scale"];

pub(crate) fn run(what: &Bench) -> Outcome {
    match what {
        Bench::Peers(care) => peers::run(care),
        Bench::Count => run_all(PROGRAMS.iter().map(|name| program(name))),
        Bench::Profiles => profiles::run(),
        Bench::Build => build::run(),
        Bench::Accept => instructions::accept(),
    }
}

fn program(name: &str) -> CommandLine {
    CommandLine::cargo(&format!("run --release -p linkbus-benches --bin {name}"))
}
