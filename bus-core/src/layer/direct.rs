//! The short way: past the observers, straight to a synchronous handler.

use super::{Dispatch, ErasedPayload, Layered, watch::Watch};
use crate::flavor::Flavor;

/// Runs what is in `payload` through its layers, which are observers only, to its plain `fn`: nothing in it waits.
pub(super) fn run_direct<B: Flavor>(bus: &B, layered: &Layered<B>, payload: &mut ErasedPayload) {
    let mut dispatch = Dispatch::new(payload, &layered.route, &layered.clock);
    let mut watch = Watch::<false>::start(&layered.segments[0], &mut dispatch, None);
    layered.inner.call_handler(bus, watch.dispatch.payload);
    watch.end();
    std::mem::forget(watch);
}
