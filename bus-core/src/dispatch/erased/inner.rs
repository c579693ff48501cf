//! What is inside all layers of a message.

use std::{
    any::{Any, TypeId},
    marker::PhantomData,
};

use super::{
    entry::Handler,
    inside::{Inside, Wants},
    opaque::Opaque,
    publication::Publication,
    slot::Subscribers,
};
#[cfg(feature = "testing")]
use crate::testing::Double;
use crate::{
    bus::Bus,
    context::Context,
    depth::{Frame, Limit},
    flavor::Flavor,
    handler::{BoxFuture, Running, may_enter},
    layer::{ErasedPayload, LayerFailure, Particulars, SubscriberLimits},
    message::MessageFacts,
    publish,
    sync_bus::SyncBus,
};

/// What is inside all layers of a message. It is kept in the table that has the owners of what it points into.
pub(crate) struct Inner<B> {
    kind: InnerKind,
    limit: Limit,
    bus: PhantomData<fn(&B)>,
}

enum InnerKind {
    /// The message has no handler on this bus.
    Nobody,
    Handler(Inside, Opaque<'static>),
    Subscribers(Subscribers),
}

/// An event whose type is known at run time only.
pub(crate) struct Lent<'a> {
    event: Opaque<'a>,
    /// That of what `event` was made from.
    type_id: TypeId,
    message: &'static MessageFacts,
}

impl<'a> Lent<'a> {
    pub(crate) fn of(event: &'a (dyn Any + Send + Sync), message: &'static MessageFacts) -> Self {
        Lent { event: Opaque::of_any(event), type_id: event.type_id(), message }
    }
}

impl<B: Flavor> Inner<B> {
    /// For a message that has no handler on this bus.
    pub(super) fn nobody(limit: Limit) -> Self {
        Inner::new(InnerKind::Nobody, limit)
    }

    /// For a handler whose owner goes to the same table.
    pub(super) fn handler(handler: &Handler<B>, limit: Limit) -> Self {
        Inner::new(InnerKind::Handler(handler.inside, Opaque::of_owned(&handler.owner)), limit)
    }

    /// For subscribers whose owners are in the same table.
    pub(super) fn subscribers(subscribers: Subscribers, limit: Limit) -> Self {
        Inner::new(InnerKind::Subscribers(subscribers), limit)
    }

    /// Whether it is a synchronous handler.
    pub(crate) fn is_sync_handler(&self) -> bool {
        matches!(self.kind, InnerKind::Handler(Inside::Sync(..), _))
    }

    /// Calls the handler with what is in `payload`, if it is synchronous, and puts the outcome there; says if it is.
    ///
    /// All that needs no types is done here, because `inside` is compiled for each handler.
    #[inline]
    pub(crate) fn call_handler(&self, bus: &B, payload: &mut ErasedPayload) -> bool {
        let InnerKind::Handler(Inside::Sync(inside, wants), bound) = self.kind else { return false };
        // SAFETY: `inside` and `bound` are of one handler, put on a table of the bus type `B`: see `Handler`.
        let call = |payload: &mut ErasedPayload| unsafe { inside(bound, Opaque::of(bus), payload) };
        let was_there = match wants {
            Wants { context: false, way_out: false } if payload.particulars().context.is_none() => call(payload),
            _ => self.call_equipped(wants, payload, call),
        };
        if !was_there {
            payload.gone();
        }
        true
    }

    /// Calls a handler with what it wants, or one whose dispatch has an identity; says whether the message was there. Out of
    /// line, so that the others have fewer registers to save.
    #[inline(never)]
    fn call_equipped(
        &self,
        wants: Wants,
        payload: &mut ErasedPayload,
        call: impl FnOnce(&mut ErasedPayload) -> bool,
    ) -> bool {
        let _caused = payload.cause();
        let _offered = wants.context.then(|| payload.offer());
        match wants.way_out.then(|| Frame::enter_any(payload.facts(), self.limit)).transpose() {
            Ok(_frame) => call(payload),
            Err(_) if payload.message().is_none() => false,
            Err(limit) => {
                payload.fail(LayerFailure::RecursionLimit(limit));
                true
            }
        }
    }

    /// For a message that a double answers.
    #[cfg(feature = "testing")]
    pub(crate) fn of_double() -> Self {
        Inner::nobody(Limit::new(crate::depth::DEFAULT_MAX_DEPTH))
    }

    /// What answers in the place of the handlers, if there are none.
    #[cfg(feature = "testing")]
    fn double<'a>(&self, bus: &'a B) -> Option<&'a Double<B>> {
        let is_empty = match &self.kind {
            InnerKind::Nobody => true,
            InnerKind::Handler(..) => false,
            InnerKind::Subscribers(subscribers) => subscribers.slots.is_empty(),
        };
        bus.core().double.as_ref().filter(|_| is_empty)
    }

    fn new(kind: InnerKind, limit: Limit) -> Self {
        Inner { kind, limit, bus: PhantomData }
    }

    /// For all subscribers, or for the one in the place `only`.
    fn publication<'a>(&'a self, bus: &'a B, event: &Lent<'a>, only: Option<usize>) -> Option<Publication<'a>> {
        let InnerKind::Subscribers(subscribers) = &self.kind else { return None };
        let slots = match subscribers.event {
            Some(known) => {
                assert!(known == event.type_id, "the payload of another event");
                &subscribers.slots[..]
            }
            None => &[],
        };
        let slots = only.map_or(slots, |only| slots.get(only..=only).unwrap_or_default());
        Some(Publication {
            slots,
            bus: Opaque::of(bus),
            event: event.event,
            limit: &self.limit,
            message: event.message,
        })
    }
}

impl Inner<SyncBus> {
    /// Calls the handler or the subscribers with what is in `payload`, and puts the outcome there.
    #[inline]
    pub(crate) fn call(&self, bus: &SyncBus, payload: &mut ErasedPayload) {
        if !self.call_handler(bus, payload) {
            self.call_others(bus, payload);
        }
    }

    /// Out of line, so that the usual call has fewer registers to save.
    #[inline(never)]
    fn call_others(&self, bus: &SyncBus, payload: &mut ErasedPayload) {
        #[cfg(feature = "testing")]
        if let Some(double) = self.double(bus) {
            return double.answer(payload);
        }
        match &self.kind {
            InnerKind::Nobody => payload.fail(LayerFailure::NoHandler),
            InnerKind::Handler(Inside::Sync(..), _) => unreachable!("it is called in line"),
            InnerKind::Handler(Inside::Async(..), _) => {
                unreachable!("there are no asynchronous handlers on a `SyncBus`")
            }
            InnerKind::Subscribers(_) => {
                let Particulars { only_subscriber, context, .. } = *payload.particulars();
                let publication = payload.lend().and_then(|event| self.publication(bus, &event, only_subscriber));
                let Some(publication) = publication else { return payload.gone() };
                let _caused = context.as_ref().map(Context::enter);
                let failures = publish::in_turn(&publication).map_or_else(Vec::new, |round| round.failures);
                publish::put(failures, only_subscriber.unwrap_or_default(), payload, bus.wiring());
            }
        }
    }
}

impl Inner<Bus> {
    /// Calls the handler or the subscribers with what is in `payload`, where the outcome goes; gives what is left to be
    /// waited for.
    pub(crate) fn start<'a>(
        &'a self,
        bus: &'a Bus,
        payload: &'a mut ErasedPayload,
        limits: Option<&'a SubscriberLimits<'a>>,
    ) -> Option<Running<'a, ()>> {
        #[cfg(feature = "testing")]
        if let Some(double) = self.double(bus) {
            return double.answer_async(payload);
        }
        match self.kind {
            InnerKind::Nobody => payload.fail(LayerFailure::NoHandler),
            InnerKind::Handler(Inside::Sync(..), _) => _ = self.call_handler(bus, payload),
            InnerKind::Handler(Inside::Async(inside, may_dispatch), bound) => {
                let (message, limit) = (payload.facts(), may_dispatch.then_some(&self.limit));
                if let Err(limit) = may_enter(message, limit) {
                    payload.fail(LayerFailure::RecursionLimit(limit));
                    return None;
                }
                // SAFETY: `inside` and `bound` are of one handler, and the bus is a `Bus`.
                let future = unsafe { inside(bound, Opaque::of(bus), payload) };
                return Some(Running { future, message, limit });
            }
            InnerKind::Subscribers(_) => return self.publish(bus, payload, limits),
        }
        None
    }

    fn publish<'a>(
        &'a self,
        bus: &'a Bus,
        payload: &'a mut ErasedPayload,
        limits: Option<&'a SubscriberLimits<'a>>,
    ) -> Option<Running<'a, ()>> {
        let message = payload.facts();
        let Particulars { only_subscriber, context, .. } = *payload.particulars();
        let first = only_subscriber.unwrap_or_default();
        let publication = payload.lend().and_then(|event| self.publication(bus, &event, only_subscriber));
        let Some(publication) = publication else {
            payload.gone();
            return None;
        };
        let in_turn = {
            let _caused = context.as_ref().map(Context::enter);
            publish::in_turn(&publication)
        };
        let Some(round) = in_turn else {
            publish::put(Vec::new(), first, payload, bus.wiring());
            return None;
        };
        let future: BoxFuture<'a, ()> = Box::pin(async move {
            let publication = payload.lend().and_then(|event| self.publication(bus, &event, only_subscriber));
            let Some(publication) = publication else { return payload.gone() };
            let limits = limits.map(|limits| limits.from(first));
            let failures = publish::caused_by(context, round.finish(&publication, limits.as_ref())).await;
            publish::put(failures, first, payload, bus.wiring());
        });
        Some(Running { future, message, limit: None })
    }
}
