//! Commands, tasks or events of one type: from a consumer on the server to handlers.

use std::sync::Arc;

use async_nats::jetstream::{
    AckKind,
    consumer::{Consumer, pull::Config},
};
use linkbus::MessageFacts;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use super::{Share, Shared, counts::Lag, held::Held, job::work_off, order::Order, pull::Pull};
use crate::error::OpenError;

/// One type of message, and the consumer that has it.
pub(super) struct Lane {
    pub(super) message: &'static MessageFacts,
    pub(super) source: Consumer<Config>,
    /// What that is.
    wanted: Config,
    /// How messages with a key are kept in order; `None` for those without.
    pub(super) order: Option<Order>,
    /// For messages that are handled.
    pub(super) running: Semaphore,
    /// Whether the server gives nothing more to this worker. What is given back before that could come back to it.
    has_left: watch::Sender<bool>,
    pub(super) shared: Arc<Shared>,
}

impl Lane {
    pub(super) fn new(
        message: &'static MessageFacts,
        share: Share,
        source: Consumer<Config>,
        wanted: Config,
        shared: &Arc<Shared>,
    ) -> Arc<Self> {
        let order = (share == Share::Keyed).then(|| Order::new(message, &source, shared));
        let running = Semaphore::new(shared.config.handling.concurrency_for(message));
        Arc::new(Lane {
            message,
            source,
            wanted,
            order,
            running,
            has_left: watch::Sender::new(false),
            shared: Arc::clone(shared),
        })
    }

    pub(super) fn stream(&self) -> &str {
        &self.source.cached_info().stream_name
    }

    pub(super) fn consumer(&self) -> &str {
        &self.source.cached_info().name
    }

    /// Handles until the worker stops; gives back what it then has and has not begun.
    pub(super) async fn run(self: Arc<Self>) {
        let mut jobs = JoinSet::new();
        self.begin_order(&self.source).await;
        let mut pull = match Pull::open(&self).await {
            Ok(pull) => pull,
            Err(error) => {
                tracing::error!(target: "linkbus", name = self.message.name, "messages cannot be asked for: {error}");
                return;
            }
        };
        while let Some((message, room)) = pull.next().await {
            jobs.spawn(work_off(Arc::clone(&self), message, room));
            while jobs.try_join_next().is_some() {}
        }
        pull.stop().await;
        let mut rest = Vec::new();
        while let Some(message) = pull.rest().await {
            rest.push(message);
        }
        self.has_left.send_replace(true);
        for message in rest {
            self.shared.counts.returned.up();
            Held::new(&message, &self.shared).tell(AckKind::Nak(None)).await;
        }
        while jobs.join_next().await.is_some() {}
    }

    /// Waits until what is given back goes to another worker.
    pub(super) async fn left(&self) {
        // The sender is here, so there is no error.
        let _ = self.has_left.subscribe().wait_for(|has_left| *has_left).await;
    }

    /// Makes the consumer again if it is gone, such as with a server that lost it.
    pub(super) async fn mend(&self) {
        if self.shared.config.verify_only {
            return;
        }
        let jetstream = &self.shared.connection.jetstream;
        let made = jetstream.create_consumer_on_stream(self.wanted.clone(), self.stream()).await;
        match made {
            Ok(made) => self.begin_order(&made).await,
            Err(error) => {
                tracing::warn!(target: "linkbus", consumer = self.consumer(), "the consumer cannot be made again: {error}");
            }
        }
    }

    /// Notes where the order of a consumer begins, before messages are asked for.
    async fn begin_order(&self, consumer: &Consumer<Config>) {
        let Some(order) = &self.order else { return };
        order.renew(consumer);
        if let Err(error) = self.note_start(order, consumer.cached_info()).await {
            tracing::warn!(target: "linkbus", consumer = self.consumer(), "events may wait for others, because it cannot be noted where they begin: {error}");
        }
    }

    pub(super) async fn lag(&self) -> Result<Lag, OpenError> {
        let info = self.source.get_info().await;
        let info = info.map_err(|error| OpenError::request("asking for what waits", error))?;
        Ok(Lag {
            message: self.message.name,
            waiting: info.num_pending,
            under_way: info.num_ack_pending,
            redelivered: info.num_redelivered,
        })
    }
}
