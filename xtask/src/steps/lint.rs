//! What needs no test to be seen: layout and warnings.

use crate::command::{CommandLine, run_all};
use crate::step::Outcome;

pub(super) fn fmt() -> Outcome {
    run_all([CommandLine::cargo("fmt --all --check")])
}

pub(super) fn clippy() -> Outcome {
    run_all([CommandLine::cargo("clippy --workspace --all-targets --all-features -- -D warnings")])
}
