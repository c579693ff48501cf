//! What a dispatch writes: its thread's own stack, and nothing that two threads would have to pass to each other.
//!
//! Valgrind's tool lackey says where a program writes. A run of twice as many turns is compared with one, so that starting
//! the program and building the bus do not count. The step `instructions` of CI does it in release.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::{
    collections::BTreeSet,
    io::{self, BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::Once,
};

use linkbus_benches::{CASES, can_count};

const TURNS: u64 = 500;

/// Valgrind gives the first thread a stack that ends a page above this, and puts nothing else near it.
const STACK: std::ops::Range<u64> = 0x1f_fe00_0000..0x1f_ff00_1000;

/// What a program writes outside of its stack.
#[derive(Default)]
struct Stores {
    count: u64,
    places: BTreeSet<u64>,
}

fn stores(case: usize, turns: u64) -> Stores {
    let mut lackey = Command::new("valgrind")
        .args(["--tool=lackey", "--trace-mem=yes", "--log-fd=1"])
        .arg(env!("CARGO_BIN_EXE_instructions"))
        .args([&case.to_string(), "bus", &turns.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("valgrind can be started");
    let trace = BufReader::new(lackey.stdout.take().expect("it is piped"));
    let mut stores = Stores::default();
    for line in trace.lines().map(|line| line.expect("a trace is text")) {
        if let Some(address) = stored(&line).filter(|address| !STACK.contains(address)) {
            stores.count += 1;
            stores.places.insert(address);
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

/// What one more turn writes outside of the stack, rounded: starting the program does not always take as many stores.
#[derive(Debug, PartialEq)]
struct PerTurn {
    /// Whatever the places: a ring, or one place of many in turns, is seen as well.
    stores: u64,
    /// Those to which no turn before has written.
    new_places: u64,
}

fn per_turn(name: &str) -> PerTurn {
    let case = CASES.iter().position(|case| case.name == name).expect("the name of a case");
    let (once, twice) = (stores(case, TURNS), stores(case, 2 * TURNS));
    let per_turn = |once: u64, twice: u64| (twice.saturating_sub(once) + TURNS / 2) / TURNS;
    PerTurn {
        stores: per_turn(once.count, twice.count),
        new_places: per_turn(once.places.len() as u64, twice.places.len() as u64),
    }
}

fn assert_per_turn(is_expected: impl Fn(&PerTurn) -> bool, cases: &[&str]) {
    if !can_count() {
        skip();
        return;
    }
    for case in cases {
        let per_turn = per_turn(case);
        assert!(is_expected(&per_turn), "{case}: {per_turn:?}");
    }
}

fn skip() {
    static NOTICE: Once = Once::new();
    let notice = "notice: valgrind is not installed, so nobody looked where a dispatch writes\n";
    // Not a macro: what those print is kept back.
    NOTICE.call_once(|| io::stderr().write_all(notice.as_bytes()).expect("the error output is open"));
}

#[test]
fn a_dispatch_writes_to_the_stack_of_its_caller_only() {
    assert_per_turn(
        |per_turn| per_turn.stores == 0,
        &[
            "SyncBus::send, leaf handler",
            "SyncBus::send, leaf that may fail",
            "Bus::send, sync leaf handler",
            "SyncBus::publish, 3 subscribers",
            "Bus::publish, 3 sync subscribers",
        ],
    );
}

/// The count of its own thread, up and down; an optimiser that sees the handler may leave both out.
#[test]
fn a_handler_that_could_dispatch_is_counted_with_two_stores_to_one_place() {
    assert_per_turn(
        |per_turn| per_turn.stores <= 2 && per_turn.new_places == 0,
        &[
            "SyncBus::send, dependency",
            "SyncBus::send, &SyncBus",
            "Bus::send, sync, dependency",
            "Bus::send, sync, &Bus",
        ],
    );
}

/// It is the one exception: the block of its future, and the allocator's lists of this thread.
#[test]
fn an_async_fn_writes_to_its_block_and_each_turn_to_the_same() {
    assert_per_turn(
        |per_turn| per_turn.stores > 0 && per_turn.new_places == 0,
        &[
            "Bus::send, async fn, leaf",
            "Bus::send, async fn, dependency",
            "Bus::send, async fn, an observer and an around",
        ],
    );
}

#[test]
fn layers_that_keep_nothing_write_to_the_stack_only() {
    assert_per_turn(|per_turn| per_turn.stores == 0, &["SyncBus::send, one observer", "SyncBus::send, one around"]);
}
