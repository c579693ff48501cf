//! Clients: what a bus sends through.

mod unfinished;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use async_nats::{Request, client::RequestErrorKind, jetstream::context::PublishErrorKind};
use linkbus::{
    AnyError, Kind,
    transport::{Answer, Completion, Delivery, Envelope, Features, Order, Parcel, RemoteError, Transport, Undelivered},
};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    config::NatsConfig,
    connection::Connection,
    error::OpenError,
    headers,
    health::Health,
    later::Waiting,
    names,
    publish::{ForStream, NotKept},
    streams::Setup,
};

/// The header of an answer that is an error.
pub(crate) const FAILED: &str = "linkbus-failed";

/// Carries messages to a server: a [`Transport`] for [`Builder::transport`](linkbus::Builder::transport).
///
/// Clones are one client. It closes with its bus. Made by [`Nats::client`](crate::Nats::client).
#[derive(Clone)]
pub struct NatsClient {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Connection,
    config: NatsConfig,
    /// What is under way: closing waits for it.
    in_flight: Semaphore,
    is_closed: AtomicBool,
    published: AtomicU64,
}

/// The most messages under way: what waits for the [window](NatsConfig::publish_window), too.
const MAX_IN_FLIGHT: u32 = 100_000;

/// The most messages of a batch under way: more of them make it no faster.
const MAX_BATCH_WINDOW: usize = 256;

impl NatsClient {
    pub(crate) async fn open(config: &NatsConfig) -> Result<Self, OpenError> {
        let connection = Connection::open(config, "client").await?;
        let mut setup = Setup::new(&connection, config);
        connection.permitted(setup.streams(config)).await?;
        setup.finish()?;
        let in_flight = Semaphore::new(MAX_IN_FLIGHT as usize);
        let (is_closed, published) = (AtomicBool::new(false), AtomicU64::new(0));
        let shared = Shared { connection, config: config.clone(), in_flight, is_closed, published };
        Ok(NatsClient { shared: Arc::new(shared) })
    }

    /// Whether it can work now.
    pub fn health(&self) -> Health {
        Health::of(&self.shared.connection, self.shared.is_closed.load(Relaxed))
    }

    /// How many commands, tasks and events the server has kept for this client.
    pub fn published(&self) -> u64 {
        self.shared.published.load(Relaxed)
    }
}

impl Transport for NatsClient {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn features(&self) -> Features {
        let mut features = Features::default();
        features.commands = Delivery::AtLeastOnce;
        features.events = Delivery::AtLeastOnce;
        features.completion = Completion::Accepted;
        features.order = Order::PerKey;
        features.batch_window = self.shared.config.publish_window.min(MAX_BATCH_WINDOW);
        features.schedules = true;
        features.durable = true;
        features.max_size = self.shared.connection.max_size();
        features
    }

    async fn carry(&self, parcel: Parcel) -> Result<Answer, Undelivered> {
        let shared = &self.shared;
        if shared.is_closed.load(Relaxed) {
            return Err(Undelivered::Closed);
        }
        let _under_way = shared.in_flight.try_acquire().map_err(|_| Undelivered::Overloaded)?;
        match parcel.envelope.kind {
            Kind::Query => shared.ask(parcel).await,
            Kind::Command | Kind::Event | Kind::Task => shared.keep(parcel).await,
        }
    }

    async fn close(&self) -> Result<(), AnyError> {
        let shared = &self.shared;
        if shared.is_closed.swap(true, Relaxed) {
            return Ok(());
        }
        let is_idle = timeout(shared.config.close_within, shared.in_flight.acquire_many(MAX_IN_FLIGHT)).await.is_ok();
        shared.connection.client.drain().await?;
        if is_idle {
            Ok(())
        } else {
            Err("messages were still under way: `close_within` says how long closing waits".into())
        }
    }
}

impl Shared {
    async fn ask(&self, parcel: Parcel) -> Result<Answer, Undelivered> {
        let Parcel { envelope, body } = parcel;
        let (limit, size) = (within(&envelope, self.config.query_timeout), body.len());
        let subject = names::subject(&self.config.prefix, Kind::Query, &envelope.name);
        let request = Request::new().headers(headers::write(&envelope)).payload(body.into()).timeout(Some(limit));
        let asking = self.connection.client.send_request(subject.clone(), request);
        let reply = tokio::select! {
            biased;
            reply = self.connection.denials.unless_of(&subject, asking) => reply,
            () = self.connection.broken() => {
                return Err(Undelivered::Failed("the connection to the server broke while it was under way".into()));
            }
        };
        let reply = reply.map_err(|denied| Undelivered::Failed(denied.into()))?;
        let reply = reply.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => Undelivered::NoHandler,
            RequestErrorKind::TimedOut => Undelivered::TimedOut(limit),
            RequestErrorKind::MaxPayloadExceeded => self.too_large(&envelope, size),
            _ => Undelivered::Failed(error.into()),
        })?;
        let is_failed = reply.headers.as_ref().is_some_and(|headers| headers.get(FAILED).is_some());
        if is_failed {
            let error = RemoteError::from_bytes(&reply.payload).map_err(Undelivered::Failed)?;
            return Ok(Answer::Failed(Box::new(error)));
        }
        Ok(Answer::Done(reply.payload.into()))
    }

    async fn keep(&self, parcel: Parcel) -> Result<Answer, Undelivered> {
        let Parcel { envelope, body } = parcel;
        let (limit, size) = (within(&envelope, self.config.publish_timeout), body.len());
        let message = ForStream {
            subject: self.subject(&envelope),
            id: envelope.id.to_string(),
            headers: headers::write(&envelope),
            body,
        };
        let message = match envelope.due {
            Some(due) => Waiting { connection: &self.connection, config: &self.config }.until(due, message).await?,
            None => message,
        };
        let subject = message.subject.clone();
        let keeping = message.keep(&self.connection.jetstream, limit);
        let kept = self.connection.denials.unless_of(&subject, keeping).await;
        match kept.map_err(|denied| Undelivered::Failed(denied.into()))? {
            Ok(()) => {
                self.published.fetch_add(1, Relaxed);
                Ok(Answer::Done(Vec::new()))
            }
            Err(NotKept::Refused(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Err(self.too_large(&envelope, size))
            }
            Err(error) => Err(Undelivered::Failed(error.into())),
        }
    }

    /// Where the stream is that keeps the message.
    fn subject(&self, envelope: &Envelope) -> String {
        let (prefix, kind, name) = (&self.config.prefix, envelope.kind, &envelope.name);
        match &envelope.key {
            Some(key) => names::with_key(prefix, kind, name, key),
            None => names::subject(prefix, kind, name),
        }
    }

    fn too_large(&self, envelope: &Envelope, body: usize) -> Undelivered {
        Undelivered::TooLarge {
            size: headers::size(&headers::write(envelope)) + body,
            limit: self.connection.max_size(),
        }
    }
}

/// The time that a message has.
fn within(envelope: &Envelope, limit: Duration) -> Duration {
    let left = envelope.deadline.and_then(|_| envelope.time_left(SystemTime::now()));
    left.map_or(limit, |left| left.min(limit))
}
