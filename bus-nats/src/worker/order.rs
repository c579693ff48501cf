//! Messages with a key, in order: one of a key begins when all before it are over, wherever they are.
//!
//! Of commands and tasks the server has only those that are not over: the first one of its subject may begin. Of events it has all,
//! so it is [noted](known) for each key up to which one they are over. Both hold for any number of workers and however often a
//! message is given out, because a message is over when its handler has ended and the server was told, in this order.
//!
//! A message that has to wait does so in a [queue](queues) of its key. There is room for some; others go back to the server, and come again.

mod known;
mod queues;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_nats::{
    Subject,
    jetstream::{
        Message,
        consumer::{Consumer, Info, pull::Config},
        stream::{LastRawMessageErrorKind, Stream},
    },
};
use linkbus::{AnyError, Kind, MessageFacts};

use self::queues::{Call, Queues};
pub(super) use self::{
    known::{Known, Notes},
    queues::Spot,
};
use super::{Shared, lane::Lane, place::Place};

/// The time before the server is asked again whether what is before a message is over, and the longest such time. It is the first
/// one again when something of the key was over in between.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// After which time a message comes again that has to wait and for which there is no room, the first time, and at most. It is
/// twice as long each time.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// Where it is noted what is before the first message of a consumer: no key is written so.
const START: &str = "=start";

/// How a lane keeps the order of its messages.
pub(super) struct Order {
    queues: Arc<Queues>,
    /// When the consumer was made, in nanoseconds since 1970: what is noted of one that had its name before is of no use.
    made: AtomicI64,
}

/// What a message may do that waited for its turn.
pub(super) enum Turn {
    /// It begins.
    Now(Known),
    /// It is over: it was handled by another worker.
    Over,
    /// It comes again after this time.
    Later(Duration),
}

/// How a message stands to those of its key.
enum Standing {
    First(Known),
    Over,
    /// This one is before it.
    Behind(u64),
}

impl Order {
    pub(super) fn new(message: &MessageFacts, consumer: &Consumer<Config>, shared: &Shared) -> Self {
        let handling = &shared.config.handling;
        let room = usize::midpoint(handling.concurrency_for(message), handling.prefetch);
        Order { queues: Arc::new(Queues::new(room)), made: AtomicI64::new(made(consumer)) }
    }

    /// The consumer was made again.
    pub(super) fn renew(&self, consumer: &Consumer<Config>) {
        self.made.store(made(consumer), Relaxed);
    }

    /// A message that came takes its place among those of its key, until what it is given is dropped.
    pub(super) fn enter(&self, message: &Message, place: Place) -> Spot {
        self.queues.enter(message.subject.as_str().into(), (place.sequence, place.delivered))
    }
}

impl Lane {
    /// Waits until a message may begin.
    pub(super) async fn turn(&self, order: &Order, spot: &Spot, message: &Message, place: Place) -> Turn {
        let (mut pause, mut before) = (FIRST_PAUSE, None);
        loop {
            if let Call::Leave = spot.called().await {
                return Turn::Later(delay(place.delivered));
            }
            match self.standing(order, &message.subject, place).await {
                Ok(Standing::First(known)) => {
                    spot.begin();
                    return Turn::Now(known);
                }
                Ok(Standing::Over) => return Turn::Over,
                Ok(Standing::Behind(other)) if before != Some(other) => {
                    (pause, before) = (FIRST_PAUSE, Some(other));
                    spot.note_step();
                }
                Ok(Standing::Behind(_)) => {}
                Err(error) => {
                    pause = LONGEST_PAUSE;
                    tracing::warn!(target: "linkbus", name = self.message.name, "it is not known whether it is a message's turn: {error}");
                }
            }
            spot.wait(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn standing(&self, order: &Order, subject: &Subject, place: Place) -> Result<Standing, AnyError> {
        let jetstream = &self.shared.connection.jetstream;
        let stream = jetstream.get_stream_no_info(self.stream()).await?;
        let is_event = self.message.kind == Kind::Event;
        // What came for the first time was not begun before.
        let known =
            if is_event || place.is_again() { self.notes(order, subject).read().await? } else { Known::default() };
        if is_event {
            return self.standing_of_event(order, &stream, subject, place, known).await;
        }
        Ok(match next(&stream, subject, 1).await? {
            Some(first) if first < place.sequence => Standing::Behind(first),
            Some(first) if first == place.sequence => Standing::First(known),
            _ => Standing::Over,
        })
    }

    async fn standing_of_event(
        &self,
        order: &Order,
        stream: &Stream<()>,
        subject: &Subject,
        place: Place,
        known: Known,
    ) -> Result<Standing, AnyError> {
        if known.over >= place.sequence {
            return Ok(Standing::Over);
        }
        let is_before = |other: &u64| *other < place.sequence;
        let Some(before) = next(stream, subject, known.over + 1).await?.filter(is_before) else {
            return Ok(Standing::First(known));
        };
        // It may be one that the consumer never had, or that was over before anything was noted.
        let floor = self.floor(order).await?;
        if before > floor {
            return Ok(Standing::Behind(before));
        }
        let before = next(stream, subject, floor + 1).await?.filter(is_before);
        Ok(before.map_or(Standing::First(known), Standing::Behind))
    }

    /// The place up to which no message of the consumer is left.
    async fn floor(&self, order: &Order) -> Result<u64, AnyError> {
        let start = self.notes(order, START).read().await?;
        Ok(self.source.get_info().await?.ack_floor.stream_sequence.max(start.over))
    }

    /// Notes where the consumer begins, if nothing was given out yet: a server of version 2.9 does not know it later.
    pub(super) async fn note_start(&self, order: &Order, consumer: &Info) -> Result<(), AnyError> {
        let delivered = consumer.delivered;
        if delivered.consumer_sequence > 0 || self.message.kind != Kind::Event {
            return Ok(());
        }
        self.notes(order, START).write(Known::default().over(delivered.stream_sequence)).await
    }

    /// What is noted of a key.
    pub(super) fn notes<'a>(&'a self, order: &Order, subject: &str) -> Notes<'a> {
        let (jetstream, prefix) = (&self.shared.connection.jetstream, &self.shared.config.prefix);
        Notes::of(jetstream, prefix, self.consumer(), subject, order.made.load(Relaxed))
    }
}

fn made(consumer: &Consumer<Config>) -> i64 {
    i64::try_from(consumer.cached_info().created.unix_timestamp_nanos()).unwrap_or_default()
}

/// The first message of a subject from this place on.
async fn next(stream: &Stream<()>, subject: &Subject, from: u64) -> Result<Option<u64>, AnyError> {
    match stream.get_first_raw_message_by_subject(subject, from).await {
        Ok(found) => Ok(Some(found.sequence)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// When a message comes again that was given out so often.
fn delay(delivered: i64) -> Duration {
    let doubled = u32::try_from(delivered - 1).ok().and_then(|times| 2_u32.checked_pow(times));
    FIRST_DELAY.saturating_mul(doubled.unwrap_or(u32::MAX)).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::delay;

    #[test]
    fn what_comes_again_does_so_later_each_time_up_to_a_limit() {
        let millis = [1, 2, 3, 6, 7, 1000].map(|delivered| delay(delivered).as_millis());
        assert_eq!(millis, [100, 200, 400, 3200, 5000, 5000]);
    }
}
