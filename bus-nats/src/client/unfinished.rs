//! What is not over yet.

use futures_util::TryStreamExt as _;
use linkbus::Kind;

use super::NatsClient;
use crate::{error::OpenError, names};

impl NatsClient {
    /// How many messages on the server are not over, whoever sent them: commands and tasks that are not handled, and events
    /// that a group has not handled, for each group once. Events of which no group is known are not counted.
    ///
    /// The streams are read one after the other: 0 says that nothing was under way only if nothing else is sent meanwhile.
    /// For a script that waits for what it set off, and for tests; [`WorkerHandle::lag`](crate::WorkerHandle::lag) tells more.
    ///
    /// # Errors
    /// What the server says, or that it does not answer.
    pub async fn unfinished(&self) -> Result<u64, OpenError> {
        let queued = self.in_queue(Kind::Command).await? + self.in_queue(Kind::Task).await?;
        Ok(queued + self.unheard().await?)
    }

    /// What was handled is gone from a work queue.
    async fn in_queue(&self, kind: Kind) -> Result<u64, OpenError> {
        let stream = self.stream(kind).await?;
        Ok(stream.cached_info().state.messages)
    }

    async fn unheard(&self) -> Result<u64, OpenError> {
        let stream = self.stream(Kind::Event).await?;
        let count = |sum, consumer: async_nats::jetstream::consumer::Info| async move {
            Ok(sum + consumer.num_pending + consumer.num_ack_pending as u64)
        };
        let unheard = stream.consumers().try_fold(0, count).await;
        unheard.map_err(|error| OpenError::request("asking for what is not heard", error))
    }

    async fn stream(&self, kind: Kind) -> Result<async_nats::jetstream::stream::Stream, OpenError> {
        let name = names::stream(&self.shared.config.prefix, kind);
        let stream = self.shared.connection.jetstream.get_stream(&name).await;
        stream.map_err(|error| OpenError::request(format!("asking for the stream `{name}`"), error))
    }
}
