//! Queries of one type: requests that are answered.

use std::sync::Arc;

use async_nats::{HeaderMap, Message, PublishErrorKind, Subject, Subscriber};
use futures_util::StreamExt as _;
use linkbus::{
    Kind, MessageFacts,
    layer::Reason,
    transport::{Answer, Parcel, RemoteError},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use uuid::Uuid;

use super::{Phase, Shared};
use crate::{client::FAILED, error::OpenError, headers, names};

/// Takes queries of one type from the server, each of which one worker of all gets.
pub(super) struct Queries {
    message: &'static MessageFacts,
    requests: Subscriber,
    /// For queries that are handled or wait.
    room: Arc<Semaphore>,
    /// For queries that are handled.
    running: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl Queries {
    pub(super) async fn open(message: &'static MessageFacts, shared: &Arc<Shared>) -> Result<Self, OpenError> {
        let config = &shared.config;
        let subject = names::subject(&config.prefix, Kind::Query, message.name);
        // One for all groups: a query has one handler, whichever service it is in.
        let requests = shared.connection.client.queue_subscribe(subject, config.prefix.clone()).await;
        let requests = requests.map_err(|error| OpenError::request("subscribing to queries", error))?;
        let concurrency = config.handling.concurrency_for(message);
        Ok(Queries {
            message,
            requests,
            room: Arc::new(Semaphore::new(concurrency + config.handling.query_backlog)),
            running: Arc::new(Semaphore::new(concurrency)),
            shared: Arc::clone(shared),
        })
    }

    /// Answers until the worker stops, and what has come until then.
    pub(super) async fn run(mut self) {
        let mut answering = JoinSet::new();
        let stopping = Arc::clone(&self.shared);
        let mut stopping = std::pin::pin!(stopping.reached(Phase::Stopping));
        let mut is_stopping = false;
        loop {
            tokio::select! {
                biased;
                () = &mut stopping, if !is_stopping => {
                    is_stopping = true;
                    // An error is a connection that is closed, which ends the requests as well.
                    let _ = self.requests.drain().await;
                }
                request = self.requests.next() => match request {
                    Some(request) => self.take(request, &mut answering),
                    None => break,
                },
            }
            while answering.try_join_next().is_some() {}
        }
        while answering.join_next().await.is_some() {}
    }

    fn take(&self, request: Message, answering: &mut JoinSet<()>) {
        // Nobody waits for an answer without an address.
        let Some(to) = request.reply.clone() else { return };
        let (shared, running, message) = (Arc::clone(&self.shared), Arc::clone(&self.running), self.message);
        match Arc::clone(&self.room).try_acquire_owned() {
            Ok(room) => drop(answering.spawn(answer(shared, running, room, message, request, to))),
            Err(_) => drop(answering.spawn(async move {
                shared.counts.refused.up();
                let text = format!("too many queries `{}` wait", message.name);
                shared.reply(to, Answer::Failed(Box::new(RemoteError::new(Reason::Overloaded, text)))).await;
            })),
        }
    }
}

async fn answer(
    shared: Arc<Shared>,
    running: Arc<Semaphore>,
    _room: OwnedSemaphorePermit,
    message: &'static MessageFacts,
    request: Message,
    to: Subject,
) {
    let handling = async {
        let _running = running.acquire().await;
        shared.handle(message, request).await
    };
    tokio::select! {
        biased;
        answer = handling => {
            shared.counts.answered.up();
            shared.reply(to, answer).await;
        }
        () = shared.reached(Phase::Overdue) => {
            let error = RemoteError::new(Reason::ShutDown, "the process ended before the query was answered");
            shared.reply(to, Answer::Failed(Box::new(error))).await;
        }
    }
}

impl Shared {
    async fn handle(&self, message: &'static MessageFacts, request: Message) -> Answer {
        let no_headers = HeaderMap::new();
        let headers = request.headers.as_ref().unwrap_or(&no_headers);
        match headers::read(headers, message.kind, message.name, Uuid::now_v7()) {
            Ok(envelope) => self.endpoint.deliver(Parcel { envelope, body: request.payload.into() }).await,
            Err(error) => Answer::Failed(Box::new(RemoteError::new(Reason::Refused, error.to_string()))),
        }
    }

    async fn reply(&self, to: Subject, answer: Answer) {
        let sent = self.send(to.clone(), answer).await;
        let sent = match sent {
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                let text = format!("the reply is too large: {error}");
                self.send(to, Answer::Failed(Box::new(RemoteError::new(Reason::Refused, text)))).await
            }
            sent => sent,
        };
        if let Err(error) = sent {
            self.counts.lost_answers.up();
            tracing::warn!(target: "linkbus", "an answer could not be sent: {error}");
        }
    }

    async fn send(&self, to: Subject, answer: Answer) -> Result<(), async_nats::PublishError> {
        let client = &self.connection.client;
        match answer {
            Answer::Done(body) => client.publish(to, body.into()).await,
            Answer::Failed(error) => {
                let mut headers = HeaderMap::new();
                headers.insert(FAILED, error.reason.label());
                client.publish_with_headers(to, headers, error.to_bytes().into()).await
            }
        }
    }
}
