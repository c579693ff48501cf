//! What every bus promises, asked of buses with a hub between them.

mod support;

use std::time::Duration;

use bus_zmq::{WorkStats, WorkerHandle, ZmqHub};
use linkbus::{
    Builder, Bus, CloseError, Command, DispatchError, Event, ExecuteError, Kind, PublishError, Query, SendError, Task,
    Wiring,
    roles::{AsyncMessageBus, AsyncMessageDispatcher, AsyncQueryDispatcher},
    transport::{Completion, Delivery, Endpoint, Order, Transport as _},
};
use linkbus_conformance::{
    Subject, conformance,
    messages::{self, AskNobody, NobodysWork, TellNobody},
};
use tokio::{sync::Mutex, task::JoinHandle};

use self::support::{Place, soon};

conformance!(zmq: Split, |wired| Split::of(wired).await, Features {
    handlers: Async, commands: Awaited, events: Accepted, tasks: Awaited, errors: Typed, panics: Reported,
    passing: Encoded, thread: Any, delivery: AtLeastOnce, order: Free, unhandled: Refused, journal: Absent,
});

conformance!(zmq_with_plain_handlers: Split, |wired| Split::of(wired).await, Features {
    handlers: Plain, commands: Awaited, events: Accepted, tasks: Awaited, errors: Typed, panics: Reported,
    passing: Encoded, thread: Any, delivery: AtLeastOnce, order: Free, unhandled: Refused, journal: Absent,
});

#[tokio::test]
async fn the_suite_asks_for_what_the_transport_promises() {
    let features = Place::new().client().connect().unwrap().features();
    assert_eq!((features.commands, features.events), (Delivery::AtLeastOnce, Delivery::AtMostOnce));
    assert_eq!((features.completion, features.order), (Completion::Handled, Order::Unordered));
    assert!(features.queries);
}

/// A bus that dispatches, and one that handles, as two processes would have them.
struct Split {
    here: Bus,
    there: Bus,
    worker: WorkerHandle,
    /// Until it is waited for.
    running: Mutex<Option<JoinHandle<WorkStats>>>,
    hub: ZmqHub,
    _place: Place,
}

impl Split {
    async fn of(wired: Builder<Bus>) -> Self {
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
        // It is the hub that knows of nobody, and not this side.
        let known = Bus::empty().message::<AskNobody>().message::<TellNobody>().message::<NobodysWork>();
        let here = known.modules([messages::MODULE]).transport(client).build().unwrap();
        Split { here, there, worker: handle, running: Mutex::new(Some(running)), hub, _place: place }
    }
}

impl Subject for Split {
    type Host = Bus;

    async fn close(&self) -> Result<(), CloseError> {
        self.here.close().await?;
        self.worker.stop();
        if let Some(running) = self.running.lock().await.take() {
            running.await.expect("the worker does not panic");
        }
        self.hub.close().await;
        self.there.close().await
    }
}

impl AsyncMessageBus for Split {
    fn wiring(&self) -> &Wiring {
        self.there.wiring()
    }
}

impl AsyncQueryDispatcher for Split {
    async fn send<Q: Query>(&self, query: Q) -> Result<Q::Reply, SendError<Q::Error>> {
        self.here.send(query).await
    }
}

impl AsyncMessageDispatcher for Split {
    async fn execute<C: Command>(&self, command: C) -> Result<(), ExecuteError<C::Error>> {
        self.here.execute(command).await
    }

    async fn publish<E: Event>(&self, event: E) -> Result<(), PublishError> {
        self.here.publish(event).await
    }

    async fn dispatch<T: Task>(&self, task: T) -> Result<(), DispatchError<T::Error>> {
        self.here.dispatch(task).await
    }
}
