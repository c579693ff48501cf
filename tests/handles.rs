//! Handles: one capability each, kept in services, and no reason for a bus to live for ever.
#![expect(clippy::needless_pass_by_value, reason = "handlers are written here in every form that they can have")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use linkbus::{
    AnyError, Bus, BusHandle, Command, CommandHandle, DispatchError, Event, EventHandle, ExecuteError, PublishError,
    Query, QueryHandle, SendError, SyncBus, Task, TaskHandle, handler,
};

#[derive(Query)]
#[query(reply = u32)]
struct Price(u32);

#[derive(Command)]
struct Buy(u32);

#[derive(Event)]
struct Bought(u32);

#[derive(Task)]
struct Ship(u32);

/// What the handlers did.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, entry: String) {
        self.0.lock().unwrap().push(entry);
    }

    fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

mod shop {
    use super::{Bought, Buy, Log, Price, Ship, handler};

    #[handler]
    fn price(query: Price) -> u32 {
        query.0 * 10
    }

    #[handler]
    fn buy(command: &Buy, log: &Log) {
        log.add(format!("buy {}", command.0));
    }

    #[handler]
    fn bought(event: &Bought, log: &Log) {
        log.add(format!("bought {}", event.0));
    }

    #[handler]
    fn ship(task: &Ship, log: &Log) {
        log.add(format!("ship {}", task.0));
    }

    linkbus::module! { messages: [Price, Buy, Bought, Ship], handlers: [price, buy, bought, ship] }
}

/// A service that may do four things on a bus, each through its own handle.
struct Clerk {
    queries: QueryHandle,
    commands: CommandHandle,
    events: EventHandle,
    tasks: TaskHandle,
}

impl Clerk {
    fn on(bus: &BusHandle) -> Self {
        Clerk { queries: bus.queries(), commands: bus.commands(), events: bus.events(), tasks: bus.tasks() }
    }
}

/// Each handle does what the method of the bus does.
#[tokio::test]
async fn each_handle_has_its_verb() {
    let log = Log::default();
    let bus = Bus::empty().modules([shop::MODULE]).provide(log.clone()).build().unwrap();
    let clerk = Clerk::on(&bus.handle());
    assert_eq!(clerk.queries.send(Price(4)).await.unwrap(), 40);
    clerk.commands.execute(Buy(1)).await.unwrap();
    clerk.events.publish(Bought(2)).await.unwrap();
    clerk.tasks.dispatch(Ship(3)).await.unwrap();
    assert_eq!(log.entries(), ["buy 1", "bought 2", "ship 3"]);
}

/// The handles of the synchronous bus too.
#[test]
fn each_handle_of_the_sync_bus_has_its_verb() {
    let log = Log::default();
    let bus = SyncBus::empty().modules([shop::MODULE]).provide(log.clone()).build().unwrap();
    let handle = bus.handle();
    assert_eq!(handle.queries().send(Price(4)).unwrap(), 40);
    handle.commands().execute(Buy(1)).unwrap();
    handle.events().publish(Bought(2)).unwrap();
    handle.tasks().dispatch(Ship(3)).unwrap();
    assert_eq!(log.entries(), ["buy 1", "bought 2", "ship 3"]);
}

/// A handle made from a bus keeps it alive.
#[tokio::test]
async fn a_handle_of_a_bus_keeps_it_alive() {
    let bus = Bus::empty().query(|query: Price| query.0).build().unwrap();
    let queries = bus.handle().queries();
    drop(bus);
    assert_eq!(queries.clone().send(Price(7)).await.unwrap(), 7);
}

/// Counts itself down when it is dropped.
struct Tracked(Arc<AtomicU32>);

impl Tracked {
    fn new(alive: &Arc<AtomicU32>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Tracked(Arc::clone(alive))
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A service of the bus that keeps a handle to it, and is asked by a handler of the bus.
struct Keeper<B: linkbus::Flavor> {
    _bus: BusHandle<B>,
    _alive: Tracked,
}

/// L15: the last clone of a bus takes everything that it was given with it, in whatever way it was given.
#[test]
fn dropping_the_last_bus_drops_what_it_was_given() {
    mod given {
        use super::{AtomicU32, Bus, Keeper, Price, Tracked, handler};

        pub(super) trait Tool: Send + Sync {}

        impl Tool for Tracked {}

        #[handler]
        fn price(query: Price, _: &Tracked, _: &dyn Tool, _: &Keeper<Bus>, calls: &AtomicU32) -> u32 {
            calls.fetch_add(query.0, std::sync::atomic::Ordering::SeqCst)
        }

        linkbus::module! { messages: [Price], handlers: [price] }
    }

    let alive = Arc::new(AtomicU32::new(0));
    let captured = Tracked::new(&alive);
    let kept = Arc::clone(&alive);
    let bus = Bus::empty()
        .modules([given::MODULE])
        .task(move |_: Ship| assert!(captured.0.load(Ordering::SeqCst) > 0))
        .provide(Tracked::new(&alive))
        .provide(AtomicU32::new(0))
        .provide_arc::<dyn given::Tool>(Arc::new(Tracked::new(&alive)))
        .provide_with(move |bus| Keeper::<Bus> { _bus: bus.clone(), _alive: Tracked::new(&kept) })
        .build()
        .unwrap();
    assert_eq!(alive.load(Ordering::SeqCst), 4);
    let clone = bus.clone();
    drop(bus);
    assert_eq!(alive.load(Ordering::SeqCst), 4);
    drop(clone);
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

/// A builder that fails or is given up drops what it was given, too.
#[test]
fn a_bus_that_is_not_built_drops_what_it_was_given() {
    let alive = Arc::new(AtomicU32::new(0));
    drop(Bus::empty().provide(Tracked::new(&alive)));
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    let twice = Bus::empty().provide(Tracked::new(&alive)).provide(Tracked::new(&alive));
    drop(twice.build().unwrap_err());
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

/// The handle of a service does not keep its bus alive: without a bus, each verb answers that it is gone.
#[tokio::test]
async fn a_service_outlives_its_bus_with_handles_that_say_so() {
    let service = Arc::new(Mutex::new(None));
    let place = Arc::clone(&service);
    let bus = Bus::empty()
        .modules([shop::MODULE])
        .provide(Log::default())
        .provide_with(move |bus| {
            let clerk = Arc::new(Clerk::on(bus));
            *place.lock().unwrap() = Some(Arc::clone(&clerk));
            clerk
        })
        .build()
        .unwrap();
    let clerk = service.lock().unwrap().take().unwrap();
    assert_eq!(clerk.queries.send(Price(4)).await.unwrap(), 40);
    drop(bus);
    let send = clerk.queries.send(Price(4)).await.unwrap_err();
    assert!(matches!(send, SendError::ShutDown { message: "handles.Price" }));
    assert_eq!(send.to_string(), "the bus is shut down, so query `handles.Price` was not sent");
    assert!(matches!(clerk.commands.execute(Buy(1)).await, Err(ExecuteError::ShutDown { .. })));
    assert!(matches!(clerk.events.publish(Bought(1)).await, Err(PublishError::ShutDown { .. })));
    assert!(matches!(clerk.tasks.dispatch(Ship(1)).await, Err(DispatchError::ShutDown { .. })));
}

/// While `provide_with` makes its value there is no bus yet, and the handle says that too instead of waiting for it.
#[test]
fn a_handle_answers_shut_down_before_there_is_a_bus() {
    struct Early(bool);

    let seen = Arc::new(Mutex::new(None));
    let place = Arc::clone(&seen);
    let build = SyncBus::empty().query(|query: Price| query.0).provide_with(move |bus| {
        let early = bus.queries().send(Price(1));
        *place.lock().unwrap() = Some(Early(matches!(early, Err(SendError::ShutDown { .. }))));
    });
    build.build().unwrap();
    assert!(seen.lock().unwrap().take().is_some_and(|early| early.0));
}

/// Handlers may ask for the handles: every bus provides its own, and they do not keep it alive.
#[tokio::test]
async fn handlers_are_given_the_handles_of_their_bus() {
    mod asks {
        use super::{
            AnyError, BusHandle, Buy, Command, CommandHandle, EventHandle, Price, QueryHandle, Ship, TaskHandle,
            handler,
        };

        #[derive(Command)]
        pub(super) struct Checkout;

        #[handler]
        async fn checkout(
            _: Checkout,
            queries: &QueryHandle,
            commands: &CommandHandle,
            events: &EventHandle,
            tasks: &TaskHandle,
            bus: &BusHandle,
        ) -> Result<(), AnyError> {
            let price = queries.send(Price(2)).await?;
            commands.execute(Buy(price)).await?;
            events.publish(super::Bought(price)).await?;
            tasks.dispatch(Ship(price)).await?;
            bus.tasks().dispatch(Ship(price + 1)).await?;
            Ok(())
        }

        linkbus::module! { messages: [Checkout], handlers: [checkout] }
    }

    let log = Log::default();
    let bus = Bus::empty().modules([shop::MODULE, asks::MODULE]).provide(log.clone()).build().unwrap();
    bus.execute(asks::Checkout).await.unwrap();
    assert_eq!(log.entries(), ["buy 20", "bought 20", "ship 20", "ship 21"]);
    assert_eq!(Arc::strong_count(&log.0), 2);
    drop(bus);
    assert_eq!(Arc::strong_count(&log.0), 1);
}

/// A dispatch through a handle holds its bus until it is done: the bus may be dropped meanwhile.
#[tokio::test]
async fn a_dispatch_under_way_keeps_its_bus() {
    mod slow {
        use super::{Arc, Price, handler};

        pub(super) struct Gate(pub(super) Arc<tokio::sync::Notify>);

        #[handler]
        async fn price(query: Price, gate: &Gate) -> u32 {
            gate.0.notified().await;
            query.0
        }

        linkbus::module! { messages: [Price], handlers: [price] }
    }

    let gate = Arc::new(tokio::sync::Notify::new());
    let bus = Bus::empty().modules([slow::MODULE]).provide(slow::Gate(Arc::clone(&gate))).build().unwrap();
    let queries = bus.handle().queries();
    let mut send = std::pin::pin!(queries.send(Price(5)));
    assert!(futures_util::FutureExt::now_or_never(send.as_mut()).is_none());
    drop(bus);
    gate.notify_one();
    assert_eq!(send.await.unwrap(), 5);
}

/// A handle prints what it leads to, and not what is on it.
#[test]
fn handles_have_a_debug_form() {
    let bus = SyncBus::empty().build().unwrap();
    assert_eq!(format!("{:?}", bus.handle().queries()), "QueryHandle(BusHandle(Strong(SyncBus { messages: 0, .. })))");
}
