//! Asks a consumer for as many messages as there is room for.
//!
//! What was asked for has its room from then on, so there is never more here than there is room for, and each message is held
//! by a task that tells the server so.

use std::{sync::Arc, time::Duration};

use async_nats::{
    Message, StatusCode, Subject, SubscribeError, Subscriber,
    jetstream::{self, consumer::pull::BatchConfig},
};
use futures_util::StreamExt as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Phase, lane::Lane};
use crate::connection::Link;

/// How long the server keeps a request that it cannot fulfil.
const EXPIRES: Duration = Duration::from_secs(30);
/// How often it says that it still has it.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// The time before the server is asked again that refused.
const PAUSE: Duration = Duration::from_millis(500);
/// The header that says how much of a request was not fulfilled.
const PENDING: &str = "Nats-Pending-Messages";

pub(super) struct Pull<'a> {
    lane: &'a Lane,
    messages: Subscriber,
    inbox: Subject,
    /// What can be asked for.
    room: Arc<Semaphore>,
    /// What was asked for and has not come.
    asked: Option<OwnedSemaphorePermit>,
    /// How many messages are asked for at least, unless nothing is asked for.
    least: usize,
    /// When there was the last sign of the server.
    heard: Instant,
    link: watch::Receiver<Link>,
    /// Which of the connections it was asked on.
    connection: u64,
}

/// What happens next.
enum Turn {
    Came(Message),
    Room(OwnedSemaphorePermit),
    Relinked,
    Stalled,
    Over,
}

impl<'a> Pull<'a> {
    pub(super) async fn open(lane: &'a Lane) -> Result<Self, SubscribeError> {
        let (handling, connection) = (&lane.shared.config.handling, &lane.shared.connection);
        let inbox = Subject::from(connection.client.new_inbox());
        Ok(Pull {
            lane,
            messages: connection.client.subscribe(inbox.clone()).await?,
            inbox,
            room: Arc::new(Semaphore::new(handling.concurrency_for(lane.message) + handling.prefetch)),
            asked: None,
            least: (handling.prefetch / 2).max(1),
            heard: Instant::now(),
            link: connection.link.clone(),
            connection: connection.link.borrow().connections,
        })
    }

    /// The next message with its room; `None` when the worker stops.
    pub(super) async fn next(&mut self) -> Option<(jetstream::Message, OwnedSemaphorePermit)> {
        loop {
            match self.turn().await {
                Turn::Came(message) => {
                    self.heard = Instant::now();
                    match message.status {
                        None | Some(StatusCode::OK) => {
                            return Some((self.of_stream(message), self.room_of_one().await));
                        }
                        Some(StatusCode::IDLE_HEARTBEAT) => {}
                        Some(status) => self.end_of_request(status, &message).await,
                    }
                }
                Turn::Room(room) => self.ask(room).await,
                Turn::Relinked => self.relinked(),
                Turn::Stalled => {
                    self.lane.shared.counts.stalls.up();
                    tracing::warn!(target: "linkbus", consumer = self.lane.consumer(), "the server is silent, and is asked again");
                    self.asked = None;
                }
                Turn::Over => return None,
            }
        }
    }

    async fn turn(&mut self) -> Turn {
        let asked = self.asked.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let least = if asked == 0 { 1 } else { self.least };
        let room = Arc::clone(&self.room).acquire_many_owned(count(least));
        let stopping = self.lane.shared.reached(Phase::Stopping);
        tokio::select! {
            biased;
            () = stopping => Turn::Over,
            message = self.messages.next() => message.map_or(Turn::Over, Turn::Came),
            Ok(()) = self.link.changed() => Turn::Relinked,
            Ok(room) = room, if asked < self.least => Turn::Room(room),
            () = sleep_until(self.heard + HEARTBEAT * 2 + PAUSE), if asked > 0 => Turn::Stalled,
        }
    }

    /// Requests of the last connection are gone with it.
    fn relinked(&mut self) {
        let connection = self.link.borrow_and_update().connections;
        if connection != self.connection {
            self.connection = connection;
            self.asked = None;
        }
    }

    /// Asks for as many as there is room for.
    async fn ask(&mut self, mut room: OwnedSemaphorePermit) {
        let more = Arc::clone(&self.room).try_acquire_many_owned(count(self.room.available_permits()));
        if let Ok(more) = more {
            room.merge(more);
        }
        let batch = BatchConfig {
            batch: room.num_permits(),
            expires: Some(EXPIRES),
            idle_heartbeat: HEARTBEAT,
            ..BatchConfig::default()
        };
        match &mut self.asked {
            Some(asked) => asked.merge(room),
            None => self.asked = Some(room),
        }
        self.heard = Instant::now();
        if let Err(error) = self.lane.source.request_batch(batch, self.inbox.clone()).await {
            tracing::warn!(target: "linkbus", "messages could not be asked for: {error}");
            self.asked = None;
            sleep(PAUSE).await;
        }
    }

    /// Room for a message that came. One that nobody asked for, because it was given up too early, waits for it.
    async fn room_of_one(&mut self) -> OwnedSemaphorePermit {
        match self.asked.as_mut().and_then(|asked| asked.split(1)) {
            Some(room) => room,
            None => Arc::clone(&self.room).acquire_owned().await.expect("it is never closed"),
        }
    }

    /// A request is over before everything came that it asked for.
    async fn end_of_request(&mut self, status: StatusCode, message: &Message) {
        let pending = message.headers.as_ref().and_then(|headers| headers.get(PENDING));
        let pending = pending.and_then(|pending| pending.as_str().parse().ok());
        let rest = pending.and_then(|pending| self.asked.as_mut()?.split(pending));
        if rest.is_none() {
            self.asked = None;
        }
        if matches!(status, StatusCode::TIMEOUT | StatusCode::NOT_FOUND) {
            return;
        }
        let why = message.description.as_deref().unwrap_or_default();
        tracing::warn!(target: "linkbus", consumer = self.lane.consumer(), "the server gives no messages: {status} {why}");
        sleep(PAUSE).await;
        self.lane.mend().await;
    }

    /// What came and was not asked for by [`next`](Self::next): when this is `None`, nothing is left.
    pub(super) async fn rest(&mut self) -> Option<jetstream::Message> {
        loop {
            // A connection that is broken has nothing left.
            let message = timeout(PAUSE, self.messages.next()).await.ok()??;
            if matches!(message.status, None | Some(StatusCode::OK)) {
                return Some(self.of_stream(message));
            }
        }
    }

    /// Nothing more comes; what is under way does.
    pub(super) async fn stop(&mut self) {
        // An error is a connection that is closed.
        let _ = self.messages.drain().await;
    }

    fn of_stream(&self, message: Message) -> jetstream::Message {
        jetstream::Message { message, context: self.lane.shared.connection.jetstream.clone() }
    }
}

fn count(permits: usize) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}
