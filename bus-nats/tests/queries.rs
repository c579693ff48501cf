//! Queries whose worker or server is gone: they are not kept, and fail.

mod support;

use std::time::Duration;

use bus_nats::NatsConfig;
use linkbus::{Bus, Query, SendError};
use serde::{Deserialize, Serialize};

use self::support::{Attempts, Gate, Running, Server, client, soon, until};

#[derive(Query, Serialize, Deserialize)]
#[query(reply = u32, name = "shop.Twice")]
struct Twice(u32);

/// A worker that begins a query and does not end it, and what it has begun.
async fn slow(config: &NatsConfig) -> (Running, Attempts) {
    let (gate, begun) = (Gate::new(), Attempts::default());
    let query = move |twice: Twice| {
        let pass = gate.pass();
        async move {
            pass.await;
            twice.0 * 2
        }
    };
    (Running::start(config, Bus::empty().query_async(query).layer(begun.clone())).await, begun)
}

async fn sender(config: &NatsConfig) -> Bus {
    Bus::empty().message::<Twice>().transport(client(config).await).build().unwrap()
}

#[tokio::test]
async fn a_query_whose_worker_is_gone_fails_when_its_time_is_over_and_is_given_to_no_other() {
    for server in Server::each() {
        let config = server.config().query_timeout(Duration::from_millis(500));
        let (gone, begun) = slow(&config).await;
        let bus = sender(&config).await;
        let query = tokio::spawn(async move { bus.send(Twice(1)).await });
        until(|| !begun.0.lock().unwrap().is_empty()).await;
        let (other, begun) = slow(&config).await;
        gone.abort();
        let failed = soon(query).await.unwrap();
        assert!(matches!(failed, Err(SendError::TimedOut { .. })), "{failed:?}");
        assert_eq!(begun.0.lock().unwrap().len(), 0);
        other.abort();
    }
}

#[tokio::test]
async fn a_query_that_is_under_way_fails_when_the_server_is_gone() {
    for mut server in Server::each() {
        let config = server.config().query_timeout(Duration::from_secs(60));
        let (worker, begun) = slow(&config).await;
        let bus = sender(&config).await;
        let query = tokio::spawn(async move { bus.send(Twice(1)).await });
        until(|| !begun.0.lock().unwrap().is_empty()).await;
        server.kill();
        let failed = soon(query).await.unwrap();
        assert!(matches!(failed, Err(SendError::Transport { .. })), "{failed:?}");
        worker.abort();
    }
}

#[tokio::test]
async fn a_query_that_nobody_answers_fails_at_once() {
    for server in Server::each() {
        let bus = sender(&server.config().query_timeout(Duration::from_secs(60))).await;
        let failed = soon(bus.send(Twice(1))).await;
        assert!(matches!(failed, Err(SendError::NoHandler { .. })), "{failed:?}");
    }
}
