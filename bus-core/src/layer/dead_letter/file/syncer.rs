//! A thread that syncs every so often.

use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

use super::{OpenError, log::Log};

/// A thread that syncs a log until it is stopped.
pub(super) struct Syncer(Arc<Stop>);

#[derive(Default)]
struct Stop {
    is_stopped: Mutex<bool>,
    changed: Condvar,
}

impl Syncer {
    pub(super) fn start(log: &Arc<Log>, interval: Duration) -> Result<Self, OpenError> {
        let (stop, log) = (Arc::new(Stop::default()), Arc::downgrade(log));
        let stopped = Arc::clone(&stop);
        let run = move || {
            while !stopped.wait(interval) {
                let Some(log) = log.upgrade() else { return };
                if let Err(error) = log.sync() {
                    let error = super::super::store::with_causes(&error);
                    tracing::error!(target: "linkbus", error, "dead letters were not synced");
                }
            }
        };
        let started = thread::Builder::new().name("linkbus-letters".to_owned()).spawn(run);
        let failed = |source| OpenError::Io { doing: "start a thread for", path: PathBuf::new(), source };
        started.map(|_| Syncer(stop)).map_err(failed)
    }

    pub(super) fn stop(&self) {
        *self.0.is_stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }
}

impl Stop {
    /// Whether it was stopped within that time.
    fn wait(&self, interval: Duration) -> bool {
        let is_stopped = self.is_stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = self.changed.wait_timeout_while(is_stopped, interval, |is_stopped| !*is_stopped);
        *wait.unwrap_or_else(PoisonError::into_inner).0
    }
}
