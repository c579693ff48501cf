//! A message of the stream of dead letters, read as a letter.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_nats::{HeaderMap, HeaderValue};
use linkbus::{
    Kind, Uuid,
    layer::{
        Reason,
        dead_letter::{Body, DeadLetter, Encoded, Withheld},
    },
    transport::{Codec, Envelope, RemoteError},
};

use crate::{
    headers,
    names::{self, percent_decoded},
};

pub(crate) const REASON: &str = "linkbus-dead-reason";
pub(crate) const ERROR: &str = "linkbus-dead-error";
pub(crate) const ATTEMPTS: &str = "linkbus-dead-attempts";
pub(crate) const CONSUMER: &str = "linkbus-dead-consumer";
pub(crate) const STREAM: &str = "linkbus-dead-stream";
pub(crate) const SEQUENCE: &str = "linkbus-dead-sequence";

/// A message of the stream, whichever way it was read.
pub(super) struct Stored<'a> {
    pub(super) subject: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) sequence: u64,
    /// When it was kept, in nanoseconds since 1970.
    pub(super) nanos: i128,
}

impl Stored<'_> {
    /// A UUID version 7 of when and where it was kept: the same, whenever it is read.
    pub(super) fn id(&self) -> Uuid {
        let nanos = u64::try_from(self.nanos).unwrap_or_default();
        let mut rest = [0; 10];
        rest[2..].copy_from_slice(&self.sequence.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(nanos / 1_000_000, &rest).into_uuid()
    }

    /// The letter; `None` if it is none, or that of an event that another group gave up.
    pub(super) fn letter(
        &self,
        prefix: &str,
        group: &str,
        codecs: &[Arc<dyn Codec>],
        body: Vec<u8>,
    ) -> Option<DeadLetter> {
        let (kind, name) = names::of_dead(prefix, self.subject)?;
        if kind == Kind::Event && !self.is_of(group) {
            return None;
        }
        let id = self.id();
        let (envelope, body) = match headers::read(self.headers, kind, &name, id) {
            Ok(envelope) => {
                let body = encoded(&envelope, codecs, body);
                (envelope, body)
            }
            Err(_) => (Envelope::foreign(kind, name), Body::Withheld(Withheld::OtherForm)),
        };
        let mut letter = DeadLetter::carried(&envelope, body, &self.error());
        letter.id = id;
        letter.attempts = self.text(ATTEMPTS).parse().unwrap_or_default();
        letter.at = SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(self.nanos).unwrap_or_default());
        Some(letter)
    }

    /// Whether a worker of the group gave it up: `shop_Shipped@billing` is one.
    fn is_of(&self, group: &str) -> bool {
        self.text(CONSUMER).split('@').nth(1) == Some(&names::in_consumer(group))
    }

    fn error(&self) -> RemoteError {
        let reason = Reason::from_label(self.text(REASON)).unwrap_or(Reason::Transport);
        let text = self.text(ERROR);
        RemoteError::new(reason, percent_decoded(text).unwrap_or_else(|| text.to_owned()))
    }

    fn text(&self, header: &'static str) -> &str {
        self.headers.get(header).map(HeaderValue::as_str).unwrap_or_default()
    }
}

/// Where the letter with this id is, if it is there.
pub(super) fn sequence(id: Uuid) -> u64 {
    // The two highest bits are of the UUID.
    id.as_u64_pair().1 & (u64::MAX >> 2)
}

/// The message in its format, if that is known.
fn encoded(envelope: &Envelope, codecs: &[Arc<dyn Codec>], body: Vec<u8>) -> Body {
    let codec = codecs.iter().find(|codec| codec.content_type() == envelope.content_type);
    match codec {
        Some(codec) => Body::Encoded(Encoded::new(Arc::clone(codec), body)),
        None => Body::Withheld(Withheld::OtherForm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_letter_says_when_and_where_it_was_kept() {
        for sequence_kept in [1, 77, u64::MAX >> 2] {
            let nanos = 1_790_000_000_123_456_789;
            let stored = Stored { subject: "", headers: &HeaderMap::new(), sequence: sequence_kept, nanos };
            let id = stored.id();
            assert_eq!((id.get_version_num(), sequence(id)), (7, sequence_kept));
            assert_eq!(id.get_timestamp().unwrap().to_unix(), (1_790_000_000, 123_000_000));
        }
    }
}
