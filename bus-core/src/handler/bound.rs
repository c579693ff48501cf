//! Calling a handler: one level of nesting down if it might dispatch, its error made that of the dispatch.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
};

use super::{AsyncHandler, Delivered, SyncHandler};
use crate::{
    bus::Bus,
    context::Offered,
    depth::{Frame, Limit},
    error::{Failure, RecursionLimit},
    layer::ErasedPayload,
    message::{Message, MessageFacts},
};

/// The future of a handler, whose type is forgotten.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a dispatch of `M` comes to.
pub type Outcome<M> = Result<<M as Message>::Reply, <M as Message>::Failure>;

/// What a handler is called with besides the message and the bus: what it asked for, and the limit of the bus.
pub(crate) struct Bound<N> {
    pub(crate) needs: N,
    pub(crate) limit: Limit,
}

/// Calls the handler `H` with a message that it may keep.
#[inline]
pub(crate) fn call<M: Message, H: SyncHandler<M>>(bound: &Bound<H::Needs>, bus: &H::Bus, message: M) -> Outcome<M> {
    let _frame = if H::MAY_DISPATCH {
        let frame = Frame::enter(bound.limit);
        if frame.is_none() {
            return call_deep::<M, H>(bound, bus, message);
        }
        frame
    } else {
        None
    };
    H::call(&bound.needs, bus, Delivered::Owned(message)).map_err(M::Failure::handler)
}

/// Out of line as a whole, so that the usual call has fewer registers to save.
#[cold]
#[inline(never)]
fn call_deep<M: Message, H: SyncHandler<M>>(bound: &Bound<H::Needs>, bus: &H::Bus, message: M) -> Outcome<M> {
    let _frame = Frame::enter_deep(M::FACTS, bound.limit).map_err(M::Failure::recursion)?;
    handle::<M, H>(&bound.needs, bus, Delivered::Owned(message)).map_err(M::Failure::handler)
}

/// The handler out of line, for those that are deep: they are few, and it is compiled into the usual ways already.
#[inline(never)]
fn handle<M: Message, H: SyncHandler<M>>(
    needs: &H::Needs,
    bus: &H::Bus,
    message: Delivered<'_, M>,
) -> Result<M::Reply, M::Error> {
    H::call(needs, bus, message)
}

/// Calls the handler `H` from inside its layers, with the message in `payload`, and puts the outcome there; says whether the
/// message was there.
///
/// # Panics
/// If the payload is not one of `M`: it is, because the table keeps the layers of a message in the place of the message.
pub(crate) fn call_inside<M: Message, H: SyncHandler<M>>(
    bound: &Bound<H::Needs>,
    bus: &H::Bus,
    payload: &mut ErasedPayload,
) -> bool {
    let Some((message, outcome)) = payload.deliver::<M>() else { return false };
    let new = H::call(&bound.needs, bus, message).map_err(|error| M::Failure::handler(error).into_dispatch());
    let old = outcome.replace(new);
    if old.is_none() {
        // Said in so many words, because otherwise dropping nothing is a call.
        std::mem::forget(old);
    }
    true
}

/// Runs the handler `H` from inside its layers, with the message in `payload`, and puts the outcome there.
///
/// # Panics
/// As [`call_inside`].
pub(crate) async fn run_inside<M: Message, H: AsyncHandler<M>>(
    bound: &Bound<H::Needs>,
    bus: &Bus,
    payload: &mut ErasedPayload,
) {
    let context = payload.particulars().context;
    let offer = H::WANTS_CONTEXT.then(|| payload.offered());
    if payload.message().is_none() {
        return payload.gone();
    }
    let Some((message, outcome)) = payload.deliver::<M>() else { return };
    let mut handler = pin!(H::call(&bound.needs, bus, message));
    let answer = poll_fn(|task| {
        let _caused = context.map(|context| context.enter());
        let _offered = offer.map(Offered::put);
        handler.as_mut().poll(task)
    });
    *outcome = Some(answer.await.map_err(|error| M::Failure::handler(error).into_dispatch()));
}

/// Calls the subscriber `H` with an event that others get too.
///
/// The failure is boxed, so that success is one register and the three calls of three subscribers are cheap.
#[inline]
pub(crate) fn notify<M: Message, H: SyncHandler<M>>(
    bound: &Bound<H::Needs>,
    bus: &H::Bus,
    event: &M,
) -> Result<(), Box<M::Failure>> {
    let _frame = if H::MAY_DISPATCH {
        let frame = Frame::enter(bound.limit);
        if frame.is_none() {
            return notify_deep::<M, H>(bound, bus, event);
        }
        frame
    } else {
        None
    };
    boxed::<M>(H::call(&bound.needs, bus, Delivered::Shared(event)))
}

#[cold]
#[inline(never)]
fn notify_deep<M: Message, H: SyncHandler<M>>(
    bound: &Bound<H::Needs>,
    bus: &H::Bus,
    event: &M,
) -> Result<(), Box<M::Failure>> {
    match Frame::enter_deep(M::FACTS, bound.limit) {
        Ok(_frame) => boxed::<M>(handle::<M, H>(&bound.needs, bus, Delivered::Shared(event))),
        Err(limit) => Err(Box::new(M::Failure::recursion(limit))),
    }
}

#[inline]
fn boxed<M: Message>(outcome: Result<M::Reply, M::Error>) -> Result<(), Box<M::Failure>> {
    match outcome {
        Ok(_) => Ok(()),
        Err(error) => Err(Box::new(M::Failure::handler(error))),
    }
}

/// An asynchronous handler at work.
///
/// It is one level down in every poll, and not between the polls. The guard is here and not around the handler's own
/// future, so that it is not compiled for each handler and no future wraps another.
pub(crate) struct Running<'a, R> {
    pub(crate) future: BoxFuture<'a, R>,
    pub(crate) message: &'static MessageFacts,
    /// `None` if the handler has no way to dispatch.
    pub(crate) limit: Option<&'a Limit>,
}

impl<R> Future for Running<'_, R> {
    type Output = R;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<R> {
        let _frame = self.limit.map(|limit| Frame::resume(self.message, *limit));
        self.future.as_mut().poll(task)
    }
}

/// Whether there is a level left for a call that is resumed later; there is if it has no limit.
#[inline]
pub(crate) fn may_enter(message: &'static MessageFacts, limit: Option<&Limit>) -> Result<(), RecursionLimit> {
    limit.map_or(Ok(()), |limit| Frame::enter_any(message, *limit).map(drop))
}
