//! What messages with handlers cost to build: all cells of the table in one run.

use super::kept::Table;
use crate::command::CommandLine;
use crate::instructions::compiler;
use crate::step::Outcome;

const TABLE: Table = Table { name: "build", page: "docs/dispatch.md" };

pub(super) fn run() -> Outcome {
    // Whatever it cannot build offline is fetched before.
    CommandLine::cargo("fetch --manifest-path benches/peers/Cargo.toml").run()?;
    let rows = CommandLine::cargo("run --release -p linkbus-benches --bin build_cost").read()?;
    let how = format!("Processor time of builds, as `cargo xtask bench build` measures it; rustc {}.", compiler()?);
    TABLE.keep(&rows, &how)?;
    Ok(String::new())
}
