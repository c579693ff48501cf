//! `cargo xtask ci` runs the steps of CI, all of them or the named ones; `cargo xtask list` says what each is for;
//! `cargo xtask bench` measures what a dispatch costs, beside what else could be used.
//!
//! The table of steps is in `steps.rs`; what a step checks is in the file of its name. Steps that will grow (features,
//! examples, Miri) are tables at the top of their files, so that one more case is one more line.

mod args;
mod bench;
mod command;
mod failures;
mod instructions;
mod metadata;
mod report;
mod runner;
mod step;
mod steps;
mod version;

use std::path::PathBuf;
use std::process::ExitCode;

use args::Request;

fn main() -> ExitCode {
    match args::parse(std::env::args().skip(1)) {
        Ok(Request::Ci(names)) => ci(&names),
        Ok(Request::Bench(what)) => bench(&what),
        Ok(Request::List) => say(&report::list(steps::ALL)),
        Ok(Request::Help) => say(args::USAGE),
        Err(message) => refuse(&message),
    }
}

fn ci(names: &[String]) -> ExitCode {
    if let Err(message) = enter_workspace() {
        return refuse(&message);
    }
    match steps::select(names) {
        Ok(steps) => runner::run(&steps),
        Err(message) => refuse(&message),
    }
}

fn bench(what: &args::Bench) -> ExitCode {
    if let Err(message) = enter_workspace() {
        return refuse(&message);
    }
    match bench::run(what) {
        Ok(_) => ExitCode::SUCCESS,
        Err(step::Unmet::Failed(reason) | step::Unmet::Skipped(reason)) => refuse(&reason),
    }
}

fn enter_workspace() -> Result<(), String> {
    std::env::set_current_dir(workspace_root()).map_err(|error| format!("the workspace cannot be entered: {error}"))
}

/// The folder above this package; cargo names the package's folder when it runs the program.
fn workspace_root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    package.and_then(|folder| folder.parent().map(PathBuf::from)).unwrap_or_else(|| PathBuf::from("."))
}

fn say(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(2)
}
