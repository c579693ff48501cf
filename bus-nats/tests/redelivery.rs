//! What becomes of messages whose handling fails, or takes long, or is cut off.

mod support;

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bus_nats::{NatsConfig, Redelivery};
use linkbus::{Bus, Command};
use serde::{Deserialize, Serialize};

use self::support::{Attempts, Gate, Running, Server, client, first_of, header, kept, plain, soon, until};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Charge", error = io::Error)]
struct Charge(u32);

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Ship")]
struct Ship(u32);

async fn sender(config: &NatsConfig) -> Bus {
    Bus::empty().message::<Charge>().message::<Ship>().transport(client(config).await).build().unwrap()
}

fn quick(server: &Server) -> NatsConfig {
    server.config().redelivery(Redelivery::new().max_attempts(3).base(Duration::from_millis(10)))
}

#[tokio::test]
async fn what_always_fails_is_a_dead_letter_after_its_attempts() {
    for server in Server::each() {
        let config = quick(&server);
        let attempts = Attempts::default();
        let broke = |_: Charge| Err::<(), _>(io::Error::other("the card is declined"));
        let worker = Running::start(&config, Bus::empty().command(broke).layer(attempts.clone())).await;
        sender(&config).await.execute(Charge(17)).await.unwrap();
        until(|| worker.handle.stats().dead_lettered == 1).await;
        soon(worker.idle()).await;
        let stats = worker.stop().await;
        assert_eq!((stats.failed, stats.redelivered, stats.handled), (2, 2, 0));
        assert_eq!(*attempts.0.lock().unwrap(), [1, 2, 3]);
        let letter = first_of(&server, "linkbus_dead").await;
        assert_eq!(letter.subject.as_str(), "linkbus.dead.cmd.shop.Charge");
        assert_eq!(header(&letter, "linkbus-dead-reason"), "failed");
        assert_eq!(header(&letter, "linkbus-dead-error"), "the card is declined");
        assert_eq!(header(&letter, "linkbus-dead-attempts"), "3");
        assert_eq!(header(&letter, "linkbus-dead-stream"), "linkbus_cmd");
        assert_eq!((header(&letter, "ce-type"), &*letter.payload), ("shop.Charge".into(), &[17][..]));
        assert_eq!(kept(&server, "linkbus_attempts").await, 0, "what is over is forgotten");
    }
}

#[tokio::test]
async fn what_succeeds_at_last_is_no_dead_letter() {
    for server in Server::each() {
        let config = quick(&server);
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let third = move |_: Charge| match counted.fetch_add(1, Relaxed) {
            0 => panic!("a bug"),
            1 => Err(io::Error::other("not yet")),
            _ => Ok(()),
        };
        let worker = Running::start(&config, Bus::empty().command(third)).await;
        sender(&config).await.execute(Charge(1)).await.unwrap();
        until(|| worker.handle.stats().handled == 1).await;
        soon(worker.idle()).await;
        assert_eq!(worker.stop().await.dead_lettered, 0);
        assert_eq!(kept(&server, "linkbus_dead").await, 0);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_dead_letter_at_once() {
    for server in Server::each() {
        let config = quick(&server);
        let worker = Running::start(&config, Bus::empty().command(|_: Ship| ())).await;
        let plain = plain(&server).await;
        plain.publish("linkbus.cmd.shop.Ship", "no json".into()).await.unwrap();
        plain.flush().await.unwrap();
        until(|| worker.handle.stats().dead_lettered == 1).await;
        let stats = worker.stop().await;
        assert_eq!((stats.failed, stats.redelivered), (0, 0));
        let letter = first_of(&server, "linkbus_dead").await;
        assert_eq!((header(&letter, "linkbus-dead-reason"), &*letter.payload), ("refused".into(), &b"no json"[..]));
        assert_eq!(header(&letter, "linkbus-dead-attempts"), "1");
    }
}

#[tokio::test]
async fn a_poisonous_message_holds_up_no_other() {
    for server in Server::each() {
        let config =
            quick(&server).redelivery(Redelivery::new().base(Duration::from_secs(3600)).cap(Duration::from_secs(3600)));
        let config = config.concurrency(1);
        let fails = |charge: Charge| if charge.0 == 0 { Err(io::Error::other("poison")) } else { Ok(()) };
        let worker = Running::start(&config, Bus::empty().command(fails)).await;
        let bus = sender(&config).await;
        for number in 0..50 {
            bus.execute(Charge(number)).await.unwrap();
        }
        until(|| worker.handle.stats().handled == 49).await;
        soon(async {
            loop {
                let lag = &worker.handle.lag().await.unwrap()[0];
                if (lag.message, lag.waiting, lag.under_way) == ("shop.Charge", 0, 1) {
                    break;
                }
            }
        })
        .await;
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_handler_that_takes_longer_than_the_server_waits_keeps_its_message() {
    for server in Server::each() {
        let wait = Duration::from_millis(300);
        let config = quick(&server).ack_wait(wait).concurrency(1);
        // Three wait behind each other, so that the last waits for six times as long as the server.
        let slow = move |_: Ship| tokio::time::sleep(wait * 3);
        let workers = [Running::start(&config, Bus::empty().command_async(slow)).await];
        let bus = sender(&config).await;
        for number in 0..3 {
            bus.execute(Ship(number)).await.unwrap();
        }
        let [worker] = workers;
        soon(worker.idle()).await;
        let stats = worker.stop().await;
        assert_eq!((stats.handled, stats.redelivered), (3, 0));
    }
}

#[tokio::test]
async fn a_worker_that_is_stopped_finishes_what_it_began_and_gives_back_the_rest() {
    for server in Server::each() {
        // A server of version 2.9 gives one of many that are given back at once to another worker when it has waited, and not before.
        let config =
            quick(&server).ack_wait(Duration::from_secs(2)).close_within(Duration::from_secs(60)).concurrency(1);
        let (gate, seen) = (Gate::new(), Arc::new(Mutex::new(BTreeSet::new())));
        let (pass, finished) = (gate.clone(), Arc::clone(&seen));
        let waits = Bus::empty().command_async(move |ship: Ship| {
            let (pass, finished) = (pass.pass(), Arc::clone(&finished));
            async move {
                pass.await;
                finished.lock().unwrap().insert(ship.0);
            }
        });
        let first = Running::start(&config, waits).await;
        let bus = sender(&config).await;
        for number in 0..40 {
            bus.execute(Ship(number)).await.unwrap();
        }
        soon(async { while first.handle.lag().await.unwrap()[0].under_way < 40 {} }).await;
        first.handle.stop();
        let finished = Arc::clone(&seen);
        let takes = Bus::empty().command(move |ship: Ship| {
            finished.lock().unwrap().insert(ship.0);
        });
        let second = Running::start(&config, takes).await;
        until(|| seen.lock().unwrap().len() == 39).await;
        gate.open();
        let first = first.stop().await;
        assert_eq!((first.handled, first.returned, first.dead_lettered), (1, 39, 0));
        assert_eq!(seen.lock().unwrap().len(), 40);
        assert_eq!(second.stop().await.dead_lettered, 0);
    }
}

#[tokio::test]
async fn what_is_not_finished_in_time_is_no_attempt_and_goes_to_another_worker() {
    for server in Server::each() {
        let config = quick(&server).ack_wait(Duration::from_secs(600)).close_within(Duration::from_millis(1));
        let redelivery = Redelivery::new().max_attempts(2);
        let config = config.redelivery(redelivery);
        let bus = sender(&config).await;
        bus.execute(Ship(1)).await.unwrap();
        for _ in 0..4 {
            let (began, gate) = (Attempts::default(), Gate::new());
            let hangs = Bus::empty().command_async(move |_: Ship| gate.pass()).layer(began.clone());
            let worker = Running::start(&config, hangs).await;
            until(|| !began.0.lock().unwrap().is_empty()).await;
            assert_eq!(worker.stop().await.returned, 1);
        }
        let attempts = Attempts::default();
        let last = Running::start(&config, Bus::empty().command(|_: Ship| ()).layer(attempts.clone())).await;
        until(|| last.handle.stats().handled == 1).await;
        assert_eq!(*attempts.0.lock().unwrap(), [1]);
        assert_eq!(last.stop().await.dead_lettered, 0);
    }
}

#[tokio::test]
async fn what_a_worker_had_that_is_gone_goes_to_another_when_the_server_has_waited() {
    for server in Server::each() {
        let config = quick(&server).ack_wait(Duration::from_millis(300));
        let (began, gate) = (Attempts::default(), Gate::new());
        let hangs = Bus::empty().command_async(move |_: Ship| gate.pass()).layer(began.clone());
        let gone = Running::start(&config, hangs).await;
        sender(&config).await.execute(Ship(1)).await.unwrap();
        until(|| !began.0.lock().unwrap().is_empty()).await;
        gone.abort();
        let attempts = Attempts::default();
        let other = Running::start(&config, Bus::empty().command(|_: Ship| ()).layer(attempts.clone())).await;
        until(|| other.handle.stats().handled == 1).await;
        assert_eq!(*attempts.0.lock().unwrap(), [2]);
        assert_eq!(other.stop().await.redelivered, 1);
    }
}
