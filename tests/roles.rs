//! Roles: narrow interfaces to a bus, so that what a function may do is in its signature.

use std::sync::{Arc, Mutex};

use linkbus::{
    AnyError, BatchError, Builder, Bus, Command, DispatchError, Event, ExecuteError, PublishError, Query, SendError,
    SyncBus, Task, handler,
    roles::{
        AsyncHandlerRegistry, AsyncMessageBus, AsyncMessageDispatcher, AsyncQueryDispatcher, AsyncQueryRegistry,
        HandlerRegistry, MessageBus, MessageDispatcher, QueryDispatcher, QueryRegistry,
    },
};

#[derive(Query)]
#[query(reply = u32)]
struct Stock(u32);

#[derive(Command)]
struct Reserve(u32);

#[derive(Event)]
struct Reserved(u32);

#[derive(Task)]
struct Pack(u32);

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, verb: &str, number: u32) {
        self.0.lock().unwrap().push(format!("{verb} {number}"));
    }

    fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Registers through the roles alone, as a module would that is given a registry and no more.
fn register_queries(registry: impl QueryRegistry) -> impl QueryRegistry {
    registry.query(|query: Stock| query.0 + 1)
}

fn register_handlers<R: HandlerRegistry>(registry: R, log: &Log) -> R {
    let (commands, events, tasks) = (log.clone(), log.clone(), log.clone());
    registry
        .command(move |command: Reserve| commands.add("reserve", command.0))
        .subscribe(move |event: &Reserved| events.add("reserved", event.0))
        .task(move |task: Pack| tasks.add("pack", task.0))
}

fn ask(queries: &impl QueryDispatcher) -> u32 {
    queries.send(Stock(1)).unwrap()
}

fn tell(messages: &impl MessageDispatcher) {
    messages.execute(Reserve(1)).unwrap();
    messages.publish(Reserved(2)).unwrap();
    messages.dispatch(Pack(3)).unwrap();
}

fn use_all(bus: &impl MessageBus) -> (u32, usize) {
    tell(bus);
    (ask(bus), bus.wiring().routes().len())
}

async fn ask_later(queries: &impl AsyncQueryDispatcher) -> u32 {
    queries.send(Stock(1)).await.unwrap()
}

async fn tell_later(messages: &impl AsyncMessageDispatcher) {
    messages.execute(Reserve(1)).await.unwrap();
    messages.publish(Reserved(2)).await.unwrap();
    messages.dispatch(Pack(3)).await.unwrap();
    messages.execute_many([Reserve(4), Reserve(5)]).await.unwrap();
    messages.publish_many([Reserved(6)]).await.unwrap();
    messages.dispatch_many([Pack(7)]).await.unwrap();
}

async fn use_all_later(bus: &impl AsyncMessageBus) -> (u32, usize) {
    tell_later(bus).await;
    (ask_later(bus).await, bus.wiring().routes().len())
}

/// P2: two dispatchers and two registries, and a message bus is both dispatchers. What builds a bus is its registries.
#[test]
fn the_sync_bus_has_every_sync_role() {
    let log = Log::default();
    let builder = register_handlers(SyncBus::empty(), &log);
    let builder: Builder<SyncBus> = QueryRegistry::query(builder, |query: Stock| query.0 + 1);
    let bus = builder.build().unwrap();
    assert_eq!(use_all(&bus), (2, 4));
    assert_eq!(ask(&bus.handle().queries()), 2);
    assert_eq!(log.entries(), ["reserve 1", "reserved 2", "pack 3"]);
}

/// P3: the same roles with `Async` in front. Registering stays synchronous, and takes async handlers as well.
#[tokio::test]
async fn the_async_bus_has_every_async_role() {
    fn register_async<R: AsyncQueryRegistry + AsyncHandlerRegistry>(registry: R, log: &Log) -> R {
        let (commands, events, tasks) = (log.clone(), log.clone(), log.clone());
        registry
            .query_async(async |query: Stock| query.0 + 1)
            .command_async(move |command: Reserve| {
                let log = commands.clone();
                async move { log.add("reserve", command.0) }
            })
            .subscribe_async(move |event: &Reserved| {
                let (log, number) = (events.clone(), event.0);
                async move { log.add("reserved", number) }
            })
            .task_async(move |task: Pack| {
                let log = tasks.clone();
                async move { log.add("pack", task.0) }
            })
    }

    let log = Log::default();
    let bus = register_async(Bus::empty(), &log).build().unwrap();
    assert_eq!(use_all_later(&bus).await, (2, 4));
    assert_eq!(ask_later(&bus.handle().queries()).await, 2);
    assert_eq!(log.entries(), ["reserve 1", "reserved 2", "pack 3", "reserve 4", "reserve 5", "reserved 6", "pack 7"]);
}

/// P3: the async builder is a registry of plain handlers too.
#[tokio::test]
async fn plain_handlers_are_registered_on_the_async_bus_through_the_same_roles() {
    let log = Log::default();
    let bus = register_handlers(Bus::empty(), &log).query(|query: Stock| query.0).build().unwrap();
    assert_eq!(ask_later(&bus).await, 1);
    bus.execute(Reserve(9)).await.unwrap();
    assert_eq!(log.entries(), ["reserve 9"]);
    drop(register_queries(Bus::empty()));
}

/// P5: a sync dispatcher is three verbs and no more, an async one has the batches as well: a stand-in has to write
/// nothing else, and there is nothing to close.
#[test]
fn a_stand_in_has_nothing_to_write_but_the_verbs() {
    struct Deaf;

    impl QueryDispatcher for Deaf {
        fn send<Q: Query>(&self, _: Q) -> Result<Q::Reply, SendError<Q::Error>> {
            Err(SendError::ShutDown { message: Q::FACTS.name })
        }
    }

    impl MessageDispatcher for Deaf {
        fn execute<C: Command>(&self, _: C) -> Result<(), ExecuteError<C::Error>> {
            Ok(())
        }

        fn publish<E: Event>(&self, _: E) -> Result<(), PublishError> {
            Ok(())
        }

        fn dispatch<T: Task>(&self, _: T) -> Result<(), DispatchError<T::Error>> {
            Ok(())
        }
    }

    tell(&Deaf);
    assert!(matches!(QueryDispatcher::send(&Deaf, Stock(1)), Err(SendError::ShutDown { message: "roles.Stock" })));
}

/// P4: the batches of a stand-in are in terms of its verbs, and stop at the first failure.
#[tokio::test]
async fn the_batches_of_a_stand_in_use_its_verbs() {
    struct Full(Log);

    impl AsyncMessageDispatcher for Full {
        async fn execute<C: Command>(&self, _: C) -> Result<(), ExecuteError<C::Error>> {
            self.0.add("execute", 1);
            if self.0.entries().len() < 3 { Ok(()) } else { Err(ExecuteError::ShutDown { message: C::FACTS.name }) }
        }

        async fn publish<E: Event>(&self, _: E) -> Result<(), PublishError> {
            self.0.add("publish", 1);
            Ok(())
        }

        async fn dispatch<T: Task>(&self, _: T) -> Result<(), DispatchError<T::Error>> {
            Err(DispatchError::ShutDown { message: T::FACTS.name })
        }
    }

    let full = Full(Log::default());
    let error = full.execute_many((0..5).map(Reserve)).await.unwrap_err();
    assert_eq!((error.completed, full.0.entries().len()), (2, 3));
    full.publish_many((0..2).map(Reserved)).await.unwrap();
    assert_eq!(full.0.entries()[3..], ["publish 1", "publish 1"]);
    assert_eq!(full.dispatch_many([Pack(1)]).await.unwrap_err().completed, 0);
}

/// X18: code that is written against the roles runs on whatever has them: a bus, a handle, a test's own double.
#[tokio::test]
async fn what_is_written_against_a_role_runs_on_anything_that_has_it() {
    struct Always(u32);

    impl AsyncQueryDispatcher for Always {
        async fn send<Q: Query>(&self, _: Q) -> Result<Q::Reply, SendError<Q::Error>> {
            let reply: Box<dyn std::any::Any> = Box::new(self.0);
            Ok(*reply.downcast().expect("only asked for numbers"))
        }
    }

    let bus = Bus::empty().query(|query: Stock| query.0 + 1).build().unwrap();
    let handle = bus.handle().queries();
    assert_eq!(ask_later(&bus).await, 2);
    assert_eq!(ask_later(&handle).await, 2);
    assert_eq!(ask_later(&Always(42)).await, 42);
}

/// X18: both buses fail in the same way, and both tell what is wired.
#[tokio::test]
async fn both_buses_fail_alike_and_tell_what_is_wired() {
    let wire = |log: &Log| (register_handlers(SyncBus::empty(), log), register_handlers(Bus::empty(), log));
    let (sync, asynchronous) = wire(&Log::default());
    let (sync, asynchronous) = (sync.partial().build().unwrap(), asynchronous.partial().build().unwrap());
    let here = QueryDispatcher::send(&sync, Stock(1)).unwrap_err();
    let there = AsyncQueryDispatcher::send(&asynchronous, Stock(1)).await.unwrap_err();
    assert_eq!(here.to_string(), there.to_string());
    let (here, there) = (MessageBus::wiring(&sync), AsyncMessageBus::wiring(&asynchronous));
    assert_eq!(here.registered_commands(), there.registered_commands());
    assert_eq!(here.registered_events(), there.registered_events());
    assert_eq!(here.registered_tasks(), there.registered_tasks());
}

/// A handler asks for a role of its bus, and is called by a test with anything that has the role.
#[tokio::test]
async fn a_handler_may_ask_for_a_role() {
    mod narrow {
        use super::{AnyError, AsyncMessageDispatcher, AsyncQueryDispatcher, Reserve, Reserved, Stock, handler};

        #[handler]
        pub(super) async fn reserve(
            command: Reserve,
            queries: &impl AsyncQueryDispatcher,
            messages: &impl AsyncMessageDispatcher,
        ) -> Result<(), AnyError> {
            let stock = queries.send(Stock(command.0)).await?;
            Ok(messages.publish(Reserved(stock)).await?)
        }

        linkbus::module! { messages: [Reserve], handlers: [reserve] }
    }

    let log = Log::default();
    let seen = log.clone();
    let bus = Bus::empty()
        .modules([narrow::MODULE])
        .query(|query: Stock| query.0 + 1)
        .subscribe(move |event: &Reserved| seen.add("reserved", event.0))
        .build()
        .unwrap();
    bus.execute(Reserve(5)).await.unwrap();
    narrow::reserve(Reserve(7), &bus.handle().queries(), &bus).await.unwrap();
    assert_eq!(log.entries(), ["reserved 6", "reserved 8"]);
}

/// X19: what dispatches has no way to register: the roles are apart. That nothing else slips through is pinned by
/// ui-tests; here, that a plain handler gets its role on the synchronous bus.
#[test]
fn a_plain_handler_is_given_a_dispatcher_and_no_registry() {
    mod narrow {
        use super::{AnyError, Query, QueryDispatcher, Stock, handler};

        #[derive(Query)]
        #[query(reply = bool)]
        pub(super) struct InStock(pub(super) u32);

        #[handler]
        fn in_stock(query: &InStock, queries: &impl QueryDispatcher) -> Result<bool, AnyError> {
            Ok(queries.send(Stock(query.0))? > 1)
        }

        linkbus::module! { messages: [InStock], handlers: [in_stock] }
    }

    let bus = SyncBus::empty().modules([narrow::MODULE]).query(|query: Stock| query.0).build().unwrap();
    assert!(bus.send(narrow::InStock(2)).unwrap());
    assert!(!bus.send(narrow::InStock(1)).unwrap());
}

/// P4: the batches are part of the async role, so a stand-in for a bus is asked for them as for the rest.
#[tokio::test]
async fn the_batches_belong_to_the_async_role() {
    async fn reserve_all(
        messages: &impl AsyncMessageDispatcher,
        numbers: Vec<u32>,
    ) -> Result<(), BatchError<ExecuteError<AnyError>>> {
        messages.execute_many(numbers.into_iter().map(Reserve)).await
    }

    let log = Log::default();
    let seen = log.clone();
    let bus = Bus::empty()
        .command(move |command: Reserve| {
            seen.add("reserve", command.0);
            if command.0 == 2 { Err("sold out") } else { Ok(()) }
        })
        .build()
        .unwrap();
    assert_eq!(reserve_all(&bus, vec![1, 2, 3]).await.unwrap_err().completed, 1);
    reserve_all(&bus, Vec::new()).await.unwrap();
    assert_eq!(log.entries(), ["reserve 1", "reserve 2"]);
}
