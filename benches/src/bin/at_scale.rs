//! 700 messages with handlers: how long a program takes to start and each to be found. Prints a Markdown table. What they
//! take to build, `build_cost` measures.
//!
//! Two programs are written and built in a folder beside this one. `bus` has 700 queries with handlers and sends each
//! once. `plain` is the same without macros and without a bus: the same structs with the same other derives, the same
//! functions, and a plain call of each. Times are the best of several runs, taken in turns.

use std::{
    env, io,
    process::Stdio,
    time::{Duration, Instant},
};

use linkbus_benches::{
    can_count,
    generated::{Program, Way},
    instructions_per_turn_of,
};

const MESSAGES: usize = 700;
const STARTS: usize = 200;

fn main() -> io::Result<()> {
    let folder = env::current_exe()?.parent().expect("a program is in a folder").join("linkbus-at-scale");
    let programs = [Way::Plain, Way::Linkbus].map(|way| Program::new(&folder, way, MESSAGES));
    for program in &programs {
        program.write()?;
        program.build(&["--release"], false)?;
    }
    println!("| {MESSAGES} messages | plain | bus | | bar | |\n|---|--:|--:|--:|--:|---|");
    starts(&programs)?;
    slope(&programs[1]);
    Ok(())
}

/// The whole life of a process that dispatches once, and of one that does nothing.
fn starts(programs: &[Program; 2]) -> io::Result<()> {
    let mut best = [Duration::MAX; 2];
    for _ in 0..STARTS {
        for (best, program) in best.iter_mut().zip(programs) {
            let start = Instant::now();
            program.command().arg("1").stdout(Stdio::null()).status()?;
            *best = start.elapsed().min(*best);
        }
    }
    let [plain, bus] = best.map(|time| time.as_secs_f64() * 1e3);
    println!("| process to first dispatch | {plain:.2} ms | {bus:.2} ms | | 3.5 ms | {} |", met(bus <= 3.5));
    Ok(())
}

/// Instructions of a dispatch round robin over few types and over all of them.
fn slope(program: &Program) {
    if !can_count() {
        println!("notice: valgrind is not installed, so the slope was not measured");
        return;
    }
    let [few, all] = [10, MESSAGES].map(|types| per_dispatch(program, types));
    let steps = met((all - few).abs() < 1.0);
    println!("| instructions per dispatch, 10 and 700 types | | {few:.1} and {all:.1} | | equal | {steps} |");
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "NOT MET" }
}

/// Instructions of one dispatch when `types` message types take turns.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn per_dispatch(program: &Program, types: usize) -> f64 {
    let rounds = 14_000 / types;
    let command = program.command();
    instructions_per_turn_of(command.get_program(), &[&types.to_string()], rounds as u64) / types as f64
}
