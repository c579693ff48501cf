//! The messages and handlers of the cases. The handlers are small on purpose: what is measured is the way to them.

use std::hint::black_box;

use linkbus::{Bus, Command, Event, Query, SyncBus, handler};

/// Served by a function with no other parameter.
#[derive(Query)]
#[query(reply = u64)]
pub struct Leaf(pub u64);

#[handler]
pub fn leaf(query: &Leaf) -> u64 {
    query.0 + 1
}

/// Served by a function that may fail.
#[derive(Query)]
#[query(reply = u64, error = TooMany)]
pub struct Fallible(pub u64);

/// Why [`Fallible`] fails.
#[derive(Debug)]
pub struct TooMany(pub u64);

impl std::fmt::Display for TooMany {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} are too many", self.0)
    }
}

impl std::error::Error for TooMany {}

#[handler]
pub fn fallible(query: &Fallible) -> Result<u64, TooMany> {
    if query.0 == u64::MAX { Err(TooMany(query.0)) } else { Ok(query.0 + 1) }
}

/// What some handlers depend on.
pub struct Offset(pub u64);

/// Served by a function with a dependency.
#[derive(Query)]
#[query(reply = u64)]
pub struct Dependent(pub u64);

#[handler]
pub fn dependent(query: &Dependent, offset: &Offset) -> u64 {
    query.0 + offset.0
}

/// Served by a function that could dispatch on the synchronous bus.
#[derive(Query)]
#[query(reply = u64)]
pub struct Nested(pub u64);

#[handler]
pub fn nested(query: &Nested, bus: &SyncBus) -> u64 {
    query.0 + u64::from(std::ptr::eq(bus, std::ptr::null()))
}

/// Served by a function that could dispatch on the async bus.
#[derive(Query)]
#[query(reply = u64)]
pub struct NestedAsync(pub u64);

#[handler]
pub fn nested_async(query: &NestedAsync, bus: &Bus) -> u64 {
    query.0 + u64::from(std::ptr::eq(bus, std::ptr::null()))
}

/// Served by an `async fn` that is ready at once.
#[derive(Query)]
#[query(reply = u64)]
pub struct Later(pub u64);

#[handler]
#[expect(clippy::unused_async, reason = "what is measured is an async fn that is ready")]
pub async fn later(query: &Later) -> u64 {
    leaf(&Leaf(query.0))
}

/// Served by an `async fn` with a dependency that is ready at once.
#[derive(Query)]
#[query(reply = u64)]
pub struct DependentLater(pub u64);

#[handler]
#[expect(clippy::unused_async, reason = "what is measured is an async fn that is ready")]
pub async fn dependent_later(query: &DependentLater, offset: &Offset) -> u64 {
    dependent(&Dependent(query.0), offset)
}

/// As [`Leaf`], for the cases of layers: a second caller of `send::<Leaf>` would change what becomes of the first.
#[derive(Query)]
#[query(reply = u64)]
pub struct Layered(pub u64);

#[handler]
pub fn layered(query: &Layered) -> u64 {
    leaf(&Leaf(query.0))
}

/// As [`Later`], for the cases of layers.
#[derive(Query)]
#[query(reply = u64)]
pub struct LayeredLater(pub u64);

#[handler]
#[expect(clippy::unused_async, reason = "what is measured is an async fn that is ready")]
pub async fn layered_later(query: &LayeredLater) -> u64 {
    leaf(&Leaf(query.0))
}

/// A command that may fail, as those that the layers are for.
#[derive(Command)]
#[command(error = TooMany)]
pub struct Order(pub u64);

#[handler]
pub fn order(command: &Order) -> Result<(), TooMany> {
    fallible(&Fallible(command.0)).map(drop)
}

/// The same, to an `async fn` that is ready at once.
#[derive(Command)]
#[command(error = TooMany)]
pub struct OrderLater(pub u64);

#[handler]
#[expect(clippy::unused_async, reason = "what is measured is an async fn that is ready")]
pub async fn order_later(command: &OrderLater) -> Result<(), TooMany> {
    order(&Order(command.0))
}

/// Three subscribers, none of which can dispatch.
#[derive(Event)]
pub struct Happened(pub u64);

#[handler]
pub fn first(event: &Happened) {
    black_box(event.0);
}

#[handler]
pub fn second(event: &Happened) {
    black_box(event.0 + 1);
}

#[handler]
pub fn third(event: &Happened) {
    black_box(event.0 + 2);
}

/// What the cases put on a `SyncBus`.
pub mod on_sync_bus {
    linkbus::module!(handlers: [
        super::leaf, super::fallible, super::dependent, super::nested, super::layered, super::order, super::first, super::second,
        super::third
    ]);
}

/// What the cases put on a `Bus`.
pub mod on_bus {
    linkbus::module!(handlers: [
        super::leaf, super::layered, super::layered_later, super::dependent, super::nested_async, super::later, super::dependent_later,
        super::order_later, super::first, super::second, super::third
    ]);
}
