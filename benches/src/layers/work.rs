//! The turns of the cases, and the layers that do nothing.

use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use linkbus::{
    Builder, Bus, SyncBus,
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, Latency, LatencyStats, Next, Observer},
};

use crate::{
    cases::{OFFSET, repeat, repeat_async, run, succeeded},
    messages::{self, Later, Leaf},
};

/// Sees everything and does nothing.
pub(super) struct Watch;

impl Observer for Watch {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        black_box(dispatch);
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        black_box(dispatch);
    }
}

/// Lets everything through.
pub(super) struct Passthrough;

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

pub(super) type Layers<B> = fn(Builder<B>) -> Builder<B>;

fn sync_bus(layers: Layers<SyncBus>) -> SyncBus {
    let plain = SyncBus::empty().modules([messages::on_sync_bus::MODULE]).provide(OFFSET);
    black_box(layers(plain).build().expect("the layers fit together"))
}

fn bus(layers: Layers<Bus>) -> Bus {
    let plain = Bus::empty().modules([messages::on_bus::MODULE]).provide(OFFSET);
    black_box(layers(plain).build().expect("the layers fit together"))
}

pub(super) fn sync_turns(n: u64, layers: Layers<SyncBus>) {
    let bus = sync_bus(layers);
    repeat(n, |turn| succeeded(bus.send(Leaf(turn))));
}

pub(super) fn async_turns(n: u64, layers: Layers<Bus>) {
    let bus = bus(layers);
    repeat_async!(n, |turn| succeeded(bus.send(Leaf(turn)).await));
}

/// To an `async fn`.
pub(super) fn later_turns(n: u64, layers: Layers<Bus>) {
    let bus = bus(layers);
    repeat_async!(n, |turn| succeeded(bus.send(Later(turn)).await));
}

/// What two readings of the clock take, `n` times.
pub fn clock_reads(n: u64) {
    repeat(n, |_| Instant::now().elapsed());
}

/// How long `n` dispatches of one message through the latency layer take, on each of so many threads at once.
pub fn latency_on_threads(n: u64, threads: usize) -> Duration {
    let bus = sync_bus(|bus| bus.layer(Latency::new(&LatencyStats::new())));
    on_threads(threads, || repeat(n, |turn| succeeded(bus.send(Leaf(turn)))))
}

/// As [`latency_on_threads`], with nothing but the two readings of the clock.
pub fn clock_reads_on_threads(n: u64, threads: usize) -> Duration {
    on_threads(threads, || clock_reads(n))
}

/// How long `work` takes the second time, on each of so many threads at once.
fn on_threads(threads: usize, work: impl Fn() + Sync) -> Duration {
    let (ready, done) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                work();
                ready.wait();
                work();
                done.wait();
            });
        }
        ready.wait();
        let start = Instant::now();
        done.wait();
        start.elapsed()
    })
}
