//! What must be true of any bytes that are read as an envelope. The fuzz target of the folder `fuzz` asks the same.

use std::time::SystemTime;

use linkbus::transport::Envelope;

/// Whether the bytes are an envelope, as a number: one that is, comes back.
pub(crate) fn read(bytes: &[u8]) -> usize {
    match Envelope::from_bytes(bytes) {
        Ok(envelope) => {
            let _ = envelope.time_left(SystemTime::UNIX_EPOCH);
            assert_eq!(Envelope::from_bytes(&envelope.to_bytes()).as_ref(), Ok(&envelope));
            1
        }
        Err(malformed) => {
            assert!(!malformed.to_string().is_empty());
            0
        }
    }
}
