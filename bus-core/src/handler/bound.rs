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
    error::Failure,
    message::{Message, MessageFacts},
};

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a dispatch of `M` comes to.
pub(crate) type Outcome<M> = Result<<M as Message>::Reply, <M as Message>::Failure>;

#[inline]
pub(crate) fn run_sync<M: Message, H: SyncHandler<M>>(
    bound: &Bound<H::Needs>,
    bus: &H::Bus,
    message: Delivered<'_, M>,
) -> Outcome<M> {
    let _frame = if H::MAY_DISPATCH {
        Some(Frame::enter(M::FACTS, bound.limit).map_err(M::Failure::recursion)?)
    } else {
        None
    };
    H::call(&bound.needs, bus, message).map_err(M::Failure::handler)
}

#[inline]
pub(crate) async fn run_async<'a, M: Message, H: AsyncHandler<M>>(
    bound: &'a Bound<H::Needs>,
    bus: &'a Bus,
    message: Delivered<'a, M>,
) -> Outcome<M> {
    let call = H::call(&bound.needs, bus, message);
    let outcome = if H::MAY_DISPATCH {
        drop(Frame::enter(M::FACTS, bound.limit).map_err(M::Failure::recursion)?);
        nested(M::FACTS, bound.limit, call).await
    } else {
        call.await
    };
    outcome.map_err(M::Failure::handler)
}

/// Runs `call` one level down: every poll of it, and nothing between the polls.
async fn nested<T>(message: &'static MessageFacts, limit: Limit, call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    poll_fn(|context| {
        let _frame = Frame::resume(message, limit);
        call.as_mut().poll(context)
    })
    .await
}
