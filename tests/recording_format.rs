//! The lines of a recording: what earlier versions wrote is read, and whatever is read breaks nothing.
#![cfg(feature = "file-store")]

#[path = "recording_format/decoding.rs"]
mod decoding;
#[path = "recording_format/mutation.rs"]
mod mutation;

use std::{
    fmt::Debug,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    str::FromStr,
};

use fastrand::Rng;
use linkbus::recording::{Reader, Record};

use self::{decoding::read, mutation::mutate};

const FIXTURES: &str = "tests/fixtures/recordings";
/// How many mutated inputs are read, unless `LINKBUS_INPUTS` says otherwise.
const INPUTS: usize = 20_000;

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
    let texts = corpus();
    assert!(texts.len() >= 30);
    let read: usize = texts.iter().map(|text| read(text)).sum();
    assert!(read >= 20, "only {read} records in the corpus");
}

/// R10.
#[test]
fn mutated_lines_are_read_or_refused_and_what_is_read_comes_back() {
    let seed = said("LINKBUS_SEED").unwrap_or_else(|| fastrand::u64(..));
    let inputs = said("LINKBUS_INPUTS").unwrap_or(INPUTS);
    let (corpus, mut rng) = (corpus(), Rng::with_seed(seed));
    let mut records = 0;
    for number in 0..inputs {
        let input = mutate(&corpus, &mut rng);
        records += catch_unwind(AssertUnwindSafe(|| read(&input)))
            .unwrap_or_else(|_| panic!("input {number} of LINKBUS_SEED={seed}: {:?}", String::from_utf8_lossy(&input)));
    }
    println!("{inputs} inputs of LINKBUS_SEED={seed}, in which {records} records were read");
    // Mutations that break every line would test nothing but the parser of JSON.
    assert!(records > inputs / 40, "only {records} records in {inputs} inputs of LINKBUS_SEED={seed}");
}

/// What the environment says.
fn said<T: FromStr<Err: Debug>>(name: &str) -> Option<T> {
    std::env::var(name).ok().map(|said| said.parse().expect("a number"))
}

fn corpus() -> Vec<Vec<u8>> {
    let mut files: Vec<_> =
        fs::read_dir(Path::new(FIXTURES).join("corpus")).unwrap().map(|entry| entry.unwrap().path()).collect();
    // Folders have no order, and the seed has to mean the same everywhere.
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}
