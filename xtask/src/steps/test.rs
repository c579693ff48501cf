//! Unit tests, the tests of behaviour, UI tests and doc tests.

use crate::command::{CommandLine, run_all};
use crate::step::Outcome;

/// Goes on after a failing test program, so that one run shows every failure.
pub(super) fn run() -> Outcome {
    run_all([CommandLine::cargo("test --workspace --no-fail-fast")])
}
