//! R17: what is dispatched from inside a handler waits for no permit, so that a limit of 1 stops no circle of messages.
#![expect(clippy::needless_pass_by_value, reason = "handlers are written here in every form that they can have")]

use futures_util::future::join_all;
use linkbus::{
    Bus, BusHandle, Command, Event, ExecuteError, Query, RecursionLimit, SendError, SyncBus,
    clock::ManualClock,
    layer::{Around, AsyncAround, AsyncNext, Concurrency, Dispatch, Done, Next, Timeout},
};

/// What the innermost handler failed with, passed up through all the others.
#[derive(Debug, thiserror::Error)]
#[error("at the bottom")]
enum Fault {
    TooDeep(RecursionLimit),
    Overloaded,
}

impl From<ExecuteError<Fault>> for Fault {
    fn from(error: ExecuteError<Fault>) -> Self {
        match error {
            ExecuteError::Handler(fault) => fault,
            ExecuteError::RecursionLimit(limit) => Fault::TooDeep(*limit),
            ExecuteError::Overloaded { .. } => Fault::Overloaded,
            other => panic!("unexpected: {other}"),
        }
    }
}

impl From<SendError<Fault>> for Fault {
    fn from(error: SendError<Fault>) -> Self {
        match error {
            SendError::Handler(fault) => fault,
            SendError::RecursionLimit(limit) => Fault::TooDeep(*limit),
            SendError::Overloaded { .. } => Fault::Overloaded,
            other => panic!("unexpected: {other}"),
        }
    }
}

/// Dispatches itself as often as it says.
#[derive(Command)]
#[command(error = Fault)]
struct Down(u32);

/// Goes round with `Pong`.
#[derive(Command)]
#[command(error = Fault)]
struct Ping(u32);

#[derive(Query)]
#[query(reply = u32, error = Fault)]
struct Pong(u32);

/// Tells everybody.
#[derive(Command)]
struct Tell;

#[derive(Event)]
struct Told;

mod on_sync_bus {
    use super::{Down, Fault, Ping, Pong, SyncBus, Tell, Told};

    #[linkbus::handler]
    fn down(command: Down, bus: &SyncBus) -> Result<(), Fault> {
        if command.0 == 1 { Ok(()) } else { Ok(bus.execute(Down(command.0 - 1))?) }
    }

    #[linkbus::handler]
    fn ping(command: Ping, bus: &SyncBus) -> Result<(), Fault> {
        if command.0 > 1 {
            bus.send(Pong(command.0 - 1))?;
        }
        Ok(())
    }

    #[linkbus::handler]
    fn pong(query: Pong, bus: &SyncBus) -> Result<u32, Fault> {
        if query.0 > 1 {
            bus.execute(Ping(query.0 - 1))?;
        }
        Ok(query.0)
    }

    #[linkbus::handler]
    fn tell(_: Tell, bus: &SyncBus) -> Result<(), linkbus::AnyError> {
        Ok(bus.publish(Told)?)
    }

    #[linkbus::handler]
    fn told(_: &Told) {}

    linkbus::module! { messages: [Down, Ping, Pong, Tell, Told], handlers: [down, ping, pong, tell, told] }
}

mod on_bus {
    use super::{Bus, Down, Fault, Ping, Pong, Tell, Told};
    use tokio::task::yield_now;

    #[linkbus::handler]
    async fn down(command: Down, bus: &Bus) -> Result<(), Fault> {
        yield_now().await;
        if command.0 == 1 { Ok(()) } else { Ok(bus.execute(Down(command.0 - 1)).await?) }
    }

    #[linkbus::handler]
    async fn ping(command: Ping, bus: &Bus) -> Result<(), Fault> {
        if command.0 > 1 {
            yield_now().await;
            bus.send(Pong(command.0 - 1)).await?;
        }
        Ok(())
    }

    #[linkbus::handler]
    async fn pong(query: Pong, bus: &Bus) -> Result<u32, Fault> {
        if query.0 > 1 {
            bus.execute(Ping(query.0 - 1)).await?;
        }
        Ok(query.0)
    }

    #[linkbus::handler]
    async fn tell(_: Tell, bus: &Bus) -> Result<(), linkbus::AnyError> {
        Ok(bus.publish(Told).await?)
    }

    #[linkbus::handler]
    async fn told(_: &Told) {
        yield_now().await;
    }

    linkbus::module! { messages: [Down, Ping, Pong, Tell, Told], handlers: [down, ping, pong, tell, told] }
}

/// One permit for the bus and one for each message.
fn one_of_each() -> Concurrency {
    Concurrency::of_bus(1).per_message(1)
}

fn assert_all_went_through(limits: &Concurrency, roots: u64, nested: u64) {
    let stats = limits.stats();
    assert_eq!((stats.in_flight, stats.waiting, stats.rejected), (0, 0, 0));
    assert_eq!((stats.admitted, stats.nested), (roots, nested));
}

/// R17.
#[test]
fn handlers_that_dispatch_do_not_wait_for_themselves() {
    let limits = one_of_each();
    let bus = SyncBus::empty().modules([on_sync_bus::MODULE]).layer(limits.clone()).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..84 {
                    bus.execute(Down(64)).unwrap();
                    bus.execute(Ping(64)).unwrap();
                    bus.execute(Tell).unwrap();
                }
            });
        }
    });
    assert_all_went_through(&limits, 1_008, 336 * (63 + 63 + 1));
}

/// R17.
#[tokio::test]
async fn handlers_that_dispatch_do_not_wait_for_themselves_on_a_bus() {
    let limits = one_of_each();
    let bus = Bus::empty().modules([on_bus::MODULE]).layer(limits.clone()).build().unwrap();
    let roots = (0..336).map(async |_| {
        bus.execute(Down(64)).await.unwrap();
        bus.execute(Ping(64)).await.unwrap();
        bus.execute(Tell).await.unwrap();
    });
    join_all(roots).await;
    assert_all_went_through(&limits, 1_008, 336 * (63 + 63 + 1));
}

/// R17.
#[tokio::test]
async fn a_circle_ends_at_the_depth_and_not_at_the_limit() {
    let bus = Bus::empty().modules([on_bus::MODULE]).layer(one_of_each().reject()).build().unwrap();
    let sync_bus = SyncBus::empty().modules([on_sync_bus::MODULE]).layer(one_of_each().reject()).build().unwrap();
    for _ in 0..3 {
        let faults = [
            bus.execute(Down(65)).await.unwrap_err().into(),
            bus.execute(Ping(65)).await.unwrap_err().into(),
            sync_bus.execute(Down(65)).unwrap_err().into(),
            sync_bus.execute(Ping(65)).unwrap_err().into(),
        ];
        for fault in faults {
            let Fault::TooDeep(limit) = fault else { panic!("{fault:?}") };
            assert_eq!((limit.limit, limit.path.len()), (64, 33));
        }
    }
}

/// One thread for each level; the time never runs out.
fn on_threads(levels: usize) -> Timeout {
    Timeout::new().threads(levels)
}

/// R17: each level is on a thread of its own, which has taken over how it came there.
#[test]
fn what_is_dispatched_on_a_thread_of_a_time_out_takes_no_permit() {
    for is_timeout_outside in [true, false] {
        let limits = one_of_each().reject();
        let bus = SyncBus::empty().modules([on_sync_bus::MODULE]).clock(ManualClock::stopped());
        let bus = if is_timeout_outside {
            bus.layer(on_threads(16)).layer(limits.clone())
        } else {
            bus.layer(limits.clone()).layer(on_threads(16))
        };
        let bus = bus.build().unwrap();
        for _ in 0..50 {
            bus.execute(Down(16)).unwrap();
            bus.execute(Ping(16)).unwrap();
            bus.execute(Tell).unwrap();
        }
        assert_all_went_through(&limits, 150, 50 * (15 + 15 + 1));
        // The permit of the root comes back from whatever thread it was taken on.
        bus.execute(Down(1)).unwrap();
        assert_eq!(limits.stats().in_flight, 0);
        bus.close().unwrap();
    }
}

/// R17: the depth goes along as well, so that a circle ends before there are no threads left.
#[test]
fn a_circle_over_the_threads_of_a_time_out_ends_at_the_depth() {
    let limits = one_of_each().reject();
    let bus = SyncBus::empty().modules([on_sync_bus::MODULE]).clock(ManualClock::stopped()).max_depth(8);
    let bus = bus.layer(on_threads(9)).layer(limits.clone()).build().unwrap();
    for _ in 0..3 {
        bus.execute(Down(8)).unwrap();
        for fault in [bus.execute(Down(9)).unwrap_err().into(), bus.execute(Ping(9)).unwrap_err().into()] {
            let Fault::TooDeep(limit) = fault else { panic!("{fault:?}") };
            assert_eq!(limit.limit, 8);
        }
    }
    assert_eq!((limits.stats().in_flight, limits.stats().rejected), (0, 0));
}

/// A layer that dispatches by itself, inside a limit.
struct Audit;

#[derive(Command)]
struct Note;

#[derive(Command)]
struct Pay;

impl Around for Audit {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        if dispatch.get::<Pay>().is_some() {
            BUS.get().unwrap().commands().execute(Note).unwrap();
        }
        next.run(dispatch)
    }
}

static BUS: std::sync::OnceLock<BusHandle<SyncBus>> = std::sync::OnceLock::new();

struct AsyncAudit(std::sync::Arc<std::sync::OnceLock<Bus>>);

impl AsyncAround for AsyncAudit {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        if dispatch.get::<Pay>().is_some() {
            tokio::task::yield_now().await;
            Box::pin(self.0.get().unwrap().execute(Note)).await.unwrap();
        }
        next.run(dispatch).await
    }
}

#[test]
fn a_layer_inside_a_limit_that_dispatches_does_not_wait_for_itself() {
    let limits = one_of_each();
    let builder = SyncBus::empty().command(|_: Note| ()).command(|_: Pay| ());
    let bus = builder.layer(limits.clone()).layer(Audit).build().unwrap();
    assert!(BUS.set(bus.handle()).is_ok());
    bus.execute(Pay).unwrap();
    assert_all_went_through(&limits, 1, 1);
}

#[tokio::test]
async fn a_layer_inside_a_limit_that_dispatches_does_not_wait_for_itself_on_a_bus() {
    let (limits, own) = (one_of_each(), std::sync::Arc::default());
    let builder = Bus::empty().command(|_: Note| ()).command(|_: Pay| ());
    let bus = builder.layer(limits.clone()).layer(AsyncAudit(std::sync::Arc::clone(&own))).build().unwrap();
    assert!(own.set(bus.clone()).is_ok());
    bus.execute(Pay).await.unwrap();
    assert_all_went_through(&limits, 1, 1);
}

/// What the bus cannot see: a task that a handler spawned comes from outside.
#[tokio::test]
async fn what_a_spawned_task_dispatches_is_counted() {
    let limits = Concurrency::of_bus(2);
    let own = std::sync::Arc::new(std::sync::OnceLock::<Bus>::new());
    let outer = std::sync::Arc::clone(&own);
    let builder = Bus::empty().command(|_: Note| ()).command_async(move |_: Pay| {
        let bus = outer.get().unwrap().clone();
        async move { tokio::spawn(async move { bus.execute(Note).await }).await.unwrap() }
    });
    let bus = builder.layer(limits.clone()).build().unwrap();
    assert!(own.set(bus.clone()).is_ok());
    bus.execute(Pay).await.unwrap();
    assert_all_went_through(&limits, 2, 0);
}

/// Limits are taken at the entrance: work that was let in is not refused half-way, even where the entrance had no limit.
#[tokio::test]
async fn a_limit_that_is_first_met_inside_a_handler_is_passed() {
    let limits = Concurrency::of_messages().for_message::<Told>(1).reject();
    let bus = Bus::empty().modules([on_bus::MODULE]).layer(limits.clone()).build().unwrap();
    join_all((0..10).map(async |_| bus.execute(Tell).await.unwrap())).await;
    assert_all_went_through(&limits, 0, 10);
    assert_eq!(limits.stats_of::<Tell>(), None);
}
