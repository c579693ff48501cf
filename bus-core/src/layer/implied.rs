//! The layers that handlers ask for by themselves, with `#[handler(retry(..), timeout = "..")]`.
//!
//! They stand innermost, and answer only where no layer of the bus does.

use super::Layer;
use crate::{bus::Bus, sync_bus::SyncBus};

pub(crate) fn on_bus() -> Vec<Box<dyn Layer<Bus>>> {
    Vec::new()
}

pub(crate) fn on_sync_bus() -> Vec<Box<dyn Layer<SyncBus>>> {
    Vec::new()
}
