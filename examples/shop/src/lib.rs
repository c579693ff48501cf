//! The shop: a modular monolith on linkbus, to be copied.
//!
//! The modules are crates that know only `contracts`. This crate links them, gives them what they depend on, and puts a
//! script and an HTTP API in front of the bus.

mod failure;
pub mod http;
mod journal;
mod letters;
mod mailer;
mod request;
pub mod script;

use std::{path::Path, sync::Arc, time::Duration};

use contracts::orders::SettleOrders;
use linkbus::{
    AnyError, Bus, Kind,
    layer::{Retry, Timeout, Trace, only},
    recording::{JsonLineStore, Recording},
};
use notifications::{Mailer, Mailroom};
use orders::OrderStore;
use stock::StockStore;
pub use storage::Place;
use users::UserStore;

pub use self::{
    failure::{Failure, Reason},
    journal::print_journal,
    letters::{ListLetters, Lost, ReplayLetters},
    request::{Answer, Request},
};

// No list of handlers, here or anywhere: naming the crates is enough.
linkbus::modules!(users, stock, orders, notifications);

/// What is done behind the callers' backs: nobody hears of a failure, and every handler bears to be called twice.
const BEHIND_BACKS: [Kind; 2] = [Kind::Event, Kind::Task];

/// Wires the shop, with its data at `place`, and settles what the last run may have left unfinished.
///
/// # Errors
/// A database that cannot be opened or read, or a fault of the wiring: all of them in one report.
pub async fn open(place: &Place) -> Result<Bus, AnyError> {
    open_recorded(place, None).await
}

/// As [`open`], and with every dispatch recorded in a file in the folder `records`.
///
/// # Errors
/// As [`open`], and if nothing can be written in that folder.
pub async fn open_recorded(place: &Place, records: Option<&Path>) -> Result<Bus, AnyError> {
    let purchasing = "purchasing@shop.example".parse()?;
    let users = UserStore::open(place)?;
    // Only now: a file that is no database gets no letters beside it.
    let letters = letters::open(place)?;
    let bus = match records {
        Some(folder) => Bus::builder().layer(Recording::new(JsonLineStore::open(folder)?).redact(["email"])),
        None => Bus::builder(),
    };
    let bus = bus
        .provide(users)
        .provide(StockStore::open(place)?)
        .provide(OrderStore::open(place)?)
        .provide(Mailroom::open(place, purchasing)?)
        .provide_arc::<dyn Mailer>(Arc::new(mailer::PrintedMail))
        .provide(letters.clone())
        .layer(Trace::new())
        .layer(only(BEHIND_BACKS, letters))
        .layer(only(BEHIND_BACKS, Retry::new().base(Duration::from_millis(100)).on_any_error()))
        .layer(only(BEHIND_BACKS, Timeout::after(Duration::from_secs(10))))
        .build()?;
    bus.dispatch(SettleOrders {}).await?;
    Ok(bus)
}
