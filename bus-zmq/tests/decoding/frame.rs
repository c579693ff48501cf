//! What must be true of any bytes that are read as frames. The fuzz target of the folder `fuzz` asks the same.

use bus_zmq::protocol::{Frame, Malformed, frames};

/// How many frames are in a message: each that can be read is written as it was.
pub(crate) fn read(message: &[u8]) -> usize {
    frames(message).filter_map(Result::ok).filter(|bytes| read_one(bytes)).count()
}

fn read_one(bytes: &[u8]) -> bool {
    match Frame::from_bytes(bytes) {
        Ok(frame) => {
            let mut written = Vec::new();
            frame.append_to(&mut written);
            assert_eq!(frames(&written).collect::<Vec<_>>(), [Ok(bytes)], "{frame:?}");
            true
        }
        Err(malformed) => {
            let is_known = matches!(bytes, [1, 1..=14, ..]);
            assert_eq!(malformed == Malformed::Unreadable, is_known, "{bytes:?}");
            false
        }
    }
}
