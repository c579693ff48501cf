//! What every bus promises, asked of buses with a server between them.

mod support;

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use bus_nats::{Nats, Redelivery};
use linkbus::{
    Builder, Bus,
    transport::{Completion, Delivery, Order, Transport as _},
};
use linkbus_conformance::{
    self as conformance, Errors, Features, Handlers, Later, Notes, Panics, Passing, Serving, Split, Thread, Unhandled,
    broken_promises,
};
use tokio::sync::Mutex as AsyncMutex;

use self::support::{Running, Server, client, config, keeps_for_later, soon};

/// Where the server is that is tried.
static SERVER: Mutex<String> = Mutex::new(String::new());

fn features(handlers: Handlers, later: Later) -> Features {
    Features {
        handlers,
        commands: conformance::Completion::Accepted,
        events: conformance::Completion::Accepted,
        tasks: conformance::Completion::Accepted,
        errors: Errors::Typed,
        panics: Panics::Reported,
        passing: Passing::Encoded,
        thread: Thread::Any,
        delivery: conformance::Delivery::AtLeastOnce,
        order: conformance::Order::PerKey,
        unhandled: Unhandled::Waiting,
        journal: Notes::Absent,
        later,
    }
}

#[test]
fn every_promise_is_kept() {
    for server in Server::each() {
        let keeps_for_later = tokio::runtime::Runtime::new().unwrap().block_on(keeps_for_later(&server));
        let later = if keeps_for_later { Later::Timely } else { Later::Never };
        *SERVER.lock().unwrap_or_else(PoisonError::into_inner) = server.url().to_owned();
        for handlers in [Handlers::Async, Handlers::Plain] {
            let broken = broken_promises::<Split<Served>>(features(handlers, later), |wired| Box::pin(split(wired)));
            assert_eq!(broken, [""; 0], "with {handlers:?} handlers, at {}", server.url());
        }
    }
}

#[tokio::test]
async fn the_suite_asks_for_what_the_transport_promises() {
    for server in Server::each() {
        let features = client(&server.config()).await.features();
        assert_eq!((features.commands, features.events), (Delivery::AtLeastOnce, Delivery::AtLeastOnce));
        assert_eq!((features.completion, features.order), (Completion::Accepted, Order::PerKey));
        assert!(features.queries && features.durable && features.schedules);
    }
}

/// A worker, until it is stopped.
struct Served(AsyncMutex<Option<Running>>);

/// A prefix that no other has had, so that no message of another case is seen.
fn new_prefix() -> String {
    static CASES: AtomicU32 = AtomicU32::new(0);
    format!("case{}", CASES.fetch_add(1, Relaxed))
}

async fn split(wired: Builder<Bus>) -> Split<Served> {
    let url = SERVER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let redelivery = Redelivery::new().base(Duration::from_millis(10));
    let config = config(&url).prefix(new_prefix()).redelivery(redelivery);
    let there = wired.replayable().build().unwrap();
    let worker = Running::serve(&config, &there).await;
    let client = Nats::client(&config).await.unwrap();
    Split::new(there, Served(AsyncMutex::new(Some(worker))), client)
}

impl Serving for Served {
    async fn end(&self) {
        if let Some(worker) = self.0.lock().await.take() {
            // What was accepted is handled by whoever comes next; here nobody does, so this one ends when nothing is left.
            soon(worker.idle()).await;
            worker.stop().await;
        }
    }
}
