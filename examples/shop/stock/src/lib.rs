//! The stock module: what there is, and for whom it is kept.

mod handlers;
mod store;

pub use handlers::{add_stock, get_article, list_articles, release_stock, reserve_stock};
pub use store::StockStore;
