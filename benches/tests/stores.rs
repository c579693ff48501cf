//! What a dispatch writes: its thread's own stack, and nothing that two threads would have to pass to each other.
//!
//! Valgrind's tool lackey says where a program writes. A run of twice as many turns is compared with one, so that starting
//! the program and building the bus do not count.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use linkbus_benches::{CASES, can_count};

const TURNS: u64 = 200;

/// Valgrind gives the first thread a stack that ends a page above this, and puts nothing else near it.
const STACK: std::ops::Range<u64> = 0x1f_fe00_0000..0x1f_ff00_1000;

/// How often a program writes to each place outside of its stack.
type Stores = BTreeMap<u64, u64>;

fn stores(case: usize, turns: u64) -> Stores {
    let mut lackey = Command::new("valgrind")
        .args(["--tool=lackey", "--trace-mem=yes", "--log-fd=1"])
        .arg(env!("CARGO_BIN_EXE_instructions"))
        .args([&case.to_string(), "bus", &turns.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("valgrind can be started");
    let trace = BufReader::new(lackey.stdout.take().expect("it is piped"));
    let mut stores = Stores::new();
    for line in trace.lines().map(|line| line.expect("a trace is text")) {
        if let Some(address) = stored(&line).filter(|address| !STACK.contains(address)) {
            *stores.entry(address).or_default() += 1;
        }
    }
    assert!(lackey.wait().expect("it was started").success());
    stores
}

/// Of ` S 1ffeffe7f0,8`, which is a store, or ` M ..`, which is a load and a store.
fn stored(line: &str) -> Option<u64> {
    let place = line.strip_prefix(" S ").or_else(|| line.strip_prefix(" M "))?;
    u64::from_str_radix(place.split(',').next()?, 16).ok()
}

/// How often a dispatch writes to each place outside of the stack to which every dispatch writes.
fn stores_per_turn(name: &str) -> Vec<u64> {
    let case = CASES.iter().position(|case| case.name == name).expect("the name of a case");
    let (once, twice) = (stores(case, TURNS), stores(case, 2 * TURNS));
    let more = twice.iter().map(|(place, count)| count.saturating_sub(once.get(place).copied().unwrap_or(0)));
    more.map(|more| more / TURNS).filter(|per_turn| *per_turn > 0).collect()
}

fn assert_stores(expected: &[u64], cases: &[&str]) {
    if !can_count() {
        println!("notice: valgrind is not installed, so nobody looked where a dispatch writes");
        return;
    }
    for case in cases {
        assert_eq!(stores_per_turn(case), expected, "{case}");
    }
}

#[test]
fn a_dispatch_writes_to_the_stack_of_its_caller_only() {
    assert_stores(
        &[],
        &["SyncBus::send, leaf handler", "Bus::send, sync leaf handler", "SyncBus::publish, 3 subscribers"],
    );
}

/// The count of its own thread, up and down: two writes to one place.
#[test]
fn a_handler_that_could_dispatch_is_counted_in_one_more_place() {
    assert_stores(&[2], &["SyncBus::send, dependency", "Bus::send, sync, &Bus"]);
}
