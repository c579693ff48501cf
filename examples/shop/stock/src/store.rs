use contracts::{
    Basket, Item, OrderId, Price, Sku,
    stock::{AddStock, Article, StockError},
};
use linkbus::Context;
use storage::{Database, OpenError, OptionalExtension, Place, Row, SqliteInbox, Transaction, params, rusqlite, text};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS stock_articles (
        sku   TEXT PRIMARY KEY,
        name  TEXT NOT NULL,
        price INTEGER NOT NULL,
        left  INTEGER NOT NULL CHECK (left >= 0)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS stock_reservations (
        order_id TEXT NOT NULL,
        sku      TEXT NOT NULL REFERENCES stock_articles,
        quantity INTEGER NOT NULL,
        PRIMARY KEY (order_id, sku)
    ) STRICT";

/// The stock, in tables that no other module reads.
pub struct StockStore(Database);

impl StockStore {
    /// Opens the stock at `place`; empty at first.
    pub fn open(place: &Place) -> Result<Self, OpenError> {
        Database::open(place, SCHEMA).map(StockStore)
    }

    /// The same, where messages come through an inbox in the same file.
    #[must_use]
    pub fn with_inbox(self, inbox: Option<SqliteInbox>) -> Self {
        StockStore(self.0.with_inbox(inbox))
    }

    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        StockStore::open(&Place::Memory).unwrap()
    }

    /// Twice is not once here: what is added is marked as added with it.
    pub(crate) fn add(&self, command: &AddStock, context: &Context) -> Result<(), StockError> {
        let AddStock { sku, name, price, quantity } = command;
        self.0.once(context, |stock| {
            stock.execute(
                "INSERT INTO stock_articles (sku, name, price, left) VALUES (?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET name = excluded.name, price = excluded.price, left = left + excluded.left",
                params![sku.as_str(), name.as_str(), price.0, quantity.get()],
            )
        })?;
        Ok(())
    }

    pub(crate) fn find(&self, sku: &Sku) -> Result<Article, StockError> {
        let found = self.0.transaction(|stock| find(stock, sku))?;
        found.ok_or_else(|| StockError::Unknown(sku.clone()))
    }

    pub(crate) fn list(&self) -> Result<Vec<Article>, StockError> {
        let articles = self.0.transaction(|stock| {
            stock.prepare("SELECT * FROM stock_articles ORDER BY sku")?.query_map([], article)?.collect()
        })?;
        Ok(articles)
    }

    /// Looks first, then takes: a refusal has written nothing.
    pub(crate) fn reserve(&self, order: &OrderId, basket: &Basket) -> Result<(), StockError> {
        self.0.transaction(|stock| {
            if is_reserved(stock, order)? {
                return Ok(Ok(()));
            }
            for item in basket.items() {
                if let Err(refusal) = check(stock, item)? {
                    return Ok(Err(refusal));
                }
            }
            basket.items().iter().try_for_each(|item| take(stock, order, item)).map(Ok)
        })?
    }

    /// Gives the number of articles that were put back.
    pub(crate) fn release(&self, order: &OrderId) -> Result<usize, StockError> {
        let released = self.0.transaction(|stock| {
            stock.execute(
                "UPDATE stock_articles SET left = left + reserved.quantity
                 FROM stock_reservations AS reserved
                 WHERE reserved.order_id = ? AND reserved.sku = stock_articles.sku",
                [order.as_str()],
            )?;
            stock.execute("DELETE FROM stock_reservations WHERE order_id = ?", [order.as_str()])
        })?;
        Ok(released)
    }
}

fn find(stock: &Transaction<'_>, sku: &Sku) -> rusqlite::Result<Option<Article>> {
    stock.query_row("SELECT * FROM stock_articles WHERE sku = ?", [sku.as_str()], article).optional()
}

fn is_reserved(stock: &Transaction<'_>, order: &OrderId) -> rusqlite::Result<bool> {
    stock.prepare("SELECT 1 FROM stock_reservations WHERE order_id = ?")?.exists([order.as_str()])
}

/// The outer result is the database's, the inner one the shop's.
fn check(stock: &Transaction<'_>, Item { sku, quantity }: &Item) -> rusqlite::Result<Result<(), StockError>> {
    Ok(match find(stock, sku)? {
        None => Err(StockError::Unknown(sku.clone())),
        Some(Article { left, .. }) if left < u64::from(quantity.get()) => {
            Err(StockError::Short { sku: sku.clone(), wanted: *quantity, left })
        }
        Some(_) => Ok(()),
    })
}

fn take(stock: &Transaction<'_>, order: &OrderId, Item { sku, quantity }: &Item) -> rusqlite::Result<()> {
    stock.execute("UPDATE stock_articles SET left = left - ? WHERE sku = ?", params![quantity.get(), sku.as_str()])?;
    stock.execute(
        "INSERT INTO stock_reservations (order_id, sku, quantity) VALUES (?, ?, ?)",
        params![order.as_str(), sku.as_str(), quantity.get()],
    )?;
    Ok(())
}

fn article(row: &Row<'_>) -> rusqlite::Result<Article> {
    Ok(Article {
        sku: text(row, "sku")?,
        name: text(row, "name")?,
        price: Price(row.get("price")?),
        left: row.get("left")?,
    })
}
