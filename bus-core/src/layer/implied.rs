//! The layers that handlers ask for by themselves, with `#[handler(retry(..), timeout = "..")]`.
//!
//! They stand innermost, and answer only where no layer of the bus does.

use super::{Layer, Timeout, retry};
use crate::{bus::Bus, sync_bus::SyncBus};

/// Outermost first: each attempt of a retry is bounded by a time-out that comes behind it.
pub(crate) fn on_bus() -> Vec<Box<dyn Layer<Bus>>> {
    vec![Box::new(retry::Implied), Box::new(Timeout::of_handlers())]
}

/// As [`on_bus`].
pub(crate) fn on_sync_bus() -> Vec<Box<dyn Layer<SyncBus>>> {
    vec![Box::new(retry::Implied), Box::new(Timeout::of_handlers())]
}
