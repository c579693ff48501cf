//! Processes that a test starts, and what they do to be told to end.
#![allow(dead_code, reason = "no test program needs all of it")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    thread,
};

use bus_zmq::WorkerHandle;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::support::Place;

/// With what a process ends that was told so a second time.
const AT_ONCE: i32 = 143;

/// A process that ends, at the latest, with the test.
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    /// Open as long as the test is there; who waits for a child that has it closes it.
    _input: ChildStdin,
}

impl Process {
    /// This program again, in a mode, in the folder of the place.
    pub(crate) fn start(mode: &str, place: &Place, number: u32) -> Self {
        let folder = place.folder();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["child", mode, folder.parent().unwrap().to_str().unwrap(), &number.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let input = child.stdin.take().unwrap();
        Process { child, output, _input: input }
    }

    /// The same when it has said that it is ready.
    pub(crate) fn start_ready(mode: &str, place: &Place, number: u32) -> Self {
        let mut process = Process::start(mode, place, number);
        assert_eq!(process.line(), "ready");
        process
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The numbers in the next line.
    pub(crate) fn numbers<const N: usize>(&mut self) -> [u64; N] {
        let line = self.line();
        let numbers: Vec<_> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
        numbers.try_into().expect("so many numbers")
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Stops all of its threads, until it is sent `CONT`.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
        while !self.is_stopped() {
            thread::yield_now();
        }
    }

    fn is_stopped(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let stats = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")).unwrap());
        stats.into_iter().all(|stat| stat.contains(") T "))
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// The most bytes of memory that it had so far.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says so");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether it ended at once, as it was told a second time.
pub(crate) fn was_at_once(status: ExitStatus) -> bool {
    status.code() == Some(AT_ONCE)
}

/// In a process: ends it when the test is gone.
pub(crate) fn end_with_the_test() {
    thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
}

/// In a process: says when it is ready, stops the worker at the first SIGTERM, and ends at the second.
pub(crate) fn stop_at_signal(worker: WorkerHandle) {
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    tokio::spawn(async move {
        worker.ready().await.unwrap();
        println!("ready");
        terminate.recv().await;
        worker.stop();
        println!("stopping");
        terminate.recv().await;
        std::process::exit(AT_ONCE);
    });
}
