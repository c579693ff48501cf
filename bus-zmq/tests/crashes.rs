//! Workers that are processes, and are killed, stopped, and asked to end: R1, R15. And what a process has open after it
//! has closed everything, which no other test of the process may disturb: R21.
//!
//! `LINKBUS_KILLS=1000 cargo test -p bus-zmq --test crashes -- killed` kills more often, and
//! `LINKBUS_STOPS=200 cargo test -p bus-zmq --test crashes -- signal` tells more workers to end.

#[path = "../../tests/support/crashes.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "it is shared with tests that trace")]
mod crashes;
mod ledger;
mod process;
mod support;

use std::{
    fs,
    path::Path,
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use bus_zmq::{Zmq, ZmqClient, ZmqHub};
use linkbus::{
    Bus, Task,
    transport::{Endpoint, Transport as _},
};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use self::{
    crashes::Random,
    ledger::{Attempts, Noted},
    process::{Process, end_with_the_test, stop_at_signal, was_at_once},
    support::{Place, soon, until},
};

#[derive(Task, Serialize, Deserialize)]
#[task(name = "crashes.Crunch")]
struct Crunch(u64);

fn main() -> ExitCode {
    crashes::main(
        worker,
        &crashes::tests![
            tasks_of_workers_that_are_killed_or_stopped_are_done_by_others,
            workers_that_are_told_to_end_by_a_signal_lose_nothing,
            a_worker_that_is_told_so_again_ends_at_once_and_another_has_its_work,
            nothing_is_open_after_closing,
        ],
    )
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A worker process, which notes each task that it begins with.
fn worker(mode: &str, folder: &Path, number: u32) {
    let is_stuck = mode == "stuck";
    let pause = move |Crunch(task): Crunch| async move {
        if is_stuck {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(task % 8)).await;
    };
    let noted = Noted::by(number, folder, |Crunch(task)| *task);
    let bus = Bus::empty().replayable().task_async(pause).layer(noted);
    let endpoint = Endpoint::new(&bus.build().unwrap()).unwrap();
    let worker = Zmq::worker().endpoint(format!("ipc://{}", folder.join("run/bus").display()));
    let worker = worker.connect(endpoint).unwrap();
    end_with_the_test();
    let stats = block_on(async {
        stop_at_signal(worker.handle());
        worker.run().await.unwrap()
    });
    assert_eq!((stats.answered + stats.returned, stats.stale), (stats.taken, 0));
}

/// A hub, and worker processes.
struct Scene {
    place: Place,
    hub: ZmqHub,
    client: ZmqClient,
    bus: Bus,
    last: u32,
}

impl Scene {
    async fn new(change: impl FnOnce(bus_zmq::HubBuilder) -> bus_zmq::HubBuilder) -> Self {
        let place = Place::new();
        let hub = change(place.hub()).start().unwrap();
        let client = Zmq::client().join(&hub).unwrap();
        let bus = Bus::empty().message::<Crunch>().transport(client.clone()).build().unwrap();
        soon(client.ready()).await.unwrap();
        Scene { place, hub, client, bus, last: 0 }
    }

    fn start(&mut self, mode: &str) -> Process {
        self.last += 1;
        Process::start(mode, &self.place, self.last)
    }

    fn attempts(&self) -> Attempts {
        Attempts::read(self.place.folder().parent().unwrap())
    }
}

/// R1. Who is killed when is counted in tasks, so that a fast machine kills as often as a slow one.
fn tasks_of_workers_that_are_killed_or_stopped_are_done_by_others() {
    const TASKS: u64 = 20_000;
    let kills: u64 = std::env::var("LINKBUS_KILLS").map_or(60, |kills| kills.parse().expect("a number of kills"));
    block_on(async {
        let mut scene = Scene::new(|hub| hub.max_attempts(1_000).heartbeat(Duration::from_millis(300))).await;
        let mut workers = [scene.start("plain"), scene.start("plain")];
        soon(scene.client.served(["crashes.Crunch"])).await.unwrap();
        let mut random = Random(1);
        let mut running = JoinSet::new();
        let (mut sent, mut done, mut killed) = (0, 0, 0);
        while done < TASKS {
            while sent < TASKS && running.len() < 500 {
                let bus = scene.bus.clone();
                running.spawn(async move { bus.dispatch(Crunch(sent)).await });
                sent += 1;
            }
            soon(running.join_next()).await.unwrap().unwrap().expect("no task is lost");
            done += 1;
            if done * (kills + 1) / TASKS > killed {
                killed += 1;
                let victim = &mut workers[random.below(2)];
                if killed % 10 == 0 {
                    stop_until_it_is_gone(&scene.hub, victim).await;
                } else {
                    victim.kill();
                    *victim = scene.start("plain");
                }
            }
        }
        let attempts = scene.attempts();
        let stats = scene.hub.stats();
        println!(
            "{killed} kills and stops, {} tasks done, {} begun again, {stats:?}",
            attempts.tasks(),
            attempts.repeated()
        );
        assert_eq!(attempts.tasks(), TASKS, "each was begun");
        assert!(killed >= 50 && attempts.repeated() > 0);
        assert_eq!(attempts.unexplained(), [0; 0], "whatever is begun again says so");
        assert!(attempts.repeated() <= 2 * 32 * killed, "no more than what a worker had");
        assert_eq!((stats.queued, stats.leased, stats.done), (0, 0, TASKS));
    });
}

/// Stops a worker until the hub has given it up, and lets it go on.
async fn stop_until_it_is_gone(hub: &ZmqHub, worker: &Process) {
    let gone = hub.stats().gone;
    worker.signal(Signal::STOP);
    until(|| hub.stats().gone > gone).await;
    worker.signal(Signal::CONT);
}

/// R15. Every tenth worker is told so twice, while it has something.
fn workers_that_are_told_to_end_by_a_signal_lose_nothing() {
    const TASKS: usize = 1_000;
    let stops: u64 = std::env::var("LINKBUS_STOPS").map_or(20, |stops| stops.parse().expect("a number of stops"));
    block_on(async {
        let mut scene = Scene::new(|hub| hub).await;
        let mut random = Random(15);
        let mut worker = scene.start("plain");
        let mut at_once = 0;
        soon(scene.client.served(["crashes.Crunch"])).await.unwrap();
        for stop in 0..stops {
            let mut running = JoinSet::new();
            for task in 0..TASKS as u64 {
                let bus = scene.bus.clone();
                running.spawn(async move { bus.dispatch(Crunch(stop * 10_000 + task)).await });
            }
            for _ in 0..random.below(TASKS - 200) {
                soon(running.join_next()).await.unwrap().unwrap().unwrap();
            }
            let next = scene.start("plain");
            let end = if stop % 10 == 9 { end_at_once } else { end };
            at_once += u64::from(was_at_once(soon(tokio::task::spawn_blocking(move || end(worker))).await.unwrap()));
            worker = next;
            while let Some(outcome) = soon(running.join_next()).await {
                outcome.unwrap().expect("nothing is lost");
            }
        }
        let (stats, attempts) = (scene.hub.stats(), scene.attempts());
        println!("{stops} stops, {at_once} of them at once, {} begun again, {stats:?}", attempts.repeated());
        assert_eq!((attempts.tasks(), attempts.unexplained()), (stops * TASKS as u64, vec![]));
        assert_eq!((stats.done, stats.rejected, stats.failed), (stops * TASKS as u64, 0, 0));
        assert_eq!((stats.queued, stats.leased, stats.gone), (0, 0, at_once));
        assert!(at_once >= stops / 20 && attempts.repeated() <= 32 * at_once, "no more than what they had");
    });
}

/// Tells a process to end, when it listens; it does so in order.
fn end(mut worker: Process) -> ExitStatus {
    assert_eq!(worker.line(), "ready");
    worker.signal(Signal::TERM);
    let status = worker.wait();
    assert!(status.success(), "{status}");
    status
}

/// Tells it so twice. In between it may have ended in order.
fn end_at_once(mut worker: Process) -> ExitStatus {
    assert_eq!(worker.line(), "ready");
    worker.signal(Signal::TERM);
    assert_eq!(worker.line(), "stopping");
    worker.signal(Signal::TERM);
    let status = worker.wait();
    assert!(status.success() || was_at_once(status), "{status}");
    status
}

/// R15.
fn a_worker_that_is_told_so_again_ends_at_once_and_another_has_its_work() {
    block_on(async {
        let mut scene = Scene::new(|hub| hub).await;
        let mut stuck = scene.start("stuck");
        soon(scene.client.served(["crashes.Crunch"])).await.unwrap();
        let bus = scene.bus.clone();
        let task = tokio::spawn(async move { bus.dispatch(Crunch(15)).await });
        until(|| scene.attempts().of(15) == [1]).await;
        assert_eq!(stuck.line(), "ready");
        stuck.signal(Signal::TERM);
        assert_eq!(stuck.line(), "stopping");
        assert!(!stuck.is_over());
        stuck.signal(Signal::TERM);
        assert!(was_at_once(stuck.wait()));
        let _other = scene.start("plain");
        soon(task).await.unwrap().unwrap();
        assert_eq!(scene.attempts().of(15), [1, 2]);
    });
}

/// How many files are open, and how many threads there are.
fn usage() -> (usize, usize) {
    let count = |folder| fs::read_dir(folder).map_or(0, Iterator::count);
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// R21.
fn nothing_is_open_after_closing() {
    // The tests before have only dropped what they had.
    block_on(until(|| usage().1 == 1));
    // Within a runtime, as afterwards: it may have files of its own.
    let before = block_on(async { usage() });
    for cycle in 0..100 {
        let place = Place::new();
        block_on(async {
            let hub = place.hub().start().unwrap();
            let client = place.client().connect().unwrap();
            let inside = Zmq::client().join(&hub).unwrap();
            let bus = Bus::empty().replayable().task(|_: Crunch| ()).build().unwrap();
            let worker = place.worker().connect(Endpoint::new(&bus).unwrap()).unwrap();
            let handle = worker.handle();
            let running = tokio::spawn(worker.run());
            soon(client.served(["crashes.Crunch"])).await.unwrap();
            let bus = Bus::empty().message::<Crunch>().transport(client).build().unwrap();
            soon(bus.dispatch(Crunch(1))).await.unwrap();
            // Half of them are only dropped.
            if cycle % 2 == 0 {
                soon(bus.close()).await.unwrap();
                soon(inside.close()).await.unwrap();
                handle.stop();
                soon(running).await.unwrap().unwrap();
                soon(hub.close()).await;
                assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
            }
        });
    }
    block_on(until(|| usage() == before));
}
