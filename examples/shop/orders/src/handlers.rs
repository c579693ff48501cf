use contracts::orders::{GetOrder, ListOrders, Order, OrderError};
use linkbus::handler;

use crate::OrderStore;

/// Gives one order.
#[handler]
pub fn get_order(query: &GetOrder, orders: &OrderStore) -> Result<Order, OrderError> {
    orders.find(&query.id)
}

/// Gives every order of a user.
#[handler]
pub fn list_orders(query: &ListOrders, orders: &OrderStore) -> Result<Vec<Order>, OrderError> {
    orders.of_user(&query.user)
}
