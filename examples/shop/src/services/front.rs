//! The front end: it takes the requests and has no module.

use std::path::Path;

use bus_nats::Nats;
use linkbus::{
    AnyError, Bus, Kind,
    layer::{Trace, only},
};

use super::{config, settled::Settled, until_somebody_answers};
use crate::{ListLetters, ReplayLetters, recorded, split::between_processes};

/// The bus of a front end, which sends everything through the NATS server at `server`. It needs no service to begin: commands
/// are kept until there is one.
///
/// With `is_settled` each query waits until all is over that was sent before, so that a script sees what it has done.
///
/// # Errors
/// A server that cannot be reached or used, or a folder `records` that cannot be written.
pub async fn open_front(server: &str, records: Option<&Path>, is_settled: bool) -> Result<Bus, AnyError> {
    let client = Nats::client(&config(server, "front")).await?;
    let bus = recorded(Bus::empty(), records)?.layer(Trace::new());
    let bus = if is_settled { bus.layer(only(Kind::Query, Settled(client.clone()))) } else { bus };
    let bus = between_processes(bus, until_somebody_answers()).message::<ListLetters>().message::<ReplayLetters>();
    Ok(bus.transport(client).build()?)
}
