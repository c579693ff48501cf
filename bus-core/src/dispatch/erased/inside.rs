//! The functions that call a handler from inside its layers.

use super::opaque::Opaque;
use crate::{
    bus::Bus,
    handler::{self, AsyncHandler, Bound, BoxFuture, SyncHandler},
    layer::ErasedPayload,
    message::Message,
};

// The two functions that call a handler `H` of `M` from inside its layers. What their callers owe them: the first argument
// was made from a `Bound<H::Needs>` and the second from a bus that `H` is `On`. Whether the payload is one of `M` they see
// for themselves.
pub(super) type SyncInside = for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, &mut (dyn ErasedPayload + 'static));
pub(super) type AsyncInside =
    for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, &'a mut (dyn ErasedPayload + 'static)) -> BoxFuture<'a, ()>;

/// How a handler is called from inside its layers.
#[derive(Clone, Copy)]
pub(super) enum Inside {
    /// And whether it asks for its context.
    Sync(SyncInside, bool),
    /// And whether it has a way to dispatch.
    Async(AsyncInside, bool),
}

/// # Safety
/// As the comment on [`SyncInside`] says.
pub(super) unsafe fn sync_inside<M: Message, H: SyncHandler<M>>(
    bound: Opaque<'_>,
    bus: Opaque<'_>,
    payload: &mut (dyn ErasedPayload + 'static),
) {
    // SAFETY: the caller vouches for the types.
    let (bound, bus) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<H::Bus>()) };
    handler::call_inside::<M, H>(bound, bus, payload);
}

/// # Safety
/// As the comment on [`SyncInside`] says; the bus is a `Bus`.
pub(super) unsafe fn async_inside<'a, M: Message, H: AsyncHandler<M>>(
    bound: Opaque<'a>,
    bus: Opaque<'a>,
    payload: &'a mut (dyn ErasedPayload + 'static),
) -> BoxFuture<'a, ()> {
    // SAFETY: the caller vouches for the types.
    let (bound, bus) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<Bus>()) };
    Box::pin(handler::run_inside::<M, H>(bound, bus, payload))
}
