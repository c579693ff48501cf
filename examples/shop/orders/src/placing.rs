//! Placing an order takes two modules, and there is no transaction over both.
//!
//! So the order is first written down as pending, then stock reserves, then the order is confirmed. What goes wrong in
//! between is undone at once; what a crash leaves pending is undone by [`settle_orders`] at the next start. A transport that
//! keeps commands brings the command again then, also if all that was missing is that others are told.

use contracts::{
    Item, OrderId, Unavailable,
    orders::{Order, OrderError, OrderLine, OrderPlaced, PlaceOrder, SettleOrders},
    stock::{GetArticle, ReleaseStock, ReserveStock},
    users::GetUser,
};
use linkbus::{Bus, Context, handler};

use crate::OrderStore;

/// Places an order: everything in the basket, or nothing.
#[handler]
pub async fn place_order(
    command: PlaceOrder,
    context: &Context,
    orders: &OrderStore,
    bus: &Bus,
) -> Result<(), OrderError> {
    if !orders.is_placed_by(context.id(), &command.id)? {
        place(&command, context, orders, bus).await?;
    }
    announce(command.id, bus).await
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

async fn place(command: &PlaceOrder, context: &Context, orders: &OrderStore, bus: &Bus) -> Result<(), OrderError> {
    bus.send(GetUser { id: command.user.clone() }).await?;
    let order = priced(command, bus).await?;
    orders.begin(&order, context.id())?;
    if let Err(refusal) = fill(command, orders, bus).await {
        undo(&command.id, orders, bus).await?;
        return Err(refusal);
    }
    tracing::info!("places {} for {}, {} in total", order.id, order.user, order.total);
    Ok(())
}

/// The order is placed, whatever becomes of those who are told. If they could not be told, this is tried again.
async fn announce(id: OrderId, bus: &Bus) -> Result<(), OrderError> {
    match bus.publish(OrderPlaced { id }).await {
        Err(error) if error.is_retryable() => Err(Unavailable::because(&error).into()),
        Err(error) => {
            tracing::warn!("{error}");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    //! Other modules are closures here: no test needs to know how they work.

    use std::{
        future::pending,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
    };

    use contracts::{
        Basket, Price, Quantity, Sku,
        stock::{Article, StockError},
        users::{User, UserError},
    };
    use linkbus::Builder;

    use super::*;

    fn order() -> PlaceOrder {
        let items = vec![Item { sku: mug(), quantity: Quantity::MIN }];
        let items = Basket::try_from(items).unwrap();
        PlaceOrder { id: "o-1".parse().unwrap(), user: "ada".parse().unwrap(), items }
    }

    fn message() -> Context {
        Context::of::<PlaceOrder>()
    }

    fn mug() -> Sku {
        "mug".parse().unwrap()
    }

    fn user(query: GetUser) -> User {
        User { id: query.id, name: "Ada".parse().unwrap(), email: "ada@example.com".parse().unwrap() }
    }

    fn article(query: GetArticle) -> Article {
        Article { sku: query.sku, name: "Mug".parse().unwrap(), price: Price(1250), left: 1 }
    }

    /// A bus whose other modules agree to everything and count what they released.
    fn others() -> (Builder<Bus>, Arc<AtomicUsize>) {
        let released = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&released);
        let release = move |_: ReleaseStock| {
            counter.fetch_add(1, SeqCst);
        };
        (Bus::empty().query(user).query(article).command(|_: ReserveStock| ()).command(release), released)
    }

    fn is_there(orders: &OrderStore) -> bool {
        orders.find(&order().id).is_ok() || !orders.pending().unwrap().is_empty()
    }

    #[tokio::test]
    async fn an_order_is_placed_at_the_price_of_now() {
        let (bus, released) = others();
        let orders = OrderStore::in_memory();
        place_order(order(), &message(), &orders, &bus.build().unwrap()).await.unwrap();
        assert_eq!(orders.find(&order().id).unwrap().total.to_string(), "12.50");
        assert_eq!(released.load(SeqCst), 0);
    }

    #[tokio::test]
    async fn an_order_of_a_stranger_is_not_even_begun() {
        let stranger = |query: GetUser| -> Result<User, UserError> { Err(UserError::Unknown(query.id)) };
        let (bus, released) = others();
        let orders = OrderStore::in_memory();
        let refused = place_order(order(), &message(), &orders, &bus.replace(stranger).build().unwrap()).await;
        assert_eq!(refused, Err(UserError::Unknown(order().user).into()));
        assert!(!is_there(&orders));
        assert_eq!(released.load(SeqCst), 0);
    }

    #[tokio::test]
    async fn an_order_without_stock_leaves_nothing_behind() {
        let short = || StockError::Short { sku: mug(), wanted: Quantity::MIN, left: 0 };
        let (bus, _) = others();
        let orders = OrderStore::in_memory();
        let bus = bus.replace(move |_: ReserveStock| -> Result<(), StockError> { Err(short()) }).build().unwrap();
        assert_eq!(place_order(order(), &message(), &orders, &bus).await, Err(short().into()));
        assert!(!is_there(&orders));
    }

    #[tokio::test]
    async fn an_id_is_given_once_and_the_first_order_stays() {
        let (bus, released) = others();
        let (orders, bus) = (OrderStore::in_memory(), bus.build().unwrap());
        place_order(order(), &message(), &orders, &bus).await.unwrap();
        assert_eq!(place_order(order(), &message(), &orders, &bus).await, Err(OrderError::Taken(order().id)));
        assert!(is_there(&orders));
        assert_eq!(released.load(SeqCst), 0);
    }

    #[tokio::test]
    async fn a_message_that_has_placed_its_order_and_comes_again_tells_others_again() {
        let (bus, _) = others();
        let told = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&told);
        let listen = move |_: &OrderPlaced| {
            counter.fetch_add(1, SeqCst);
        };
        let (orders, bus, message) = (OrderStore::in_memory(), bus.subscribe(listen).build().unwrap(), message());
        for _ in 0..2 {
            place_order(order(), &message, &orders, &bus).await.unwrap();
        }
        assert_eq!(told.load(SeqCst), 2);
    }

    #[tokio::test]
    async fn what_a_crash_left_half_placed_is_settled() {
        let (bus, released) = others();
        let (orders, bus) =
            (OrderStore::in_memory(), bus.replace_async(|_: ReserveStock| pending::<()>()).build().unwrap());
        let message = message();
        // The crash: the order is dropped while it waits for stock.
        tokio::select! {
            biased;
            _ = place_order(order(), &message, &orders, &bus) => unreachable!("stock never answers"),
            () = async {} => {}
        }
        assert_eq!(orders.pending().unwrap(), [order().id]);
        assert!(orders.find(&order().id).is_err() && orders.of_user(&order().user).unwrap().is_empty());
        settle_orders(SettleOrders {}, &orders, &bus).await.unwrap();
        assert!(!is_there(&orders));
        assert_eq!(released.load(SeqCst), 1);
    }

    #[test]
    fn an_order_that_was_settled_away_is_not_confirmed() {
        let orders = OrderStore::in_memory();
        assert_eq!(orders.confirm(&order().id), Err(OrderError::Unknown(order().id)));
    }

    #[tokio::test]
    async fn a_placed_order_is_not_settled_away() {
        let (bus, _) = others();
        let (orders, bus) = (OrderStore::in_memory(), bus.build().unwrap());
        place_order(order(), &message(), &orders, &bus).await.unwrap();
        settle_orders(SettleOrders {}, &orders, &bus).await.unwrap();
        assert!(orders.find(&order().id).is_ok());
    }
}
