//! The shop: a modular monolith on linkbus, to be copied.
//!
//! The modules are crates that know only `contracts`. This crate links them, gives them what they depend on, and puts a
//! script and an HTTP API in front of the bus, in one process, in several, or on several machines.

mod failure;
pub mod http;
mod journal;
mod letters;
mod mailer;
mod part;
mod request;
pub mod script;
mod services;
mod split;
mod stop;

use std::{path::Path, time::Duration};

use linkbus::{
    AnyError, Builder, Bus, Kind,
    layer::{DeadLetters, Retry, Timeout, Trace, only},
    recording::{JsonLineStore, Recording},
};
pub use storage::Place;

pub use self::{
    failure::{Failure, Reason},
    journal::print_journal,
    letters::{ListLetters, Lost, ReplayLetters},
    part::Part,
    request::{Answer, Request},
    services::{Service, open_front, run_service},
    split::{Manner, Split, run_part},
    stop::Stop,
};

// No list of handlers, here or anywhere: naming the crates is enough.
linkbus::modules!(users, stock, orders, notifications, !bus_nats, !bus_zmq, !storage);

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
    let bus = recorded(Bus::builder(), records)?;
    let bus = Part::ALL.into_iter().try_fold(bus, |bus, part| part.equip(bus, place, None))?;
    // Only now: a file that is no database gets no letters beside it.
    let bus = layers(bus, letters::open(place)?, BEHIND_BACKS, soon_again()).build()?;
    for part in Part::ALL {
        part.settle(&bus).await?;
    }
    Ok(bus)
}

/// Records every dispatch, if there is a folder for that.
fn recorded(bus: Builder<Bus>, records: Option<&Path>) -> Result<Builder<Bus>, AnyError> {
    Ok(match records {
        Some(folder) => bus.layer(Recording::new(JsonLineStore::open(folder)?).redact(["email"])),
        None => bus,
    })
}

/// What is around the handlers, wherever they run. What is of these kinds is tried `again`, and kept if it is lost.
fn layers<const N: usize>(bus: Builder<Bus>, letters: DeadLetters, kinds: [Kind; N], again: Retry) -> Builder<Bus> {
    bus.provide(letters.clone())
        .layer(Trace::new())
        .layer(only(kinds, letters))
        .layer(only(kinds, again))
        .layer(only(kinds, Timeout::after(Duration::from_secs(10))))
}

/// Whatever went wrong, soon: three attempts.
fn soon_again() -> Retry {
    Retry::new().base(Duration::from_millis(100)).on_any_error()
}
