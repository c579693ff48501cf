//! Counting instructions: they are the same on a busy machine.

use std::{env, ffi::OsStr, process::Command};

/// Whether there is a callgrind to count with.
pub fn can_count() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok()
}

/// How many instructions a program takes with these arguments.
///
/// # Panics
/// If callgrind counts nothing.
fn instructions_of(program: &OsStr, arguments: &[&str]) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(arguments)
        .output()
        .expect("valgrind can be started");
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find_map(|line| line.split_once("Collected :"));
    let (_, counted) = line.unwrap_or_else(|| panic!("callgrind counted nothing:\n{text}"));
    counted.trim().parse().expect("callgrind counts in digits")
}

/// How many this program takes for each turn, if its last argument is the number of turns: starting it does not count.
///
/// # Panics
/// If callgrind counts nothing.
pub fn instructions_per_turn(arguments: &[&str], turns: u64) -> f64 {
    let program = env::current_exe().expect("the program knows where it is");
    instructions_per_turn_of(program.as_os_str(), arguments, turns)
}

/// The same of another program.
///
/// # Panics
/// If callgrind counts nothing.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn instructions_per_turn_of(program: &OsStr, arguments: &[&str], turns: u64) -> f64 {
    let counted = |turns: u64| instructions_of(program, &[arguments, &[&turns.to_string()]].concat()) as f64;
    (counted(2 * turns) - counted(turns)) / turns as f64
}
