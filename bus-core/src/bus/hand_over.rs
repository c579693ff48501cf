//! A message on its way to its one handler.

use std::future::Future;

use crate::{
    bus::Bus,
    error::Failure,
    handler::may_enter,
    layer::{self, Dispatched, LayerFailure},
    message::OneHandler,
    origin::Origin,
};

/// A message on its way to its one handler.
///
/// Its future has room for the message once: whatever is waited for is lent what is here, and has nothing of its own.
pub(super) struct HandOver<'a, M> {
    bus: &'a Bus,
    message: Option<M>,
    origin: Origin,
}

impl<'a, M: OneHandler> HandOver<'a, M> {
    #[inline]
    pub(super) fn new(bus: &'a Bus, message: M, origin: Origin) -> Self {
        HandOver { bus, message: Some(message), origin }
    }

    /// A plain handler first and everything else apart, so that the usual call is done in registers.
    #[inline]
    #[expect(clippy::manual_async_fn, reason = "the future of an `async fn` holds an argument that it lends twice")]
    pub(super) fn run(mut self) -> impl Future<Output = Dispatched<M>> + Send + use<'a, M> {
        async move {
            match self.bus.core.table.plain::<M>() {
                Some(handler) => handler.call(self.bus, self.message()).map_err(Failure::into_dispatch),
                None => self.wait().await,
            }
        }
    }

    /// Dispatches a message that has no plain handler.
    #[expect(clippy::manual_async_fn, reason = "the future of an `async fn` holds an argument that it lends twice")]
    fn wait(&mut self) -> impl Future<Output = Dispatched<M>> + Send {
        async move {
            let bus = self.bus;
            if let Some((handler, limit)) = bus.core.table.asynchronous::<M>() {
                may_enter(M::FACTS, limit).map_err(|limit| M::Failure::recursion(limit).into_dispatch())?;
                let outcome = handler.start(limit, bus, self.message()).await;
                return outcome.map_err(|error| M::Failure::handler(error).into_dispatch());
            }
            match bus.core.table.around::<M>() {
                Some(layered) if layered.is_direct => layer::run_at_once(bus, layered, self.message(), self.origin),
                Some(layered) => layer::run_async(bus, layered, self.message(), self.origin).await,
                None => {
                    #[cfg(feature = "testing")]
                    if let Some(layered) = bus.core.stage(M::FACTS) {
                        return layer::run_async(bus, &layered, self.message(), self.origin).await;
                    }
                    Err(M::Failure::by_layer(LayerFailure::NoHandler, M::FACTS))
                }
            }
        }
    }

    #[inline]
    fn message(&mut self) -> M {
        self.message.take().expect("it is handed over once")
    }
}
