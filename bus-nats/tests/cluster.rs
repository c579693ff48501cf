//! A cluster of three servers, of which one is killed or cannot be reached.
//!
//! `LINKBUS_KILLS=20 cargo test -p bus-nats --test cluster` kills more often.

#[path = "support/cluster.rs"]
mod cluster;
mod support;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bus_nats::{NatsConfig, Redelivery};
use linkbus::{Bus, Command};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use self::{
    cluster::Cluster,
    support::{Running, client, number, soon, until},
};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "cluster.Ship")]
struct Ship(u64);

const COMMANDS: &str = "linkbus_cmd";
const PUBLISHERS: u64 = 4;

/// How many commands are accepted between two faults.
const PART: u64 = 500;

fn faults() -> u64 {
    number("LINKBUS_KILLS", 1)
}

/// With the server of this number as the first that is connected to.
fn settings(cluster: &Cluster, first: usize) -> NatsConfig {
    let redelivery = Redelivery::new().base(Duration::from_millis(50)).max_attempts(100);
    cluster
        .config_from(first)
        .publish_timeout(Duration::from_secs(60))
        .ack_wait(Duration::from_secs(2))
        .redelivery(redelivery)
}

/// Commands on their way from several clients to two workers.
struct Load {
    workers: [Running; 2],
    publishers: JoinSet<()>,
    accepted: Arc<Mutex<Accepted>>,
    handled: Arc<Mutex<BTreeSet<u64>>>,
}

/// What was accepted, and the longest time in which nothing was.
struct Accepted {
    commands: u64,
    last: Instant,
    pause: Duration,
}

impl Accepted {
    fn note(&mut self) {
        self.commands += 1;
        self.pause = self.pause.max(self.last.elapsed());
        self.last = Instant::now();
    }
}

impl Load {
    async fn start(config: &NatsConfig, commands: u64) -> Self {
        let handled = Arc::new(Mutex::new(BTreeSet::new()));
        let bus = || {
            let handled = Arc::clone(&handled);
            Bus::empty().command(move |ship: Ship| {
                handled.lock().unwrap().insert(ship.0);
            })
        };
        let workers = [Running::start(config, bus()).await, Running::start(config, bus()).await];
        let accepted = Accepted { commands: 0, last: Instant::now(), pause: Duration::ZERO };
        let accepted = Arc::new(Mutex::new(accepted));
        let mut publishers = JoinSet::new();
        let step = usize::try_from(PUBLISHERS).unwrap();
        for publisher in 0..PUBLISHERS {
            let bus = Bus::empty().message::<Ship>().transport(client(config).await).build().unwrap();
            let accepted = Arc::clone(&accepted);
            publishers.spawn(async move {
                for number in (publisher..commands).step_by(step) {
                    bus.execute(Ship(number)).await.unwrap();
                    accepted.lock().unwrap().note();
                }
            });
        }
        Load { workers, publishers, accepted, handled }
    }

    async fn accepted(&self, commands: u64) {
        until(|| self.accepted.lock().unwrap().commands >= commands).await;
    }

    /// Waits until all were accepted, and those that were are handled.
    async fn all(mut self, commands: u64) {
        while let Some(published) = soon(self.publishers.join_next()).await {
            published.unwrap();
        }
        until(|| self.handled.lock().unwrap().len() as u64 == commands).await;
        println!("the longest time in which nothing was accepted: {:?}", self.accepted.lock().unwrap().pause);
        for worker in self.workers {
            println!("{:?} {:?}", worker.handle.health(), worker.stop().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cluster_accepted_is_handled_though_its_leader_is_killed() {
    for mut cluster in Cluster::each() {
        cluster.ready().await;
        let commands = PART * (faults() + 1);
        let load = Load::start(&settings(&cluster, 0), commands).await;
        for fault in 1..=faults() {
            load.accepted(fault * PART).await;
            cluster.in_step(COMMANDS).await;
            let leader = cluster.leader(COMMANDS).await;
            let killed = Instant::now();
            cluster.nodes[leader].kill();
            assert_ne!(cluster.leader(COMMANDS).await, leader);
            println!("another server leads {:?} after the leader was killed", killed.elapsed());
            cluster.nodes[leader].restart();
        }
        load.all(commands).await;
        assert_eq!(cluster.stream("linkbus_dead").await.state.messages, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cluster_accepted_is_handled_though_its_leader_cannot_be_reached_for_a_while() {
    for cluster in Cluster::each() {
        cluster.ready().await;
        let commands = PART * (faults() + 1);
        let load = Load::start(&settings(&cluster, 0), commands).await;
        for fault in 1..=faults() {
            load.accepted(fault * PART).await;
            cluster.in_step(COMMANDS).await;
            let leader = cluster.leader(COMMANDS).await;
            let lost = Instant::now();
            cluster.nodes[leader].freeze();
            load.accepted(fault * PART + PART / 2).await;
            println!("{:?} after the leader was cut off, {} more were accepted", lost.elapsed(), PART / 2);
            cluster.nodes[leader].thaw();
        }
        load.all(commands).await;
        assert_eq!(cluster.stream("linkbus_dead").await.state.messages, 0);
    }
}

/// Its connection goes on, and the next leader knows of no request but that it was there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_asks_again_when_the_server_is_killed_that_had_its_request() {
    for mut cluster in Cluster::each() {
        cluster.ready().await;
        let handlers = || Bus::empty().command(|_: Ship| ());
        Running::start(&settings(&cluster, 0), handlers()).await.stop().await;
        let leader = cluster.leader_of_consumer(COMMANDS, "cluster_Ship").await;
        let config = settings(&cluster, (leader + 1) % 3);
        let worker = Running::start(&config, handlers()).await;
        let bus = Bus::empty().message::<Ship>().transport(client(&config).await).build().unwrap();
        bus.execute(Ship(0)).await.unwrap();
        until(|| worker.handle.stats().handled == 1).await;
        let killed = Instant::now();
        cluster.nodes[leader].kill();
        bus.execute(Ship(1)).await.unwrap();
        println!("accepted again {:?} after the leader was killed", killed.elapsed());
        until(|| worker.handle.stats().handled == 2).await;
        println!("handled again {:?} after the leader was killed", killed.elapsed());
        assert_eq!(worker.handle.health().reconnects, 0);
        worker.stop().await;
    }
}
