//! The public documentation; links that lead nowhere are errors.

use crate::command::{CommandLine, run_all};
use crate::step::Outcome;

pub(super) fn run() -> Outcome {
    run_all([CommandLine::cargo("doc --workspace --no-deps").with_env("RUSTDOCFLAGS", "-D warnings")])
}
