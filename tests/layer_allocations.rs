//! What layers cost on the heap, counted.
#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    future::Future,
    time::Duration,
};

use futures_util::FutureExt;
use linkbus::{
    Builder, Bus, Command, Event, Query, SyncBus, Task,
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, Latency, LatencyStats, Next, Observer},
    recording::{MemoryStore, RecordStore, Recording},
};

/// The system's allocator, and what each thread asked it for.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Taken and not given back.
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(taken: usize, given_back: usize) {
    // A thread that is ending has no counters any more, and nobody looks at them either.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + usize::from(taken > 0)));
    let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + taken.cast_signed() - given_back.cast_signed()));
}

// SAFETY: every call goes to `System` as it came, and counting does not allocate: the counters are const-initialised and
// have no destructors.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size, layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, layout.size());
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
struct AddLater(u64, u64);

#[derive(Command)]
struct Save([u64; 32]);

#[derive(Task)]
struct Index(u64);

#[derive(Event)]
struct Saved(u64);

#[derive(Command, serde::Serialize)]
struct PlaceOrder {
    id: u64,
    customer: &'static str,
    cents: u64,
    is_gift: bool,
    note: Option<&'static str>,
}

struct Watch;

impl Observer for Watch {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        assert!(dispatch.any().is_some());
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        assert_eq!(dispatch.outcome().label(), "succeeded");
    }
}

struct Passthrough;

impl Around for Passthrough {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        next.run(dispatch)
    }
}

impl AsyncAround for Passthrough {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        next.run(dispatch).await
    }
}

fn sync_bus(layers: impl FnOnce(Builder<SyncBus>) -> Builder<SyncBus>) -> SyncBus {
    let plain = SyncBus::empty()
        .query(|query: Add| query.0 + query.1)
        .command(|command: Save| assert_eq!(command.0[0], 1))
        .task(|task: Index| assert_eq!(task.0, 1))
        .subscribe(|event: &Saved| assert_eq!(event.0, 1))
        .subscribe(|event: &Saved| assert_eq!(event.0, 1));
    layers(plain).build().unwrap()
}

fn bus(layers: impl FnOnce(Builder<Bus>) -> Builder<Bus>) -> Bus {
    let plain = Bus::empty()
        .query(|query: Add| query.0 + query.1)
        .query_async(async |query: AddLater| query.0 + query.1)
        .subscribe(|event: &Saved| assert_eq!(event.0, 1));
    layers(plain).build().unwrap()
}

fn ready<T>(dispatch: impl Future<Output = T>) -> T {
    dispatch.now_or_never().expect("no handler here waits")
}

/// The allocator does count: without this the zeros below would say nothing.
#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocations(|| Box::new(1)), 1);
    assert_eq!(allocations(|| ()), 0);
}

/// X10.
#[test]
fn layers_allocate_nothing_on_the_sync_bus() {
    let stacks: [fn(Builder<SyncBus>) -> Builder<SyncBus>; 3] = [
        |bus| (0..10).fold(bus, |bus, _| bus.layer(Watch)),
        |bus| (0..10).fold(bus, |bus, _| bus.layer(Passthrough)),
        |bus| (0..5).fold(bus, |bus, _| bus.layer(Passthrough).layer(Watch)),
    ];
    for (stack, layers) in stacks.into_iter().enumerate() {
        let bus = sync_bus(layers);
        for _ in 0..3 {
            assert_eq!(allocations(|| bus.send(Add(1, 2)).unwrap()), 0, "send, stack {stack}");
            assert_eq!(allocations(|| bus.execute(Save([1; 32])).unwrap()), 0, "execute, stack {stack}");
            assert_eq!(allocations(|| bus.dispatch(Index(1)).unwrap()), 0, "dispatch, stack {stack}");
            assert_eq!(allocations(|| bus.publish(Saved(1)).unwrap()), 0, "publish, stack {stack}");
        }
    }
}

/// X10: one for the whole chain, however many observers there are, and none around a plain `fn`; an async handler has its
/// own as without layers.
#[test]
fn observers_allocate_once_together_on_the_bus() {
    for observers in [1, 10] {
        let bus = bus(|bus| (0..observers).fold(bus, |bus, _| bus.layer(Watch)));
        for _ in 0..3 {
            assert_eq!(allocations(|| ready(bus.send(Add(1, 2))).unwrap()), 0, "{observers}");
            assert_eq!(allocations(|| ready(bus.send(AddLater(1, 2))).unwrap()), 2, "{observers}");
            assert_eq!(allocations(|| ready(bus.publish(Saved(1))).unwrap()), 1, "{observers}");
        }
    }
}

/// X10: one for the chain, and one for each around.
#[test]
fn each_around_allocates_once_on_the_bus() {
    for arounds in [1, 2, 10] {
        let bus = bus(|bus| (0..arounds).fold(bus, |bus, _| bus.layer(Passthrough).layer(Watch)));
        for _ in 0..3 {
            assert_eq!(allocations(|| ready(bus.send(Add(1, 2))).unwrap()), 1 + arounds);
            assert_eq!(allocations(|| ready(bus.send(AddLater(1, 2))).unwrap()), 2 + arounds);
        }
    }
}

/// X10, X11.
#[test]
fn the_latency_layer_allocates_nothing_once_it_has_its_samples() {
    let stats = LatencyStats::with_max_samples(2000).unwrap();
    let bus = sync_bus(|bus| bus.layer(Latency::new(&stats)));
    let send = || (0..2100).for_each(|_| assert_eq!(bus.send(Add(1, 2)).unwrap(), 3));
    assert!(allocations(send) > 0, "the samples take memory when they come");
    assert_eq!(allocations(send), 0);
    assert_eq!(stats.percentiles::<Add>().unwrap().count, 2000);
}

/// X12: 8 bytes for each sample, and what a message takes besides does not grow with their number.
#[test]
fn a_sample_takes_eight_bytes() {
    let bytes_of = |max_samples: usize, recorded: usize| {
        let stats = LatencyStats::with_max_samples(max_samples).unwrap();
        let before = BYTES.get();
        (0..recorded).for_each(|_| stats.record::<Add>(Duration::from_millis(1)));
        // Those that are kept back go to the ring when it is read.
        assert_eq!(stats.percentiles::<Add>().unwrap().count, max_samples.min(recorded));
        usize::try_from(BYTES.get() - before).unwrap()
    };
    let besides = bytes_of(10_000, 30_000).checked_sub(8 * 10_000).expect("8 bytes at least");
    assert!(besides < 4096, "{besides} bytes for one message");
    assert_eq!(bytes_of(100_000, 100_000), 8 * 100_000 + besides);
    assert!(bytes_of(100_000, 10) < 4096 + 8 * 32, "they are taken when they are needed");
}

/// The most that a recorded dispatch allocates on its thread, once the store has the room that it needs.
fn most_allocations_recorded_into(store: impl RecordStore) -> usize {
    let bus = SyncBus::empty().command(|_: PlaceOrder| ()).layer(Recording::new(store)).build().unwrap();
    let order = |id| PlaceOrder { id, customer: "ada", cents: 4395, is_gift: false, note: Some("by the door") };
    (0..1_100).for_each(|id| bus.execute(order(id)).unwrap());
    (0..900).map(|id| allocations(|| bus.execute(order(id)).unwrap())).max().unwrap()
}

#[test]
fn a_dispatch_recorded_in_memory_allocates_twice_also_when_that_is_full() {
    for capacity in [10_000, 100] {
        let store = MemoryStore::with_capacity(capacity);
        assert_eq!(most_allocations_recorded_into(store.clone()), 2);
        assert_eq!(store.dropped() > 0, capacity == 100);
    }
}

#[cfg(feature = "file-store")]
#[test]
fn a_dispatch_recorded_into_files_allocates_twice() {
    let name = format!("allocations-{}", linkbus::Uuid::now_v7());
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let store = linkbus::recording::JsonLineStore::open(&folder).unwrap();
    assert_eq!(most_allocations_recorded_into(store), 2);
    std::fs::remove_dir_all(folder).unwrap();
}
