//! What a dispatch costs on the heap, counted.
#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    reason = "handlers are written here in every form that they can have"
)]
#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
};

use futures_util::FutureExt;
use linkbus::{
    AnyError, Bus, Command, Event, Query, SyncBus, Task, handler, handlers,
    layer::{AsyncAround, AsyncNext, Dispatch, Done, Retry, RetryBudget},
};

/// The system's allocator, and how often each thread asked it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more, and nobody looks at it either.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every call goes to `System` as it came, and counting does not allocate: the counter is const-initialised and
// has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates on this thread.
fn allocations<T>(work: impl FnOnce() -> T) -> usize {
    let before = ALLOCATIONS.get();
    let result = work();
    let allocations = ALLOCATIONS.get() - before;
    drop(result);
    allocations
}

#[derive(Query)]
#[query(reply = u64)]
struct Add(u64, u64);

#[derive(Query)]
#[query(reply = u64)]
struct AddThroughBus(u64, u64);

#[derive(Query)]
#[query(reply = u64)]
struct AddLater(u64, u64);

#[derive(Command)]
struct Save([u64; 32]);

#[derive(Command)]
struct SaveLater([u64; 32]);

#[derive(Task)]
struct Index(u64);

#[derive(Event)]
struct Saved(u64);

/// A service, so that the handlers have dependencies.
#[derive(Default)]
struct Sum(AtomicU64);

#[handler]
fn add(query: Add) -> u64 {
    query.0 + query.1
}

#[handler]
async fn add_later(query: &AddLater, bus: &Bus) -> u64 {
    query.0 + query.1 + bus.wiring().routes().len() as u64
}

#[handlers]
impl Sum {
    fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    #[handler]
    fn save(&self, command: &Save) -> Result<(), AnyError> {
        self.add(command.0[0]);
        Ok(())
    }

    #[handler]
    async fn save_later(&self, command: SaveLater, _: &Bus) {
        self.add(command.0[0]);
    }

    #[handler]
    fn index(&self, task: &Index) {
        self.add(task.0);
    }

    #[handler]
    fn first(&self, event: &Saved) {
        self.add(event.0);
    }

    #[handler]
    fn second(&self, event: &Saved) {
        self.add(event.0);
    }

    #[handler]
    fn third(&self, event: &Saved) -> Result<(), std::fmt::Error> {
        self.add(event.0);
        Ok(())
    }
}

/// Handlers that dispatch once more, one for each bus.
mod nested {
    pub(super) mod on_sync {
        use super::super::{Add, AddThroughBus, AnyError, SyncBus, handler};

        #[handler]
        fn add_through_sync_bus(query: AddThroughBus, bus: &SyncBus) -> Result<u64, AnyError> {
            Ok(bus.send(Add(query.0, query.1))?)
        }

        linkbus::module! { handlers: [add_through_sync_bus] }
    }

    pub(super) mod on_async {
        use super::super::{Add, AddThroughBus, AnyError, Bus, FutureExt, handler};

        #[handler]
        fn add_through_bus(query: AddThroughBus, bus: &Bus) -> Result<u64, AnyError> {
            Ok(bus.send(Add(query.0, query.1)).now_or_never().expect("its handler is plain")?)
        }

        linkbus::module! { handlers: [add_through_bus] }
    }
}

mod plain {
    use super::{Add, Index, Save, Saved};

    linkbus::module! {
        messages: [Add, Save, Index, Saved],
        handlers: [
            super::add, super::Sum::save, super::Sum::index, super::Sum::first, super::Sum::second, super::Sum::third,
        ],
    }
}

mod asynchronous {
    linkbus::module! {
        messages: [super::AddLater, super::SaveLater],
        handlers: [super::add_later, super::Sum::save_later],
    }
}

/// The allocator does count: without this the zeros below would say nothing.
#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocations(|| Box::new(1)), 1);
    assert_eq!(allocations(|| ()), 0);
}

/// A plain handler on the synchronous bus costs nothing, whatever the verb, with dependencies and nested.
#[test]
fn a_dispatch_on_the_sync_bus_allocates_nothing() {
    let modules = [plain::MODULE, nested::on_sync::MODULE];
    let bus = SyncBus::empty().modules(modules).provide(Sum::default()).build().unwrap();
    for _ in 0..3 {
        assert_eq!(allocations(|| bus.send(Add(1, 2)).unwrap()), 0, "send");
        assert_eq!(allocations(|| bus.send(AddThroughBus(1, 2)).unwrap()), 0, "nested send");
        assert_eq!(allocations(|| bus.execute(Save([1; 32])).unwrap()), 0, "execute");
        assert_eq!(allocations(|| bus.dispatch(Index(1)).unwrap()), 0, "dispatch");
        assert_eq!(allocations(|| bus.publish(Saved(1)).unwrap()), 0, "publish to three");
        assert_eq!(allocations(|| bus.execute_many([Save([1; 32]), Save([2; 32])]).unwrap()), 0, "batch");
    }
}

fn ready<T>(dispatch: impl Future<Output = T>) -> T {
    dispatch.now_or_never().expect("no handler here waits")
}

/// A plain handler on the async bus costs nothing either: its future is not boxed.
#[test]
fn a_dispatch_to_a_plain_handler_on_the_async_bus_allocates_nothing() {
    let modules = [plain::MODULE, nested::on_async::MODULE];
    let bus = Bus::empty().modules(modules).provide(Sum::default()).build().unwrap();
    for _ in 0..3 {
        assert_eq!(allocations(|| ready(bus.send(Add(1, 2))).unwrap()), 0, "send");
        assert_eq!(allocations(|| ready(bus.send(AddThroughBus(1, 2))).unwrap()), 0, "nested send");
        assert_eq!(allocations(|| ready(bus.execute(Save([1; 32]))).unwrap()), 0, "execute");
        assert_eq!(allocations(|| ready(bus.dispatch(Index(1))).unwrap()), 0, "dispatch");
        assert_eq!(allocations(|| ready(bus.publish(Saved(1))).unwrap()), 0, "publish to three");
        assert_eq!(allocations(|| ready(bus.execute_many([Save([1; 32])])).unwrap()), 0, "batch");
    }
}

/// An async handler costs its one box, also when it has dependencies and may dispatch.
#[test]
fn a_dispatch_to_an_async_handler_allocates_once() {
    let bus = Bus::empty().modules([asynchronous::MODULE]).provide(Sum::default()).build().unwrap();
    for _ in 0..3 {
        assert_eq!(allocations(|| ready(bus.send(AddLater(1, 2))).unwrap()), 1, "send");
        assert_eq!(allocations(|| ready(bus.execute(SaveLater([1; 32]))).unwrap()), 1, "execute");
    }
}

/// An event that nobody hears of and a handle's way to its bus cost nothing.
#[test]
fn an_unheard_event_and_a_handle_allocate_nothing() {
    let bus = SyncBus::empty().query(add).build().unwrap();
    let queries = bus.handle().queries();
    assert_eq!(allocations(|| bus.publish(Saved(1)).unwrap()), 0);
    assert_eq!(allocations(|| queries.send(Add(1, 2)).unwrap()), 0);
}

#[test]
fn a_limit_that_is_not_reached_allocates_nothing_on_a_sync_bus() {
    let limits = linkbus::layer::Concurrency::of_bus(2).per_message(1);
    let bus = SyncBus::empty().query(|query: Add| query.0 + query.1).layer(limits).build().unwrap();
    bus.send(Add(1, 2)).unwrap();
    assert_eq!(allocations(|| bus.send(Add(3, 4)).unwrap()), 0);
}

/// `Clone`, because a retry lends it to the handler.
#[derive(Query, Clone)]
#[query(reply = u64)]
struct AddAgain(u64, u64);

struct Pass;

impl AsyncAround for Pass {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        next.run(dispatch).await
    }
}

/// With a budget, too: when nothing fails a retry costs nothing on the synchronous bus, and the box of any around on the
/// async one.
#[test]
fn a_retry_that_has_nothing_to_do_allocates_no_more_than_any_around() {
    let add = |add: AddAgain| add.0 + add.1;
    let retry = || Retry::new().budget(RetryBudget::share(0.1));
    let sync_bus = SyncBus::empty().query(add).layer(retry()).build().unwrap();
    let passing = Bus::empty().query(add).layer(Pass).build().unwrap();
    let retrying = Bus::empty().query(add).layer(retry()).build().unwrap();
    for _ in 0..3 {
        assert_eq!(allocations(|| sync_bus.send(AddAgain(1, 2)).unwrap()), 0);
        let around = allocations(|| ready(passing.send(AddAgain(1, 2))).unwrap());
        assert!(around > 0, "the box of the around");
        assert_eq!(allocations(|| ready(retrying.send(AddAgain(1, 2))).unwrap()), around);
    }
}
