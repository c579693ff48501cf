//! Jobs that were not begun, and the hands that do them.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::{Duration, Instant},
};

use linkbus::{
    layer::Reason,
    transport::{Answer, Endpoint, Envelope, Parcel, RemoteError},
};
use tokio::sync::mpsc;

use super::{Shared, role::Report};
use crate::protocol::Job;

/// How long a hand goes on without others having their turn.
const PATIENCE: Duration = Duration::from_micros(100);

/// A job that was begun.
pub(super) type Begun = Pin<Box<dyn Future<Output = Report> + Send>>;

/// Jobs that were not begun. Each hand takes the next one: a task for each would cost more than most jobs.
#[derive(Debug, Default)]
pub(super) struct Pile(Mutex<VecDeque<Job>>);

impl Pile {
    pub(super) fn add(&self, jobs: Vec<Job>) {
        self.lock().extend(jobs);
    }

    /// All of them, which nobody does here any more.
    pub(super) fn clear(&self) -> VecDeque<Job> {
        std::mem::take(&mut self.lock())
    }

    fn next(&self) -> Option<Job> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What does jobs, beside others.
#[derive(Clone)]
pub(super) struct Hand {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) worker: Arc<Shared>,
    /// Those that wait for something go there, and have to be gone on with.
    pub(super) waiting: mpsc::UnboundedSender<Begun>,
}

impl Hand {
    /// Does jobs until none is left.
    pub(super) async fn work_off(self) {
        let mut begun_at = Instant::now();
        while let Some(job) = self.worker.pile.next() {
            let mut begun: Begun = Box::pin(handle(Arc::clone(&self.endpoint), Arc::clone(&self.worker), job));
            match poll_fn(|task| Poll::Ready(begun.as_mut().poll(task))).await {
                // At once: the next one may block this thread for long.
                Poll::Ready(report) => self.worker.tell(report),
                Poll::Pending => {
                    // A worker that does not run any more has given up what it had.
                    drop(self.waiting.send(begun));
                    // Whom that has woken comes after this task, on this thread, and the next job may block it.
                    step_aside().await;
                }
            }
            if begun_at.elapsed() >= PATIENCE {
                step_aside().await;
                begun_at = Instant::now();
            }
        }
    }
}

/// Lets others have their turn, and any thread go on with this task then. `yield_now` would keep it for this thread, which the task
/// after it may block.
async fn step_aside() {
    let mut has_yielded = false;
    poll_fn(|task| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        task.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Does a job, unless it is for another worker by now.
async fn handle(endpoint: Arc<Endpoint>, worker: Arc<Shared>, job: Job) -> Report {
    match job.lease {
        None => {
            if let Answer::Failed(error) = deliver(&endpoint, &job).await {
                log_failed_event(&job, &error);
            }
            Report::EventDone
        }
        Some(lease) if worker.is_for_others(lease) => Report::GiveBack(lease),
        Some(lease) => Report::Answer(lease, deliver(&endpoint, &job).await),
    }
}

/// Nobody else is told.
fn log_failed_event(job: &Job, error: &RemoteError) {
    let envelope = Envelope::from_bytes(job.content.envelope()).ok();
    let name = envelope.as_ref().map(|envelope| &*envelope.name);
    let id = envelope.as_ref().map(|envelope| tracing::field::display(envelope.id));
    let (reason, causes) = (error.reason.label(), error.causes.join(": "));
    tracing::warn!(target: "linkbus", name, id, reason, error = error.text, causes, "an event failed in a worker");
}

async fn deliver(endpoint: &Endpoint, job: &Job) -> Answer {
    match Envelope::from_bytes(job.content.envelope()) {
        Ok(mut envelope) => {
            envelope.attempt = envelope.attempt.saturating_add(job.attempt.saturating_sub(1));
            endpoint.deliver(Parcel { envelope, body: job.content.body().to_vec() }).await
        }
        Err(malformed) => Answer::Failed(Box::new(RemoteError::new(Reason::Refused, malformed.to_string()))),
    }
}
