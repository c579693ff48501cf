//! Moves messages that are due to where they would have been sent at once.

use std::{sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{
        AckKind, Message,
        consumer::{AckPolicy, Consumer, pull},
    },
};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::sleep;

use super::{MAX_ACK_PENDING, Phase, Shared, held::Held};
use crate::{error::OpenError, headers, names, publish::ForStream, streams::Setup};

/// How long the server waits before it gives a message to another worker that this one had and did not move.
const ACK_WAIT: Duration = Duration::from_secs(10);
/// How long a queue has for a message; less than that.
const LIMIT: Duration = Duration::from_secs(5);
/// The time before a message is tried again that a queue did not take, and before the server is asked again that refused.
const PAUSE: Duration = Duration::from_secs(1);
/// How many messages may be with this worker.
const BATCH: usize = 64;
/// What begins the headers that are for the server, or from it.
const OF_SERVER: &str = "Nats-";

/// One of the workers that move what is due: each message is with one of them.
pub(super) struct Due {
    consumer: Consumer<pull::Config>,
    shared: Arc<Shared>,
}

/// The consumer of what is due, which all workers share; `None` where nothing is kept for later.
pub(super) async fn consumer(setup: &mut Setup<'_>, prefix: &str) -> Result<Option<Consumer<pull::Config>>, OpenError> {
    let stream = names::later_stream(prefix);
    if !setup.has_later(&stream).await? {
        return Ok(None);
    }
    setup.consumer(&stream, &wanted(prefix)).await
}

fn wanted(prefix: &str) -> pull::Config {
    pull::Config {
        durable_name: Some("due".to_owned()),
        filter_subject: names::all_due(prefix),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: -1,
        max_ack_pending: MAX_ACK_PENDING,
        ..pull::Config::default()
    }
}

impl Due {
    pub(super) fn new(consumer: Consumer<pull::Config>, shared: &Arc<Shared>) -> Self {
        Due { consumer, shared: Arc::clone(shared) }
    }

    /// Moves until the worker stops.
    pub(super) async fn run(self) {
        loop {
            if let Err(error) = self.move_all().await {
                tracing::warn!(target: "linkbus", "messages that are due cannot be had from the server: {error}");
                self.mend().await;
            }
            tokio::select! {
                biased;
                () = self.shared.reached(Phase::Stopping) => return,
                () = sleep(PAUSE) => {}
            }
        }
    }

    /// Makes the consumer again if it is gone.
    async fn mend(&self) {
        let Shared { connection, config, .. } = &*self.shared;
        if config.verify_only {
            return;
        }
        let stream = names::later_stream(&config.prefix);
        let made = connection.jetstream.create_consumer_on_stream(wanted(&config.prefix), stream).await;
        if let Err(error) = made {
            tracing::warn!(target: "linkbus", "the consumer of what is due cannot be made again: {error}");
        }
    }

    async fn move_all(&self) -> Result<(), async_nats::Error> {
        let mut messages = self.consumer.stream().max_messages_per_batch(BATCH).messages().await?;
        loop {
            let message = tokio::select! {
                biased;
                () = self.shared.reached(Phase::Stopping) => messages.next().now_or_never().flatten(),
                message = messages.next() => message,
            };
            match message {
                Some(message) => self.forward(message?).await,
                None => return Ok(()),
            }
        }
    }

    async fn forward(&self, message: Message) {
        let moved = self.at_once(&message).keep(&self.shared.connection.jetstream, LIMIT).await;
        let fate = match moved {
            Ok(()) => {
                self.shared.counts.moved.up();
                AckKind::Ack
            }
            Err(error) => {
                let subject = &*message.subject;
                tracing::warn!(target: "linkbus", subject, "what is due is not moved, and tried again: {error}");
                AckKind::Nak(Some(PAUSE))
            }
        };
        Held::new(&message, &self.shared).tell(fate).await;
    }

    /// The message as it would have been sent at once. However often it is moved, it has the same id.
    fn at_once(&self, message: &Message) -> ForStream {
        let headers = own(message.headers.as_ref());
        let id = headers.get(headers::ID).map(ToString::to_string);
        let id = id.unwrap_or_else(|| {
            let place = message.info().map(|info| info.stream_sequence).unwrap_or_default();
            format!("{}/{place}", self.consumer.cached_info().stream_name)
        });
        let subject = names::of_due(&self.shared.config.prefix, &message.subject);
        ForStream { subject, id, headers, body: message.payload.to_vec() }
    }
}

/// The headers but for those of the server.
fn own(headers: Option<&HeaderMap>) -> HeaderMap {
    let mut own = HeaderMap::new();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        if !AsRef::<str>::as_ref(name).starts_with(OF_SERVER) {
            for value in values {
                own.append(name.clone(), value.clone());
            }
        }
    }
    own
}
