//! Frames that hub, client and worker of bus-zmq hear: no panic, and nothing is lost or grows beyond what is allowed.
#![no_main]

#[path = "../../bus-zmq/tests/decoding/session.rs"]
mod session;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    session::play(bytes);
});
