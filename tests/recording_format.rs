//! The lines of a recording: what earlier versions wrote is read, and whatever is read breaks nothing.
#![cfg(feature = "file-store")]

#[path = "recording_format/mutation.rs"]
mod mutation;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use fastrand::Rng;
use linkbus::recording::{Reader, Record};

use self::mutation::mutate;

const FIXTURES: &str = "tests/fixtures/recordings";
/// How many mutated inputs are read.
const INPUTS: usize = 200_000;

#[test]
fn what_version_1_wrote_is_read_and_written_again_byte_for_byte() {
    let golden = fs::read_to_string(Path::new(FIXTURES).join("v1.jsonl")).unwrap();
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
    let texts = corpus();
    assert!(texts.len() >= 30);
    let read: usize = texts.iter().map(|text| read(text)).sum();
    assert!(read >= 20, "only {read} records in the corpus");
}

#[test]
fn mutated_lines_are_read_or_refused_and_what_is_read_comes_back() {
    let seed = std::env::var("LINKBUS_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    let (corpus, mut rng) = (corpus(), Rng::with_seed(seed));
    let mut records = 0;
    for number in 0..INPUTS {
        let input = mutate(&corpus, &mut rng);
        records += catch_unwind(AssertUnwindSafe(|| read(&input)))
            .unwrap_or_else(|_| panic!("input {number} of LINKBUS_SEED={seed}: {:?}", String::from_utf8_lossy(&input)));
    }
    // Mutations that break every line would test nothing but the parser of JSON.
    assert!(records > INPUTS / 20, "only {records} records in {INPUTS} inputs of LINKBUS_SEED={seed}");
}

/// How many records are in `bytes`. Each is written and read again.
fn read(bytes: &[u8]) -> usize {
    let mut reader = Reader::new(bytes).max_line_bytes(1 << 20);
    let records: Vec<Record> = reader.by_ref().filter_map(Result::ok).collect();
    let torn = reader.torn().map_or(0, |torn| torn.bytes);
    assert_eq!(reader.position() + torn, bytes.len() as u64, "all of it was read");
    records.iter().for_each(assert_comes_back);
    records.len()
}

fn assert_comes_back(record: &Record) {
    let line = record.to_line();
    assert!(!line.contains('\n'));
    let mut again = Record::from_line(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(again.to_line(), line);
    // Lines have microseconds.
    again.at = record.at;
    assert_eq!(&again, record, "{line}");
}

fn corpus() -> Vec<Vec<u8>> {
    let mut files: Vec<_> =
        fs::read_dir(Path::new(FIXTURES).join("corpus")).unwrap().map(|entry| entry.unwrap().path()).collect();
    // Folders have no order, and the seed has to mean the same everywhere.
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}
