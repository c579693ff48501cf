//! Bytes read as the envelope of a message: no panic, and what is one comes back.
#![no_main]

#[path = "../../tests/envelopes/decoding.rs"]
mod decoding;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    decoding::read(bytes);
});
