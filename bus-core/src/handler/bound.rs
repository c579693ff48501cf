//! Calling a handler: one level of nesting down where it might dispatch, its error made that of the dispatch.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{Delivered, SyncHandler};
use crate::{
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

/// An asynchronous handler at work.
///
/// It is one level down in every poll, and not between the polls. The guard is here and not around the handler's own
/// future, so that it is not compiled for each handler and no future wraps another.
pub(crate) struct Running<'a, R> {
    future: BoxFuture<'a, R>,
    message: &'static MessageFacts,
    /// `None` if the handler has no way to dispatch.
    limit: Option<Limit>,
}

impl<'a, R> Running<'a, R> {
    #[inline]
    pub(crate) fn start(
        message: &'static MessageFacts,
        limit: Option<Limit>,
        start: impl FnOnce() -> BoxFuture<'a, R>,
    ) -> Result<Self, RecursionLimit> {
        if let Some(limit) = limit {
            may_enter(message, limit)?;
        }
        Ok(Running { future: start(), message, limit })
    }
}

impl<R> Future for Running<'_, R> {
    type Output = R;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<R> {
        let _frame = self.limit.map(|limit| Frame::resume(self.message, limit));
        self.future.as_mut().poll(task)
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
