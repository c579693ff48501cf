//! Inputs for what reads bytes: a corpus, and what is nearly in it.
#![allow(dead_code, reason = "no test program needs all of it")]

use std::{
    fmt::Debug,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    str::FromStr,
};

use fastrand::Rng;

/// How many mutated inputs are read, unless `LINKBUS_INPUTS` says otherwise.
const INPUTS: usize = 20_000;

/// What is in the files of a folder, by their names.
pub(crate) fn corpus(folder: impl AsRef<Path>) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // Folders have no order, and the seed has to mean the same everywhere.
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// R10. Has inputs read that `mutate` makes of a corpus, each of which gives how much could be read: no fewer of them in all than
/// one in `at_least` inputs, as inputs that are all refused at once would try nothing.
pub(crate) fn read_mutated(
    corpus: &[Vec<u8>],
    mutate: fn(&[Vec<u8>], &mut Rng) -> Vec<u8>,
    read: fn(&[u8]) -> usize,
    at_least: usize,
) {
    let seed = said("LINKBUS_SEED").unwrap_or_else(|| fastrand::u64(..));
    let inputs = said("LINKBUS_INPUTS").unwrap_or(INPUTS);
    let mut rng = Rng::with_seed(seed);
    let mut count = 0;
    for number in 0..inputs {
        let input = mutate(corpus, &mut rng);
        count += catch_unwind(AssertUnwindSafe(|| read(&input)))
            .unwrap_or_else(|_| panic!("input {number} of LINKBUS_SEED={seed}: {}", input.escape_ascii()));
    }
    println!("{inputs} inputs of LINKBUS_SEED={seed}, in which {count} were read");
    assert!(count > inputs / at_least, "only {count} in {inputs} inputs of LINKBUS_SEED={seed}");
}

/// What the environment says.
fn said<T: FromStr<Err: Debug>>(name: &str) -> Option<T> {
    std::env::var(name).ok().map(|said| said.parse().expect("a number"))
}

/// What often finds something where a length, a number or a name was.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\0\0",
    b"\xff\xff",
    b"\0\0\0\0",
    b"\0\0\0\x01",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xc0",
    b"\xc1",
    b"\xdb\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xa0",
    b"\x90",
];

/// One of the corpus with up to four changes, as bytes that mean something.
pub(crate) fn mutate_bytes(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = any(corpus, rng).clone();
    for _ in 0..rng.usize(..5) {
        change(&mut bytes, corpus, rng);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    let at = rng.usize(..=bytes.len());
    let end = bytes.len().min(at + rng.usize(..32));
    match rng.u8(..8) {
        0 | 1 if at < bytes.len() => bytes[at] = rng.u8(..),
        2 => drop(bytes.drain(at..end)),
        3 => bytes.truncate(at),
        4 => bytes.extend(any(corpus, rng)),
        5 => {
            let other = any(corpus, rng);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[rng.usize(..=other.len())..]);
        }
        6 => {
            let piece = any(PIECES, rng);
            let end = bytes.len().min(at + piece.len());
            drop(bytes.splice(at..end, piece.iter().copied()));
        }
        _ if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
        _ => bytes.push(rng.u8(..)),
    }
}

fn any<'a, T>(all: &'a [T], rng: &mut Rng) -> &'a T {
    &all[rng.usize(..all.len())]
}
