//! The thread that writes what is in the queue, and syncs every so often if that is the policy.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Instant,
};

use super::{FsyncPolicy, OpenError, log::Log, queue::Next};
use crate::{caught::caught, error::text};

/// The thread that writes to a log, until its queue is closed and empty.
pub(super) struct WriterThread(Mutex<Option<JoinHandle<()>>>);

impl WriterThread {
    pub(super) fn start(log: &Arc<Log>) -> Result<Self, OpenError> {
        let log = Arc::clone(log);
        let started = thread::Builder::new().name("linkbus-letters".to_owned()).spawn(move || run(&log));
        let failed = |source| OpenError::Io { doing: "start a thread for", path: PathBuf::new(), source };
        started.map(|thread| WriterThread(Mutex::new(Some(thread)))).map_err(failed)
    }

    /// Waits until it has ended.
    pub(super) fn join(&self) {
        let thread = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(panic)) = thread.map(JoinHandle::join) {
            // What was panicked with may panic again when it is dropped.
            std::mem::forget(panic);
        }
    }
}

fn run(log: &Log) {
    let mut sync_at = None;
    loop {
        match log.queue.next(sync_at) {
            Next::Write(batch) => log.write_out(&batch),
            Next::Sync => {}
            Next::End => return,
        }
        sync_at = sync_if_due(log, sync_at);
    }
}

/// Syncs if it is time; gives the time of the next sync, if there is something to be synced.
fn sync_if_due(log: &Log, at: Option<Instant>) -> Option<Instant> {
    let FsyncPolicy::Every(interval) = log.policy else { return None };
    if at.is_none() {
        return if log.is_unsynced() { Instant::now().checked_add(interval) } else { None };
    }
    if at.is_some_and(|at| Instant::now() < at) {
        return at;
    }
    let error = match caught(|| log.sync()) {
        Some(Ok(())) => return None,
        Some(Err(error)) => text::with_causes(&error),
        None => "it panicked".to_owned(),
    };
    tracing::error!(target: "linkbus", error, "dead letters were not synced");
    None
}
