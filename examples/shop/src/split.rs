//! The shop as several processes: a front end with the hub, and one process for each [`Part`].
//!
//! The modules do not know of it: what has a handler in a process is handled there, and the rest goes through the hub.

mod attempts;
mod front;
mod kill;
mod part_process;
mod running;
mod settled;
mod supervisor;

use std::time::Duration;

use linkbus::{
    Builder, Bus, Kind, Module,
    layer::{Retry, only},
};

pub(crate) use self::attempts::Attempts;
pub use self::{
    front::{Manner, Split},
    part_process::run_part,
};

/// A bus that knows every message, and asks `again` when the process is gone that had its query.
pub(crate) fn between_processes(bus: Builder<Bus>, again: Retry) -> Builder<Bus> {
    bus.modules([Module::linked("contracts")]).layer(only(Kind::Query, again))
}

/// As often as a process needs to be there again that was killed.
fn thrice() -> Retry {
    Retry::new().base(Duration::from_millis(100))
}
