//! What a worker does in its thread.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use linkbus::{
    layer::Reason,
    transport::{Answer, RemoteError},
};
use tokio::sync::{
    mpsc::{self, error::SendError},
    watch,
};

use crate::{
    contact::{Contact, Lookout},
    drops::Drops,
    io::{Inbox, LockedOut, Role},
    protocol::{Frame, Hello, Job, Lease, Malformed, Work, WorkStats},
};

/// How long a hub may take to notice that everything was given up.
const LAST_WORD: Duration = Duration::from_millis(250);

/// What a program tells its worker.
#[derive(Debug)]
pub(super) enum Report {
    Answer(Lease, Answer),
    EventDone,
    /// It was not begun.
    GiveBack(Lease),
    /// Finish, within this time.
    Leave(Duration),
}

impl Report {
    /// Of a job that was not begun, and will not be here. An event is for nobody else.
    pub(super) fn untouched(job: &Job) -> Self {
        job.lease.map_or(Report::EventDone, Report::GiveBack)
    }
}

/// How far a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It runs, with its hub or without.
    Running(Contact),
    /// What is not finished is given up.
    Overdue,
}

/// A worker in its thread.
pub(super) struct WorkerRole {
    work: Work,
    inbox: Arc<Inbox<Report>>,
    reports: Vec<Report>,
    todo: mpsc::UnboundedSender<Vec<Job>>,
    phase: watch::Sender<Phase>,
    session: Arc<AtomicU32>,
    stats: Arc<Mutex<WorkStats>>,
    now: Duration,
    leave_by: Option<Duration>,
    is_overdue: bool,
    lookout: Lookout,
    missed: Drops,
}

impl WorkerRole {
    pub(super) fn new(
        hello: Hello,
        inbox: Arc<Inbox<Report>>,
        todo: mpsc::UnboundedSender<Vec<Job>>,
        phase: watch::Sender<Phase>,
        session: Arc<AtomicU32>,
        stats: Arc<Mutex<WorkStats>>,
        lookout: Lookout,
    ) -> Self {
        WorkerRole {
            work: Work::new(hello),
            inbox,
            reports: Vec::new(),
            todo,
            phase,
            session,
            stats,
            now: Duration::ZERO,
            leave_by: None,
            is_overdue: false,
            lookout,
            missed: Drops::default(),
        }
    }

    fn note(&mut self, report: Report, out: &mut Vec<Frame>) {
        match report {
            Report::Answer(lease, answer) => match written(answer, self.work.max_frame()) {
                Ok(body) => self.work.done(lease, body, out),
                Err(error) => self.work.failed(lease, error, out),
            },
            Report::EventDone => self.work.finish_event(out),
            Report::GiveBack(lease) => self.work.give_back(lease, out),
            Report::Leave(within) => {
                let leave_by = self.now.saturating_add(within);
                if self.leave_by.is_none() {
                    self.work.leave(out);
                }
                self.leave_by = Some(self.leave_by.map_or(leave_by, |before| before.min(leave_by)));
            }
        }
    }

    /// Gives up what is not finished when it has to be.
    fn keep_time(&mut self, out: &mut Vec<Frame>) {
        if !self.is_overdue && self.leave_by.is_some_and(|leave_by| self.now >= leave_by) {
            self.is_overdue = true;
            self.leave_by = Some(self.now + LAST_WORD);
            // What is on its way still can be given back, unless something has to be given up.
            if !self.work.is_done() {
                self.work.leave(out);
            }
        }
    }

    /// For the next round, as these came after the last one that the program takes.
    fn give_back(&self, jobs: &[Job]) {
        for job in jobs {
            // The inbox is open as long as this thread is at work.
            let _ = self.inbox.push(Report::untouched(job));
        }
    }

    fn phase(&self) -> Phase {
        if self.is_overdue { Phase::Overdue } else { Phase::Running(self.contact()) }
    }

    fn log_missed(&mut self, now: Duration) {
        let missed = self.work.stats().missed_events;
        if let Some(events) = self.missed.unlogged(missed, now) {
            tracing::warn!(
                target: "linkbus", events, all = missed,
                "a worker missed events, which its hub dropped as this one does not keep up: `event_credit` says how many it takes at once",
            );
        }
    }

    fn contact(&self) -> Contact {
        self.lookout.contact(self.work.session(), self.now)
    }
}

/// An answer as it is sent: one that is too large is an error.
fn written(answer: Answer, max_frame: usize) -> Result<Vec<u8>, Vec<u8>> {
    match answer {
        Answer::Done(body) if body.len() <= max_frame => Ok(body),
        Answer::Done(body) => {
            let text = format!("the reply has {} bytes, and no more than {max_frame} are carried", body.len());
            Err(RemoteError::new(Reason::Refused, text).to_bytes())
        }
        Answer::Failed(error) => {
            let bytes = error.to_bytes();
            if bytes.len() <= max_frame {
                return Err(bytes);
            }
            let text = format!("the error has {} bytes, and no more than {max_frame} are carried", bytes.len());
            Err(RemoteError::new(error.reason, text).to_bytes())
        }
    }
}

impl Role for WorkerRole {
    fn work(&mut self, now: Duration, out: &mut Vec<Frame>) {
        self.now = now;
        let mut reports = std::mem::take(&mut self.reports);
        self.inbox.take(&mut reports);
        for report in reports.drain(..) {
            self.note(report, out);
        }
        self.reports = reports;
        self.work.tick(now, out);
        self.keep_time(out);
    }

    fn receive(&mut self, frame: Result<Frame, Malformed>, now: Duration, out: &mut Vec<Frame>) {
        match frame {
            Ok(frame) => self.work.receive(frame, now, out),
            Err(_) => self.work.receive_malformed(),
        }
    }

    fn lock_out(&mut self, why: Option<LockedOut>) {
        self.lookout.lock_out(why);
    }

    fn report(&mut self) {
        // Before the jobs of it.
        self.session.store(self.work.session().number(), Ordering::Relaxed);
        let jobs = self.work.take_jobs();
        if !jobs.is_empty()
            && let Err(SendError(jobs)) = self.todo.send(jobs)
        {
            self.give_back(&jobs);
        }
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.work.stats();
        self.log_missed(self.now);
        self.lookout.report(self.contact());
        let phase = self.phase();
        self.phase.send_if_modified(|told| std::mem::replace(told, phase) != phase);
    }

    fn is_quiet(&self) -> bool {
        self.inbox.is_empty()
    }

    fn next_work(&self) -> Duration {
        self.leave_by.into_iter().fold(self.work.next_tick(), Duration::min)
    }

    fn is_over(&self) -> bool {
        self.work.has_left() || (self.is_overdue && self.leave_by.is_some_and(|leave_by| self.now >= leave_by))
    }

    fn end(&mut self) {
        self.inbox.close();
        self.report();
        self.log_missed(Duration::MAX);
    }
}
