//! Buses that break promises: the suite names those, and no others. Which they are is written in `broken.txt`: `BLESS=1` writes it
//! anew; read it before it is committed.

#[path = "support/careless.rs"]
mod careless;
#[path = "support/faults.rs"]
mod faults;

use std::{collections::BTreeSet, env, fmt::Write as _, fs, time::Duration};

use linkbus::{Bus, layer::Timeout};
use linkbus_conformance::{
    Blocking,
    Completion::Awaited,
    Delivery::Once,
    Errors::Typed,
    Features, Handlers,
    Later::{Never, Timely},
    Notes::Absent,
    Order::{Kept, PerKey},
    PROMISES,
    Panics::{Reported, Unwind},
    Passing::Moved,
    Promise,
    Thread::Callers,
    Unhandled::Refused,
    broken_promises,
};

use self::careless::{Careless, Fault};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken.txt");

const PLAIN: Features = Features {
    handlers: Handlers::Plain,
    commands: Awaited,
    events: Awaited,
    tasks: Awaited,
    errors: Typed,
    panics: Unwind,
    passing: Moved,
    thread: Callers,
    delivery: Once,
    order: Kept,
    unhandled: Refused,
    journal: Absent,
    later: Never,
};

const WAITING: Features = Features { handlers: Handlers::Async, ..PLAIN };

const TIMELY: Features = Features { later: Timely, ..PLAIN };

const REPORTING: Features = Features { panics: Reported, ..PLAIN };

const KEYED: Features = Features { order: PerKey, ..PLAIN };

/// What a wrong bus breaks.
struct Wrong {
    name: &'static str,
    broken: fn() -> Vec<&'static str>,
}

/// The promises that a bus breaks under the layers of a function of `faults`.
macro_rules! layered {
    ($($features:ident $fault:ident),* $(,)?) => {
        [$(Wrong {
            name: stringify!($fault),
            broken: || broken_promises::<Bus>($features, |wired| {
                Box::pin(async { faults::$fault(wired).build().unwrap() })
            }),
        }),*]
    };
}

/// The promises that a bus breaks in a [`Careless`] one.
macro_rules! wrapped {
    ($($features:ident $fault:ident),* $(,)?) => {
        [$(Wrong {
            name: stringify!($fault),
            broken: || broken_promises::<Careless>($features, |wired| {
                Box::pin(async { Careless::around(wired.build().unwrap(), Fault::$fault) })
            }),
        }),*]
    };
}

fn wrong_buses() -> Vec<Wrong> {
    let layered = layered![
        PLAIN loses_every_third, WAITING does_nothing, PLAIN gives_up_events, PLAIN swallows_errors, PLAIN does_everything_twice,
        PLAIN answers_by_default, PLAIN swaps_two, PLAIN knows_only_ascii, PLAIN cuts_what_is_large, PLAIN copies_replies,
        PLAIN is_poisoned, REPORTING unwinds, WAITING leaks, KEYED swaps_two_of_a_key,
    ];
    let wrapped = wrapped![
        PLAIN Unknown, PLAIN Misnames, PLAIN Spawns, PLAIN Batches, PLAIN Restless, PLAIN Closing, PLAIN Confuses, PLAIN Mute,
        TIMELY Hasty, TIMELY Forgetful,
    ];
    let elsewhere = Wrong {
        name: "elsewhere",
        broken: || {
            broken_promises::<Blocking>(PLAIN, |wired| {
                Box::pin(async { Blocking(wired.layer(Timeout::after(Duration::from_secs(3600))).build().unwrap()) })
            })
        },
    };
    layered.into_iter().chain(wrapped).chain([elsewhere]).collect()
}

/// Each wrong bus, and below it the promises that it breaks.
fn written() -> String {
    fs::read_to_string(TABLE).unwrap()
}

#[test]
fn each_wrong_bus_breaks_the_promises_that_are_written_and_no_others() {
    let mut text = String::new();
    for Wrong { name, broken } in wrong_buses() {
        let _ = writeln!(text, "{name}");
        for promise in broken() {
            let _ = writeln!(text, "    {promise}");
        }
    }
    if env::var_os("BLESS").is_some() {
        fs::write(TABLE, &text).unwrap();
    }
    assert_eq!(text, written());
}

#[test]
fn every_promise_is_broken_by_a_wrong_bus() {
    let written = written();
    let broken: BTreeSet<_> = written.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let is_made = |promise: &&Promise| {
        [PLAIN, WAITING, REPORTING, TIMELY, KEYED].iter().any(|features| promise.is_made_by(features))
    };
    let made = PROMISES.iter().filter(is_made);
    let unbroken: Vec<_> = made.map(|promise| promise.name).filter(|name| !broken.contains(name)).collect();
    assert_eq!(unbroken, [""; 0]);
}

#[test]
fn a_bus_that_keeps_its_promises_breaks_none() {
    let broken = broken_promises::<Bus>(PLAIN, |wired| Box::pin(async { wired.build().unwrap() }));
    assert_eq!(broken, [""; 0]);
}
