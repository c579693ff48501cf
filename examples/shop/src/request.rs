//! What can be asked of the shop from outside. Not every message: reserving stock is between modules.

use std::fmt;

use contracts::{
    Unavailable,
    notifications::ListMail,
    orders::{GetOrder, ListOrders, PlaceOrder},
    stock::{AddStock, GetArticle, ListArticles},
    users::{GetUser, RegisterUser},
};
use linkbus::{Bus, Command, Query};
use serde::{Deserialize, Serialize};

use crate::{Failure, ListLetters, ReplayLetters};

/// A request: `{"GetUser": {"id": "ada"}}`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "each is the message of its name")]
pub enum Request {
    RegisterUser(RegisterUser),
    GetUser(GetUser),
    AddStock(AddStock),
    GetArticle(GetArticle),
    ListArticles(ListArticles),
    PlaceOrder(PlaceOrder),
    GetOrder(GetOrder),
    ListOrders(ListOrders),
    ListMail(ListMail),
    ListLetters(ListLetters),
    ReplayLetters(ReplayLetters),
}

/// The answer to a request that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A command was carried out.
    Done,
    /// The reply to a query, as JSON.
    Reply(String),
}

impl Request {
    /// Puts the request on the bus.
    pub async fn perform(self, bus: &Bus) -> Result<Answer, Failure> {
        match self {
            Request::RegisterUser(command) => execute(command, bus).await,
            Request::GetUser(query) => send(query, bus).await,
            Request::AddStock(command) => execute(command, bus).await,
            Request::GetArticle(query) => send(query, bus).await,
            Request::ListArticles(query) => send(query, bus).await,
            Request::PlaceOrder(command) => execute(command, bus).await,
            Request::GetOrder(query) => send(query, bus).await,
            Request::ListOrders(query) => send(query, bus).await,
            Request::ListMail(query) => send(query, bus).await,
            Request::ListLetters(query) => send(query, bus).await,
            Request::ReplayLetters(command) => execute(command, bus).await,
        }
    }
}

async fn execute<C: Command>(command: C, bus: &Bus) -> Result<Answer, Failure>
where
    C::Error: Into<Failure>,
{
    bus.execute(command).await?;
    Ok(Answer::Done)
}

async fn send<Q: Query<Reply: Serialize>>(query: Q, bus: &Bus) -> Result<Answer, Failure>
where
    Q::Error: Into<Failure>,
{
    let reply = bus.send(query).await?;
    Ok(Answer::Reply(serde_json::to_string(&reply).map_err(|error| Unavailable::because(&error))?))
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::RegisterUser(RegisterUser { id, .. }) => write!(f, "RegisterUser {id}"),
            Request::GetUser(GetUser { id }) => write!(f, "GetUser {id}"),
            Request::AddStock(AddStock { sku, .. }) => write!(f, "AddStock {sku}"),
            Request::GetArticle(GetArticle { sku }) => write!(f, "GetArticle {sku}"),
            Request::ListArticles(ListArticles {}) => write!(f, "ListArticles"),
            Request::PlaceOrder(PlaceOrder { id, .. }) => write!(f, "PlaceOrder {id}"),
            Request::GetOrder(GetOrder { id }) => write!(f, "GetOrder {id}"),
            Request::ListOrders(ListOrders { user }) => write!(f, "ListOrders {user}"),
            Request::ListMail(ListMail { user }) => write!(f, "ListMail {user}"),
            Request::ListLetters(_) => write!(f, "ListLetters"),
            Request::ReplayLetters(_) => write!(f, "ReplayLetters"),
        }
    }
}
