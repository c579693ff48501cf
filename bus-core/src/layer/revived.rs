//! A message that was read or kept, dispatched once more through the layers of a bus.

use std::{
    future::{Future as _, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use super::{AsyncNext, Dispatch, ErasedPayload, Layered, Next};
use crate::{bus::Bus, flavor::Flavor, sync_bus::SyncBus};

/// A message in front of its layers.
pub(crate) struct Ready<'a, B: Flavor> {
    pub(crate) layered: &'a Layered<B>,
    pub(crate) payload: Box<dyn ErasedPayload>,
}

impl Ready<'_, SyncBus> {
    /// Whether the handler panicked; if not, the payload has the outcome.
    pub(crate) fn dispatch(&mut self, bus: &SyncBus) -> bool {
        let Ready { layered, payload } = self;
        let mut dispatch = Dispatch::new(&mut **payload, &layered.route, &layered.clock);
        catch_unwind(AssertUnwindSafe(|| Next { bus, layered, at: 0 }.run(&mut dispatch))).is_err()
    }
}

impl Ready<'_, Bus> {
    /// Whether the handler panicked; if not, the payload has the outcome.
    pub(crate) async fn dispatch(&mut self, bus: &Bus) -> bool {
        let Ready { layered, payload } = self;
        let mut dispatch = Dispatch::new(&mut **payload, &layered.route, &layered.clock);
        let next = AsyncNext { bus, layered, at: 0 };
        let mut running = pin!(next.run(&mut dispatch));
        poll_fn(|task| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(task))) {
            Ok(poll) => poll.map(|_| false),
            Err(_) => Poll::Ready(true),
        })
        .await
    }
}
