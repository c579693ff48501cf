//! Messages of each kind, from one process to another.

mod support;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use bus_nats::{Hearers, NatsConfig, WorkerStats};
use linkbus::{Bus, Command, Event, ExecuteError, Query, SendError, Task};
use serde::{Deserialize, Serialize};

use self::support::{Gate, Running, Server, client, until};

#[derive(Query, Serialize, Deserialize)]
#[query(reply = u32)]
struct Twice(u32);

#[derive(Command, Serialize, Deserialize)]
struct Ship(u32);

#[derive(Task, Serialize, Deserialize)]
struct Work(u32);

#[derive(Event, Serialize, Deserialize)]
struct Shipped(u32);

type Seen = Arc<Mutex<Vec<u32>>>;

async fn sender(config: &NatsConfig) -> Bus {
    let known = Bus::empty().message::<Twice>().message::<Ship>().message::<Work>().message::<Shipped>();
    known.transport(client(config).await).build().unwrap()
}

#[tokio::test]
async fn commands_tasks_and_events_wait_for_a_worker() {
    for server in Server::each() {
        let config = server.config();
        let bus = sender(&config).await;
        bus.execute(Ship(1)).await.unwrap();
        bus.dispatch(Work(2)).await.unwrap();
        let seen = Seen::default();
        let (ships, works) = (Arc::clone(&seen), Arc::clone(&seen));
        let wired = Bus::empty()
            .command(move |ship: Ship| ships.lock().unwrap().push(ship.0))
            .task(move |work: Work| works.lock().unwrap().push(work.0));
        let worker = Running::start(&config, wired).await;
        until(|| seen.lock().unwrap().len() == 2).await;
        let stats = worker.stop().await;
        assert_eq!((stats.handled, stats.redelivered), (2, 0));
    }
}

#[tokio::test]
async fn commands_reach_a_worker_that_waits() {
    for server in Server::each() {
        let config = server.config();
        let bus = sender(&config).await;
        let seen = Seen::default();
        let ships = Arc::clone(&seen);
        let wired = Bus::empty().command(move |ship: Ship| ships.lock().unwrap().push(ship.0));
        let worker = Running::start(&config, wired).await;
        for number in 0..3 {
            bus.execute(Ship(number)).await.unwrap();
            until(|| seen.lock().unwrap().len() > number as usize).await;
        }
        assert_eq!(worker.stop().await.handled, 3);
    }
}
