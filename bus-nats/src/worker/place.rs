//! Where a message is.

use async_nats::jetstream::Message;
use uuid::Uuid;

/// Where a message is in its stream, and how often it was given out.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) sequence: u64,
    pub(super) delivered: i64,
    /// When it was kept, in nanoseconds since 1970.
    at: i128,
}

impl Place {
    pub(super) fn of(message: &Message) -> Result<Self, async_nats::Error> {
        let info = message.info()?;
        let (sequence, delivered) = (info.stream_sequence, info.delivered);
        Ok(Place { sequence, delivered, at: info.published.unix_timestamp_nanos() })
    }

    pub(super) fn is_again(self) -> bool {
        self.delivered > 1
    }

    /// The id of a message that has none: the same, whenever it is given out.
    pub(super) fn id(self) -> Uuid {
        let mut bytes = self.at.to_be_bytes();
        bytes.rotate_left(8);
        bytes[8..].copy_from_slice(&self.sequence.to_be_bytes());
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}
