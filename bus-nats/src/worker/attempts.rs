//! How often a message was begun, written down before its handler runs: a handler that ends its process is counted all the same.
//!
//! The server counts how often it gave a message out, which is more: a worker that is killed had messages that it had not begun
//! with. So the first time nothing is written, and whoever gets a message again looks here. If there is nothing, it is taken
//! to have been begun once: one that never was loses one attempt at most, however often workers are killed.

use std::time::Duration;

use async_nats::jetstream::{
    Context, context::PublishErrorKind, message::PublishMessage, stream::LastRawMessageErrorKind,
};
use linkbus::AnyError;

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
    pub(super) async fn begun(&self) -> Result<u32, AnyError> {
        let stream = self.jetstream.get_stream_no_info(self.stream()).await?;
        match stream.get_last_raw_message_by_subject(&self.subject).await {
            Ok(note) => Ok(std::str::from_utf8(&note.payload)?.parse()?),
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(1),
            Err(error) => Err(error.into()),
        }
    }

    /// Notes that it was begun so often.
    pub(super) async fn write(&self, begun: u32) -> Result<(), AnyError> {
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
