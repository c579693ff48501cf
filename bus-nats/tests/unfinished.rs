//! What a client knows of messages that are not over.

mod support;

use bus_nats::NatsConfig;
use linkbus::{Bus, Command, Event};
use serde::{Deserialize, Serialize};

use self::support::{Gate, Running, Server, client, soon, until};

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(name = "shop.Ship")]
struct Ship;

#[derive(Event, Clone, Serialize, Deserialize)]
#[event(name = "shop.Shipped")]
struct Shipped;

/// A worker whose handlers wait at `gate`.
async fn worker(config: &NatsConfig, gate: &Gate) -> Running {
    let (ship, hear) = (gate.clone(), gate.clone());
    let bus = Bus::empty().command_async(move |_: Ship| ship.pass()).subscribe_async(move |_: &Shipped| hear.pass());
    Running::start(config, bus).await
}

#[tokio::test]
async fn what_waits_and_what_is_under_way_is_not_finished() {
    for server in Server::each() {
        let (config, gate) = (server.config(), Gate::new());
        let client = client(&config).await;
        let bus = Bus::empty().message::<Ship>().message::<Shipped>().transport(client.clone()).build().unwrap();
        bus.publish(Shipped).await.unwrap();
        assert_eq!(client.unfinished().await.unwrap(), 0, "an event that no group waits for");
        bus.execute(Ship).await.unwrap();
        assert_eq!(client.unfinished().await.unwrap(), 1, "a command that waits");

        let groups = [worker(&config, &gate).await, worker(&config.clone().group("other"), &gate).await];
        bus.publish(Shipped).await.unwrap();
        assert_eq!(client.unfinished().await.unwrap(), 3, "that command, and an event for each group");

        gate.open();
        soon(async { while client.unfinished().await.unwrap() > 0 {} }).await;
        until(|| groups.iter().map(|group| group.handle.stats().handled).sum::<u64>() == 3).await;
        for group in groups {
            group.stop().await;
        }
    }
}
