//! Bytes read as a message at a socket of bus-zmq: no panic, and each frame is written as it was.
#![no_main]

#[path = "../../bus-zmq/tests/decoding/frame.rs"]
mod frame;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    frame::read(bytes);
});
