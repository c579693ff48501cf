//! Envelopes as bytes: whatever arrives is read or refused, and breaks nothing.

#[path = "envelopes/decoding.rs"]
mod decoding;
#[path = "support/inputs.rs"]
mod inputs;

use std::{fs, path::Path};

use linkbus::transport::{Envelope, Malformed};

use self::{
    decoding::read,
    inputs::{corpus, mutate_bytes, read_mutated},
};

const CORPUS: &str = "tests/fixtures/envelopes";

fn in_corpus(name: &str) -> Result<Envelope, Malformed> {
    Envelope::from_bytes(&fs::read(Path::new(CORPUS).join(name)).unwrap())
}

#[test]
fn what_is_in_the_corpus_is_read_or_refused_without_a_panic() {
    let envelopes = corpus(CORPUS);
    assert!(envelopes.len() >= 15);
    assert!(envelopes.iter().map(|bytes| read(bytes)).sum::<usize>() >= 6);
}

#[test]
fn an_envelope_of_version_1_is_read_with_all_that_it_has_and_with_names_that_are_not_known() {
    let full = in_corpus("all_fields").unwrap();
    assert_eq!((&*full.name, full.attempt, full.depth), ("shop.Ship", 2, 3));
    assert_eq!(full.deadline, Some(1_700_000_000_000));
    assert!(full.traceparent.is_some() && full.causation.is_some());
    assert_eq!(in_corpus("unknown_field").unwrap(), in_corpus("least_fields").unwrap());
}

#[test]
fn another_version_is_named_even_if_nothing_else_is_as_it_is_here() {
    assert_eq!(in_corpus("version_2").unwrap_err(), Malformed::Version(2));
}

#[test]
fn mutated_envelopes_are_read_or_refused_and_what_is_read_comes_back() {
    read_mutated(&corpus(CORPUS), mutate_bytes, read, 10);
}
