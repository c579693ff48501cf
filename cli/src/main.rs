//! The command `linkbus`: shows and counts what a recording wrote.

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
    let Options { command: Command::Recordings { command, is_lenient } } = Options::parse();
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
fn run(command: Recordings) -> Result<bool, Failure> {
    match command {
        Recordings::Ls(options) => ls::run(&options),
        Recordings::Show(options) => show::run(&options),
        Recordings::Stats(options) => stats::run(&options),
        Recordings::ReplayPlan(options) => plan::run(&options),
    }
}
