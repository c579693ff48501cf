//! The profiles that take minutes to build; the other ones are in `test`.

use crate::command::{CommandLine, run_all};
use crate::step::Outcome;

/// Goes on after a failing profile, so that one run shows every failure.
pub(super) fn run() -> Outcome {
    run_all([CommandLine::cargo("test -p linkbus --test linking --test strict_link --no-fail-fast -- --ignored")])
}
