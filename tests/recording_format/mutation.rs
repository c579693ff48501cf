//! Lines that are nearly right.

use fastrand::Rng;

/// What often finds something where a number, a text or a value was.
const PIECES: &[&str] = &[
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "18446744073709551615",
    "18446744073709551616",
    "\"\"",
    "{}",
    "[",
    "}",
    ",",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "\n",
    "\r",
    "\t",
    "\0",
    "\u{202e}",
    "\u{2028}",
    "\u{85}",
    "NaN",
    "\"v\":2,",
    "\"v\":0,",
    "gap",
    "\"withheld\":\"gone\",",
    "\"payload\":null,",
    "\"result\":null,",
    "\"error\":\"\",",
    "::",
    "9999-12-31T23:59:60Z",
];

/// One of the corpus with up to four changes.
pub(crate) fn mutate(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut text = any(corpus, rng).clone();
    for _ in 0..=rng.usize(..4) {
        change(&mut text, corpus, rng);
    }
    text
}

fn change(text: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    let at = rng.usize(..=text.len());
    let end = text.len().min(at + rng.usize(..32));
    match rng.u8(..8) {
        0 if at < text.len() => text[at] ^= 1 << rng.u8(..8),
        1 => drop(text.drain(at..end)),
        2 => drop(text.splice(at..at, text[at..end].to_vec())),
        3 => text.truncate(at),
        4 => {
            let other = any(corpus, rng);
            let from = rng.usize(..=other.len());
            text.truncate(at);
            text.extend_from_slice(&other[from..]);
        }
        5 => put(text, at, at, piece(rng)),
        6 => put(text, at, end, piece(rng)),
        _ => swap_value(text, rng),
    }
}

/// Puts something else where a value of the object is: the line stays JSON.
fn swap_value(text: &mut Vec<u8>, rng: &mut Rng) {
    let colons: Vec<usize> =
        text.windows(2).enumerate().filter(|(_, two)| *two == b"\":").map(|(at, _)| at + 2).collect();
    if colons.is_empty() {
        return;
    }
    let from = colons[rng.usize(..colons.len())];
    let to = text[from..].iter().position(|byte| b",}".contains(byte)).map_or(text.len(), |length| from + length);
    put(text, from, to, piece(rng));
}

fn put(text: &mut Vec<u8>, from: usize, to: usize, piece: &str) {
    text.splice(from..to, piece.bytes());
}

fn piece(rng: &mut Rng) -> &'static str {
    PIECES[rng.usize(..PIECES.len())]
}

fn any<'a>(corpus: &'a [Vec<u8>], rng: &mut Rng) -> &'a Vec<u8> {
    &corpus[rng.usize(..corpus.len())]
}
