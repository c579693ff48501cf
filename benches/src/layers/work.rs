//! The turns of the cases, and the layers that do nothing.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use linkbus::{
    Builder, Bus, Flavor, SyncBus,
    layer::{
        Around, AsyncAround, AsyncNext, Concurrency, DeadLetters, Dispatch, Done, Inbox, Latency, LatencyStats, Layer,
        Next, Observer, Retry, Timeout, Trace, inbox::MemoryInbox,
    },
    recording::{JsonLineStore, MemoryStore, Record, RecordStore, Recording, StoreError},
};

use crate::{
    cases::{OFFSET, repeat, repeat_async, run, succeeded},
    messages::{self, Layered, LayeredLater, Order, OrderLater},
};

/// Sees everything and does nothing.
pub(crate) struct Watch;

impl Observer for Watch {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        black_box(dispatch);
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        black_box(dispatch);
    }
}

/// Lets everything through.
pub(crate) struct Passthrough;

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

pub(crate) type Layers<B> = fn(Builder<B>) -> Builder<B>;

pub(crate) fn sync_bus(layers: Layers<SyncBus>) -> SyncBus {
    let plain = SyncBus::empty().modules([messages::on_sync_bus::MODULE]).provide(OFFSET);
    black_box(layers(plain).build().expect("the layers fit together"))
}

pub(crate) fn bus(layers: Layers<Bus>) -> Bus {
    let plain = Bus::empty().modules([messages::on_bus::MODULE]).provide(OFFSET);
    black_box(layers(plain).build().expect("the layers fit together"))
}

pub(crate) fn sync_turns(n: u64, layers: Layers<SyncBus>) -> Duration {
    let bus = sync_bus(layers);
    timed(|| repeat(n, |turn| succeeded(bus.send(Layered(turn)))))
}

pub(super) fn async_turns(n: u64, layers: Layers<Bus>) -> Duration {
    let bus = bus(layers);
    timed(|| repeat_async!(n, |turn| succeeded(bus.send(Layered(turn)).await)))
}

/// To an `async fn`.
pub(crate) fn later_turns(n: u64, layers: Layers<Bus>) -> Duration {
    let bus = bus(layers);
    timed(|| repeat_async!(n, |turn| succeeded(bus.send(LayeredLater(turn)).await)))
}

/// Commands: queries are never dead letters.
pub(super) fn order_turns(n: u64, layers: Layers<SyncBus>) -> Duration {
    let bus = sync_bus(layers);
    timed(|| repeat(n, |turn| succeeded(bus.execute(Order(turn)))))
}

pub(super) fn order_later_turns(n: u64, layers: Layers<Bus>) -> Duration {
    let bus = bus(layers);
    timed(|| repeat_async!(n, |turn| succeeded(bus.execute(OrderLater(turn)).await)))
}

/// With every message a new one; a small memory, so that it is full soon.
pub(super) fn inbox<B: Flavor>(bus: Builder<B>) -> Builder<B>
where
    Inbox: Layer<B>,
{
    bus.layer(Inbox::new(MemoryInbox::new().with_capacity(1000)))
}

/// A command of five fields, of which two are texts: what recording is measured with.
#[derive(linkbus::Command, serde::Serialize)]
pub(super) struct PlaceOrder {
    id: u64,
    customer: &'static str,
    cents: u64,
    is_gift: bool,
    note: Option<&'static str>,
}

impl PlaceOrder {
    pub(super) fn number(id: u64) -> Self {
        PlaceOrder { id, customer: "ada@example.org", cents: 4395, is_gift: false, note: Some("by the door") }
    }
}

pub(super) fn recorded_turns(n: u64, layers: impl FnOnce(Builder<SyncBus>) -> Builder<SyncBus>) -> Duration {
    let bus = SyncBus::empty().command(|order: PlaceOrder| _ = black_box(order.id));
    let bus = black_box(layers(bus).build().expect("the layers fit together"));
    timed(|| repeat(n, |turn| succeeded(bus.execute(PlaceOrder::number(turn)))))
}

/// Takes records and forgets them: what is left is what the layer does.
struct Forget;

impl RecordStore for Forget {
    fn append(&self, record: Record) -> Result<(), StoreError> {
        black_box(record);
        Ok(())
    }
}

pub(super) fn recording(bus: Builder<SyncBus>) -> Builder<SyncBus> {
    bus.layer(Recording::new(Forget))
}

/// What the thread that writes does is counted, too, but not its time.
pub(super) fn recorded_into_files(n: u64) -> Duration {
    let folder = std::env::temp_dir().join(format!("linkbus-layers-{}", linkbus::Uuid::now_v7()));
    let store = JsonLineStore::open(&folder).expect("there is room for a recording");
    let took = recorded_turns(n, |bus| bus.layer(Recording::new(store)));
    std::fs::remove_dir_all(folder).expect("the recording is closed");
    took
}

pub(super) fn recording_in_memory(bus: Builder<SyncBus>) -> Builder<SyncBus> {
    bus.layer(Recording::new(MemoryStore::with_capacity(1000)))
}

pub(super) fn redacted_recording(bus: Builder<SyncBus>) -> Builder<SyncBus> {
    bus.layer(Recording::new(Forget).redact(["note", "password"]))
}

/// What `docs::layers` recommends, but the time-out: on a `SyncBus` it costs more than all the others together.
pub(super) fn recommended(bus: Builder<SyncBus>) -> Builder<SyncBus> {
    inside_metrics(measured(bus))
}

/// All that `docs::layers` recommends.
pub(super) fn recommended_on_bus(bus: Builder<Bus>) -> Builder<Bus> {
    inside_metrics(measured(bus)).layer(Timeout::new())
}

fn measured<B: Flavor>(bus: Builder<B>) -> Builder<B> {
    let bus = bus.layer(Trace::new());
    #[cfg(feature = "metrics")]
    let bus = bus.layer(linkbus::layer::Metrics::new());
    bus.layer(Latency::new(&LatencyStats::new()))
}

fn inside_metrics<B: Flavor>(bus: Builder<B>) -> Builder<B>
where
    Concurrency: Layer<B>,
    Retry: Layer<B>,
{
    bus.layer(Concurrency::of_bus(100).per_message(20)).layer(DeadLetters::in_memory()).layer(Retry::new())
}

/// What two readings of the clock take, `n` times.
pub fn clock_reads(n: u64) -> Duration {
    timed(|| repeat(n, |_| Instant::now().elapsed()))
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
