//! What the orders module is asked and what it tells.

use linkbus::{Command, Event, ExecuteError, HandlerError, Query, SendError, Task};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Basket, Cents, OrderId, Price, Quantity, Sku, Unavailable, UserId, stock::StockError, users::UserError};

/// Orders something for a user: everything in the basket, or nothing.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = OrderError)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// The id that the order is to have.
    #[bus(key)]
    pub id: OrderId,
    /// Who orders.
    pub user: UserId,
    /// What is ordered.
    pub items: Basket,
}

/// Asks for one order.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = Order, error = OrderError)]
#[serde(deny_unknown_fields)]
pub struct GetOrder {
    /// The order.
    #[bus(key)]
    pub id: OrderId,
}

/// Asks for every order of a user, by its id. There are none of a user who does not exist.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = Vec<Order>, error = OrderError)]
#[serde(deny_unknown_fields)]
pub struct ListOrders {
    /// The user.
    #[bus(key)]
    pub user: UserId,
}

/// Undoes the orders that a crash left half placed. To be done before the first order is placed.
#[derive(Task, Clone, Debug, Serialize, Deserialize)]
#[task(error = OrderError)]
pub struct SettleOrders {}

/// An order has been placed.
#[derive(Event, Clone, Debug, Serialize, Deserialize)]
pub struct OrderPlaced {
    /// The order.
    #[bus(key)]
    pub id: OrderId,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The id.
    pub id: OrderId,
    /// Who ordered.
    pub user: UserId,
    /// What was ordered, at the prices of that moment.
    pub lines: Vec<OrderLine>,
    /// What all of it costs.
    pub total: Cents,
}

/// Some pieces of one article, at a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The article.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
    /// What one piece costs, in cents.
    pub price: Price,
}

impl Order {
    /// An order of these lines, with their total.
    pub fn new(id: OrderId, user: UserId, lines: Vec<OrderLine>) -> Self {
        let total = lines.iter().map(|line| line.price.times(line.quantity)).sum();
        Order { id, user, lines, total }
    }
}

/// Why the orders module refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum OrderError {
    /// There is no such order.
    #[error("there is no order `{0}`")]
    Unknown(OrderId),
    /// There is such an order already.
    #[error("there is an order `{0}` already")]
    Taken(OrderId),
    /// The users module refused.
    #[error(transparent)]
    User(#[from] UserError),
    /// The stock module refused.
    #[error(transparent)]
    Stock(#[from] StockError),
    /// Not the caller's fault.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// So that `?` works on what other modules answer: their refusal is kept, a failure of the bus is nobody's fault.
impl<E: HandlerError + Into<OrderError>> From<SendError<E>> for OrderError {
    fn from(error: SendError<E>) -> Self {
        match error {
            SendError::Handler(refusal) => refusal.into(),
            bus => Unavailable::because(&bus).into(),
        }
    }
}

/// As for queries.
impl<E: HandlerError + Into<OrderError>> From<ExecuteError<E>> for OrderError {
    fn from(error: ExecuteError<E>) -> Self {
        match error {
            ExecuteError::Handler(refusal) => refusal.into(),
            bus => Unavailable::because(&bus).into(),
        }
    }
}
