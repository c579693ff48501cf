//! Bytes read as a recording: no panic, and what is a record comes back.
#![no_main]

#[path = "../../tests/recording_format/decoding.rs"]
mod decoding;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    decoding::read(bytes);
});
