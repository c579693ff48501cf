//! `--kill`: a process of the shop is killed in the middle of its work.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bus_zmq::ZmqHub;
use linkbus::layer::{AsyncAround, AsyncNext, Dispatch, Done};

use super::running::Running;
use crate::Part;

/// Kills the process of a part (SIGKILL) while it has a command: the second one, so that there is something that it has
/// done before.
///
/// The process is frozen first, so that it has the command and has not begun. A command that is killed between its effect and
/// its answer has its effect once more with the next attempt, unless its handler sees to that, as that of `ReserveStock`
/// does.
pub(super) struct Kill {
    part: Part,
    hub: Arc<ZmqHub>,
    running: Running,
    /// How many commands the part was given.
    commands: AtomicUsize,
}

impl Kill {
    pub(super) fn new(part: Part, hub: Arc<ZmqHub>, running: Running) -> Self {
        Kill { part, hub, running, commands: AtomicUsize::new(0) }
    }

    async fn kill(&self, command: &str) {
        // Whatever is with a process now is this command: the script gives no other one meanwhile.
        let _ = self.hub.wait_for(|stats| stats.leased > 0).await;
        eprintln!("shop: {} is killed while it has {command}", self.part);
        self.running.kill(self.part);
    }
}

impl AsyncAround for Kill {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        let message = dispatch.message();
        if Part::of(message) != Some(self.part) || self.commands.fetch_add(1, Ordering::Relaxed) != 1 {
            return next.run(dispatch).await;
        }
        self.running.freeze(self.part);
        let mut done = pin!(next.run(dispatch));
        tokio::select! {
            done = &mut done => done,
            () = self.kill(message.name) => done.await,
        }
    }
}
