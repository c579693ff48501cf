use contracts::stock::{
    AddStock, Article, GetArticle, ListArticles, ReleaseStock, ReserveStock, StockError, StockShort,
};
use linkbus::{Context, EventHandle, handler};

use crate::StockStore;

/// Puts pieces of an article into stock.
#[handler]
pub fn add_stock(command: &AddStock, context: &Context, stock: &StockStore) -> Result<(), StockError> {
    stock.add(command, context)?;
    tracing::info!("adds {} {}", command.quantity, command.sku);
    Ok(())
}

/// Gives one article.
#[handler]
pub fn get_article(query: &GetArticle, stock: &StockStore) -> Result<Article, StockError> {
    stock.find(&query.sku)
}

/// Gives every article.
#[handler]
pub fn list_articles(_: &ListArticles, stock: &StockStore) -> Result<Vec<Article>, StockError> {
    stock.list()
}

/// Keeps all that an order asks for, or nothing; tells everybody when there is too little.
///
/// It asks for an [`EventHandle`] and not for the bus: it can publish, and nothing else.
#[handler]
pub async fn reserve_stock(command: &ReserveStock, stock: &StockStore, events: &EventHandle) -> Result<(), StockError> {
    let outcome = stock.reserve(&command.order, &command.items);
    match &outcome {
        Ok(()) => tracing::info!("reserves {} for {}", listed(command), command.order),
        Err(StockError::Short { sku, wanted, left }) => {
            tracing::info!("has too little of {sku}");
            let short = StockShort { sku: sku.clone(), wanted: *wanted, left: *left };
            events.publish(short).await.unwrap_or_else(|error| tracing::warn!("{error}"));
        }
        Err(_) => {}
    }
    outcome
}

/// Puts back what an order has reserved.
#[handler]
pub fn release_stock(command: &ReleaseStock, stock: &StockStore) -> Result<(), StockError> {
    if stock.release(&command.order)? > 0 {
        tracing::info!("puts back what {} had reserved", command.order);
    }
    Ok(())
}

fn listed(command: &ReserveStock) -> String {
    let items = command.items.items().iter().map(|item| format!("{} {}", item.quantity, item.sku));
    items.collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use contracts::{Basket, Item, Price, Quantity};
    use linkbus::Bus;

    use super::*;

    fn pieces(count: u16) -> Quantity {
        Quantity::new(count).unwrap()
    }

    fn add(sku: &str, quantity: u16) -> AddStock {
        let name = sku.parse().unwrap();
        AddStock { sku: sku.parse().unwrap(), name, price: Price(100), quantity: pieces(quantity) }
    }

    fn reserve(items: &[(&str, u16)]) -> ReserveStock {
        let items = items.iter().map(|&(sku, count)| Item { sku: sku.parse().unwrap(), quantity: pieces(count) });
        let items = Basket::try_from(items.collect::<Vec<_>>()).unwrap();
        ReserveStock { order: "o-1".parse().unwrap(), items }
    }

    fn put(command: &AddStock, stock: &StockStore) {
        add_stock(command, &Context::of::<AddStock>(), stock).unwrap();
    }

    fn stock() -> StockStore {
        let stock = StockStore::in_memory();
        put(&add("mug", 5), &stock);
        put(&add("tee", 1), &stock);
        stock
    }

    fn left(stock: &StockStore) -> Vec<u64> {
        list_articles(&ListArticles {}, stock).unwrap().iter().map(|article| article.left).collect()
    }

    /// Calls the handler as the function that it is.
    async fn try_reserve(command: &ReserveStock, stock: &StockStore) -> Result<(), StockError> {
        let bus = Bus::empty().build().unwrap();
        reserve_stock(command, stock, &bus.handle().events()).await
    }

    #[tokio::test]
    async fn everything_is_reserved_and_released() {
        let stock = stock();
        let command = reserve(&[("mug", 2), ("tee", 1)]);
        try_reserve(&command, &stock).await.unwrap();
        assert_eq!(left(&stock), [3, 0]);
        release_stock(&ReleaseStock { order: command.order }, &stock).unwrap();
        assert_eq!(left(&stock), [5, 1]);
    }

    #[tokio::test]
    async fn one_article_too_short_reserves_nothing() {
        let stock = stock();
        let refused = try_reserve(&reserve(&[("mug", 2), ("tee", 2)]), &stock).await;
        let short = StockError::Short { sku: "tee".parse().unwrap(), wanted: pieces(2), left: 1 };
        assert_eq!(refused, Err(short));
        assert_eq!(left(&stock), [5, 1]);
    }

    #[tokio::test]
    async fn an_unknown_article_reserves_nothing() {
        let stock = stock();
        let refused = try_reserve(&reserve(&[("mug", 2), ("hat", 1)]), &stock).await;
        assert_eq!(refused, Err(StockError::Unknown("hat".parse().unwrap())));
        assert_eq!(left(&stock), [5, 1]);
    }

    #[tokio::test]
    async fn the_same_order_reserves_and_releases_once() {
        let stock = stock();
        let command = reserve(&[("mug", 2)]);
        try_reserve(&command, &stock).await.unwrap();
        try_reserve(&command, &stock).await.unwrap();
        assert_eq!(left(&stock), [3, 1]);
        let release = ReleaseStock { order: command.order };
        release_stock(&release, &stock).unwrap();
        release_stock(&release, &stock).unwrap();
        assert_eq!(left(&stock), [5, 1]);
    }

    #[test]
    fn more_of_an_article_may_cost_something_else() {
        let stock = stock();
        put(&AddStock { price: Price(120), ..add("mug", 3) }, &stock);
        let mug = get_article(&GetArticle { sku: "mug".parse().unwrap() }, &stock).unwrap();
        assert_eq!((mug.left, mug.price), (8, Price(120)));
    }
}
