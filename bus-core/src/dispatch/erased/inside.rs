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
// for themselves. The first says whether the message was there: if not, nothing was called.
pub(super) type SyncInside = for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, &mut ErasedPayload) -> bool;
pub(super) type AsyncInside = for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, &'a mut ErasedPayload) -> BoxFuture<'a, ()>;

/// How a handler is called from inside its layers.
#[derive(Clone, Copy)]
pub(super) enum Inside {
    Sync(SyncInside, Wants),
    /// And whether it has a way to dispatch.
    Async(AsyncInside, bool),
}

/// What a synchronous handler is given besides what it is called with.
#[derive(Clone, Copy)]
pub(super) struct Wants {
    /// Whether it asks for its context.
    pub(super) context: bool,
    /// Whether it has a way to dispatch.
    pub(super) way_out: bool,
}

impl Inside {
    pub(super) const fn sync<M: Message, H: SyncHandler<M>>() -> Self {
        Inside::Sync(sync_inside::<M, H>, Wants { context: H::WANTS_CONTEXT, way_out: H::MAY_DISPATCH })
    }

    pub(super) const fn asynchronous<M: Message, H: AsyncHandler<M>>() -> Self {
        Inside::Async(async_inside::<M, H>, H::MAY_DISPATCH)
    }
}

/// # Safety
/// As the comment on [`SyncInside`] says.
unsafe fn sync_inside<M: Message, H: SyncHandler<M>>(
    bound: Opaque<'_>,
    bus: Opaque<'_>,
    payload: &mut ErasedPayload,
) -> bool {
    // SAFETY: the caller vouches for the types.
    let (bound, bus) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<H::Bus>()) };
    handler::call_inside::<M, H>(bound, bus, payload)
}

/// # Safety
/// As the comment on [`SyncInside`] says; the bus is a `Bus`.
unsafe fn async_inside<'a, M: Message, H: AsyncHandler<M>>(
    bound: Opaque<'a>,
    bus: Opaque<'a>,
    payload: &'a mut ErasedPayload,
) -> BoxFuture<'a, ()> {
    // SAFETY: the caller vouches for the types.
    let (bound, bus) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<Bus>()) };
    Box::pin(handler::run_inside::<M, H>(bound, bus, payload))
}
