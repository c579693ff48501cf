//! The short way: past the observers, straight to a synchronous handler.

use std::time::Instant;

use super::{
    Dispatch, Dispatched, ErasedPayload, Layered, Payload,
    dispatch::Ending,
    payload::{Care, outcome_of},
    watch::{end_all, start_all},
};
use crate::{
    dispatch::{Called, SyncCall},
    flavor::Flavor,
    message::Message,
    origin::Origin,
};

/// Dispatches `message` through its layers, which are observers only.
///
/// What is done before and after the handler is compiled once, and in between the handler is called as without layers,
/// unless it has to know what the observers did: drew the ids of the dispatch, or shared the message.
#[inline]
pub(crate) fn run_direct<M: Message, B: Flavor>(
    bus: &B,
    layered: &Layered<B>,
    handler: Called<'_, SyncCall<M>, B>,
    message: M,
    origin: Origin,
) -> Dispatched<M> {
    let mut payload = Payload::new(message, Care::HandOver).from(origin);
    start(layered, &mut payload);
    let started = layered.segments[0].reads_clock.then(|| layered.clock.now());
    let watch = Unfinished { layered, payload: &mut payload, started };
    match watch.payload.take_plain() {
        Some(message) => {
            let outcome = handler.call(bus, message).map_err(crate::error::Failure::into_dispatch);
            watch.payload.conclude(outcome);
        }
        None => _ = layered.inner.call_handler(bus, watch.payload),
    }
    std::mem::forget(watch);
    end(layered, &mut payload, started, Ending::WithOutcome);
    outcome_of!(payload)
}

/// Tells the observers, when it is dropped, that the handler panicked.
struct Unfinished<'a, M: Message, B: Flavor> {
    layered: &'a Layered<B>,
    payload: &'a mut Payload<M>,
    started: Option<Instant>,
}

impl<M: Message, B: Flavor> Drop for Unfinished<'_, M, B> {
    #[cold]
    fn drop(&mut self) {
        end(self.layered, self.payload, self.started, Ending::Panicked);
    }
}

#[inline(never)]
fn start<B: Flavor>(layered: &Layered<B>, payload: &mut (dyn ErasedPayload + 'static)) {
    start_all(&layered.segments[0].observers, &mut Dispatch::new(payload, &layered.route, &layered.clock));
}

#[inline(never)]
fn end<B: Flavor>(
    layered: &Layered<B>,
    payload: &mut (dyn ErasedPayload + 'static),
    started: Option<Instant>,
    ending: Ending,
) {
    let mut dispatch = Dispatch::new(payload, &layered.route, &layered.clock);
    (dispatch.started, dispatch.ending) = (started, ending);
    end_all(&layered.segments[0].observers, &mut dispatch);
}
