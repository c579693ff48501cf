//! Calling a handler: one level of nesting down where it might dispatch, its error made that of the dispatch.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
};

use super::{AsyncHandler, Delivered, SyncHandler};
use crate::{
    bus::Bus,
    depth::{Frame, Limit},
    dispatch::Bound,
    error::{Failure, RecursionLimit},
    message::{Message, MessageFacts},
};

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a dispatch of `M` comes to.
pub(crate) type Outcome<M> = Result<<M as Message>::Reply, <M as Message>::Failure>;

#[inline]
pub(crate) fn run_sync<'a, M: Message, H: SyncHandler<M>, D>(
    bound: &Bound<H::Needs>,
    bus: &H::Bus,
    message: D,
    delivered: impl FnOnce(D) -> Delivered<'a, M>,
) -> Outcome<M> {
    if H::MAY_DISPATCH {
        let Some(_frame) = Frame::enter(bound.limit) else {
            return run_deep::<M, H, D>(bound, bus, message, delivered);
        };
        H::call(&bound.needs, bus, delivered(message)).map_err(M::Failure::handler)
    } else {
        H::call(&bound.needs, bus, delivered(message)).map_err(M::Failure::handler)
    }
}

/// Out of line as a whole and with the same arguments, so that it is a jump, for which no register is saved.
#[cold]
#[inline(never)]
fn run_deep<'a, M: Message, H: SyncHandler<M>, D>(
    bound: &Bound<H::Needs>,
    bus: &H::Bus,
    message: D,
    delivered: impl FnOnce(D) -> Delivered<'a, M>,
) -> Outcome<M> {
    let _frame = Frame::enter_deep(M::FACTS, bound.limit).map_err(M::Failure::recursion)?;
    H::call(&bound.needs, bus, delivered(message)).map_err(M::Failure::handler)
}

#[inline]
pub(crate) fn run_async<'a, M: Message, H: AsyncHandler<M>>(
    bound: &'a Bound<H::Needs>,
    bus: &'a Bus,
    message: Delivered<'a, M>,
) -> impl Future<Output = Outcome<M>> + Send + 'a {
    async move {
        if H::MAY_DISPATCH {
            may_enter(M::FACTS, bound.limit).map_err(M::Failure::recursion)?;
        }
        let mut call = pin!(H::call(&bound.needs, bus, message));
        // One level down is every poll of it, and nothing between the polls.
        let outcome = poll_fn(|task| {
            let _frame = H::MAY_DISPATCH.then(|| Frame::resume(M::FACTS, bound.limit));
            call.as_mut().poll(task)
        });
        outcome.await.map_err(M::Failure::handler)
    }
}

/// Whether there is a level left for a call that is resumed later.
#[inline]
fn may_enter(message: &'static MessageFacts, limit: Limit) -> Result<(), RecursionLimit> {
    match Frame::enter(limit) {
        Some(_) => Ok(()),
        None => Frame::enter_deep(message, limit).map(drop),
    }
}
