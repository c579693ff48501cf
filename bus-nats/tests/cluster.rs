//! A cluster of three servers, of which one is killed or cannot be reached.
//!
//! `LINKBUS_KILLS=20 cargo test -p bus-nats --test cluster` kills more often.

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

use self::support::{Running, client, cluster::Cluster, soon, until};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "cluster.Ship")]
struct Ship(u64);

const COMMANDS: &str = "linkbus_cmd";
const PUBLISHERS: u64 = 4;

/// How many commands are accepted between two faults.
const PART: u64 = 500;

fn faults() -> u64 {
    std::env::var("LINKBUS_KILLS").map_or(1, |kills| kills.parse().expect("a number"))
}

fn settings(cluster: &Cluster) -> NatsConfig {
    let redelivery = Redelivery::new().base(Duration::from_millis(50)).max_attempts(100);
    cluster.config().publish_timeout(Duration::from_secs(60)).ack_wait(Duration::from_secs(2)).redelivery(redelivery)
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
        let handles = || {
            let handled = Arc::clone(&handled);
            Bus::empty().command(move |ship: Ship| {
                handled.lock().unwrap().insert(ship.0);
            })
        };
        let workers = [Running::start(config, handles()).await, Running::start(config, handles()).await];
        let accepted = Accepted { commands: 0, last: Instant::now(), pause: Duration::ZERO };
        let accepted = Arc::new(Mutex::new(accepted));
        let mut publishers = JoinSet::new();
        for publisher in 0..PUBLISHERS {
            let bus = Bus::empty().message::<Ship>().transport(client(config).await).build().unwrap();
            let accepted = Arc::clone(&accepted);
            publishers.spawn(async move {
                for number in (publisher..commands).step_by(PUBLISHERS as usize) {
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
        let load = Load::start(&settings(&cluster), commands).await;
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
        let load = Load::start(&settings(&cluster), commands).await;
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
