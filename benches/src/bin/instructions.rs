//! Counts the instructions of every case under callgrind and prints them as a Markdown table, or as JSON.
//!
//! A count is the difference between a run of `2 * TURNS` turns and one of `TURNS`, so that starting the program and
//! building the bus do not count. The program runs itself: `instructions CASE bus|baseline TURNS` is one such run.

use std::{env, fmt, process::ExitCode};

use linkbus_benches::{Bar, CASES, Case, can_count, instructions_per_turn, pending_send_bytes};

const TURNS: u64 = 2_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => table(),
        ["json"] => json(),
        [case, side, turns] => turn(case, side, turns),
        _ => {
            eprintln!("usage: instructions [json]");
            ExitCode::from(2)
        }
    }
}

/// One run under callgrind.
fn turn(case: &str, side: &str, turns: &str) -> ExitCode {
    let case = &CASES[case.parse::<usize>().expect("the number of a case")];
    let work = if side == "bus" { case.bus } else { case.baseline };
    work(turns.parse().expect("a number of turns"));
    ExitCode::SUCCESS
}

fn table() -> ExitCode {
    if !can_count() {
        println!("notice: valgrind is not installed, so no instruction was counted");
        return ExitCode::SUCCESS;
    }
    println!("| case | baseline | bus | more | bar | |\n|---|--:|--:|--:|--:|---|");
    for (number, case) in CASES.iter().enumerate() {
        println!("{}", Row { case, baseline: count(number, "baseline"), bus: count(number, "bus") });
    }
    let bytes = pending_send_bytes();
    println!(
        "| bytes of a pending `Bus::send`, 8 + 8 bytes of message and reply | | {bytes} | | 80 | {} |",
        met(bytes <= 80)
    );
    ExitCode::SUCCESS
}

/// The counts of what goes through a bus, by the names of the cases.
fn json() -> ExitCode {
    let counts = CASES.iter().enumerate().map(|(number, case)| (case.name.to_owned(), count(number, "bus").into()));
    println!("{}", serde_json::Value::Object(counts.collect()));
    ExitCode::SUCCESS
}

/// Instructions per turn.
fn count(case: usize, side: &str) -> f64 {
    instructions_per_turn(&[&case.to_string(), side], TURNS)
}

struct Row<'a> {
    case: &'a Case,
    baseline: f64,
    bus: f64,
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { case, baseline, bus } = self;
        write!(f, "| {} | {baseline:.1} | {bus:.1} | ", case.name)?;
        match case.bar {
            Bar::Plus(bar) => {
                let more = bus - baseline;
                write!(f, "+{more:.1} | +{bar:.0} | {} |", met(more <= bar + 0.5))
            }
            Bar::Times(bar) => {
                let times = bus / baseline;
                write!(f, "{times:.2}x | {bar}x | {} |", met(times <= bar))
            }
            Bar::None => write!(f, "+{:.1} | | |", bus - baseline),
        }
    }
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "NOT MET" }
}
