//! Workers: where the messages of a hub are handled.

mod pile;
mod role;
mod served;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use linkbus::transport::Endpoint;
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
};

use self::pile::{Begun, Hand, Pile};
use self::role::{Phase, Report, WorkerRole};
use self::served::served;
use crate::{
    contact::{Contact, Lookout},
    error::{NotReady, OpenError},
    hub::ZmqHub,
    io::{Inbox, Place},
    protocol::{Hello, Job, Lease, Reject, WorkStats},
    reach::{Reach, reaches_a_hub},
};

/// How a worker is made: [`Zmq::worker`](crate::Zmq::worker).
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is connected"]
pub struct WorkerBuilder {
    reach: Reach,
    credit: u32,
    event_credit: u32,
    hub_grace: Duration,
    close_within: Duration,
}

impl Default for WorkerBuilder {
    fn default() -> Self {
        WorkerBuilder {
            reach: Reach::default(),
            credit: 32,
            event_credit: 1024,
            hub_grace: Duration::from_secs(10),
            close_within: Duration::from_secs(10),
        }
    }
}

impl WorkerBuilder {
    reaches_a_hub!();

    /// How many queries, commands and tasks are handled at once: 32, and at least 1.
    pub fn credit(mut self, messages: u32) -> Self {
        self.credit = messages.max(1);
        self
    }

    /// How many events may be on their way to this worker or be handled: 1,024, and at least 1. Further ones wait in the hub.
    pub fn event_credit(mut self, events: u32) -> Self {
        self.event_credit = events.max(1);
        self
    }

    /// How long [`ready`](WorkerHandle::ready) waits for a hub that is not there: 10 s. The worker goes on looking for one.
    pub fn hub_grace(mut self, grace: Duration) -> Self {
        self.hub_grace = grace;
        self
    }

    /// How long handlers have to finish when the worker is stopped: 10 s. What they do not finish goes to another worker.
    pub fn close_within(mut self, limit: Duration) -> Self {
        self.close_within = limit;
        self
    }

    /// Connects to the hub, which need not be there yet, as a worker of what `endpoint` serves.
    ///
    /// # Errors
    /// [`OpenError`] if the endpoint of the hub cannot be used, or the names of what is served cannot be told.
    pub fn connect(self, endpoint: Endpoint) -> Result<ZmqWorker, OpenError> {
        let place = self.reach.clone().there()?;
        self.open(place, endpoint)
    }

    /// Joins a hub of this process: no socket is between them. Its address is not looked at.
    ///
    /// # Errors
    /// [`OpenError`], as for [`connect`](Self::connect).
    pub fn join(self, hub: &ZmqHub, endpoint: Endpoint) -> Result<ZmqWorker, OpenError> {
        self.open(Reach::here(hub), endpoint)
    }

    fn open(self, place: Place, endpoint: Endpoint) -> Result<ZmqWorker, OpenError> {
        for (message, missing) in endpoint.does_not_serve() {
            tracing::warn!(target: "linkbus", name = message.name, "not served to other processes: {missing}");
        }
        let serves = served(endpoint.serves().map(|message| (message.kind, message.name)))?;
        let hub = place.name();
        let hello = Hello { session: 0, credit: self.credit, events: self.event_credit, serves };
        let (jobs, todo) = mpsc::unbounded_channel();
        let (told, phase) = watch::channel(Phase::Running(Contact::Connecting));
        let (session, stats) = (Arc::default(), Arc::default());
        let mut inbox = None;
        let lookout = Lookout::new("worker", hub.clone(), self.hub_grace);
        place.open(|wake| {
            let reports = inbox.insert(Arc::new(Inbox::new(wake)));
            WorkerRole::new(hello, Arc::clone(reports), jobs, told, Arc::clone(&session), Arc::clone(&stats), lookout)
        })?;
        let shared = Shared {
            hub,
            inbox: inbox.expect("the role was made"),
            phase,
            session,
            stats,
            pile: Pile::default(),
            is_stopped: AtomicBool::new(false),
            close_within: self.close_within,
        };
        Ok(ZmqWorker { endpoint: Arc::new(endpoint), todo, handle: WorkerHandle { shared: Arc::new(shared) } })
    }
}

/// Handles what a hub gives it. It is connected from the start, and takes up work in [`run`](Self::run).
///
/// A worker that is dropped, or whose `run` is, gives up what it has at once; what it took and had not begun uses up no attempt.
#[must_use = "it handles nothing until it is run"]
pub struct ZmqWorker {
    endpoint: Arc<Endpoint>,
    /// Bounded by the credits, which the hub keeps to.
    todo: mpsc::UnboundedReceiver<Vec<Job>>,
    handle: WorkerHandle,
}

/// Stops a [`ZmqWorker`] that runs, and knows how it fares.
#[derive(Clone, Debug)]
pub struct WorkerHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hub: String,
    inbox: Arc<Inbox<Report>>,
    phase: watch::Receiver<Phase>,
    /// The number of the last one.
    session: Arc<AtomicU32>,
    stats: Arc<Mutex<WorkStats>>,
    pile: Pile,
    is_stopped: AtomicBool,
    close_within: Duration,
}

impl Shared {
    /// Whether another worker gets it, or has it already.
    fn is_for_others(&self, lease: Lease) -> bool {
        self.is_stopped.load(Ordering::Relaxed) || lease.is_older_than(self.session.load(Ordering::Relaxed))
    }

    /// These were not begun, and will not be here.
    fn give_back<'a>(&self, jobs: impl IntoIterator<Item = &'a Job>) {
        jobs.into_iter().map(Report::untouched).for_each(|report| self.tell(report));
    }

    fn tell(&self, report: Report) {
        // A worker that has ended has given up what it had.
        let _ = self.inbox.push(report);
    }
}

impl WorkerHandle {
    /// Takes nothing more, finishes what was begun, gives back the rest, and lets [`ZmqWorker::run`] end. What is not finished
    /// [in time](WorkerBuilder::close_within) is ended, and goes to another worker.
    pub fn stop(&self) {
        self.stop_within(self.shared.close_within);
    }

    fn stop_within(&self, limit: Duration) {
        self.shared.is_stopped.store(true, Ordering::Relaxed);
        // Before anything is given back: a hub that does not know of it gives it to the same worker again.
        self.shared.tell(Report::Leave(Duration::MAX));
        self.shared.give_back(&self.shared.pile.clear());
        self.shared.tell(Report::Leave(limit));
    }

    /// Waits until the hub knows what is served here: from now on no event is missed.
    ///
    /// # Errors
    /// [`NotReady`] if no hub answers within the [grace](WorkerBuilder::hub_grace), it refuses, or the worker is stopped.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let mut phase = self.shared.phase.clone();
        let settled = phase.wait_for(|phase| *phase != Phase::Running(Contact::Connecting)).await;
        match settled.as_deref() {
            Ok(Phase::Running(Contact::Welcome)) => Ok(()),
            Ok(Phase::Running(contact)) => Err(contact.problem(&self.shared.hub).unwrap_or(NotReady::Closed)),
            Ok(Phase::Overdue) | Err(_) => Err(NotReady::Closed),
        }
    }

    /// What the worker counted.
    pub fn stats(&self) -> WorkStats {
        *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ZmqWorker {
    /// What stops it.
    pub fn handle(&self) -> WorkerHandle {
        self.handle.clone()
    }

    /// Handles what comes, until it is [stopped](WorkerHandle::stop); gives what it counted.
    ///
    /// Handlers run at the same time, on whatever threads the runtime has. One that awaits something is a task of tokio of its
    /// own then. What comes together is begun in as many tasks as there are threads, so handlers that block a thread, and as
    /// many as there are, hold up what is not begun; one holds up whom the handler before it on its thread has woken. Let them use
    /// `spawn_blocking`.
    ///
    /// # Errors
    /// [`NotReady::Refused`] if the hub has another version of the protocol.
    ///
    /// # Panics
    /// Outside of a runtime of tokio.
    pub async fn run(mut self) -> Result<WorkStats, NotReady> {
        let (mut running, (waiting, mut begun)) = (JoinSet::new(), mpsc::unbounded_channel());
        let mut phase = self.handle.shared.phase.clone();
        loop {
            tokio::select! {
                biased;
                jobs = self.todo.recv() => match jobs {
                    None => return Ok(self.handle.stats()),
                    Some(jobs) => self.take(jobs, waiting.clone(), &mut running),
                },
                Some(begun) = begun.recv() => drop(running.spawn(go_on(begun, Arc::clone(&self.handle.shared)))),
                Some(ended) = running.join_next() => note_panic(ended),
                Ok(()) = phase.changed() => match *phase.borrow_and_update() {
                    Phase::Running(Contact::Refused(source @ Reject::Unknown)) => {
                        return Err(NotReady::Refused { endpoint: self.handle.shared.hub.clone(), source });
                    }
                    Phase::Overdue => running.abort_all(),
                    Phase::Running(_) => {}
                },
            }
            while let Some(ended) = running.try_join_next() {
                note_panic(ended);
            }
        }
    }

    /// Begins with jobs, in as many tasks as there are threads.
    fn take(&self, jobs: Vec<Job>, waiting: mpsc::UnboundedSender<Begun>, running: &mut JoinSet<()>) {
        let hands = Handle::current().metrics().num_workers().min(jobs.len());
        let worker = Arc::clone(&self.handle.shared);
        worker.pile.add(jobs);
        let hand = Hand { endpoint: Arc::clone(&self.endpoint), worker, waiting };
        for _ in 0..hands {
            running.spawn(hand.clone().work_off());
        }
    }
}

/// A panic of a handler is an answer; one that ends the task around it is a fault of ours, and is not kept quiet.
fn note_panic(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!(target: "linkbus", "a task of a worker panicked: what it had begun has no answer, and goes to another worker when this one is stopped");
    }
}

/// Goes on with a job that waits for something.
async fn go_on(begun: Begun, worker: Arc<Shared>) {
    worker.tell(begun.await);
}

impl Drop for ZmqWorker {
    fn drop(&mut self) {
        self.todo.close();
        self.handle.stop_within(Duration::MAX);
        while let Ok(jobs) = self.todo.try_recv() {
            self.handle.shared.give_back(&jobs);
        }
        self.handle.stop_within(Duration::ZERO);
    }
}
