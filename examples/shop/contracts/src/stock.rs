//! What the stock module is asked and what it tells.

use linkbus::{Command, Event, Query};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Basket, Name, OrderId, Price, Quantity, Sku, Unavailable};

/// Puts pieces of an article into stock; name and price are from now on as given here.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = StockError)]
#[serde(deny_unknown_fields)]
pub struct AddStock {
    /// The article.
    #[bus(key)]
    pub sku: Sku,
    /// What it is called.
    pub name: Name,
    /// What one piece costs, in cents.
    pub price: Price,
    /// How many pieces are added.
    pub quantity: Quantity,
}

/// Takes everything that an order asks for out of stock, or nothing. Doing it twice for one order does it once.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = StockError)]
pub struct ReserveStock {
    /// The order.
    #[bus(key)]
    pub order: OrderId,
    /// What it asks for.
    pub items: Basket,
}

/// Puts back what an order has reserved, which may be nothing.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = StockError)]
pub struct ReleaseStock {
    /// The order.
    #[bus(key)]
    pub order: OrderId,
}

/// Asks for one article.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = Article, error = StockError)]
#[serde(deny_unknown_fields)]
pub struct GetArticle {
    /// The article.
    #[bus(key)]
    pub sku: Sku,
}

/// Asks for every article, by its id.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = Vec<Article>, error = StockError)]
#[serde(deny_unknown_fields)]
pub struct ListArticles {}

/// Somebody wanted more than there is.
#[derive(Event, Clone, Debug, Serialize, Deserialize)]
pub struct StockShort {
    /// The article.
    #[bus(key)]
    pub sku: Sku,
    /// How many pieces were wanted.
    pub wanted: Quantity,
    /// How many there are.
    pub left: u64,
}

/// An article and how much of it there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// The id.
    pub sku: Sku,
    /// What it is called.
    pub name: Name,
    /// What one piece costs, in cents.
    pub price: Price,
    /// How many pieces can be ordered.
    pub left: u64,
}

/// Why the stock module refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum StockError {
    /// There has never been such an article.
    #[error("there is no article `{0}`")]
    Unknown(Sku),
    /// There are fewer pieces than wanted.
    #[error("{wanted} of `{sku}` wanted, {left} left")]
    Short {
        /// The article.
        sku: Sku,
        /// How many pieces were wanted.
        wanted: Quantity,
        /// How many there are.
        left: u64,
    },
    /// Not the caller's fault.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
