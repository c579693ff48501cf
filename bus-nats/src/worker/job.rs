//! One message from its arrival to what becomes of it.

use std::{sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{AckKind, Message},
};
use linkbus::{
    AnyError,
    layer::Reason,
    transport::{Answer, Envelope, Parcel, RemoteError},
};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::{Phase, attempts::Note, held::Held, lane::Lane};
use crate::headers;

/// When a message is tried again with which something went wrong that is not its fault.
const SOON: Duration = Duration::from_secs(1);

/// What becomes of a message.
enum Fate {
    Handled,
    /// It is tried again after this time.
    Again(Duration),
    /// It goes to another worker; how often it was begun before, if it was begun now.
    Returned(Option<u32>),
    /// It is given up after so many attempts.
    Dead(Box<RemoteError>, u32),
}

/// Where a message is in its stream, and how often it was given out.
#[derive(Clone, Copy)]
struct Place {
    sequence: u64,
    delivered: i64,
    /// When it was kept, in nanoseconds since 1970.
    at: i128,
}

impl Place {
    fn of(message: &Message) -> Result<Self, async_nats::Error> {
        let info = message.info()?;
        let (sequence, delivered) = (info.stream_sequence, info.delivered);
        Ok(Place { sequence, delivered, at: info.published.unix_timestamp_nanos() })
    }

    fn is_again(self) -> bool {
        self.delivered > 1
    }

    /// The id of a message that has none: the same, whenever it is given out.
    fn id(self) -> Uuid {
        let mut bytes = self.at.to_be_bytes();
        bytes.rotate_left(8);
        bytes[8..].copy_from_slice(&self.sequence.to_be_bytes());
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// Handles a message, and does with it what is then to be done.
pub(super) async fn work_off(lane: Arc<Lane>, message: Message, _room: OwnedSemaphorePermit) {
    let place = match Place::of(&message) {
        Ok(place) => place,
        Err(error) => {
            tracing::error!(target: "linkbus", "what the server says of a message cannot be read: {error}");
            return;
        }
    };
    let held = Held::new(&message, &lane.shared);
    if place.is_again() {
        lane.shared.counts.redelivered.up();
    }
    let fate = lane.handle(&held, place).await;
    lane.settle(&held, place, fate).await;
}

impl Lane {
    async fn handle(&self, held: &Held<'_>, place: Place) -> Fate {
        let Some(Ok(_running)) = held.until(Phase::Stopping, self.running.acquire()).await else {
            held.during(self.left()).await;
            return Fate::Returned(None);
        };
        let no_headers = HeaderMap::new();
        let headers = held.message.headers.as_ref().unwrap_or(&no_headers);
        let envelope = match headers::read(headers, self.message.kind, self.message.name, place.id()) {
            Ok(envelope) => envelope,
            Err(error) => return Fate::Dead(Box::new(RemoteError::new(Reason::Refused, error.to_string())), 0),
        };
        let attempt = match self.attempt(place).await {
            Ok(attempt) => attempt,
            Err(error) => {
                tracing::warn!(target: "linkbus", name = self.message.name, "the attempt cannot be noted, so it is not made: {error}");
                return Fate::Again(SOON);
            }
        };
        match attempt {
            Attempt::Number(attempt) => self.deliver(held, envelope, attempt).await,
            Attempt::NoMore(attempts) => Fate::Dead(Box::new(ended()), attempts),
        }
    }

    /// Which attempt this is, noted if it is not the first.
    async fn attempt(&self, place: Place) -> Result<Attempt, AnyError> {
        if !place.is_again() {
            return Ok(Attempt::Number(1));
        }
        let note = self.note(place);
        let begun = note.begun().await?;
        if begun >= self.shared.config.handling.redelivery.attempts() {
            return Ok(Attempt::NoMore(begun));
        }
        note.write(begun + 1).await?;
        Ok(Attempt::Number(begun + 1))
    }

    async fn deliver(&self, held: &Held<'_>, mut envelope: Envelope, attempt: u32) -> Fate {
        envelope.attempt = envelope.attempt.saturating_add(attempt - 1);
        let parcel = Parcel { envelope, body: held.message.payload.to_vec() };
        let answer = held.until(Phase::Overdue, self.shared.endpoint.deliver(parcel)).await;
        match answer {
            None => Fate::Returned(Some(attempt - 1)),
            Some(Answer::Done(_)) => Fate::Handled,
            Some(Answer::Failed(error)) if error.reason == Reason::ShutDown => Fate::Returned(Some(attempt - 1)),
            Some(Answer::Failed(error)) => match self.shared.config.handling.redelivery.after(&error, attempt) {
                Some(delay) => Fate::Again(delay),
                None => Fate::Dead(error, attempt),
            },
        }
    }

    async fn settle(&self, held: &Held<'_>, place: Place, fate: Fate) {
        let counts = &self.shared.counts;
        match fate {
            Fate::Handled => {
                counts.handled.up();
                self.end(held, place).await;
            }
            Fate::Again(delay) => {
                counts.failed.up();
                held.tell(AckKind::Nak(Some(delay))).await;
            }
            Fate::Returned(begun) => {
                counts.returned.up();
                self.give_back(held, place, begun).await;
            }
            Fate::Dead(error, attempts) => {
                let buried = held.during(self.bury(held.message, &error, attempts, place.sequence)).await;
                if let Err(problem) = buried {
                    counts.unwritten_letters.up();
                    tracing::error!(target: "linkbus", name = self.message.name, "a dead letter cannot be written: {problem}");
                    held.tell(AckKind::Nak(Some(SOON))).await;
                } else {
                    counts.dead_lettered.up();
                    self.end(held, place).await;
                }
            }
        }
    }

    /// Another worker gets the message, and an attempt that was ended by this one is none.
    async fn give_back(&self, held: &Held<'_>, place: Place, begun: Option<u32>) {
        if let Some(begun) = begun
            && let Err(error) = self.note(place).write(begun).await
        {
            tracing::warn!(target: "linkbus", name = self.message.name, "an attempt that was ended counts: {error}");
        }
        // A bus that is closed while its worker runs would have the message back at once.
        let is_running = *self.shared.phase.borrow() == Phase::Running;
        held.tell(AckKind::Nak(is_running.then_some(SOON))).await;
    }

    /// The message is over.
    async fn end(&self, held: &Held<'_>, place: Place) {
        held.tell(AckKind::Ack).await;
        if place.is_again() {
            self.note(place).forget().await;
        }
    }

    fn note(&self, place: Place) -> Note<'_> {
        let (jetstream, prefix) = (&self.shared.connection.jetstream, &self.shared.config.prefix);
        Note::of(jetstream, prefix, self.stream(), self.consumer(), place.sequence)
    }
}

enum Attempt {
    Number(u32),
    /// It was begun so often, and never ended.
    NoMore(u32),
}

/// What is said of a message that was begun as often as allowed, and of which nobody came to say how it ended.
fn ended() -> RemoteError {
    RemoteError::new(Reason::Panicked, "the process ended, or lost the server, during the last attempt")
}
