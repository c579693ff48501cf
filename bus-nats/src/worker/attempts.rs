//! How often a message was begun, written down before its handler runs: a handler that ends its process is counted all the same.
//!
//! The server counts how often it gave a message out, which is more: a worker that is killed had messages that it had not begun
//! with. So the first time nothing is written, and whoever gets a message again looks here. If there is nothing, it is taken
//! to have been begun once: one that never was loses one attempt at most, however often workers are killed.
//!
//! A message with a key may be given out often before it is its turn, so it is noted when it is begun for the first time, too, in the note
//! that its key has in any case.

use std::time::Duration;

use async_nats::jetstream::{
    Context, context::PublishErrorKind, message::PublishMessage, stream::LastRawMessageErrorKind,
};
use linkbus::{AnyError, Kind};

use super::{
    order::{Known, Notes},
    place::Place,
};

/// Where it is noted how often a message was begun.
pub(super) enum Tally<'a> {
    /// It has no key: in a note of its own, if it came before.
    OfMessage { note: Note<'a>, is_again: bool },
    /// In the note of its key, which said this.
    OfKey { notes: Notes<'a>, known: Known, kind: Kind, sequence: u64 },
}

/// Which attempt is made.
pub(super) enum Attempt {
    Number(u32),
    /// It was begun so often, and never ended.
    NoMore(u32),
}

impl<'a> Tally<'a> {
    pub(super) fn of_message(note: Note<'a>, place: Place) -> Self {
        Tally::OfMessage { note, is_again: place.is_again() }
    }

    pub(super) fn of_key(notes: Notes<'a>, known: Known, kind: Kind, place: Place) -> Self {
        Tally::OfKey { notes, known, kind, sequence: place.sequence }
    }

    /// Notes an attempt, if it is one of the first `max`.
    pub(super) async fn begin(&self, max: u32) -> Result<Attempt, AnyError> {
        let begun = match self {
            Tally::OfMessage { is_again: false, .. } => return Ok(Attempt::Number(1)),
            Tally::OfMessage { note, .. } => note.begun().await?,
            Tally::OfKey { known, sequence, .. } => known.attempts(*sequence),
        };
        if begun >= max {
            return Ok(Attempt::NoMore(begun));
        }
        self.write(begun + 1).await?;
        Ok(Attempt::Number(begun + 1))
    }

    /// Notes that it was begun so often.
    pub(super) async fn write(&self, begun: u32) -> Result<(), AnyError> {
        match self {
            Tally::OfMessage { note, .. } => note.write(begun).await,
            Tally::OfKey { notes, known, sequence, .. } => notes.write(known.begun(*sequence, begun)).await,
        }
    }

    /// Notes that it is over, where the stream does not show it.
    pub(super) async fn note_end(&self) -> Result<(), AnyError> {
        match self {
            Tally::OfKey { notes, known, kind: Kind::Event, sequence } => notes.write(known.over(*sequence)).await,
            _ => Ok(()),
        }
    }
}

/// Where the attempts of one message are noted.
pub(super) struct Note<'a> {
    pub(super) jetstream: &'a Context,
    pub(super) prefix: &'a str,
    /// `linkbus.attempts.STREAM.CONSUMER.SEQUENCE`.
    pub(super) subject: String,
}

impl<'a> Note<'a> {
    pub(super) fn of(jetstream: &'a Context, prefix: &'a str, stream: &str, consumer: &str, sequence: u64) -> Self {
        Note { jetstream, prefix, subject: format!("{prefix}.attempts.{stream}.{consumer}.{sequence}") }
    }

    /// How often a message was begun that came again.
    async fn begun(&self) -> Result<u32, AnyError> {
        let stream = self.jetstream.get_stream_no_info(self.stream()).await?;
        match stream.get_last_raw_message_by_subject(&self.subject).await {
            Ok(note) => Ok(std::str::from_utf8(&note.payload)?.parse()?),
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(1),
            Err(error) => Err(error.into()),
        }
    }

    async fn write(&self, begun: u32) -> Result<(), AnyError> {
        let note = PublishMessage::build().payload(begun.to_string().into());
        let noted = self.jetstream.send_publish(self.subject.clone(), note).await?.await;
        noted.map(drop).map_err(|error| match error.kind() {
            PublishErrorKind::StreamNotFound => format!("the stream `{}` is gone", self.stream()).into(),
            _ => error.into(),
        })
    }

    /// Forgets a message that is over. What cannot be forgotten now is so when its time is up.
    pub(super) async fn forget(&self) {
        let forgetting = async {
            let stream = self.jetstream.get_stream_no_info(self.stream()).await.ok()?;
            stream.purge().filter(&self.subject).await.ok()
        };
        let _ = tokio::time::timeout(Duration::from_secs(3), forgetting).await;
    }

    fn stream(&self) -> String {
        format!("{}_attempts", self.prefix)
    }
}
