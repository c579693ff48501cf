//! The functions that call a handler, and how their types are forgotten.

use std::mem::transmute;

use super::opaque::Opaque;
use crate::{
    bus::Bus,
    handler::{self, AsyncHandler, Bound, BoxFuture, Delivered, Outcome, SyncHandler},
    message::Message,
};

/// What a handler of `M` returns.
pub type Returned<M> = Result<<M as Message>::Reply, <M as Message>::Error>;

// The four functions that call a handler `H` of `M`. What their callers owe them: the first argument was made from a
// `Bound<H::Needs>`, the second from a bus that `H` is `On`, and the third of the last two from an `M`.
/// Of a synchronous handler of a message that has one handler.
pub type SyncCall<M> = for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, M) -> Outcome<M>;
/// Of an asynchronous one.
pub type AsyncCall<M> = for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, M) -> BoxFuture<'a, Returned<M>>;
pub(super) type SyncNotify<M> =
    for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, Opaque<'a>) -> Result<(), Box<<M as Message>::Failure>>;
pub(super) type AsyncNotify<M> = for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, Opaque<'a>) -> BoxFuture<'a, Returned<M>>;

/// # Safety
/// As the comment on [`SyncCall`] says.
#[inline]
pub unsafe fn sync_call<M: Message, H: SyncHandler<M>>(bound: Opaque<'_>, bus: Opaque<'_>, message: M) -> Outcome<M> {
    // SAFETY: the caller vouches for the types.
    let (bound, bus) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<H::Bus>()) };
    handler::call::<M, H>(bound, bus, message)
}

/// # Safety
/// As the comment on [`SyncCall`] says.
unsafe fn sync_notify<M: Message, H: SyncHandler<M>>(
    bound: Opaque<'_>,
    bus: Opaque<'_>,
    event: Opaque<'_>,
) -> Result<(), Box<M::Failure>> {
    // SAFETY: the caller vouches for the types.
    let (bound, bus, event) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<H::Bus>(), event.get::<M>()) };
    handler::notify::<M, H>(bound, bus, event)
}

/// # Safety
/// As the comment on [`SyncCall`] says; the bus is a `Bus`.
#[inline]
pub unsafe fn async_call<'a, M: Message, H: AsyncHandler<M>>(
    bound: Opaque<'a>,
    bus: Opaque<'a>,
    message: M,
) -> BoxFuture<'a, Returned<M>> {
    // SAFETY: the caller vouches for the types.
    let (bound, bus) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<Bus>()) };
    Box::pin(H::call(&bound.needs, bus, Delivered::Owned(message)))
}

/// # Safety
/// As the comment on [`SyncCall`] says; the bus is a `Bus`.
unsafe fn async_notify<'a, M: Message, H: AsyncHandler<M>>(
    bound: Opaque<'a>,
    bus: Opaque<'a>,
    event: Opaque<'a>,
) -> BoxFuture<'a, Returned<M>> {
    // SAFETY: the caller vouches for the types.
    let (bound, bus, event) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<Bus>(), event.get::<M>()) };
    Box::pin(H::call(&bound.needs, bus, Delivered::Shared(event)))
}

/// The function that calls `H`, by the name that the linker knows if there is one.
const fn call_of<M: Message, H: SyncHandler<M>>() -> SyncCall<M> {
    match H::SYMBOL {
        None => sync_call::<M, H> as SyncCall<M>,
        Some(symbol) => symbol.function,
    }
}

/// As [`call_of`].
const fn start_of<M: Message, H: AsyncHandler<M>>() -> AsyncCall<M> {
    match H::SYMBOL {
        Some(symbol) => symbol.function,
        None => async_call::<M, H> as AsyncCall<M>,
    }
}

/// A function of one of the four types above, which one it is being forgotten but for this much.
#[derive(Clone, Copy)]
pub(super) enum Function {
    Sync(fn()),
    /// Asynchronous, and whether it has a way to dispatch.
    Async(fn(), bool),
    /// None: what it is bound to is the `Layered` around the handler.
    Layered,
}

impl Function {
    pub(super) const fn sync<M: Message, H: SyncHandler<M>>() -> Self {
        // SAFETY: one function pointer type for another; it is not called before it is turned back.
        let function = unsafe {
            if M::FACTS.kind.has_one_handler() {
                transmute::<SyncCall<M>, fn()>(call_of::<M, H>())
            } else {
                transmute::<SyncNotify<M>, fn()>(sync_notify::<M, H>)
            }
        };
        Function::Sync(function)
    }

    pub(super) const fn asynchronous<M: Message, H: AsyncHandler<M>>() -> Self {
        // SAFETY: one function pointer type for another; it is not called before it is turned back.
        let function = unsafe {
            if M::FACTS.kind.has_one_handler() {
                transmute::<AsyncCall<M>, fn()>(start_of::<M, H>())
            } else {
                transmute::<AsyncNotify<M>, fn()>(async_notify::<M, H>)
            }
        };
        Function::Async(function, H::MAY_DISPATCH)
    }
}
