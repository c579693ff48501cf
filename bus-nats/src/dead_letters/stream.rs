//! The stream of dead letters: found, read, deleted from.

use std::{sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{
        ErrorCode, Message,
        consumer::{AckPolicy, Consumer, DeliverPolicy, pull::Config},
        message::StreamMessage,
        stream::{DeleteMessageErrorKind, LastRawMessageErrorKind, Stream},
    },
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use linkbus::{
    Uuid,
    layer::dead_letter::{DeadLetter, Filter, StoreError},
    transport::{Codec, Json, MessagePack},
};

use super::stored::{Stored, sequence};
use crate::{config::NatsConfig, connection::Connection, error::OpenError, names, publish::ForStream};

/// How many letters are read at once for a list.
const BATCH: usize = 1000;

/// How long the server has to note a replay.
const LIMIT: Duration = Duration::from_secs(5);

/// When the server forgets who reads a list and has gone.
const FORGOTTEN: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(super) struct DeadStream {
    connection: Connection,
    stream: Stream,
    prefix: String,
    group: String,
    pub(super) codecs: Vec<Arc<dyn Codec>>,
}

impl DeadStream {
    pub(super) async fn open(connection: Connection, config: &NatsConfig) -> Result<Self, OpenError> {
        let name = format!("{}_dead", config.prefix);
        let stream = connection.jetstream.get_stream(&name).await;
        let stream = stream.map_err(|error| OpenError::request(format!("looking for the stream `{name}`"), error))?;
        let codecs: Vec<Arc<dyn Codec>> = vec![Arc::new(MessagePack), Arc::new(Json)];
        Ok(DeadStream { connection, stream, prefix: config.prefix.clone(), group: config.group.clone(), codecs })
    }

    pub(super) async fn ids(&self, filter: &Filter) -> Result<Vec<Uuid>, StoreError> {
        let failed = |error: async_nats::Error| failed("listing the dead letters", error);
        let reads_headers = Config {
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::None,
            headers_only: true,
            inactive_threshold: FORGOTTEN,
            ..Config::default()
        };
        let consumer = self.stream.create_consumer(reads_headers).await.map_err(|error| failed(error.into()))?;
        let ids = self.ids_of(&consumer, filter).await;
        // The server forgets it by itself, too.
        let _ = self.stream.delete_consumer(&consumer.cached_info().name).await;
        ids.map_err(failed)
    }

    async fn ids_of(&self, consumer: &Consumer<Config>, filter: &Filter) -> Result<Vec<Uuid>, async_nats::Error> {
        let mut ids = Vec::new();
        loop {
            let mut batch = consumer.fetch().max_messages(BATCH).messages().await?;
            let mut is_empty = true;
            while let Some(message) = batch.next().await {
                is_empty = false;
                ids.extend(self.listed(&message?)?.filter(|letter| filter.matches(letter)).map(|letter| letter.id));
            }
            if is_empty {
                return Ok(ids);
            }
        }
    }

    /// The letter without its message.
    fn listed(&self, message: &Message) -> Result<Option<DeadLetter>, async_nats::Error> {
        let (info, none) = (message.info()?, HeaderMap::new());
        Ok(self.letter(
            &Stored {
                subject: &message.subject,
                headers: message.headers.as_ref().unwrap_or(&none),
                sequence: info.stream_sequence,
                nanos: info.published.unix_timestamp_nanos(),
            },
            Vec::new(),
        ))
    }

    pub(super) async fn get(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        let Some(mut letter) = self.without_replays(id).await? else { return Ok(None) };
        letter.replays = self.replays(id).await?;
        Ok(Some(letter))
    }

    async fn without_replays(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        // There is no message 0, and the server does not like to be asked for it.
        if sequence(id) == 0 {
            return Ok(None);
        }
        let StreamMessage { subject, sequence, headers, payload, time } =
            match self.stream.get_raw_message(sequence(id)).await {
                Ok(found) => found,
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => return Ok(None),
                Err(error) => return Err(failed("reading a dead letter", error)),
            };
        let stored = Stored { subject: &subject, headers: &headers, sequence, nanos: time.unix_timestamp_nanos() };
        let letter = self.letter(&stored, payload.to_vec());
        // Another stream of this name may have had another letter at this place.
        Ok(letter.filter(|letter| letter.id == id))
    }

    fn letter(&self, stored: &Stored<'_>, body: Vec<u8>) -> Option<DeadLetter> {
        stored.letter(&self.prefix, &self.group, &self.codecs, body)
    }

    pub(super) async fn delete(&self, id: Uuid) -> Result<bool, StoreError> {
        if self.without_replays(id).await?.is_none() {
            return Ok(false);
        }
        match self.stream.delete_message(sequence(id)).await {
            Ok(was_there) => {
                // What is left of the notes is gone when its time is up.
                let _ = self.stream.purge().filter(self.notes(id)).await;
                Ok(was_there)
            }
            Err(error) => match error.kind() {
                DeleteMessageErrorKind::JetStream(refusal) if is_gone(refusal.error_code()) => Ok(false),
                _ => Err(failed("deleting a dead letter", error)),
            },
        }
    }

    /// One message for each replay, which the server counts: two at the same time are two.
    pub(super) async fn note_replay(&self, id: Uuid) -> Result<(), StoreError> {
        if self.without_replays(id).await?.is_none() {
            return Ok(());
        }
        let note = ForStream {
            subject: self.notes(id),
            id: Uuid::now_v7().to_string(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        };
        note.keep(&self.connection.jetstream, LIMIT).await.map_err(|error| failed("noting a replay", error))
    }

    async fn replays(&self, id: Uuid) -> Result<u32, StoreError> {
        let failed = |error: async_nats::Error| failed("counting the replays of a dead letter", error);
        let counts = self.stream.info_with_subjects(self.notes(id)).await.map_err(|error| failed(error.into()))?;
        let counts: Vec<(String, usize)> = counts.try_collect().await.map_err(|error| failed(error.into()))?;
        Ok(counts.first().map_or(0, |(_, count)| u32::try_from(*count).unwrap_or(u32::MAX)))
    }

    fn notes(&self, id: Uuid) -> String {
        names::replays(&self.prefix, sequence(id))
    }
}

fn is_gone(code: ErrorCode) -> bool {
    [ErrorCode::NO_MESSAGE_FOUND, ErrorCode::SEQUENCE_NOT_FOUND].contains(&code)
}

fn failed(what: &str, error: impl Into<async_nats::Error>) -> StoreError {
    StoreError::other(OpenError::request(what, error))
}
