//! The thread that reads and writes: what comes while it writes is written together with the next.

use std::{
    io,
    iter::from_fn,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use linkbus::{
    Uuid,
    layer::inbox::{Claimed, InboxError, InboxKey},
};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{
    SqliteInboxOptions, Stats,
    claim::{Answer, OwnClaim},
    running::{Held, Running},
    table::{self, Before, Claimant, Ended},
};
use crate::error::OpenError;

/// How many requests are written in one transaction, so that none waits long for the others.
const MAX_BATCH: usize = 256;

/// How many old messages are forgotten in a transaction, besides two for each that is claimed.
const FORGOTTEN: usize = 16;

/// What is asked of the thread.
pub(super) enum Request {
    Claim {
        key: InboxKey,
        dispatch: Uuid,
        answer: Answer<Claimed>,
    },
    Complete {
        held: Held,
        answer: Answer<()>,
    },
    Release {
        held: Held,
    },
    /// Nothing comes after it.
    Stop,
}

/// What a request came to, before it is known to be written.
enum Done {
    Claimed(table::Claimed),
    Ended(Ended),
    Nothing,
}

pub(super) struct Worker {
    connection: Connection,
    holder: i64,
    lease: Duration,
    window: Duration,
    running: Arc<Running>,
    stats: Arc<Stats>,
    waiting: Arc<AtomicUsize>,
    renewed: Instant,
    /// What is over and could not be written: it is tried again, because as long as it is there nobody else has the message.
    unreleased: Vec<Held>,
}

impl Worker {
    pub(super) fn open(
        file: &Path,
        options: &SqliteInboxOptions,
        running: Arc<Running>,
        stats: Arc<Stats>,
        waiting: Arc<AtomicUsize>,
    ) -> Result<Self, OpenError> {
        let connection = table::open(file, options.busy_timeout)?;
        let failed = |source| OpenError::Sqlite { file: file.to_owned(), source };
        let holder = connection.query_row("SELECT random()", [], |row| row.get(0)).map_err(failed)?;
        let SqliteInboxOptions { lease, window, .. } = *options;
        let renewed = Instant::now();
        let unreleased = Vec::new();
        Ok(Worker { connection, holder, lease, window, running, stats, waiting, renewed, unreleased })
    }

    pub(super) fn start(mut self) -> io::Result<(Sender<Request>, JoinHandle<()>)> {
        let (requests, inbox) = mpsc::channel();
        let own = requests.clone();
        let thread = thread::Builder::new().name("linkbus-inbox".to_owned()).spawn(move || self.run(&own, &inbox))?;
        Ok((requests, thread))
    }

    fn run(&mut self, requests: &Sender<Request>, inbox: &Receiver<Request>) {
        loop {
            let first = match inbox.recv_timeout(self.until_renewal()) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let more = from_fn(|| inbox.try_recv().ok());
            let batch: Vec<_> = first.into_iter().chain(more).take(MAX_BATCH).collect();
            let is_over = batch.iter().any(|request| matches!(request, Request::Stop));
            self.serve(batch, requests);
            if is_over {
                return;
            }
        }
    }

    /// How long until the claims have to be renewed.
    fn until_renewal(&self) -> Duration {
        (self.lease / 3).saturating_sub(self.renewed.elapsed())
    }

    /// Writes the requests together, and then answers them.
    fn serve(&mut self, batch: Vec<Request>, requests: &Sender<Request>) {
        let renews = self.until_renewal().is_zero();
        if renews {
            self.renewed = Instant::now();
        }
        if batch.is_empty() && self.unreleased.is_empty() && self.running.is_empty() {
            return;
        }
        match self.write(&batch, renews) {
            Ok(done) => {
                self.unreleased.clear();
                for (request, done) in batch.into_iter().zip(done) {
                    self.answer(request, done, requests);
                }
            }
            Err(error) => {
                tracing::error!(target: "linkbus", error = &error as &dyn std::error::Error, "an inbox cannot be written");
                let error = InboxError::other(error);
                for request in batch {
                    self.fail(request, &error);
                }
            }
        }
    }

    fn write(&mut self, batch: &[Request], renews: bool) -> rusqlite::Result<Vec<Done>> {
        let by = self.claimant();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        self.unreleased.iter().try_for_each(|held| table::release(&transaction, held))?;
        if renews {
            let held = self.running.all();
            held.iter().try_for_each(|held| table::renew(&transaction, held, by.now + by.lease))?;
        }
        let done = batch.iter().map(|request| request.write(&transaction, by)).collect::<rusqlite::Result<Vec<_>>>()?;
        let claims = batch.iter().filter(|request| matches!(request, Request::Claim { .. })).count();
        let forgotten = table::forget(&transaction, by.now - by.window, 2 * claims + FORGOTTEN)?;
        transaction.commit()?;
        self.stats.commits.fetch_add(1, Ordering::Relaxed);
        self.stats.expired.fetch_add(forgotten as u64, Ordering::Relaxed);
        Ok(done)
    }

    fn claimant(&self) -> Claimant {
        let [lease, window] = [self.lease, self.window].map(table::millis);
        Claimant { holder: self.holder, now: table::now(), lease, window }
    }

    fn answer(&self, request: Request, done: Done, requests: &Sender<Request>) {
        match (request, done) {
            (Request::Claim { key, dispatch, answer }, Done::Claimed(claimed)) => {
                let claimed = self.claimed(key, dispatch, &claimed, requests);
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                // If nobody waits for it any more, it is released where it is dropped.
                let _ = answer.send(Ok(claimed));
            }
            (Request::Complete { held, answer }, Done::Ended(ended)) => {
                self.running.remove(&held);
                let _ = answer.send(match ended {
                    Ended::Done => Ok(()),
                    Ended::Fenced => Err(InboxError::Fenced),
                });
            }
            (Request::Release { held }, _) => self.running.remove(&held),
            _ => {}
        }
    }

    fn claimed(&self, key: InboxKey, dispatch: Uuid, claimed: &table::Claimed, requests: &Sender<Request>) -> Claimed {
        match *claimed {
            table::Claimed::Done => Claimed::Done,
            table::Claimed::Busy => Claimed::Busy,
            table::Claimed::New { token, after } => {
                self.count(after);
                let held = Held { key, token, dispatch };
                self.running.add(held.clone());
                Claimed::New(Box::new(OwnClaim::new(held, requests.clone())))
            }
        }
    }

    fn count(&self, after: Before) {
        self.stats.claims.fetch_add(1, Ordering::Relaxed);
        match after {
            Before::Nothing => {}
            Before::TakenOver => _ = self.stats.taken_over.fetch_add(1, Ordering::Relaxed),
            Before::Expired => _ = self.stats.expired.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// What is not written is not claimed and not marked; what is over is released later.
    fn fail(&mut self, request: Request, error: &InboxError) {
        match request {
            Request::Claim { answer, .. } => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                let _ = answer.send(Err(error.clone()));
            }
            Request::Complete { held, answer } => {
                self.give_up(held);
                let _ = answer.send(Err(error.clone()));
            }
            Request::Release { held } => self.give_up(held),
            Request::Stop => {}
        }
    }

    fn give_up(&mut self, held: Held) {
        self.running.remove(&held);
        self.unreleased.push(held);
    }
}

impl Request {
    fn write(&self, transaction: &Transaction<'_>, by: Claimant) -> rusqlite::Result<Done> {
        Ok(match self {
            Request::Claim { key, .. } => Done::Claimed(table::claim(transaction, key, by)?),
            Request::Complete { held, .. } => Done::Ended(table::complete(transaction, held, by.now)?),
            Request::Release { held } => {
                table::release(transaction, held)?;
                Done::Nothing
            }
            Request::Stop => Done::Nothing,
        })
    }
}
