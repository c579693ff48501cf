//! The orders module: who ordered what, and that an order is placed whole or not at all.

mod handlers;
mod placing;
mod store;

pub use handlers::{get_order, list_orders};
pub use placing::{place_order, settle_orders};
pub use store::OrderStore;
