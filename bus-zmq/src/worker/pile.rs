//! Jobs that came together, and the hands that do them.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::{Duration, Instant},
    vec,
};

use linkbus::{
    layer::Reason,
    transport::{Answer, Endpoint, Envelope, Parcel, RemoteError},
};
use tokio::{sync::mpsc, task::yield_now};

use super::{Shared, role::Report};
use crate::protocol::Job;

/// How long a hand goes on without others having their turn.
const PATIENCE: Duration = Duration::from_micros(100);

/// A job that was begun.
pub(super) type Begun = Pin<Box<dyn Future<Output = Report> + Send>>;

/// Jobs that came together. Each hand takes the next one: a task for each would cost more than most jobs.
#[derive(Clone)]
pub(super) struct Pile {
    jobs: Arc<Mutex<vec::IntoIter<Job>>>,
    endpoint: Arc<Endpoint>,
    worker: Arc<Shared>,
    waiting: mpsc::UnboundedSender<Begun>,
}

impl Pile {
    /// Those that wait for something go to `waiting`, and have to be gone on with there.
    pub(super) fn new(
        jobs: Vec<Job>,
        endpoint: Arc<Endpoint>,
        worker: Arc<Shared>,
        waiting: mpsc::UnboundedSender<Begun>,
    ) -> Self {
        Pile { jobs: Arc::new(Mutex::new(jobs.into_iter())), endpoint, worker, waiting }
    }

    /// Does jobs until none is left.
    pub(super) async fn work_off(self) {
        let mut begun_at = Instant::now();
        while let Some(job) = self.next() {
            let mut begun: Begun = Box::pin(handle(Arc::clone(&self.endpoint), Arc::clone(&self.worker), job));
            match poll_fn(|task| Poll::Ready(begun.as_mut().poll(task))).await {
                // At once: the next one may block this thread for long.
                Poll::Ready(report) => self.worker.tell(report),
                // A worker that does not run any more has given up what it had.
                Poll::Pending => drop(self.waiting.send(begun)),
            }
            if begun_at.elapsed() >= PATIENCE {
                yield_now().await;
                begun_at = Instant::now();
            }
        }
    }

    fn next(&self) -> Option<Job> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
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
