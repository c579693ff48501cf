//! Placing an order takes two modules, and there is no transaction over both.
//!
//! So the order is first written down as pending, then stock reserves, then the order is confirmed. What goes wrong in
//! between is undone at once; what a crash leaves pending is undone by [`settle_orders`] at the next start.

use contracts::{
    Item, OrderId,
    orders::{Order, OrderError, OrderLine, OrderPlaced, PlaceOrder, SettleOrders},
    stock::{GetArticle, ReleaseStock, ReserveStock},
    users::GetUser,
};
use linkbus::{Bus, handler};

use crate::OrderStore;

/// Places an order: everything in the basket, or nothing.
#[handler]
pub async fn place_order(command: PlaceOrder, orders: &OrderStore, bus: &Bus) -> Result<(), OrderError> {
    bus.send(GetUser { id: command.user.clone() }).await?;
    let order = priced(&command, bus).await?;
    orders.begin(&order)?;
    if let Err(refusal) = fill(&command, orders, bus).await {
        undo(&command.id, orders, bus).await?;
        return Err(refusal);
    }
    tracing::info!("places {} for {}, {} in total", order.id, order.user, order.total);
    // The order is placed, whatever becomes of those who are told.
    bus.publish(OrderPlaced { id: order.id }).await.unwrap_or_else(|error| tracing::warn!("{error}"));
    Ok(())
}

/// Undoes what a crash left half placed.
#[handler]
pub async fn settle_orders(_: SettleOrders, orders: &OrderStore, bus: &Bus) -> Result<(), OrderError> {
    for order in orders.pending()? {
        undo(&order, orders, bus).await?;
        tracing::info!("gives up {order}, which was never finished");
    }
    Ok(())
}

/// The order, at the prices of now.
async fn priced(command: &PlaceOrder, bus: &Bus) -> Result<Order, OrderError> {
    let mut lines = Vec::new();
    for Item { sku, quantity } in command.items.items().iter().cloned() {
        let price = bus.send(GetArticle { sku: sku.clone() }).await?.price;
        lines.push(OrderLine { sku, quantity, price });
    }
    Ok(Order::new(command.id.clone(), command.user.clone(), lines))
}

async fn fill(command: &PlaceOrder, orders: &OrderStore, bus: &Bus) -> Result<(), OrderError> {
    bus.execute(ReserveStock { order: command.id.clone(), items: command.items.clone() }).await?;
    orders.confirm(&command.id)
}

/// Can be done twice. The order goes last, so that an undo that stops halfway is found again.
async fn undo(order: &OrderId, orders: &OrderStore, bus: &Bus) -> Result<(), OrderError> {
    bus.execute(ReleaseStock { order: order.clone() }).await?;
    orders.discard(order)
}
