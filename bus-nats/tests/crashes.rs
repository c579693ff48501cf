//! Workers that are processes, and are killed or told to end: R1, R12, R15.
//!
//! `LINKBUS_KILLS=200 cargo test -p bus-nats --test crashes -- killed` kills more often, with 100 tasks for each time, and
//! `LINKBUS_STOPS=200 cargo test -p bus-nats --test crashes -- told` tells more workers to end.

#[path = "../../tests/support/crashes.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "it is shared with tests that trace")]
mod crashes;
#[path = "support/processes.rs"]
mod processes;
mod support;

use std::{
    collections::BTreeSet,
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bus_nats::{NatsConfig, Redelivery};
use futures_util::future::join_all;
use linkbus::{Bus, Command, Event, Task};
use serde::{Deserialize, Serialize};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use self::processes::{Process, block_on, die_with_test, folder, url};
use self::support::{Running, Server, client, config, first_of, header, kept, number, soon, until};

#[derive(Task, Serialize, Deserialize)]
#[task(name = "crashes.Crunch")]
struct Crunch(u64);

#[derive(Command, Serialize, Deserialize)]
#[command(name = "crashes.Explode")]
struct Explode(bool);

/// What a worker process says when it is done with a task.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "crashes.Crunched")]
struct Crunched(u64);

/// What a worker has until it is killed.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "crashes.Hold")]
struct Hold(u64);

/// What a worker process says when it has a task.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "crashes.Held")]
struct Held(u64);

fn main() -> ExitCode {
    crashes::main(
        worker,
        &crashes::tests![
            tasks_of_workers_that_are_killed_are_done_by_others,
            what_a_killed_worker_had_is_handled_elsewhere_when_the_server_has_waited,
            workers_that_are_told_to_end_lose_nothing,
            what_ends_each_process_that_handles_it_is_given_up_and_what_is_near_it_is_not,
        ],
    )
}

fn settings(url: &str) -> NatsConfig {
    let redelivery = Redelivery::new().base(Duration::from_millis(50)).max_attempts(5);
    config(url).ack_wait(Duration::from_secs(number("LINKBUS_ACK_WAIT", 1))).redelivery(redelivery)
}

/// A worker process; the folder has the address of the server. It is killed with its test.
fn worker(mode: &str, folder: &Path, _: u32) {
    die_with_test();
    let config = settings(&url(folder));
    // The exploding ones are those that never are alone.
    let config = if mode == "explosive" { config.concurrency(4) } else { config };
    block_on(async {
        let crunch = |Crunch(task): Crunch, bus: Bus| async move {
            tokio::time::sleep(Duration::from_millis(task % 8)).await;
            bus.publish(Crunched(task)).await.unwrap();
        };
        let hold = |Hold(task): Hold, bus: Bus| async move {
            bus.publish(Held(task)).await.unwrap();
            std::future::pending::<()>().await;
        };
        let said = Bus::empty().message::<Crunched>().message::<Held>();
        let said = said.transport(client(&config).await).build().unwrap();
        let holds = said.clone();
        let (crunch, hold) = (move |task| crunch(task, said.clone()), move |task| hold(task, holds.clone()));
        let explode = |Explode(explodes): Explode| {
            if explodes {
                std::process::abort();
            }
        };
        let bus = Bus::empty().task_async(crunch).command(explode);
        let bus = if mode == "holding" { bus.task_async(hold) } else { bus };
        let mut terminate = signal(SignalKind::terminate()).unwrap();
        let running = Running::start(&config, bus).await;
        let handle = running.handle.clone();
        tokio::spawn(async move {
            terminate.recv().await;
            handle.stop();
        });
        running.wait().await;
    });
}

/// Hears which tasks are done.
async fn listen(config: &NatsConfig) -> (Running, Arc<Mutex<BTreeSet<u64>>>) {
    let done = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = Arc::clone(&done);
    let listener = Bus::empty().subscribe(move |event: &Crunched| {
        noted.lock().unwrap().insert(event.0);
    });
    (Running::start(config, listener).await, done)
}

async fn sender(config: &NatsConfig) -> Bus {
    let known = Bus::empty().message::<Crunch>().message::<Explode>().message::<Hold>();
    known.transport(client(config).await).build().unwrap()
}

fn kills() -> u64 {
    number("LINKBUS_KILLS", 20)
}

fn tasks_of_workers_that_are_killed_are_done_by_others() {
    for server in Server::each() {
        let folder = folder(&server);
        block_on(async {
            let config = settings(server.url());
            let (listener, done) = listen(&config).await;
            let bus = sender(&config).await;
            let mut workers = [0, 1].map(|_| Process::start("steady", folder.path()));
            let tasks = kills() * 100;
            for task in 0..tasks {
                bus.dispatch(Crunch(task)).await.unwrap();
                if task % 100 == 0 {
                    let victim = &mut workers[fastrand::usize(..2)];
                    victim.kill();
                    *victim = Process::start("steady", folder.path());
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(50..200))).await;
                }
            }
            until(|| done.lock().unwrap().len() as u64 == tasks).await;
            // Nothing was heard of that was not sent.
            assert_eq!(done.lock().unwrap().last(), Some(&(tasks - 1)));
            assert_eq!(kept(&server, "linkbus_dead").await, 0, "nobody failed");
            listener.stop().await;
        });
    }
}

/// How long it takes is printed. With `LINKBUS_ACK_WAIT=5` it is what a worker has that is told nothing else.
fn what_a_killed_worker_had_is_handled_elsewhere_when_the_server_has_waited() {
    for server in Server::each() {
        let folder = folder(&server);
        block_on(async {
            let config = settings(server.url());
            let (tell, mut told) = mpsc::unbounded_channel();
            let listener = Bus::empty().subscribe(move |held: &Held| tell.send(held.0).unwrap());
            let listener = Running::start(&config, listener).await;
            let bus = sender(&config).await;
            let mut times = Vec::new();
            for task in 0..kills().div_ceil(5) {
                let mut victim = Process::start("holding", folder.path());
                bus.dispatch(Hold(task)).await.unwrap();
                assert_eq!(soon(told.recv()).await, Some(task));
                let other = Running::start(&config, Bus::empty().task(|_: Hold| ())).await;
                victim.kill();
                let killed = Instant::now();
                until(|| other.handle.stats().handled == 1).await;
                times.push(killed.elapsed());
                other.stop().await;
            }
            times.sort_unstable();
            println!("handled elsewhere after {:?}, at most {:?}", times[times.len() / 2], times[times.len() - 1]);
            listener.stop().await;
        });
    }
}

fn workers_that_are_told_to_end_lose_nothing() {
    const TASKS: u64 = 1_000;
    for server in Server::each() {
        let folder = folder(&server);
        block_on(async {
            let config = settings(server.url());
            let (listener, done) = listen(&config).await;
            let bus = sender(&config).await;
            let mut worker = Process::start("steady", folder.path());
            let mut longest = Duration::ZERO;
            for stop in 0..number("LINKBUS_STOPS", 5) {
                let before = stop * TASKS;
                let sent = (before..before + TASKS).map(|task| bus.dispatch(Crunch(task)));
                assert!(soon(join_all(sent)).await.iter().all(Result::is_ok));
                let some = before + fastrand::u64(1..TASKS - 200);
                until(|| done.lock().unwrap().len() as u64 >= some).await;
                let next = Process::start("steady", folder.path());
                worker.terminate();
                let told = Instant::now();
                let status = soon(tokio::task::spawn_blocking(move || worker.child.wait())).await.unwrap().unwrap();
                assert!(status.success(), "{status}");
                longest = longest.max(told.elapsed());
                worker = next;
                until(|| done.lock().unwrap().len() as u64 == before + TASKS).await;
            }
            println!("a worker took {longest:?} to end, at most");
            assert_eq!(kept(&server, "linkbus_dead").await, 0);
            listener.stop().await;
        });
    }
}

fn what_ends_each_process_that_handles_it_is_given_up_and_what_is_near_it_is_not() {
    for server in Server::each() {
        let folder = folder(&server);
        block_on(async {
            let config = settings(server.url());
            let bus = sender(&config).await;
            // They are with the worker together.
            for number in 0..40 {
                bus.execute(Explode(number == 20)).await.unwrap();
            }
            let mut crashes = 0;
            let mut worker = Process::start("explosive", folder.path());
            soon(async {
                while kept(&server, "linkbus_cmd").await > 0 {
                    if worker.child.try_wait().unwrap().is_some() {
                        crashes += 1;
                        worker = Process::start("explosive", folder.path());
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
            assert_eq!(crashes, 5);
            assert_eq!(kept(&server, "linkbus_dead").await, 1);
            let letter = first_of(&server, "linkbus_dead").await;
            assert_eq!(header(&letter, "linkbus-dead-reason"), "panicked");
            assert_eq!(header(&letter, "linkbus-dead-attempts"), "5");
        });
    }
}
