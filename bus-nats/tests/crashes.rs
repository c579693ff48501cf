//! Workers that are processes and are killed, and servers that are: R1, R12, R14.
//!
//! `LINKBUS_KILLS=200 cargo test -p bus-nats --test crashes -- killed` kills more often.

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
    time::Duration,
};

use async_nats::jetstream::message::StreamMessage;
use bus_nats::{NatsConfig, Redelivery};
use linkbus::{Bus, Command, Event, Task};
use serde::{Deserialize, Serialize};

use self::processes::{Process, block_on, die_with_test, folder, url};
use self::support::{Running, Server, client, config, first_of, kept, soon, until};

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

/// The tasks of a test.
const TASKS: u64 = 2_000;

fn main() -> ExitCode {
    crashes::main(
        worker,
        &crashes::tests![
            tasks_of_workers_that_are_killed_are_done_by_others,
            what_ends_each_process_that_handles_it_is_given_up_and_what_is_near_it_is_not,
            what_a_server_kept_that_is_killed_is_handled_when_it_is_there_again,
        ],
    )
}

fn settings(url: &str) -> NatsConfig {
    let redelivery = Redelivery::new().base(Duration::from_millis(50)).max_attempts(5);
    config(url).ack_wait(Duration::from_secs(1)).redelivery(redelivery)
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
        let done = Bus::empty().message::<Crunched>().transport(client(&config).await).build().unwrap();
        let crunch = move |task| crunch(task, done.clone());
        let explode = |Explode(explodes): Explode| {
            if explodes {
                std::process::abort();
            }
        };
        let bus = Bus::empty().task_async(crunch).command(explode);
        Running::start(&config, bus).await.wait().await;
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
    Bus::empty().message::<Crunch>().message::<Explode>().transport(client(config).await).build().unwrap()
}

fn kills() -> usize {
    std::env::var("LINKBUS_KILLS").map_or(20, |kills| kills.parse().expect("a number"))
}

fn tasks_of_workers_that_are_killed_are_done_by_others() {
    for server in Server::each() {
        let folder = folder(&server);
        block_on(async {
            let config = settings(server.url());
            let (listener, done) = listen(&config).await;
            let bus = sender(&config).await;
            let mut workers = [0, 1].map(|_| Process::start("steady", folder.path()));
            let sending = async {
                for task in 0..TASKS {
                    bus.dispatch(Crunch(task)).await.unwrap();
                    if task % (TASKS / kills() as u64).max(1) == 0 {
                        let victim = &mut workers[fastrand::usize(..2)];
                        victim.kill();
                        *victim = Process::start("steady", folder.path());
                        tokio::time::sleep(Duration::from_millis(fastrand::u64(50..200))).await;
                    }
                }
            };
            sending.await;
            until(|| done.lock().unwrap().len() as u64 == TASKS).await;
            // Nothing was heard of that was not sent.
            assert_eq!(done.lock().unwrap().last(), Some(&(TASKS - 1)));
            assert_eq!(kept(&server, "linkbus_dead").await, 0, "nobody failed");
            listener.stop().await;
        });
    }
}

fn header(letter: &StreamMessage, name: &str) -> String {
    letter.headers.get(name).map(ToString::to_string).unwrap_or_default()
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
                    if worker.0.try_wait().unwrap().is_some() {
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

fn what_a_server_kept_that_is_killed_is_handled_when_it_is_there_again() {
    for mut server in Server::each() {
        block_on(async {
            let config = settings(server.url()).publish_timeout(Duration::from_secs(60));
            let (listener, done) = listen(&config).await;
            let bus = Bus::empty().message::<Crunched>().transport(client(&config).await).build().unwrap();
            let sending = tokio::spawn(async move {
                for task in 0..TASKS {
                    bus.publish(Crunched(task)).await.unwrap();
                }
            });
            for part in [TASKS / 3, TASKS / 2] {
                until(|| done.lock().unwrap().len() as u64 >= part).await;
                server.kill();
                server.restart();
            }
            soon(sending).await.unwrap();
            until(|| done.lock().unwrap().len() as u64 == TASKS).await;
            let health = listener.handle.health();
            assert!(health.ready && health.reconnects >= 2, "{health:?}");
            listener.stop().await;
        });
    }
}
