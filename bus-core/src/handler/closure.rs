//! Handlers registered by hand: closures. A message with one handler is handed over, an event is lent.

use std::{future::Future, marker::PhantomData};

use super::{AsyncHandler, Delivered, HandlerFacts, IntoOutcome, SyncHandler};
use crate::{
    bus::Bus,
    depth::Limit,
    dispatch::{AnyBus, Handler},
    flavor::Flavor,
    message::{Location, Message},
};

/// A closure on its way onto a bus.
pub(crate) struct ByHand<B: Flavor> {
    pub(crate) facts: HandlerFacts,
    pub(crate) bind: Bind<B>,
}

type Bind<B> = Box<dyn FnOnce(Limit) -> Handler<B> + Send>;

impl<B: Flavor> ByHand<B> {
    #[track_caller]
    pub(crate) fn handler<M, F, O>(closure: F) -> Self
    where
        M: Message,
        F: Fn(M) -> O + Send + Sync + 'static,
        O: IntoOutcome<M::Reply, M::Error> + 'static,
    {
        Self::sync::<M, Closure<F, Owned<O>>, F>(closure, true)
    }

    #[track_caller]
    pub(crate) fn subscriber<M, F, O>(closure: F) -> Self
    where
        M: Message,
        F: Fn(&M) -> O + Send + Sync + 'static,
        O: IntoOutcome<M::Reply, M::Error> + 'static,
    {
        Self::sync::<M, Closure<F, Lent<O>>, F>(closure, false)
    }

    #[track_caller]
    fn sync<M: Message, H: SyncHandler<M, Needs = F, Bus = AnyBus>, F: Send + 'static>(
        closure: F,
        by_value: bool,
    ) -> Self {
        let facts = facts::<M, F>(false, by_value);
        ByHand { facts, bind: Box::new(|limit| Handler::sync::<M, H>(closure, limit)) }
    }
}

impl ByHand<Bus> {
    #[track_caller]
    pub(crate) fn async_handler<M, F, O>(closure: F) -> Self
    where
        M: Message,
        F: Fn(M) -> O + Send + Sync + 'static,
        O: Future<Output: IntoOutcome<M::Reply, M::Error>> + Send + 'static,
    {
        Self::asynchronous::<M, Closure<F, Owned<O>>, F>(closure, true)
    }

    #[track_caller]
    pub(crate) fn async_subscriber<M, F, O>(closure: F) -> Self
    where
        M: Message,
        F: Fn(&M) -> O + Send + Sync + 'static,
        O: Future<Output: IntoOutcome<M::Reply, M::Error>> + Send + 'static,
    {
        Self::asynchronous::<M, Closure<F, Lent<O>>, F>(closure, false)
    }

    #[track_caller]
    fn asynchronous<M: Message, H: AsyncHandler<M, Needs = F>, F: Send + 'static>(closure: F, by_value: bool) -> Self {
        let facts = facts::<M, F>(true, by_value);
        ByHand { facts, bind: Box::new(|limit| Handler::asynchronous::<M, H>(closure, limit)) }
    }
}

#[track_caller]
fn facts<M: Message, F>(is_async: bool, by_value: bool) -> HandlerFacts {
    HandlerFacts::new(std::any::type_name::<F>(), "", Location::of_caller(), M::FACTS, is_async, &[], by_value)
}

/// The handler that is a closure `F`, called as `How` says; what it needs is the closure itself.
struct Closure<F, How>(PhantomData<fn() -> (F, How)>);

/// The message is handed over; the closure gives an `O`.
struct Owned<O>(PhantomData<fn() -> O>);

/// The message is lent; the closure gives an `O`.
struct Lent<O>(PhantomData<fn() -> O>);

impl<M, F, O> SyncHandler<M> for Closure<F, Owned<O>>
where
    M: Message,
    F: Fn(M) -> O + Send + Sync + 'static,
    O: IntoOutcome<M::Reply, M::Error> + 'static,
{
    type Needs = F;
    type Bus = AnyBus;
    const MAY_DISPATCH: bool = true;
    const WANTS_CONTEXT: bool = false;

    fn call(closure: &F, _: &AnyBus, message: Delivered<'_, M>) -> Result<M::Reply, M::Error> {
        closure(message.by_value()).into_outcome()
    }
}

impl<M, F, O> SyncHandler<M> for Closure<F, Lent<O>>
where
    M: Message,
    F: Fn(&M) -> O + Send + Sync + 'static,
    O: IntoOutcome<M::Reply, M::Error> + 'static,
{
    type Needs = F;
    type Bus = AnyBus;
    const MAY_DISPATCH: bool = true;
    const WANTS_CONTEXT: bool = false;

    fn call(closure: &F, _: &AnyBus, message: Delivered<'_, M>) -> Result<M::Reply, M::Error> {
        closure(message.by_ref()).into_outcome()
    }
}

impl<M, F, O> AsyncHandler<M> for Closure<F, Owned<O>>
where
    M: Message,
    F: Fn(M) -> O + Send + Sync + 'static,
    O: Future<Output: IntoOutcome<M::Reply, M::Error>> + Send + 'static,
{
    type Needs = F;
    const MAY_DISPATCH: bool = true;
    const WANTS_CONTEXT: bool = false;

    async fn call(closure: &F, _: &Bus, message: Delivered<'_, M>) -> Result<M::Reply, M::Error> {
        closure(message.by_value()).await.into_outcome()
    }
}

impl<M, F, O> AsyncHandler<M> for Closure<F, Lent<O>>
where
    M: Message,
    F: Fn(&M) -> O + Send + Sync + 'static,
    O: Future<Output: IntoOutcome<M::Reply, M::Error>> + Send + 'static,
{
    type Needs = F;
    const MAY_DISPATCH: bool = true;
    const WANTS_CONTEXT: bool = false;

    async fn call(closure: &F, _: &Bus, message: Delivered<'_, M>) -> Result<M::Reply, M::Error> {
        closure(message.by_ref()).await.into_outcome()
    }
}
