//! The shop: a modular monolith on linkbus, to be copied.
//!
//! The modules are crates that know only `contracts`. This crate links them, gives them what they depend on, and puts a
//! script and an HTTP API in front of the bus.

mod failure;
pub mod http;
mod journal;
mod mailer;
mod request;
pub mod script;

use std::sync::Arc;

use contracts::orders::SettleOrders;
use linkbus::{AnyError, Bus};
use notifications::{Mailer, Mailroom};
use orders::OrderStore;
use stock::StockStore;
pub use storage::Place;
use users::UserStore;

pub use self::{
    failure::{Failure, Reason},
    journal::print_journal,
    request::{Answer, Request},
};

// No list of handlers, here or anywhere: naming the crates is enough.
linkbus::modules!(users, stock, orders, notifications);

/// Wires the shop, with its data at `place`, and settles what the last run may have left unfinished.
///
/// # Errors
/// A database that cannot be opened or read, or a fault of the wiring: all of them in one report.
pub async fn open(place: &Place) -> Result<Bus, AnyError> {
    let purchasing = "purchasing@shop.example".parse()?;
    let bus = Bus::builder()
        .provide(UserStore::open(place)?)
        .provide(StockStore::open(place)?)
        .provide(OrderStore::open(place)?)
        .provide(Mailroom::open(place, purchasing)?)
        .provide_arc::<dyn Mailer>(Arc::new(mailer::PrintedMail))
        .build()?;
    bus.dispatch(SettleOrders {}).await?;
    Ok(bus)
}
