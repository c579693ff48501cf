//! Runs a Python program and a Rust program on one bus, and compares what they print with what is checked in; before, the tests of
//! the Python side.

use std::path::Path;

use super::examples::compare;
use crate::command::CommandLine;
use crate::metadata::Metadata;
use crate::step::{Outcome, Unmet};

const REQUIREMENTS: &str = "bus-zmq/examples/python/requirements.txt";
const TESTS: &str = "-B -m unittest discover --start-directory bus-zmq/examples/python";
const EXPECTED: &str = "bus-zmq/examples/python/demo.out";

pub(super) fn run() -> Outcome {
    let python = python_with(REQUIREMENTS, &Metadata::read()?.target.join("interop"))?;
    CommandLine::new(&python, TESTS).run()?;
    let line = CommandLine::cargo("run --quiet -p bus-zmq --example interop --").with_argument(python);
    compare(&line, EXPECTED)?;
    Ok(String::new())
}

/// The interpreter of the virtual environment in `folder`, which is made if it is not there, with the packages of `requirements`.
pub(super) fn python_with(requirements: &str, folder: &Path) -> Result<String, Unmet> {
    let python = folder.join("bin/python").display().to_string();
    let venv = CommandLine::new("python3", "-m venv").with_argument(folder.display().to_string());
    let install = CommandLine::new(&python, "-m pip install --quiet --require-hashes -r").with_argument(requirements);
    let made = [venv, install].iter().try_for_each(CommandLine::run);
    made.map_err(|error| {
        Unmet::Skipped(format!(
            "needs Python 3 with venv (`apt install python3-venv`) and the packages of {requirements}: {error}"
        ))
    })?;
    Ok(python)
}
