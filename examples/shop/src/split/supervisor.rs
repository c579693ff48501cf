//! Starts the processes of the parts, starts those again that are killed, and ends all of them.

use std::{
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use linkbus::AnyError;
use rustix::process::Pid;
use tokio::{
    process::{Child, Command},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

use super::running::Running;
use crate::Part;

/// How often a process is started that is killed again and again.
const MOST_STARTS: usize = 5;

/// How long a process has to end: longer than it takes by itself.
const GRACE: Duration = Duration::from_secs(10);

/// The processes of the parts. They end when they are told to, and when this process ends, however it does.
pub(super) struct Supervisor {
    running: Running,
    stop: watch::Sender<()>,
    watchers: JoinSet<Result<(), AnyError>>,
}

impl Supervisor {
    /// Starts a process for each part, as `command` says, and watches over it.
    pub(super) fn start(command: impl Fn(Part) -> io::Result<Command>) -> io::Result<Self> {
        let (running, (stop, stopping)) = (Running::default(), watch::channel(()));
        let mut watchers = JoinSet::new();
        for part in Part::ALL {
            let command = with_ends(command(part)?);
            watchers.spawn(Watcher { part, command, running: running.clone(), stopping: stopping.clone() }.run());
        }
        Ok(Supervisor { running, stop, watchers })
    }

    pub(super) fn running(&self) -> Running {
        self.running.clone()
    }

    /// Waits until a part is given up; gives why.
    pub(super) async fn failed(&mut self) -> AnyError {
        match self.watchers.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(panicked)) => panicked.into(),
            Some(Ok(Ok(()))) | None => "the processes are ended".into(),
        }
    }

    /// Lets every process finish, and waits until all have ended.
    pub(super) async fn close(mut self) -> Result<(), AnyError> {
        self.stop.send_replace(());
        let mut outcome = Ok(());
        while let Some(ended) = self.watchers.join_next().await {
            outcome = outcome.and(ended?);
        }
        outcome
    }
}

/// Has a process end with this one, and by nothing else that is meant for this one.
fn with_ends(mut command: Command) -> Command {
    // It ends when its input does. Ctrl-c in a terminal is for a group of processes, and it is in one of its own.
    command.stdin(Stdio::piped()).process_group(0).kill_on_drop(true);
    command
}

/// Watches over the process of one part.
struct Watcher {
    part: Part,
    command: Command,
    running: Running,
    /// Changes when the process has to end.
    stopping: watch::Receiver<()>,
}

impl Watcher {
    async fn run(mut self) -> Result<(), AnyError> {
        let part = self.part;
        for _ in 0..MOST_STARTS {
            let mut child = self.command.spawn()?;
            // Waiting for the child would close it.
            let input = child.stdin.take();
            self.running.note(part, child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
            let ended = tokio::select! {
                ended = child.wait() => ended?,
                _ = self.stopping.changed() => {
                    drop(input);
                    return finish(part, child).await;
                }
            };
            self.running.note(part, None);
            if has_failed(ended) {
                return Err(format!("{part} ended: {ended}").into());
            }
            eprintln!("shop: {part} ended ({ended}) and is started again");
        }
        Err(format!("{part} was started {MOST_STARTS} times and ended each time: it is given up").into())
    }
}

/// Whether a process ended because it cannot work, and has said why; otherwise somebody has ended it.
fn has_failed(ended: ExitStatus) -> bool {
    ended.code().is_some_and(|code| code != 0)
}

/// Waits for a process that has to end, for a while.
async fn finish(part: Part, mut child: Child) -> Result<(), AnyError> {
    let Ok(ended) = timeout(GRACE, child.wait()).await else {
        child.kill().await?;
        return Err(format!("{part} did not end within {GRACE:?} and was killed").into());
    };
    match ended? {
        ended if ended.success() => Ok(()),
        ended => Err(format!("{part} ended: {ended}").into()),
    }
}
