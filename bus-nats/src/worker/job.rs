//! One message from its arrival to what becomes of it.

use std::{sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{AckKind, Message},
};
use linkbus::{
    layer::Reason,
    transport::{Answer, Envelope, Parcel, RemoteError},
};
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};

use super::{
    Phase,
    attempts::{Attempt, Note, Tally},
    held::Held,
    lane::Lane,
    order::{Order, Spot, Turn},
    place::Place,
};
use crate::headers;

/// When a message is tried again with which something went wrong that is not its fault.
const SOON: Duration = Duration::from_secs(1);

/// What becomes of a message that was begun.
enum Fate {
    Handled,
    /// It is tried again after this time.
    Again(Duration),
    /// It goes to another worker, and was begun so often before.
    Returned(u32),
    /// It is given up after so many attempts.
    Dead(Box<RemoteError>, u32),
}

/// Whether a message is begun.
enum Admission<'a> {
    Begun(SemaphorePermit<'a>, Tally<'a>),
    /// It is over, and only the server does not know.
    Over,
    /// It comes again after this time, when it may be its turn.
    Later(Duration),
    /// The worker stops.
    Stopped,
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
    let counts = &lane.shared.counts;
    if place.is_again() {
        counts.redelivered.up();
    }
    // Until the message is settled: the next one of its key begins then.
    let spot = lane.order.as_ref().map(|order| (order, order.enter(&message, place)));
    match lane.admit(&held, place, spot.as_ref()).await {
        Admission::Begun(running, tally) => {
            let fate = lane.handle(&held, place, &tally, running).await;
            lane.settle(&held, place, &tally, fate).await;
        }
        Admission::Over => lane.confirm(&held).await,
        Admission::Later(delay) => {
            counts.postponed.up();
            held.tell(AckKind::Nak(Some(delay))).await;
        }
        Admission::Stopped => {
            counts.returned.up();
            lane.give_back(&held).await;
        }
    }
}

impl Lane {
    /// Waits until a message may begin.
    async fn admit(&self, held: &Held<'_>, place: Place, spot: Option<&(&Order, Spot)>) -> Admission<'_> {
        let admitted = held.until(Phase::Stopping, async {
            let tally = match spot {
                None => Tally::of_message(self.note(place), place),
                Some((order, spot)) => match self.turn(order, spot, held.message, place).await {
                    Turn::Now(known) => {
                        Tally::of_key(self.notes(order, &held.message.subject), known, self.message.kind, place)
                    }
                    Turn::Over => return Admission::Over,
                    Turn::Later(delay) => return Admission::Later(delay),
                },
            };
            // It is never closed.
            self.running.acquire().await.map_or(Admission::Stopped, |running| Admission::Begun(running, tally))
        });
        match admitted.await {
            Some(Admission::Stopped) | None => {
                held.during(self.left()).await;
                Admission::Stopped
            }
            Some(admission) => admission,
        }
    }

    async fn handle(&self, held: &Held<'_>, place: Place, tally: &Tally<'_>, _running: SemaphorePermit<'_>) -> Fate {
        let no_headers = HeaderMap::new();
        let headers = held.message.headers.as_ref().unwrap_or(&no_headers);
        let envelope = match headers::read(headers, self.message.kind, self.message.name, place.id()) {
            Ok(envelope) => envelope,
            Err(error) => return Fate::Dead(Box::new(RemoteError::new(Reason::Refused, error.to_string())), 0),
        };
        let attempt = match tally.begin(self.shared.config.handling.redelivery.attempts()).await {
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

    async fn deliver(&self, held: &Held<'_>, mut envelope: Envelope, attempt: u32) -> Fate {
        envelope.attempt = envelope.attempt.saturating_add(attempt - 1);
        let parcel = Parcel { envelope, body: held.message.payload.to_vec() };
        let answer = held.until(Phase::Overdue, self.shared.endpoint.deliver(parcel)).await;
        match answer {
            None => Fate::Returned(attempt - 1),
            Some(Answer::Done(_)) => Fate::Handled,
            Some(Answer::Failed(error)) if error.reason == Reason::ShutDown => Fate::Returned(attempt - 1),
            Some(Answer::Failed(error)) => match self.shared.config.handling.redelivery.after(&error, attempt) {
                Some(delay) => Fate::Again(delay),
                None => Fate::Dead(error, attempt),
            },
        }
    }

    async fn settle(&self, held: &Held<'_>, place: Place, tally: &Tally<'_>, fate: Fate) {
        let counts = &self.shared.counts;
        match fate {
            Fate::Handled => {
                counts.handled.up();
                self.end(held, tally).await;
            }
            Fate::Again(delay) => {
                counts.failed.up();
                held.tell(AckKind::Nak(Some(delay))).await;
            }
            Fate::Returned(begun) => {
                counts.returned.up();
                if let Err(error) = tally.write(begun).await {
                    tracing::warn!(target: "linkbus", name = self.message.name, "an attempt that was ended counts: {error}");
                }
                self.give_back(held).await;
            }
            Fate::Dead(error, attempts) => {
                let buried = held.during(self.bury(held.message, &error, attempts, place.sequence)).await;
                if let Err(problem) = buried {
                    counts.unwritten_letters.up();
                    tracing::error!(target: "linkbus", name = self.message.name, "a dead letter cannot be written: {problem}");
                    held.tell(AckKind::Nak(Some(SOON))).await;
                } else {
                    counts.dead_lettered.up();
                    self.end(held, tally).await;
                }
            }
        }
    }

    /// Another worker gets the message.
    async fn give_back(&self, held: &Held<'_>) {
        // A bus that is closed while its worker runs would have the message back at once.
        let is_running = *self.shared.phase.borrow() == Phase::Running;
        held.tell(AckKind::Nak(is_running.then_some(SOON))).await;
    }

    /// The message is over.
    async fn end(&self, held: &Held<'_>, tally: &Tally<'_>) {
        match tally {
            Tally::OfMessage { note, is_again } => {
                held.tell(AckKind::Ack).await;
                if *is_again {
                    note.forget().await;
                }
            }
            Tally::OfKey { .. } => match held.during(tally.note_end()).await {
                Ok(()) => self.confirm(held).await,
                Err(error) => {
                    tracing::warn!(target: "linkbus", name = self.message.name, "a message comes again, because its end cannot be noted: {error}");
                    held.tell(AckKind::Nak(Some(SOON))).await;
                }
            },
        }
    }

    /// The message is over, and the next one of its key begins when the server knows.
    async fn confirm(&self, held: &Held<'_>) {
        if let Err(error) = held.confirm().await {
            tracing::warn!(target: "linkbus", name = self.message.name, "a message may come again, because the server could not be told of its end: {error}");
        }
    }

    fn note(&self, place: Place) -> Note<'_> {
        let (jetstream, prefix) = (&self.shared.connection.jetstream, &self.shared.config.prefix);
        Note::of(jetstream, prefix, self.stream(), self.consumer(), place.sequence)
    }
}

/// What is said of a message that was begun as often as allowed, and of which nobody came to say how it ended.
fn ended() -> RemoteError {
    RemoteError::new(Reason::Panicked, "the process ended, or lost the server, during the last attempt")
}
