//! Handlers whose types are forgotten, without what they need and with it.

use std::{
    any::{Any, TypeId},
    marker::PhantomData,
    sync::Arc,
};

use super::{super::index::Place, function::Function, inside::Inside, opaque::On};
use crate::{
    bus::Bus,
    depth::Limit,
    error::{AnyError, SubscriberFailure},
    flavor::Flavor,
    handler::{AsyncHandler, Bound, SyncHandler},
    message::Message,
    wiring::{Provided, Resolve},
};

pub(super) type Owner = Arc<dyn Any + Send + Sync>;

/// A handler that can be put on a bus of the type `B`, without what it needs: data, made by the compiler.
pub struct Entry<B> {
    function: Function,
    inside: Inside,
    event: Option<fn() -> TypeId>,
    place: Place,
    bind: fn(&Provided, Limit) -> Owner,
    bus: PhantomData<fn(&B)>,
}

/// A handler with what it needs.
///
/// # How the types are forgotten and remembered
///
/// Only [`Entry`] and the constructors here make one, for a message `M` and a handler `H` that is `On<B>`, or that is
/// asynchronous if `B` is `Bus`, and only then: `function` calls `H` with an `M`, `owner` holds a `Bound<H::Needs>`, and
/// `place` is that of `M`. [`Table`] keeps it in the slot `place` of `calls` if `M` has one handler
/// and of `events` if not, which decides the type of `function` together with the variant. Into `events` it puts only what
/// `event` answers for: there `function` returns what it does for an `Event`.
///
/// `Table::plain`, `Table::asynchronous` and [`Table::subscribers`] are the only readers of `function`: for a type `M`
/// they read the slot of `M`'s place, the first two in `calls` and the last in `events`. A place comes from a `MessageIndex<M>`, a place
/// belongs to one `MessageIndex` value for good, and that value has one, invariant, type parameter. So whatever
/// `Message::index` returns, even in an implementation written by hand to deceive: the `M` that reads a slot is the `M`
/// that wrote it.
///
/// [`Table`]: super::Table
/// [`Table::subscribers`]: super::Table::subscribers
pub(crate) struct Handler<B> {
    pub(super) function: Function,
    pub(super) inside: Inside,
    /// Which event it is one of the subscribers of; `None` if its message has one handler.
    pub(super) event: Option<fn() -> TypeId>,
    pub(super) place: Place,
    pub(super) owner: Owner,
    bus: PhantomData<fn(&B)>,
}

impl<B: Flavor> Entry<B> {
    /// The synchronous handler `H` of `M`.
    pub const fn sync<M: Message, H: SyncHandler<M, Needs: Resolve, Bus: On<B>>>() -> Self {
        Entry::new::<M>(Function::sync::<M, H>(), Inside::sync::<M, H>(), bind::<H::Needs>)
    }

    const fn new<M: Message>(function: Function, inside: Inside, bind: fn(&Provided, Limit) -> Owner) -> Self {
        Entry { function, inside, event: event_of::<M>(), place: Place::of::<M>(), bind, bus: PhantomData }
    }

    pub(crate) fn bind(&self, provided: &Provided, limit: Limit) -> Handler<B> {
        let Entry { function, inside, event, place, .. } = *self;
        Handler { function, inside, event, place, owner: (self.bind)(provided, limit), bus: PhantomData }
    }
}

impl Entry<Bus> {
    /// The asynchronous handler `H` of `M`.
    pub const fn asynchronous<M: Message, H: AsyncHandler<M, Needs: Resolve>>() -> Self {
        Entry::new::<M>(Function::asynchronous::<M, H>(), Inside::asynchronous::<M, H>(), bind::<H::Needs>)
    }
}

/// `None` if `M` has one handler.
const fn event_of<M: Message>() -> Option<fn() -> TypeId> {
    if M::FACTS.kind.has_one_handler() { None } else { Some(event::<M>) }
}

/// The type of an event.
///
/// # Panics
/// If `M` says that it is an event, and its handlers do not return what those of an [`Event`] do.
///
/// [`Event`]: crate::Event
fn event<M: Message>() -> TypeId {
    let is_event =
        TypeId::of::<(M::Reply, M::Error, M::Failure)>() == TypeId::of::<((), AnyError, SubscriberFailure)>();
    assert!(is_event, "`{}` is not an event: derive `Event`", M::FACTS.type_name);
    TypeId::of::<M>()
}

/// One function for all handlers that need the same, not one for each.
fn bind<N: Resolve>(provided: &Provided, limit: Limit) -> Owner {
    Arc::new(Bound { needs: N::resolve(provided), limit })
}

impl<B: Flavor> Handler<B> {
    /// The synchronous handler `H` of `M`, with what it needs.
    pub(crate) fn sync<M: Message, H: SyncHandler<M, Bus: On<B>>>(needs: H::Needs, limit: Limit) -> Self {
        Handler::new::<M>(Function::sync::<M, H>(), Inside::sync::<M, H>(), Arc::new(Bound { needs, limit }))
    }

    fn new<M: Message>(function: Function, inside: Inside, owner: Owner) -> Self {
        Handler { function, inside, event: event_of::<M>(), place: Place::of::<M>(), owner, bus: PhantomData }
    }
}

impl Handler<Bus> {
    /// The asynchronous handler `H` of `M`, with what it needs.
    pub(crate) fn asynchronous<M: Message, H: AsyncHandler<M>>(needs: H::Needs, limit: Limit) -> Self {
        Handler::new::<M>(
            Function::asynchronous::<M, H>(),
            Inside::asynchronous::<M, H>(),
            Arc::new(Bound { needs, limit }),
        )
    }
}
