//! Waiting in a test for what another thread does: for a minute, and no longer.
#![allow(dead_code, reason = "no test program needs both")]

use std::{
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

/// Waits until it is so, or says whether the time is over.
fn is_in_time(condition: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !condition() {
        if begun.elapsed() > Duration::from_secs(60) {
            return false;
        }
        thread::yield_now();
    }
    true
}

/// Waits until it is so.
#[track_caller]
pub(crate) fn until(condition: impl Fn() -> bool) {
    assert!(is_in_time(condition), "what was waited for did not happen");
}

/// Waits until it is so, where threads of a scope are what is waited for: a panic would wait for them again, so if it does
/// not happen the program ends.
#[track_caller]
pub(crate) fn until_scoped(condition: impl Fn() -> bool) {
    if !is_in_time(condition) {
        let caller = std::panic::Location::caller();
        // Not `eprintln`, which the test program would keep to itself.
        let _ = writeln!(std::io::stderr(), "{caller}: threads that were waited for did not end");
        std::process::exit(101);
    }
}
