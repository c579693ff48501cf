//! What a hub allows, and what it counts.

use std::time::Duration;

/// What a hub allows. Every bound is one of memory or of time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubOptions {
    /// How often both sides say that they are there: 1 s. Who misses three is gone.
    pub heartbeat: Duration,
    /// The most bytes of a message with its envelope: 1 MiB.
    pub max_frame: usize,
    /// How many messages of one name may wait for a worker: 200,000.
    pub queue_messages: usize,
    /// How many bytes all messages may have that wait or are with workers: 256 MiB. Each counts as its bytes and 128 more, which is
    /// about what the hub needs beside them.
    pub queue_bytes: usize,
    /// How often a command or task is given to a worker that does not come back: 5.
    pub max_attempts: u32,
    /// How long commands and tasks wait for a worker to come back, when the last one is gone or the hub is new: 10 s.
    pub worker_grace: Duration,
    /// What becomes of commands and tasks that no worker has ever served: they are refused.
    pub no_worker: NoWorker,
    /// How many clients and workers there may be: 1,024.
    pub peers: usize,
    /// How many bytes the names may have that all peers serve and subscribe to: 64 MiB. Each counts as its bytes and 64 more, for each
    /// peer that has it. A peer with more is refused.
    ///
    /// Different names are 65,535 at most, and together no longer than `max_frame` or, if that is less, 64 KiB: a list of them is sent.
    pub name_bytes: usize,
    /// How many events may wait for each subscriber: 10,000. More are dropped for it, and counted.
    pub event_messages: usize,
    /// How many bytes they may have: 16 MiB.
    pub event_bytes: usize,
}

/// What becomes of commands and tasks that no worker has ever served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoWorker {
    /// They are refused at once.
    #[default]
    Reject,
    /// They wait until there is one.
    Queue,
}

impl Default for HubOptions {
    fn default() -> Self {
        HubOptions {
            heartbeat: Duration::from_secs(1),
            max_frame: 1 << 20,
            queue_messages: 200_000,
            queue_bytes: 256 << 20,
            max_attempts: 5,
            worker_grace: Duration::from_secs(10),
            no_worker: NoWorker::default(),
            peers: 1024,
            name_bytes: 64 << 20,
            event_messages: 10_000,
            event_bytes: 16 << 20,
        }
    }
}

/// What a hub counts.
///
/// Of queries, commands and tasks: `accepted = done + failed + rejected + abandoned + queued + leased`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubStats {
    /// Clients and workers that are there.
    pub peers: usize,
    /// Messages that wait for a worker.
    pub queued: usize,
    /// Messages that are with a worker.
    pub leased: usize,
    /// The bytes of both, as [`HubOptions::queue_bytes`] counts them.
    pub bytes: usize,
    /// The bytes of what was sent and waits, as its receivers do not take it. It may be as much as `queue_bytes` and `event_bytes`
    /// for each; who does not take more than that is gone, and what waits for who is gone is dropped.
    pub unsent: usize,
    /// Events that wait for subscribers, or that these are not done with, as far as they have told: a worker tells when it is
    /// done with a quarter of its [`event_credit`](crate::WorkerBuilder::event_credit), so with one of 4 or less after each.
    pub unfinished_events: u64,
    /// Queries, commands and tasks that arrived.
    pub accepted: u64,
    /// Those that were handled.
    pub done: u64,
    /// Those of which the handler failed.
    pub failed: u64,
    /// Those that were given up, and whose senders were told why.
    pub rejected: u64,
    /// Those that were dropped because nobody waits for them any more: queries of a client that is gone, and what a client that begins a
    /// new session had sent before and nobody has begun with.
    pub abandoned: u64,
    /// How often a message was taken from a worker that is gone, and given to another.
    pub requeued: u64,
    /// How often a worker gave a message back.
    pub returned: u64,
    /// Answers of workers that came after the message had been given to another: they were passed over.
    pub stale: u64,
    /// Answers for clients that are gone.
    pub unclaimed: u64,
    /// How often a client or worker was gone without goodbye.
    pub gone: u64,
    /// Frames that could not be read.
    pub malformed: u64,
    /// Events that arrived.
    pub published: u64,
    /// How often an event was sent to a subscriber.
    pub delivered: u64,
    /// How often an event was dropped for a subscriber.
    pub dropped: u64,
}

impl HubStats {
    /// Whether nothing is under way: no message waits or is with a worker, and no event is unfinished.
    pub fn is_idle(&self) -> bool {
        self.queued == 0 && self.leased == 0 && self.unfinished_events == 0
    }
}
