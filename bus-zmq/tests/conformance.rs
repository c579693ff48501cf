//! What every bus promises, asked of buses with a hub between them.

mod support;

use std::time::Duration;

use bus_zmq::{WorkStats, WorkerHandle, ZmqHub};
use linkbus::{
    Builder, Bus, Kind,
    transport::{Completion, Delivery, Endpoint, Order, Transport as _},
};
use linkbus_conformance::{Serving, Split, conformance};
use tokio::{sync::Mutex, task::JoinHandle};

use self::support::{Place, soon};

conformance!(zmq: Split<Served>, |wired| split(wired).await, Features {
    handlers: Async, commands: Awaited, events: Accepted, tasks: Awaited, errors: Typed, panics: Reported,
    passing: Encoded, thread: Any, delivery: AtLeastOnce, order: Free, unhandled: Refused, journal: Absent, later: Never,
});

conformance!(zmq_with_plain_handlers: Split<Served>, |wired| split(wired).await, Features {
    handlers: Plain, commands: Awaited, events: Accepted, tasks: Awaited, errors: Typed, panics: Reported,
    passing: Encoded, thread: Any, delivery: AtLeastOnce, order: Free, unhandled: Refused, journal: Absent, later: Never,
});

#[tokio::test]
async fn the_suite_asks_for_what_the_transport_promises() {
    let features = Place::new().client().connect().unwrap().features();
    assert_eq!((features.commands, features.events), (Delivery::AtLeastOnce, Delivery::AtMostOnce));
    assert_eq!((features.completion, features.order), (Completion::Handled, Order::Unordered));
    assert!(features.queries);
}

/// A hub, and a worker at it.
struct Served {
    worker: WorkerHandle,
    /// Until it is waited for.
    running: Mutex<Option<JoinHandle<WorkStats>>>,
    hub: ZmqHub,
    _place: Place,
}

async fn split(wired: Builder<Bus>) -> Split<Served> {
    let place = Place::new();
    // Nobody is gone here, however slow the machine is.
    let hub = place.hub().heartbeat(Duration::from_secs(10)).start().unwrap();
    let there = wired.replayable().build().unwrap();
    let endpoint = Endpoint::new(&there).unwrap();
    let names: Vec<_> = endpoint.serves().filter(|message| message.kind != Kind::Event).collect();
    let worker = place.worker().connect(endpoint).unwrap();
    let handle = worker.handle();
    let running = tokio::spawn(async { worker.run().await.unwrap() });
    soon(handle.ready()).await.unwrap();
    let client = place.client().connect().unwrap();
    soon(client.served(names.iter().map(|message| message.name))).await.unwrap();
    Split::new(there, Served { worker: handle, running: Mutex::new(Some(running)), hub, _place: place }, client)
}

impl Serving for Served {
    async fn end(&self) {
        self.worker.stop();
        if let Some(running) = self.running.lock().await.take() {
            running.await.expect("the worker does not panic");
        }
        self.hub.close().await;
    }
}
