//! A server that is killed, ended, stopped or silent while messages are on their way: R14.
//!
//! `LINKBUS_KILLS=10 LINKBUS_SILENCE=30 cargo test -p bus-nats --test outages` does it ten times, with 10,000 messages of 100 senders, and
//! with a silence of 30 s.

mod support;

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bus_nats::{NatsConfig, Redelivery};
use linkbus::{Bus, Command};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use self::support::{Running, Server, client, kept, number, soon, until};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "outages.Ship")]
struct Ship(u64);

/// How often the server is killed, for each thousand of messages and each ten senders.
fn kills() -> u64 {
    number("LINKBUS_KILLS", 2)
}

fn settings(server: &Server) -> NatsConfig {
    let redelivery = Redelivery::new().base(Duration::from_millis(50)).max_attempts(100);
    server.config().publish_timeout(Duration::from_secs(60)).ack_wait(Duration::from_secs(1)).redelivery(redelivery)
}

/// Commands from many senders to one worker.
struct Load {
    worker: Running,
    senders: JoinSet<()>,
    accepted: Arc<AtomicU64>,
    handled: Arc<Mutex<BTreeSet<u64>>>,
    all: u64,
}

impl Load {
    async fn start(config: &NatsConfig) -> Self {
        let (all, senders) = (1_000 * kills(), 10 * kills());
        let handled = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = Arc::clone(&handled);
        let bus = Bus::empty().command(move |ship: Ship| {
            noted.lock().unwrap().insert(ship.0);
        });
        let worker = Running::start(config, bus).await;
        let client = client(config).await;
        let accepted = Arc::new(AtomicU64::new(0));
        let mut running = JoinSet::new();
        for sender in 0..senders {
            let bus = Bus::empty().message::<Ship>().transport(client.clone()).build().unwrap();
            let accepted = Arc::clone(&accepted);
            running.spawn(async move {
                for number in (sender..all).step_by(usize::try_from(senders).unwrap()) {
                    bus.execute(Ship(number)).await.unwrap();
                    accepted.fetch_add(1, Relaxed);
                }
            });
        }
        Load { worker, senders: running, accepted, handled, all }
    }

    async fn accepted(&self, messages: u64) {
        until(|| self.accepted.load(Relaxed) >= messages).await;
    }

    /// Waits until all were accepted, and each of them is handled.
    async fn all(&mut self) {
        while let Some(sent) = soon(self.senders.join_next()).await {
            sent.unwrap();
        }
        until(|| self.handled.lock().unwrap().len() as u64 == self.all).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_accepted_is_handled_though_it_is_killed() {
    for mut server in Server::each() {
        let mut load = Load::start(&settings(&server)).await;
        let mut moments: Vec<_> = (0..kills()).map(|_| fastrand::u64(1..load.all * 9 / 10)).collect();
        moments.sort_unstable();
        for moment in moments {
            load.accepted(moment).await;
            server.kill();
            server.restart();
        }
        load.all().await;
        assert_eq!(kept(&server, "linkbus_dead").await, 0);
        let (health, stats) = (load.worker.handle.health(), load.worker.stop().await);
        assert!(health.ready && health.reconnects >= kills(), "{health:?}");
        println!("{} messages handled, {} of them more than once", load.all, stats.redelivered);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_accepted_is_handled_though_it_is_restarted() {
    for mut server in Server::each() {
        let mut load = Load::start(&settings(&server)).await;
        for moment in [load.all / 3, load.all / 2] {
            load.accepted(moment).await;
            server.end();
            server.restart();
        }
        load.all().await;
        assert_eq!(kept(&server, "linkbus_dead").await, 0);
        assert!(load.worker.stop().await.handled >= load.all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_silent_is_found_out_and_asked_again_when_it_is_back() {
    for server in Server::each() {
        let mut load = Load::start(&settings(&server)).await;
        load.accepted(load.all / 2).await;
        let silent = Instant::now();
        server.freeze();
        let worker = load.worker.handle.clone();
        until(|| !worker.health().ready).await;
        println!("the silence was found out after {:?}", silent.elapsed());
        tokio::time::sleep(Duration::from_secs(number("LINKBUS_SILENCE", 0)).saturating_sub(silent.elapsed())).await;
        server.thaw();
        let back = Instant::now();
        load.all().await;
        println!("all were handled {:?} after it was back", back.elapsed());
        assert_eq!(kept(&server, "linkbus_dead").await, 0);
        let health = worker.health();
        assert!(health.ready && health.reconnects >= 1, "{health:?}");
        load.worker.stop().await;
    }
}

#[tokio::test]
async fn a_request_that_is_not_answered_is_made_again() {
    let deaf = "authorization { users: [{ user: me, password: me, \
                permissions: { publish: { deny: \"$JS.API.CONSUMER.MSG.NEXT.>\" } } }] }";
    for server in Server::each_with(deaf) {
        let config = settings(&server).user_and_password("me", "me");
        let worker = Running::start(&config, Bus::empty().command(|_: Ship| ())).await;
        until(|| worker.handle.stats().stalls == 2).await;
        let health = worker.handle.health();
        assert!(health.ready && health.reconnects == 0, "it is not the connection: {health:?}");
        worker.stop().await;
    }
}
