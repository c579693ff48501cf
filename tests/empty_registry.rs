//! A program in which no message and no handler is linked. This file may not have any.

use linkbus::{Bus, Fault, SyncBus};

/// BUS007: a bus of everything in a program of nothing is a forgotten `modules!`, and the report says how to write it.
#[test]
fn a_bus_of_everything_in_a_program_of_nothing_is_rejected() {
    let error = Bus::builder().build().unwrap_err();
    let [fault @ Fault::EmptyRegistry] = error.faults() else { panic!("one fault: {error}") };
    assert_eq!(fault.code(), "BUS007");
    assert!(fault.parties().is_empty());
    assert!(fault.help().contains("`linkbus::modules!(users, orders);`"));
    assert_eq!(SyncBus::builder().build().unwrap_err().faults().len(), 1);
}

/// A bus that is meant to be empty says so, and is fine.
#[test]
fn an_empty_bus_is_no_fault() {
    assert!(Bus::empty().build().unwrap().wiring().routes().is_empty());
    assert!(SyncBus::empty().modules([]).build().unwrap().wiring().routes().is_empty());
}
