//! Having a message kept by a stream.

use std::time::Duration;

use async_nats::{
    HeaderMap,
    jetstream::{
        Context,
        context::{PublishError, PublishErrorKind},
        message::PublishMessage,
    },
};
use tokio::time::{Instant, sleep};

/// The time between the first two tries; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A message for a stream. With the same id it is kept once, however often it is tried.
pub(crate) struct ForStream {
    pub(crate) subject: String,
    pub(crate) id: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl ForStream {
    /// Waits until the stream has it. What may pass, such as a server that starts again, is tried again within the limit.
    pub(crate) async fn keep(self, jetstream: &Context, limit: Duration) -> Result<(), NotKept> {
        let end = Instant::now() + limit;
        let message = PublishMessage::build().headers(self.headers).payload(self.body.into()).message_id(self.id);
        let mut pause = FIRST_PAUSE;
        loop {
            let attempt =
                async { jetstream.send_publish(self.subject.clone(), message.clone()).await?.await.map(drop) };
            let error = match tokio::time::timeout_at(end, attempt).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if !may_pass(error.kind()) => return Err(NotKept::Refused(error)),
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            if Instant::now() + pause >= end {
                return Err(NotKept::TimedOut(limit, error));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Why a message was not kept, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    #[error("the server does not take it")]
    Refused(#[source] PublishError),
    #[error("no server has kept it within {0:?}")]
    TimedOut(Duration, #[source] Option<PublishError>),
}

/// Whether the next try may succeed: a stream has no leader for a moment, and is not found, when servers start again.
fn may_pass(kind: PublishErrorKind) -> bool {
    use PublishErrorKind::{BrokenPipe, MaxAckPending, StreamNotFound, TimedOut};
    matches!(kind, StreamNotFound | TimedOut | BrokenPipe | MaxAckPending)
}
