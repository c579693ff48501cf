//! The command `linkbus`: shows and counts what a recording wrote, and what tests have covered.

mod coverage;
mod display;
mod failure;
mod filters;
mod follow;
mod input;
mod ls;
mod options;
mod output;
mod plan;
mod progress;
mod reading;
mod runs;
mod show;
mod stats;
mod time;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    failure::Failure,
    options::{Command, Options, Recordings},
};

/// Something was found that is not as it should be.
const PROBLEMS: u8 = 1;
/// The command line, or a file that it names, is of no use.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let Options { command } = Options::parse();
    let is_lenient = command.is_lenient();
    match run(command) {
        Ok(is_clean) if is_clean || is_lenient => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(PROBLEMS),
        // Who reads has seen enough, as `head` has.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            output::tell(&failure.with_causes());
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Whether no problem was found.
fn run(command: Command) -> Result<bool, Failure> {
    match command {
        Command::Recordings { command: Recordings::Ls(options), .. } => ls::run(&options),
        Command::Recordings { command: Recordings::Show(options), .. } => show::run(&options),
        Command::Recordings { command: Recordings::Stats(options), .. } => stats::run(&options),
        Command::Recordings { command: Recordings::ReplayPlan(options), .. } => plan::run(&options),
        Command::Coverage(options) => coverage::run(&options),
    }
}
