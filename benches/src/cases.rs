//! The table of what is measured: a way through the bus and the same work without it.

use std::{
    future::Future,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
};

use linkbus::{Bus, SyncBus};

use crate::layers::{Passthrough, Watch, later_turns, sync_turns};
use crate::messages::{
    self, Dependent, DependentLater, Fallible, Happened, Later, Leaf, Nested, NestedAsync, Offset, TooMany, dependent,
    fallible, leaf, nested, nested_async,
};

/// One figure: the same work `n` times, with and without a bus.
pub struct Case {
    /// What is measured.
    pub name: &'static str,
    /// The work without a bus.
    pub baseline: fn(u64),
    /// The work through a bus.
    pub bus: fn(u64),
    /// How much more the bus may take.
    pub bar: Bar,
}

/// How much more than its baseline a case may take, in instructions per operation.
#[derive(Clone, Copy)]
pub enum Bar {
    /// At most so many more.
    Plus(f64),
    /// At most so many times as many.
    Times(f64),
    /// It is there so that it is seen when it grows: [`LAYER_CASES`](crate::LAYER_CASES) have bars in nanoseconds.
    None,
}

/// All of them. Those of layers have the same dispatch without them as their baseline.
pub const CASES: &[Case] = &[
    Case { name: "SyncBus::send, leaf handler", baseline: leaf_direct, bus: leaf_sync, bar: Bar::Plus(15.0) },
    Case {
        name: "SyncBus::send, leaf that may fail",
        baseline: fallible_direct,
        bus: fallible_sync,
        bar: Bar::Plus(15.0),
    },
    Case { name: "SyncBus::send, dependency", baseline: dependent_direct, bus: dependent_sync, bar: Bar::Plus(15.0) },
    Case { name: "SyncBus::send, &SyncBus", baseline: nested_direct, bus: nested_sync, bar: Bar::Plus(15.0) },
    Case { name: "Bus::send, sync leaf handler", baseline: leaf_awaited, bus: leaf_async, bar: Bar::Plus(20.0) },
    Case {
        name: "Bus::send, sync, dependency",
        baseline: dependent_awaited,
        bus: dependent_async,
        bar: Bar::Plus(20.0),
    },
    Case { name: "Bus::send, sync, &Bus", baseline: nested_awaited, bus: nested_through, bar: Bar::Plus(20.0) },
    Case { name: "Bus::send, async fn, leaf", baseline: leaf_awaited, bus: later_async, bar: Bar::Plus(200.0) },
    Case {
        name: "Bus::send, async fn, dependency",
        baseline: dependent_awaited,
        bus: dependent_later_async,
        bar: Bar::Plus(200.0),
    },
    Case { name: "SyncBus::publish, 3 subscribers", baseline: boxed_direct, bus: publish_sync, bar: Bar::Times(1.5) },
    Case {
        name: "Bus::publish, 3 sync subscribers",
        baseline: boxed_awaited,
        bus: publish_async,
        bar: Bar::Times(1.5),
    },
    Case { name: "SyncBus::send, one observer", baseline: layered_plain, bus: one_observer, bar: Bar::None },
    Case { name: "SyncBus::send, one around", baseline: layered_plain, bus: one_around, bar: Bar::None },
    Case {
        name: "Bus::send, async fn, an observer and an around",
        baseline: later_plain,
        bus: later_layered,
        bar: Bar::None,
    },
];

/// The bytes of a pending `Bus::send` of a message of 8 bytes with a reply of 8 bytes.
pub fn pending_send_bytes() -> usize {
    size_of_val(&bus().send(Leaf(0)))
}

pub(crate) const OFFSET: Offset = Offset(3);

fn sync_bus() -> SyncBus {
    let listed = SyncBus::empty().modules([messages::on_sync_bus::MODULE]).provide(OFFSET);
    black_box(listed.build().expect("the synchronous handlers fit together"))
}

fn bus() -> Bus {
    let listed = Bus::empty().modules([messages::on_bus::MODULE]).provide(OFFSET);
    black_box(listed.build().expect("the handlers fit together"))
}

/// Drives a future that never waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

/// The value, as the `?` of a caller would take it out.
pub(crate) fn succeeded<T, E>(outcome: Result<T, E>) -> T {
    outcome.unwrap_or_else(|_| unreachable!("nothing here fails"))
}

pub(crate) fn repeat<T>(n: u64, operation: impl Fn(u64) -> T) {
    for turn in 0..n {
        black_box(operation(black_box(turn)));
    }
}

/// Awaits what `operation` gives, `n` times.
macro_rules! repeat_async {
    ($n:expr, |$turn:ident| $operation:expr) => {
        run(async {
            for turn in 0..$n {
                let $turn = black_box(turn);
                black_box($operation);
            }
        })
    };
}
pub(crate) use repeat_async;

#[inline(never)]
#[expect(clippy::needless_pass_by_value, reason = "as `send` takes it")]
fn call_leaf(query: Leaf) -> u64 {
    leaf(&query)
}

#[inline(never)]
#[expect(clippy::needless_pass_by_value, reason = "as `send` takes it")]
fn call_dependent(query: Dependent, offset: &Offset) -> u64 {
    dependent(&query, offset)
}

#[inline(never)]
#[expect(clippy::needless_pass_by_value, reason = "as `send` takes it")]
fn call_nested(query: Nested, bus: &SyncBus) -> u64 {
    nested(&query, bus)
}

fn leaf_direct(n: u64) {
    repeat(n, |turn| call_leaf(Leaf(turn)));
}

fn leaf_sync(n: u64) {
    let bus = sync_bus();
    repeat(n, |turn| succeeded(bus.send(Leaf(turn))));
}

#[inline(never)]
#[expect(clippy::needless_pass_by_value, reason = "as `send` takes it")]
fn call_fallible(query: Fallible) -> Result<u64, TooMany> {
    fallible(&query)
}

fn fallible_direct(n: u64) {
    repeat(n, |turn| succeeded(call_fallible(Fallible(turn))));
}

fn fallible_sync(n: u64) {
    let bus = sync_bus();
    repeat(n, |turn| succeeded(bus.send(Fallible(turn))));
}

fn dependent_direct(n: u64) {
    let offset = black_box(Box::new(OFFSET));
    repeat(n, |turn| call_dependent(Dependent(turn), &offset));
}

fn dependent_sync(n: u64) {
    let bus = sync_bus();
    repeat(n, |turn| succeeded(bus.send(Dependent(turn))));
}

fn nested_direct(n: u64) {
    let bus = sync_bus();
    repeat(n, |turn| call_nested(Nested(turn), &bus));
}

fn nested_sync(n: u64) {
    let bus = sync_bus();
    repeat(n, |turn| succeeded(bus.send(Nested(turn))));
}

#[inline(never)]
#[expect(clippy::unused_async, reason = "the baseline is an async fn that is ready")]
async fn leaf_later(query: Leaf) -> u64 {
    leaf(&query)
}

#[inline(never)]
#[expect(clippy::unused_async, reason = "the baseline is an async fn that is ready")]
async fn awaited_dependent(query: Dependent, offset: &Offset) -> u64 {
    dependent(&query, offset)
}

#[inline(never)]
#[expect(clippy::unused_async, reason = "the baseline is an async fn that is ready")]
async fn awaited_nested(query: NestedAsync, bus: &Bus) -> u64 {
    nested_async(&query, bus)
}

fn leaf_awaited(n: u64) {
    repeat_async!(n, |turn| leaf_later(Leaf(turn)).await);
}

fn leaf_async(n: u64) {
    let bus = bus();
    repeat_async!(n, |turn| succeeded(bus.send(Leaf(turn)).await));
}

fn dependent_awaited(n: u64) {
    let offset = black_box(Box::new(OFFSET));
    repeat_async!(n, |turn| awaited_dependent(Dependent(turn), &offset).await);
}

fn dependent_async(n: u64) {
    let bus = bus();
    repeat_async!(n, |turn| succeeded(bus.send(Dependent(turn)).await));
}

fn nested_awaited(n: u64) {
    let bus = bus();
    repeat_async!(n, |turn| awaited_nested(NestedAsync(turn), &bus).await);
}

fn nested_through(n: u64) {
    let bus = bus();
    repeat_async!(n, |turn| succeeded(bus.send(NestedAsync(turn)).await));
}

fn later_async(n: u64) {
    let bus = bus();
    repeat_async!(n, |turn| succeeded(bus.send(Later(turn)).await));
}

fn dependent_later_async(n: u64) {
    let bus = bus();
    repeat_async!(n, |turn| succeeded(bus.send(DependentLater(turn)).await));
}

fn layered_plain(n: u64) {
    sync_turns(n, |bus| bus);
}

fn one_observer(n: u64) {
    sync_turns(n, |bus| bus.layer(Watch));
}

fn one_around(n: u64) {
    sync_turns(n, |bus| bus.layer(Passthrough));
}

fn later_plain(n: u64) {
    later_turns(n, |bus| bus);
}

fn later_layered(n: u64) {
    later_turns(n, |bus| bus.layer(Watch).layer(Passthrough));
}

type Subscriber = Box<dyn Fn(&Happened)>;

fn subscribers() -> Vec<Subscriber> {
    black_box(vec![Box::new(messages::first), Box::new(messages::second), Box::new(messages::third)])
}

fn call_each(subscribers: &[Subscriber], event: &Happened) {
    for subscriber in subscribers {
        subscriber(event);
    }
}

#[expect(clippy::unused_async, reason = "the baseline is an async fn that is ready")]
async fn call_each_later(subscribers: &[Subscriber], event: &Happened) {
    call_each(subscribers, event);
}

fn boxed_direct(n: u64) {
    let subscribers = subscribers();
    repeat(n, |turn| call_each(&subscribers, &Happened(turn)));
}

fn publish_sync(n: u64) {
    let bus = sync_bus();
    repeat(n, |turn| succeeded(bus.publish(Happened(turn))));
}

fn boxed_awaited(n: u64) {
    let subscribers = &subscribers();
    repeat_async!(n, |turn| call_each_later(subscribers, &Happened(turn)).await);
}

fn publish_async(n: u64) {
    let bus = bus();
    repeat_async!(n, |turn| succeeded(bus.publish(Happened(turn)).await));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_runs() {
        for case in CASES {
            (case.baseline)(2);
            (case.bus)(2);
        }
    }
}
