//! The other process, and what processes use.

use std::{
    env, fs,
    process::{Child, Command, Stdio, id},
    time::{Duration, Instant},
};

/// The other process.
pub(crate) struct Other(Child);

impl Other {
    pub(crate) fn start(role: &str, folder: &str) -> Self {
        let mut process = Command::new(env::current_exe().unwrap());
        Other(process.args([role, folder]).stdout(Stdio::inherit()).spawn().unwrap())
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// In KiB.
    pub(crate) fn memory(&self) -> u64 {
        numbers(&format!("/proc/{}/status", self.id()), "VmRSS:").sum()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The time of processors that a process has used.
pub(crate) fn cpu(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
    let ticks: u64 = after.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// How often its threads have given way to others, or slept.
fn switches(id: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    threads.flat_map(|thread| numbers(&format!("{}/status", thread.path().display()), "ctxt_switches:")).sum()
}

/// The numbers in the lines with this word.
fn numbers(file: &str, word: &str) -> impl Iterator<Item = u64> + use<> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter(|line| line.contains(word));
    let numbers: Vec<u64> = lines.filter_map(|line| line.split_whitespace().nth(1)?.parse().ok()).collect();
    numbers.into_iter()
}

/// What this process and others have used since it was begun. Where the machine has other work to do, that says more than the
/// time of a clock.
pub(crate) struct Usage {
    ids: Vec<u32>,
    begun: Instant,
    cpu: Duration,
    switches: u64,
}

impl Usage {
    pub(crate) fn begin<'a>(others: impl IntoIterator<Item = &'a Other>) -> Self {
        let ids: Vec<u32> = others.into_iter().map(Other::id).chain([id()]).collect();
        let cpu = ids.iter().map(|id| cpu(*id)).sum();
        let switches = ids.iter().map(|id| switches(*id)).sum();
        Usage { ids, begun: Instant::now(), cpu, switches }
    }

    /// How many of `count` there were in a second.
    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand")]
    pub(crate) fn rate(&self, count: u64) -> f64 {
        count as f64 / self.begun.elapsed().as_secs_f64()
    }

    /// What each of `count` has used.
    #[expect(clippy::cast_precision_loss, reason = "a few million")]
    pub(crate) fn of_each(&self, count: u64) -> String {
        let cpu = self.ids.iter().map(|id| cpu(*id)).sum::<Duration>().saturating_sub(self.cpu);
        let switches = self.ids.iter().map(|id| switches(*id)).sum::<u64>().saturating_sub(self.switches);
        let each = cpu / u32::try_from(count).expect("not so many");
        format!("{each:.1?} of processors and {:.2} switches of threads each", switches as f64 / count as f64)
    }
}
