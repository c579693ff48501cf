//! A handler with its dependencies, and the objects that a bus holds of it.

#![allow(missing_docs, reason = "public only for the types of `Flavor`, which are hidden")]

use std::{
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::{Pin, pin},
};

use super::{AsyncHandler, Delivered, HandlerFacts, SyncHandler};
use crate::{
    bus::{Bus, Callable},
    depth::Frame,
    error::Failure,
    flavor::Flavor,
    message::Message,
    wiring::{Provided, Routes},
};

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a dispatch of `M` comes to.
type Outcome<M> = Result<<M as Message>::Reply, <M as Message>::Failure>;

/// A synchronous handler of a message that it owns.
pub trait SyncCall<M: Message, B>: Send + Sync {
    fn call(&self, bus: &B, message: M) -> Outcome<M>;
}

/// A synchronous subscriber of an event that it shares.
pub trait SyncNotify<M: Message, B>: Send + Sync {
    fn notify(&self, bus: &B, event: &M) -> Outcome<M>;
}

/// An asynchronous handler of a message that it owns.
pub trait AsyncCall<M: Message>: Send + Sync {
    fn call<'a>(&'a self, bus: &'a Bus, message: M) -> BoxFuture<'a, Outcome<M>>;
}

/// An asynchronous subscriber of an event that it shares.
pub trait AsyncNotify<M: Message>: Send + Sync {
    fn notify<'a>(&'a self, bus: &'a Bus, event: &'a M) -> BoxFuture<'a, Outcome<M>>;
}

/// A handler and what it asked for.
struct Bound<H, N> {
    needs: N,
    handler: PhantomData<fn() -> H>,
}

impl<H, N: Sync> Bound<H, N> {
    fn boxed(needs: N) -> Box<Self> {
        Box::new(Bound { needs, handler: PhantomData })
    }

    #[inline]
    fn call_sync<M, B>(&self, bus: &B, message: Delivered<'_, M>) -> Outcome<M>
    where
        M: Message,
        B: Flavor,
        H: SyncHandler<M, B, Needs = N>,
    {
        let _frame = if H::MAY_DISPATCH {
            Some(Frame::enter(M::FACTS, bus.core().max_depth).map_err(M::Failure::recursion)?)
        } else {
            None
        };
        H::call(&self.needs, bus, message).map_err(M::Failure::handler)
    }

    #[inline]
    async fn call_async<'a, M>(&'a self, bus: &'a Bus, message: Delivered<'a, M>) -> Outcome<M>
    where
        M: Message,
        H: AsyncHandler<M, Needs = N>,
    {
        if H::MAY_DISPATCH {
            drop(Frame::enter(M::FACTS, bus.core().max_depth).map_err(M::Failure::recursion)?);
        }
        // Made where it stays: as an argument of another `async fn` it would be in that one's future twice.
        let mut call = pin!(H::call(&self.needs, bus, message));
        let outcome = poll_fn(|context| {
            // One level down in every poll of it, and nothing between the polls.
            let _frame = H::MAY_DISPATCH.then(|| Frame::resume(M::FACTS));
            call.as_mut().poll(context)
        });
        outcome.await.map_err(M::Failure::handler)
    }
}

impl<M: Message, B: Flavor, H: SyncHandler<M, B>> SyncCall<M, B> for Bound<H, H::Needs> {
    fn call(&self, bus: &B, message: M) -> Outcome<M> {
        self.call_sync(bus, Delivered::Owned(message))
    }
}

impl<M: Message, B: Flavor, H: SyncHandler<M, B>> SyncNotify<M, B> for Bound<H, H::Needs> {
    fn notify(&self, bus: &B, event: &M) -> Outcome<M> {
        self.call_sync(bus, Delivered::Shared(event))
    }
}

impl<M: Message, H: AsyncHandler<M>> AsyncCall<M> for Bound<H, H::Needs> {
    fn call<'a>(&'a self, bus: &'a Bus, message: M) -> BoxFuture<'a, Outcome<M>> {
        Box::pin(self.call_async(bus, Delivered::Owned(message)))
    }
}

impl<M: Message, H: AsyncHandler<M>> AsyncNotify<M> for Bound<H, H::Needs> {
    fn notify<'a>(&'a self, bus: &'a Bus, event: &'a M) -> BoxFuture<'a, Outcome<M>> {
        Box::pin(self.call_async(bus, Delivered::Shared(event)))
    }
}

/// Puts the synchronous handler `H` of `M` on a bus that provides what it needs.
pub fn install_sync<M: Message, B: Flavor, H: SyncHandler<M, B>>(
    facts: HandlerFacts,
    routes: &mut Routes<B>,
    provided: &Provided,
) {
    add_sync::<M, B, H>(facts, routes, H::resolve(provided));
}

/// Puts the asynchronous handler `H` of `M` on a bus that provides what it needs.
pub fn install_async<M: Message, H: AsyncHandler<M>>(
    facts: HandlerFacts,
    routes: &mut Routes<Bus>,
    provided: &Provided,
) {
    add_async::<M, H>(facts, routes, H::resolve(provided));
}

pub(super) fn add_sync<M: Message, B: Flavor, H: SyncHandler<M, B>>(
    facts: HandlerFacts,
    routes: &mut Routes<B>,
    needs: H::Needs,
) {
    let bound = Bound::<H, _>::boxed(needs);
    if const { M::FACTS.kind.has_one_handler() } {
        routes.set_handler::<M>(B::sync_call(bound));
    } else {
        routes.add_subscriber::<M>(facts, B::sync_notify(bound));
    }
}

pub(super) fn add_async<M: Message, H: AsyncHandler<M>>(
    facts: HandlerFacts,
    routes: &mut Routes<Bus>,
    needs: H::Needs,
) {
    let bound = Bound::<H, _>::boxed(needs);
    if const { M::FACTS.kind.has_one_handler() } {
        routes.set_handler::<M>(Callable::Async(bound));
    } else {
        routes.add_subscriber::<M>(facts, Callable::Async(bound));
    }
}
