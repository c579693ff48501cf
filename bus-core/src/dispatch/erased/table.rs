//! How a bus remembers its handlers.

use std::{marker::PhantomData, mem::transmute, sync::Arc};

use super::{
    called::{Called, Limited},
    entry::{Handler, Owner},
    function::{AsyncCall, Function, SyncCall},
    inner::Inner,
    opaque::Opaque,
    publication::Publication,
    slot::{Slot, Subscribers},
};
use crate::{
    bus::Bus,
    depth::Limit,
    flavor::Flavor,
    layer::{Chain, Layered},
    message::{Event, Message, MessageFacts, OneHandler},
};

/// What a bus calls: each handler in the place of its message. [`Handler`] says how the types are kept.
pub(crate) struct Table<B: Flavor> {
    /// The messages with one handler.
    calls: Vec<Option<Slot>>,
    events: Vec<Subscribers>,
    /// The layers around events.
    layered_events: Vec<Option<Box<Layered<B>>>>,
    /// What the slots point into: never given away, never dropped before the table.
    owners: Vec<Owner>,
    limit: Limit,
    bus: PhantomData<fn(&B)>,
}

impl<B: Flavor> Table<B> {
    /// How deep the bus lets dispatches be nested.
    #[cfg(feature = "transport")]
    pub(crate) fn limit(&self) -> Limit {
        self.limit
    }

    pub(crate) fn new(limit: Limit) -> Self {
        let (calls, events, layered_events, owners) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Table { calls, events, layered_events, owners, limit, bus: PhantomData }
    }

    /// Adds a handler: the last one of a message that has one handler, a further one of an event.
    ///
    /// # Panics
    /// If the message says that it is an event and is not, which no derived one does.
    pub(crate) fn add(&mut self, handler: Handler<B>) {
        let place = handler.place.assign();
        let slot = Slot::new(handler.function, &handler.owner);
        self.owners.push(handler.owner);
        let Some(event) = handler.event else {
            at(&mut self.calls, place).replace(slot);
            return;
        };
        let subscribers = at(&mut self.events, place);
        subscribers.event = Some(event());
        subscribers.slots.push(slot);
    }

    /// Adds the handler of a message that has one handler, with layers around it.
    pub(crate) fn add_layered(&mut self, handler: Handler<B>, chain: Chain<B>) {
        let place = handler.place.assign();
        let inner = Inner::handler(&handler, self.limit);
        self.owners.push(handler.owner);
        self.put_layered(place, chain.around(inner));
    }

    /// Puts layers around the subscribers of an event, after they were added, or around a message that has no handler.
    pub(crate) fn layer(&mut self, message: &'static MessageFacts, chain: Chain<B>) {
        let place = message.place.assign();
        if message.kind.has_one_handler() {
            return self.put_layered(place, chain.around(Inner::nobody(self.limit)));
        }
        let subscribers = std::mem::take(at(&mut self.events, place));
        let layered = chain.around(Inner::subscribers(subscribers, self.limit));
        at(&mut self.layered_events, place).replace(Box::new(layered));
    }

    fn put_layered(&mut self, place: usize, layered: Layered<B>) {
        let owner: Owner = Arc::new(layered);
        at(&mut self.calls, place).replace(Slot::new(Function::Layered, &owner));
        self.owners.push(owner);
    }

    /// The handler of `M`, if it is synchronous and has no layers.
    #[inline]
    pub(crate) fn plain<M: Message>(&self) -> Option<Called<'_, SyncCall<M>, B>> {
        match self.calls.get(M::index().number()) {
            Some(&Some(Slot { function: Function::Sync(call), bound })) => {
                // SAFETY: of the slot of `M` in `calls` and synchronous, so it has the type `SyncCall<M>`: see `Handler`.
                let call = unsafe { transmute::<fn(), SyncCall<M>>(call) };
                Some(Called { call, bound, bus: PhantomData })
            }
            _ => None,
        }
    }

    /// The layers around `M`, if there are any.
    #[inline]
    pub(crate) fn around<M: OneHandler>(&self) -> Option<&Layered<B>> {
        self.layered_call(M::index().number())
    }

    #[inline]
    fn layered_call(&self, place: usize) -> Option<&Layered<B>> {
        match *self.calls.get(place)?.as_ref()? {
            // SAFETY: a slot with the variant `Layered` is made by `put_layered` only, and its owner is a `Layered<B>`.
            Slot { function: Function::Layered, bound } => Some(unsafe { bound.get::<Layered<B>>() }),
            Slot { function: Function::Sync(_) | Function::Async(..), .. } => None,
        }
    }

    /// The layers around `E`, if there are any.
    #[inline]
    pub(crate) fn layered_event<E: Event>(&self) -> Option<&Layered<B>> {
        self.layered_events.get(E::index().number())?.as_deref()
    }

    /// The layers around a message whose type is known at run time only, if there are any.
    pub(crate) fn layered(&self, message: &MessageFacts) -> Option<&Layered<B>> {
        let place = message.place.number();
        if message.kind.has_one_handler() {
            self.layered_call(place)
        } else {
            self.layered_events.get(place)?.as_deref()
        }
    }

    /// The subscribers of `E`, to be called with `event` on `bus`; none if there are layers around `E`.
    #[inline]
    pub(crate) fn subscribers<'a, E: Event>(&'a self, bus: &'a B, event: &'a E) -> Publication<'a> {
        let slots = self.events.get(E::index().number()).map_or(&[][..], |subscribers| &subscribers.slots);
        Publication { slots, bus: Opaque::of(bus), event: Opaque::of(event), limit: &self.limit, message: E::FACTS }
    }
}

impl Table<Bus> {
    /// The handler of `M`, if it is asynchronous and has no layers.
    #[inline]
    pub(crate) fn asynchronous<M: Message>(&self) -> Option<Limited<'_, M>> {
        match self.calls.get(M::index().number()) {
            Some(&Some(Slot { function: Function::Async(call, may_dispatch), bound })) => {
                // SAFETY: of the slot of `M` in `calls` and asynchronous, so it has the type `AsyncCall<M>`: see `Handler`.
                let call = unsafe { transmute::<fn(), AsyncCall<M>>(call) };
                Some((Called { call, bound, bus: PhantomData }, may_dispatch.then_some(&self.limit)))
            }
            _ => None,
        }
    }
}

/// The element at `place`, behind as many new ones as it takes.
fn at<T: Default>(elements: &mut Vec<T>, place: usize) -> &mut T {
    if place >= elements.len() {
        elements.resize_with(place + 1, T::default);
    }
    &mut elements[place]
}
