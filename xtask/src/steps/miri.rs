//! Runs the tests of the unsafe module under Miri, if Miri is installed.

use crate::command::{CommandLine, run_all};
use crate::step::{Outcome, Unmet};

/// Arguments for `cargo miri test`.
const PROGRAMS: &[&str] = &["-p bus-core --lib dispatch::", "-p linkbus --test dispatch_miri"];

/// Ids are made from the clock, which Miri hides unless it is told not to.
const FLAGS: &str = "-Zmiri-strict-provenance -Zmiri-disable-isolation";

pub(super) fn run() -> Outcome {
    if !CommandLine::cargo("+nightly miri --version").works() {
        return Err(Unmet::Skipped("needs `rustup toolchain install nightly --component miri,rust-src`".to_owned()));
    }
    run_all(PROGRAMS.iter().map(|program| test(program)))
}

fn test(program: &str) -> CommandLine {
    CommandLine::cargo(&format!("+nightly miri test {program}")).with_env("MIRIFLAGS", FLAGS)
}
