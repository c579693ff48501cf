//! Which process each part has, and signals for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::Part;

/// The processes that run. Clones are one table.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<Mutex<HashMap<Part, Pid>>>);

impl Running {
    /// Notes that a part has this process; `None` after it ended.
    pub(super) fn note(&self, part: Part, process: Option<Pid>) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match process {
            Some(process) => running.insert(part, process),
            None => running.remove(&part),
        };
    }

    /// Stops the process of a part in its tracks (SIGSTOP), and waits until it has stopped.
    pub(super) fn freeze(&self, part: Part) {
        if let Some(process) = self.signal(part, Signal::STOP) {
            // An error is a process that is gone instead.
            let _ = waitid(WaitId::Pid(process), WaitIdOptions::STOPPED);
        }
    }

    /// Kills the process of a part (SIGKILL).
    pub(super) fn kill(&self, part: Part) {
        self.signal(part, Signal::KILL);
    }

    /// The process that has the signal now.
    fn signal(&self, part: Part, signal: Signal) -> Option<Pid> {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let process = *running.get(&part)?;
        kill_process(process, signal).ok().map(|()| process)
    }
}
