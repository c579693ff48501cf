//! Counts the instructions of a `send` under callgrind and prints them as JSON, by the names of the cases: those of linkbus, the
//! direct calls beside them, and `send` of medi-rs to the same function.
//!
//! `cargo xtask bench profiles` runs it in each profile, with the feature `strict` and without. The program runs itself:
//! `linkbus-profiles NUMBER TURNS` is one run under callgrind.

mod medi;

use std::env;

use linkbus_benches::{CASES, instructions_per_turn};

const TURNS: u64 = 2_000;

/// The cases of linkbus that stand in the table.
const SENDS: &[&str] = &[
    "SyncBus::send, leaf handler",
    "SyncBus::send, dependency",
    "Bus::send, sync leaf handler",
    "Bus::send, sync, dependency",
    "Bus::send, async fn, leaf",
    "Bus::send, async fn, dependency",
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => println!("{}", counts()),
        [number, turns] => run(number, turns),
        _ => eprintln!("usage: linkbus-profiles"),
    }
}

/// A name, and what is done so many times.
type Work = (String, fn(u64));

fn works() -> Vec<Work> {
    let sends = CASES.iter().filter(|case| SENDS.contains(&case.name));
    let of_linkbus =
        sends.flat_map(|case| [(format!("{}, direct", case.name), case.baseline), (case.name.into(), case.bus)]);
    of_linkbus.chain(medi::WORKS.iter().map(|(name, work)| ((*name).to_owned(), *work))).collect()
}

fn counts() -> serde_json::Value {
    let counted = |number: usize| instructions_per_turn(&[&number.to_string()], TURNS);
    let counts = works().into_iter().enumerate().map(|(number, (name, _))| (name, counted(number).into()));
    serde_json::Value::Object(counts.collect())
}

/// One run under callgrind.
fn run(number: &str, turns: &str) {
    let (_, work) = works()[number.parse::<usize>().expect("the number of a case")];
    work(turns.parse().expect("a number of turns"));
}
