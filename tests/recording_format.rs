//! The lines of a recording: what earlier versions wrote is read, and whatever is read breaks nothing.
#![cfg(feature = "file-store")]

#[path = "recording_format/decoding.rs"]
mod decoding;
#[path = "support/inputs.rs"]
mod inputs;
#[path = "recording_format/mutation.rs"]
mod mutation;

use std::{fs, path::Path};

use linkbus::recording::{Reader, Record};

use self::{
    decoding::read,
    inputs::{corpus, read_mutated},
    mutation::mutate,
};

const FIXTURES: &str = "tests/fixtures/recordings";
const CORPUS: &str = "tests/fixtures/recordings/corpus";

#[test]
fn what_version_1_wrote_is_read_and_written_again_byte_for_byte() {
    let golden = fs::read_to_string(Path::new(FIXTURES).join("v1.jsonl")).unwrap();
    // The first lines of version 1 had it as it is.
    assert!(golden.contains('\u{2028}'));
    let golden = golden.replace('\u{2028}', "\\u2028");
    let mut reader = Reader::open(Path::new(FIXTURES).join("v1.jsonl")).unwrap();
    let again: String = reader.by_ref().map(|record| record.unwrap().to_line() + "\n").collect();
    for (again, golden) in again.lines().zip(golden.lines()) {
        assert_eq!(again, golden);
    }
    assert_eq!((again.len(), reader.torn()), (golden.len(), None));
}

#[test]
fn what_py_message_bus_wrote_is_read_and_its_seven_keys_are_kept() {
    let golden = fs::read_to_string(Path::new(FIXTURES).join("py-message-bus.jsonl")).unwrap();
    for line in golden.lines() {
        let again = Record::from_line(line).unwrap().to_line();
        // Only the time gets the zone that it is taken for.
        let expected = line.replacen("\",", "Z\",", 1);
        assert!(again.starts_with(&expected[..expected.len() - 1]), "{again}");
    }
}

#[test]
fn what_is_in_the_corpus_is_read_without_a_panic() {
    let texts = corpus(CORPUS);
    assert!(texts.len() >= 30);
    let read: usize = texts.iter().map(|text| read(text)).sum();
    assert!(read >= 20, "only {read} records in the corpus");
}

/// R10.
#[test]
fn mutated_lines_are_read_or_refused_and_what_is_read_comes_back() {
    // Mutations that break every line would test nothing but the parser of JSON.
    read_mutated(&corpus(CORPUS), mutate, read, 40);
}
