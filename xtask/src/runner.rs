//! Runs steps one after the other, also after a failure, so that one run shows everything that is wrong.

use std::process::ExitCode;
use std::time::Instant;

use crate::report::{self, Line};
use crate::step::Step;

pub(crate) fn run(steps: &[&Step]) -> ExitCode {
    let lines: Vec<Line> = steps.iter().map(|step| run_step(step)).collect();
    print!("{}", report::table(&lines));
    if report::has_failure(&lines) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run_step(step: &Step) -> Line {
    println!("== {}", step.name);
    let start = Instant::now();
    let outcome = (step.run)();
    let line = Line { step: step.name, took: start.elapsed(), outcome };
    println!("== {}: {}\n", step.name, report::verdict(&line).trim_start());
    line
}
