//! The program that is observed: orders, stock and mail on one bus.

use std::{fmt, time::Duration};

use linkbus::{
    Bus, Command, Event, Query, WiringError, handler,
    layer::{Dispatch, Metrics, Observer, Trace},
};

/// How many of an item there are.
#[derive(Query)]
#[query(reply = u32, name = "stock.Count")]
pub(crate) struct Count {
    item: String,
}

/// Orders one of an item.
#[derive(Command)]
#[command(error = OutOfStock, name = "orders.Place")]
pub(crate) struct PlaceOrder {
    pub(crate) item: String,
}

/// An order was placed.
#[derive(Event)]
#[event(name = "orders.Placed")]
pub(crate) struct OrderPlaced {
    item: String,
}

/// There is none left.
#[derive(Debug)]
pub(crate) struct OutOfStock;

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of stock")
    }
}

impl std::error::Error for OutOfStock {}

#[handler]
fn count(query: &Count) -> u32 {
    if query.item == "rocket" { 0 } else { 7 }
}

#[handler]
async fn place_order(order: PlaceOrder, bus: &Bus) -> Result<(), OutOfStock> {
    let count = bus.send(Count { item: order.item.clone() }).await.unwrap_or_default();
    if count == 0 {
        return Err(OutOfStock);
    }
    tracing::info!("there are enough");
    // Mail that is not sent is no reason to refuse an order: the span of the event says that it was not.
    let _ = bus.publish(OrderPlaced { item: order.item }).await;
    Ok(())
}

#[handler]
fn print_receipt(_: &OrderPlaced) {
    tracing::info!("printed");
}

#[handler]
fn send_mail(placed: &OrderPlaced) -> Result<(), &'static str> {
    if placed.item == "cup" { Err("the mail server is away") } else { Ok(()) }
}

/// A layer of this program: says which messages are slow. It is in their span.
struct Slow(Duration);

impl Observer for Slow {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        if dispatch.elapsed().is_some_and(|elapsed| elapsed > self.0) {
            tracing::warn!(message_name = dispatch.message().name, "slow");
        }
    }

    fn reads_clock(&self) -> bool {
        true
    }
}

/// The bus: the span outermost, so that what the other layers log is in it.
pub(crate) fn bus() -> Result<Bus, WiringError> {
    Bus::builder().layer(Trace::new()).layer(Metrics::new()).layer(Slow(Duration::from_millis(200))).build()
}
