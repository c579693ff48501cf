//! A message that was read or kept, dispatched once more through the layers of a bus.

use super::{AsyncNext, Dispatch, ErasedPayload, Layered, Next};
use crate::{
    bus::Bus,
    caught::{caught, caught_in},
    flavor::Flavor,
    sync_bus::SyncBus,
};

/// A message in front of its layers.
pub(crate) struct Ready<'a, B: Flavor> {
    pub(crate) layered: &'a Layered<B>,
    pub(crate) payload: Box<ErasedPayload>,
}

impl Ready<'_, SyncBus> {
    /// Whether the handler panicked; if not, the payload has the outcome.
    pub(crate) fn dispatch(&mut self, bus: &SyncBus) -> bool {
        let Ready { layered, payload } = self;
        let mut dispatch = Dispatch::new(&mut **payload, &layered.route, &layered.clock);
        caught(|| Next { bus, layered, at: 0 }.run(&mut dispatch)).is_none()
    }
}

impl Ready<'_, Bus> {
    /// Whether the handler panicked; if not, the payload has the outcome.
    pub(crate) async fn dispatch(&mut self, bus: &Bus) -> bool {
        let Ready { layered, payload } = self;
        let mut dispatch = Dispatch::new(&mut **payload, &layered.route, &layered.clock);
        caught_in(AsyncNext { bus, layered, at: 0 }.run(&mut dispatch)).await.is_none()
    }
}
