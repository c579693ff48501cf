//! Workers: where messages are handled.

mod attempts;
mod counts;
mod dead;
mod due;
mod held;
mod job;
mod lane;
mod order;
mod place;
mod pull;
mod queries;

use std::{pin::pin, sync::Arc, time::Duration};

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull::Config};
use linkbus::{Kind, MessageFacts, transport::Endpoint};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

pub use self::counts::{Lag, WorkerStats};
use self::{counts::Counts, due::Due, lane::Lane, queries::Queries};
use crate::{
    config::{Begin, Hearers, NatsConfig},
    connection::Connection,
    error::OpenError,
    health::Health,
    names,
    streams::Setup,
};

/// How many messages of a type may be with the workers of all processes.
const MAX_ACK_PENDING: i64 = 10_000;

/// How long a worker that ends waits for the server to hear its last words.
const FAREWELL: Duration = Duration::from_secs(2);

/// Handles what a server gives it. It is connected from the start, and takes up work in [`run`](Self::run).
///
/// A worker that is dropped, or whose `run` is, leaves what it has: the server gives it to another one when it
/// has heard nothing for the [time set](NatsConfig::ack_wait). Made by [`Nats::worker`](crate::Nats::worker).
#[must_use = "it handles nothing until it is run"]
pub struct NatsWorker {
    shared: Arc<Shared>,
    lanes: Vec<Arc<Lane>>,
    queries: Vec<Queries>,
    due: Option<Due>,
}

/// Stops a [`NatsWorker`] that runs, and knows how it fares.
#[derive(Clone)]
pub struct WorkerHandle {
    shared: Arc<Shared>,
    lanes: Arc<[Arc<Lane>]>,
}

/// What all parts of a worker need.
struct Shared {
    endpoint: Endpoint,
    connection: Connection,
    config: NatsConfig,
    phase: watch::Sender<Phase>,
    counts: Counts,
}

/// How far a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    /// It begins with nothing more.
    Stopping,
    /// What it began has had its time.
    Overdue,
}

impl Shared {
    /// Waits until the worker is so far.
    async fn reached(&self, phase: Phase) {
        // The sender is here, so there is no error.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }
}

impl NatsWorker {
    pub(crate) async fn open(config: &NatsConfig, endpoint: Endpoint) -> Result<Self, OpenError> {
        for (message, missing) in endpoint.does_not_serve() {
            tracing::warn!(target: "linkbus", name = message.name, "not served to other processes: {missing}");
        }
        let mut served: Vec<_> = endpoint.serves().collect();
        served.sort_by_key(|message| message.name);
        config.check_served(&served)?;
        let connection = Connection::open(config, "worker").await?;
        let (consumers, due) = connection.permitted(consumers(&connection, config, &served)).await?;
        let (phase, _) = watch::channel(Phase::Running);
        let shared =
            Arc::new(Shared { endpoint, connection, config: config.clone(), phase, counts: Counts::default() });
        let mut queries = Vec::new();
        for message in served.iter().filter(|message| message.kind == Kind::Query) {
            queries.push(Queries::open(message, &shared).await?);
        }
        let lane = |(message, share, consumer, wanted)| Lane::new(message, share, consumer, wanted, &shared);
        let lanes = consumers.into_iter().map(lane).collect();
        // An answer says that the server has the subscriptions.
        shared.connection.permitted(shared.connection.check()).await?;
        let due = due.map(|consumer| Due::new(consumer, &shared));
        Ok(NatsWorker { shared, lanes, queries, due })
    }

    /// What stops it.
    pub fn handle(&self) -> WorkerHandle {
        WorkerHandle { shared: Arc::clone(&self.shared), lanes: self.lanes.iter().cloned().collect() }
    }

    /// Handles what comes, until it is [stopped](WorkerHandle::stop); gives what it counted.
    ///
    /// Each handler runs in a task of tokio of its own.
    pub async fn run(self) -> WorkerStats {
        let NatsWorker { shared, lanes, queries, due } = self;
        let mut parts = JoinSet::new();
        for lane in lanes {
            parts.spawn(lane.run());
        }
        for queries in queries {
            parts.spawn(queries.run());
        }
        if let Some(due) = due {
            parts.spawn(due.run());
        }
        let ended = async { while parts.join_next().await.is_some() {} };
        let mut ended = pin!(ended);
        let deadline = async {
            shared.reached(Phase::Stopping).await;
            sleep(shared.config.close_within).await;
        };
        tokio::select! {
            biased;
            () = &mut ended => {}
            () = deadline => {
                shared.phase.send_replace(Phase::Overdue);
                ended.await;
            }
        }
        // What was told last is on its way then, if there is a connection.
        let _ = timeout(FAREWELL, shared.connection.client.flush()).await;
        shared.counts.stats()
    }
}

impl WorkerHandle {
    /// Takes nothing more, finishes what was begun, gives back the rest, and lets [`NatsWorker::run`] end. What is not finished
    /// [in time](NatsConfig::close_within) is ended, and goes to another worker.
    pub fn stop(&self) {
        self.shared.phase.send_if_modified(|phase| {
            let is_running = *phase == Phase::Running;
            *phase = (*phase).max(Phase::Stopping);
            is_running
        });
    }

    /// What the worker counted.
    pub fn stats(&self) -> WorkerStats {
        self.shared.counts.stats()
    }

    /// Whether it can work now.
    pub fn health(&self) -> Health {
        Health::of(&self.shared.connection, *self.shared.phase.borrow() != Phase::Running)
    }

    /// What waits on the server for workers like this one, for each type of command, task and event.
    ///
    /// # Errors
    /// What the server says, or that it does not answer.
    pub async fn lag(&self) -> Result<Vec<Lag>, OpenError> {
        let mut lags: Vec<Lag> = Vec::new();
        for lane in self.lanes.iter() {
            let lag = lane.lag().await?;
            match lags.last_mut() {
                Some(last) if last.message == lag.message => last.add(&lag),
                _ => lags.push(lag),
            }
        }
        Ok(lags)
    }
}

/// Which messages of a type a consumer has: a server of version 2.9 takes one subject for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    /// Those without a key, which are in no order.
    Free,
    /// Those with one.
    Keyed,
}

impl Share {
    /// Those that there may be of a type.
    fn all_of(message: &MessageFacts) -> &'static [Share] {
        let has_key = message.fields.iter().any(|field| field.key);
        if has_key { &[Share::Free, Share::Keyed] } else { &[Share::Free] }
    }
}

type Served = (&'static MessageFacts, Share, Consumer<Config>, Config);

/// The consumers that there have to be for messages, that of what is due, and the streams.
async fn consumers(
    connection: &Connection,
    config: &NatsConfig,
    served: &[&'static MessageFacts],
) -> Result<(Vec<Served>, Option<Consumer<Config>>), OpenError> {
    let mut setup = Setup::new(connection, config);
    setup.streams(config).await?;
    let mut consumers = Vec::new();
    for message in served.iter().filter(|message| message.kind != Kind::Query) {
        let stream = names::stream(&config.prefix, message.kind);
        for share in Share::all_of(message) {
            let wanted = wanted(config, message, *share);
            if let Some(consumer) = setup.consumer(&stream, &wanted).await? {
                consumers.push((*message, *share, consumer, wanted));
            }
        }
    }
    let due = due::consumer(&mut setup, &config.prefix).await?;
    setup.finish()?;
    Ok((consumers, due))
}

/// The consumer that there has to be for messages of a type. Commands and tasks have one for all workers, whatever their group is: a work
/// queue has no two of the same subject.
fn wanted(config: &NatsConfig, message: &MessageFacts, share: Share) -> Config {
    let handling = &config.handling;
    let (name, filter_subject) = match share {
        Share::Free => (names::in_consumer(message.name), names::subject(&config.prefix, message.kind, message.name)),
        Share::Keyed => {
            (names::keyed_in_consumer(message.name), names::with_any_key(&config.prefix, message.kind, message.name))
        }
    };
    let common = Config {
        filter_subject,
        ack_policy: AckPolicy::Explicit,
        ack_wait: handling.ack_wait,
        max_deliver: -1,
        max_ack_pending: MAX_ACK_PENDING,
        ..Config::default()
    };
    if message.kind != Kind::Event {
        return Config { durable_name: Some(name), ..common };
    }
    let group = names::in_consumer(&config.group);
    match handling.hearers {
        Hearers::OnePerGroup => {
            let deliver_policy = match handling.begin {
                Begin::Now => DeliverPolicy::New,
                Begin::First => DeliverPolicy::All,
                Begin::Sequence(start_sequence) => DeliverPolicy::ByStartSequence { start_sequence },
            };
            Config { durable_name: Some(format!("{name}@{group}")), deliver_policy, ..common }
        }
        Hearers::Each => Config {
            name: Some(format!("{name}@{group}@{}", uuid::Uuid::now_v7().simple())),
            deliver_policy: DeliverPolicy::New,
            inactive_threshold: (handling.ack_wait * 6).max(Duration::from_secs(30)),
            ..common
        },
    }
}
