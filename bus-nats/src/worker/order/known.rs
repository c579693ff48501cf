//! What is noted on the server of a key, for a consumer: which message of it was begun last and how often, and up to which one they are over.
//!
//! A note that is lost costs no message: an event then waits until everything before it is over, and a message is begun as if for the
//! first time.

use std::{fmt, str::FromStr};

use async_nats::jetstream::{Context, message::PublishMessage, stream::LastRawMessageErrorKind};
use linkbus::AnyError;

use crate::names;

/// What is known of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Known {
    /// When the consumer was made that this is about, in nanoseconds since 1970.
    made: i64,
    /// The place in the stream up to which all of the key are over. Of commands and tasks it is 0: those are gone from the stream.
    pub(super) over: u64,
    /// The place of the message that was begun last.
    begun: u64,
    /// How often it was begun.
    attempts: u32,
}

impl Known {
    /// How often the message at this place was begun.
    pub(in super::super) fn attempts(self, place: u64) -> u32 {
        if self.begun == place { self.attempts } else { 0 }
    }

    /// The message at this place was begun so often.
    pub(in super::super) fn begun(self, place: u64, attempts: u32) -> Self {
        Known { begun: place, attempts, ..self }
    }

    /// All up to this place are over.
    pub(in super::super) fn over(self, place: u64) -> Self {
        Known { over: place, ..self }
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Known { made, over, begun, attempts } = self;
        write!(f, "{made} {over} {begun} {attempts}")
    }
}

impl FromStr for Known {
    type Err = AnyError;

    fn from_str(text: &str) -> Result<Self, AnyError> {
        let parts: Vec<_> = text.split(' ').collect();
        let [made, over, begun, attempts] = parts[..] else { return Err("four numbers are expected".into()) };
        Ok(Known { made: made.parse()?, over: over.parse()?, begun: begun.parse()?, attempts: attempts.parse()? })
    }
}

/// Where it is noted.
pub(in super::super) struct Notes<'a> {
    jetstream: &'a Context,
    stream: String,
    /// `linkbus.order.CONSUMER.KEY`.
    subject: String,
    made: i64,
}

impl<'a> Notes<'a> {
    pub(super) fn of(jetstream: &'a Context, prefix: &str, consumer: &str, subject: &str, made: i64) -> Self {
        Notes { jetstream, stream: format!("{prefix}_order"), subject: names::order(prefix, consumer, subject), made }
    }

    /// What was noted last by workers of this consumer.
    pub(super) async fn read(&self) -> Result<Known, AnyError> {
        let nothing = Known { made: self.made, ..Known::default() };
        let stream = self.jetstream.get_stream_no_info(&self.stream).await?;
        let noted = match stream.get_last_raw_message_by_subject(&self.subject).await {
            Ok(note) => std::str::from_utf8(&note.payload)?.parse()?,
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => nothing,
            Err(error) => return Err(error.into()),
        };
        Ok(if noted.made == self.made { noted } else { nothing })
    }

    pub(in super::super) async fn write(&self, known: Known) -> Result<(), AnyError> {
        let note = PublishMessage::build().payload(Known { made: self.made, ..known }.to_string().into());
        let noted = self.jetstream.send_publish(self.subject.clone(), note).await?.await;
        noted.map(drop).map_err(|error| format!("the stream `{}` does not take a note: {error}", self.stream).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_as_it_was() {
        let known = Known { made: 1_790_000_000_000_000_000, ..Known::default() }.over(7).begun(9, 3);
        assert_eq!(known.to_string().parse::<Known>().unwrap(), known);
        assert!("1 2 3".parse::<Known>().is_err() && "1 2 3 4 5".parse::<Known>().is_err());
    }

    #[test]
    fn attempts_are_those_of_one_message() {
        let known = Known::default().begun(9, 3);
        assert_eq!((known.attempts(9), known.attempts(10)), (3, 0));
    }
}
