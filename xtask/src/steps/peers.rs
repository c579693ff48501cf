//! The comparison with what else there is, which is a workspace of its own, so that no other step sees it.

use crate::command::{CommandLine, run_all};
use crate::metadata::Metadata;
use crate::step::Outcome;

/// Arguments for cargo. Without the cases of 700 types, which take minutes to compile.
const CHECKS: &[&str] = &[
    "fmt --manifest-path benches/peers/Cargo.toml --check",
    "clippy --manifest-path benches/peers/Cargo.toml --locked --all-targets -- -D warnings",
    "test --manifest-path benches/peers/Cargo.toml --locked --lib --bins --no-fail-fast",
];

/// What the rivals need is built into a folder of its own, which is kept.
pub(super) fn run() -> Outcome {
    let folder = Metadata::read()?.target.join("peers/ci");
    run_all(CHECKS.iter().map(|arguments| CommandLine::cargo(arguments).with_path_env("CARGO_TARGET_DIR", &folder)))
}
