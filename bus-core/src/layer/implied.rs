//! The layers that handlers ask for by themselves, with `#[handler(retry(..), timeout = "..")]`.
//!
//! They stand innermost, and answer only where no layer of the bus does.

use super::{Layer, Timeout};
use crate::{bus::Bus, sync_bus::SyncBus};

pub(crate) fn on_bus() -> Vec<Box<dyn Layer<Bus>>> {
    vec![Box::new(Timeout::of_handlers())]
}

pub(crate) fn on_sync_bus() -> Vec<Box<dyn Layer<SyncBus>>> {
    vec![Box::new(Timeout::of_handlers())]
}
