//! What is inside a layer, run on another thread.

use tracing::Span;

use super::{Dispatch, ErasedPayload, Next, payload::Particulars, spans::Within, watch::guarded};
use crate::{context::Cause, depth, flavor::Flavor, sync_bus::SyncBus};

/// What is inside an [`Around`](super::Around), ready to be run on another thread, with or without the caller.
pub(crate) struct Detached {
    bus: SyncBus,
    at: usize,
    payload: Box<ErasedPayload>,
    depth: depth::Carried,
    cause: Cause,
    span: Span,
}

impl Next<'_> {
    /// Makes it ready for another thread. The outcome comes back with [`ErasedPayload::adopt`].
    pub(crate) fn detach(&self, dispatch: &mut Dispatch<'_>) -> Detached {
        Detached {
            bus: self.bus.clone(),
            at: self.at,
            payload: dispatch.payload.detach(),
            depth: depth::carry(),
            cause: Cause::current(),
            span: guarded(Span::current).unwrap_or_else(Span::none),
        }
    }
}

impl Detached {
    /// What the layers inside are told.
    pub(super) fn particulars(&mut self) -> &mut Particulars {
        self.payload.particulars_mut()
    }

    /// Runs it, as deep as the dispatch was on its thread, and caused by the same; gives back what is to be adopted.
    pub(crate) fn run(mut self) -> Box<ErasedPayload> {
        let _depth = self.depth.enter();
        let _cause = self.cause.enter();
        let span = self.span;
        let within = Within::enter(Some(&span));
        let goes_on = self.bus.core().with_layers(self.payload.facts(), |layered| {
            let mut dispatch = Dispatch::new(&mut *self.payload, &layered.route, &layered.clock);
            Next { bus: &self.bus, layered, at: self.at }.run(&mut dispatch)
        });
        goes_on.expect("it came from inside these layers");
        drop(within);
        guarded(|| drop(span));
        self.payload
    }
}
