//! The public documentation, without and with what features add; links that lead nowhere are errors.

use crate::command::{CommandLine, run_all};
use crate::step::Outcome;

pub(super) fn run() -> Outcome {
    let builds = ["doc --workspace --no-deps", "doc --workspace --no-deps --all-features"];
    run_all(builds.map(|arguments| CommandLine::cargo(arguments).with_env("RUSTDOCFLAGS", "-D warnings")))
}
