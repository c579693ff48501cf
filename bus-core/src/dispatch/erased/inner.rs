//! What is inside all layers of a message.

use std::{any::TypeId, marker::PhantomData};

use super::{entry::Handler, inside::Inside, opaque::Opaque, publication::Publication, slot::Subscribers};
use crate::{
    bus::Bus,
    context::Context,
    depth::Limit,
    flavor::Flavor,
    handler::{Running, may_enter},
    layer::{ErasedPayload, LayerFailure, Particulars, SubscriberLimits},
    message::{Message, MessageFacts},
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
    pub(crate) fn of<M: Message>(message: &'a M) -> Self {
        Lent { event: Opaque::of(message), type_id: TypeId::of::<M>(), message: M::FACTS }
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
    pub(crate) fn call(&self, bus: &SyncBus, payload: &mut (dyn ErasedPayload + 'static)) {
        match &self.kind {
            // SAFETY: `inside` and `bound` are of one handler, put on a table of the bus type `SyncBus`: see `Handler`.
            InnerKind::Handler(Inside::Sync(inside), bound) => unsafe { inside(*bound, Opaque::of(bus), payload) },
            _ => self.call_others(bus, payload),
        }
    }

    /// Out of line, so that the usual call has fewer registers to save.
    #[inline(never)]
    fn call_others(&self, bus: &SyncBus, payload: &mut (dyn ErasedPayload + 'static)) {
        match &self.kind {
            InnerKind::Nobody => payload.fail(LayerFailure::NoHandler),
            InnerKind::Handler(Inside::Sync(_), _) => unreachable!("it is called in line"),
            InnerKind::Handler(Inside::Async(..), _) => {
                unreachable!("there are no asynchronous handlers on a `SyncBus`")
            }
            InnerKind::Subscribers(_) => {
                let Particulars { only_subscriber, context, .. } = *payload.particulars();
                let publication = payload.lend().and_then(|event| self.publication(bus, &event, only_subscriber));
                let Some(publication) = publication else { return };
                let _caused = context.as_ref().map(Context::enter);
                let failures = publish::in_turn(&publication).map_or_else(Vec::new, |round| round.failures);
                publish::put(failures, only_subscriber.unwrap_or_default(), payload, bus.wiring());
            }
        }
    }
}

impl Inner<Bus> {
    /// Runs the handler or the subscribers with what is in `payload`, and puts the outcome there.
    pub(crate) async fn run(
        &self,
        bus: &Bus,
        payload: &mut (dyn ErasedPayload + 'static),
        limits: Option<&SubscriberLimits<'_>>,
    ) {
        match &self.kind {
            InnerKind::Nobody => payload.fail(LayerFailure::NoHandler),
            // SAFETY: `inside` and `bound` are of one handler, put on a table of the bus type `Bus`: see `Handler`.
            InnerKind::Handler(Inside::Sync(inside), bound) => unsafe { inside(*bound, Opaque::of(bus), payload) },
            InnerKind::Handler(Inside::Async(inside, may_dispatch), bound) => {
                let (message, limit) = (payload.facts(), may_dispatch.then_some(&self.limit));
                if let Err(limit) = may_enter(message, limit) {
                    return payload.fail(LayerFailure::RecursionLimit(limit));
                }
                // SAFETY: `inside` and `bound` are of one handler, and the bus is a `Bus`.
                let future = unsafe { inside(*bound, Opaque::of(bus), payload) };
                Running { future, message, limit }.await;
            }
            InnerKind::Subscribers(_) => {
                let Particulars { only_subscriber, context, .. } = *payload.particulars();
                let publication = payload.lend().and_then(|event| self.publication(bus, &event, only_subscriber));
                let Some(publication) = publication else { return };
                let first = only_subscriber.unwrap_or_default();
                let limits = limits.map(|limits| limits.from(first));
                let failures = publish::caused_by(context, async {
                    match publish::in_turn(&publication) {
                        None => Vec::new(),
                        Some(round) => round.finish(&publication, limits.as_ref()).await,
                    }
                })
                .await;
                publish::put(failures, first, payload, bus.wiring());
            }
        }
    }
}
