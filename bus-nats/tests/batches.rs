//! Many messages at once, and how many of them may be under way.

mod support;

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use async_nats::jetstream::{
    self,
    stream::{Config, DiscardPolicy, RetentionPolicy},
};
use bus_nats::{Nats, NatsConfig, OpenError};
use futures_util::{FutureExt as _, future::join_all};
use linkbus::{
    Bus, Command, Event, Query, SendError,
    transport::{Endpoint, Transport as _},
};
use serde::{Deserialize, Serialize};

use self::support::{Gate, Running, Server, client, kept, plain, soon, until};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Ship")]
struct Ship(u64);

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Pack")]
struct Pack;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "shop.Shipped")]
struct Shipped(u64);

#[derive(Query, Serialize, Deserialize)]
#[query(reply = (), name = "shop.Nothing")]
struct Nothing;

async fn sender(config: &NatsConfig) -> Bus {
    let known = Bus::empty().message::<Ship>().message::<Pack>().message::<Shipped>().message::<Nothing>();
    known.transport(client(config).await).build().unwrap()
}

#[tokio::test]
async fn a_batch_of_a_thousand_is_kept_and_handled() {
    for server in Server::each() {
        let config = server.config();
        let (bus, sum) = (sender(&config).await, Arc::new(AtomicU64::new(0)));
        bus.execute_many((0..1_000).map(Ship)).await.unwrap();
        bus.publish_many((0..1_000).map(Shipped)).await.unwrap();
        assert_eq!((kept(&server, "linkbus_cmd").await, kept(&server, "linkbus_evt").await), (1_000, 1_000));
        let handled = Arc::clone(&sum);
        let handlers = Bus::empty().command(move |ship: Ship| _ = handled.fetch_add(ship.0, Relaxed));
        let worker = Running::start(&config, handlers).await;
        soon(worker.idle()).await;
        let stats = worker.stop().await;
        assert_eq!((stats.handled, stats.redelivered, sum.load(Relaxed)), (1_000, 0, 499_500));
    }
}

#[tokio::test]
async fn a_batch_has_no_more_under_way_than_the_window_allows() {
    for server in Server::each() {
        for (window, expected) in [(1, 1), (8, 8), (1024, 256)] {
            let client = client(&server.config().publish_window(window)).await;
            assert_eq!(client.features().batch_window, expected);
        }
    }
}

/// How long the client waits for the server to accept a message, before it gives it up and sends it again.
const PATIENCE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn as_many_messages_are_sent_as_the_window_has_and_the_others_wait() {
    for server in Server::each() {
        never_accepts(&server).await;
        for window in [1, 8] {
            // A trial that took longer than the client waits says nothing: it is made again.
            while sent_at_once(&server, window).await.is_none_or(|sent| {
                assert_eq!(sent, window as u64);
                false
            }) {}
        }
    }
}

/// Makes the stream of commands one that keeps what it is given and does not say so.
async fn never_accepts(server: &Server) {
    let stream = Config {
        name: "linkbus_cmd".to_owned(),
        subjects: vec!["linkbus.cmd.>".to_owned()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_bytes: 16 << 20,
        max_messages_per_subject: -1,
        duplicate_window: Duration::from_secs(120),
        no_ack: true,
        ..Config::default()
    };
    jetstream::new(plain(server).await).create_stream(stream).await.unwrap();
}

/// Sends 20 commands; gives how many of them came to the server, or nothing if it took too long to know.
async fn sent_at_once(server: &Server, window: usize) -> Option<u64> {
    let stream = jetstream::new(plain(server).await).get_stream("linkbus_cmd").await.unwrap();
    stream.purge().await.unwrap();
    let bus = sender(&server.config().publish_window(window)).await;
    let begin = Instant::now();
    let mut commands = pin!(join_all((0..20).map(|number| bus.execute(Ship(number)))));
    assert!(commands.as_mut().now_or_never().is_none());
    // What was sent before a query that is answered has come.
    let nobody = tokio::select! {
        nobody = bus.send(Nothing) => nobody,
        _ = commands => panic!("no command is accepted"),
    };
    assert!(matches!(nobody, Err(SendError::NoHandler { .. })), "{nobody:?}");
    let sent = kept(server, "linkbus_cmd").await;
    (begin.elapsed() < PATIENCE).then_some(sent)
}

#[tokio::test]
async fn a_type_may_have_a_concurrency_of_its_own() {
    for server in Server::each() {
        let config = server.config().concurrency(3).concurrency_of("shop.Ship", 1);
        let (gate, ships, packs) = (Gate::new(), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (ship_gate, pack_gate) = (gate.clone(), gate.clone());
        let (shipping, packing) = (Arc::clone(&ships), Arc::clone(&packs));
        let handlers = Bus::empty()
            .command_async(move |_: Ship| {
                shipping.fetch_add(1, Relaxed);
                ship_gate.pass()
            })
            .command_async(move |_: Pack| {
                packing.fetch_add(1, Relaxed);
                pack_gate.pass()
            });
        let worker = Running::start(&config, handlers).await;
        let bus = sender(&config).await;
        bus.execute_many((0..6).map(Ship)).await.unwrap();
        bus.execute_many((0..6).map(|_| Pack)).await.unwrap();
        until(|| packs.load(Relaxed) == 3 && ships.load(Relaxed) == 1).await;
        // All are with the worker then, which has not begun with more.
        soon(async { while worker.handle.lag().await.unwrap().iter().any(|lag| lag.waiting > 0) {} }).await;
        assert_eq!((packs.load(Relaxed), ships.load(Relaxed)), (3, 1));
        gate.open();
        soon(worker.idle()).await;
        assert_eq!(worker.stop().await.handled, 12);
    }
}

#[tokio::test]
async fn a_concurrency_of_what_is_not_served_is_an_error() {
    for server in Server::each() {
        let config = server.config().concurrency_of("shop.Ship", 1).concurrency_of("shop.Shipp", 1);
        let bus = Bus::empty().command(|_: Ship| ()).replayable().build().unwrap();
        let error = Nats::worker(&config, Endpoint::new(&bus).unwrap()).await.err().unwrap();
        assert!(matches!(&error, OpenError::Setting { value, .. } if value == "shop.Shipp"), "{error}");
        let text =
            "`shop.Shipp` cannot be the message of `concurrency_of`: the bus of this worker serves none of that name";
        assert!(error.to_string().starts_with(text), "{error}");
    }
}
