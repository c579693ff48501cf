//! A message that the worker has: the server is told so, as long as it is.

use std::{pin::pin, time::Duration};

use async_nats::jetstream::{AckKind, Message};
use linkbus::AnyError;
use tokio::time::{sleep, timeout};

use super::{Phase, Shared};

/// How often the server is told, within the time after which it gives a message to another worker.
const SIGNALS: u32 = 3;

/// How long the server has to say that it has heard.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct Held<'a> {
    pub(super) message: &'a Message,
    shared: &'a Shared,
}

impl<'a> Held<'a> {
    pub(super) fn new(message: &'a Message, shared: &'a Shared) -> Self {
        Held { message, shared }
    }

    /// Waits for something while the server is told that the message is in good hands.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep(self.interval()) => self.tell(AckKind::Progress).await,
            }
        }
    }

    /// The same; `None` if the worker is so far before.
    pub(super) async fn until<T>(&self, phase: Phase, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = self.during(work) => Some(done),
            () = self.shared.reached(phase) => None,
        }
    }

    /// Tells the server. What does not arrive is what makes it give the message out again, so nothing is lost with it.
    pub(super) async fn tell(&self, what: AckKind) {
        if let Err(error) = self.message.ack_with(what).await {
            tracing::warn!(target: "linkbus", "the server could not be told of a message: {error}");
        }
    }

    /// Tells the server that the message is over, and waits until it knows.
    pub(super) async fn confirm(&self) -> Result<(), AnyError> {
        let reply = self.message.reply.clone().ok_or("the message came from no stream")?;
        let heard = self.shared.connection.client.request(reply, AckKind::Ack.into());
        timeout(PATIENCE, heard).await.map_err(|_| "the server does not answer")??;
        Ok(())
    }

    fn interval(&self) -> Duration {
        self.shared.config.handling.ack_wait / SIGNALS
    }
}
