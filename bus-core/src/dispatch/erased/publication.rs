//! An event on its way to its subscribers.

use std::mem::transmute;

use super::{function::Function, opaque::Opaque, slot::Slot};
use crate::{
    depth::Limit,
    error::{AnyError, SubscriberFailure},
    handler::{BoxFuture, Running, may_enter},
    message::MessageFacts,
};

/// An event and its subscribers. It has no type parameters: how subscribers are run is compiled once.
#[derive(Clone, Copy)]
pub(crate) struct Publication<'a> {
    /// The slots of the event's type in `events`.
    pub(super) slots: &'a [Slot],
    /// Made from a bus of the type whose table has the slots.
    pub(super) bus: Opaque<'a>,
    /// Made from a value of the type `E` of the slots, whose `E::Failure` is `SubscriberFailure` and whose `Returned<E>` is
    /// `Result<(), AnyError>`: `Table::add` takes no others.
    pub(super) event: Opaque<'a>,
    pub(super) limit: &'a Limit,
    pub(super) message: &'static MessageFacts,
}

/// How a subscriber goes on when it was called.
pub(crate) enum Notify<'a> {
    Done(Result<(), Box<SubscriberFailure>>),
    Later(Running<'a, Result<(), AnyError>>),
}

type SyncSubscriber<'a> = unsafe fn(Opaque<'a>, Opaque<'a>, Opaque<'a>) -> Result<(), Box<SubscriberFailure>>;
type AsyncSubscriber<'a> = unsafe fn(Opaque<'a>, Opaque<'a>, Opaque<'a>) -> BoxFuture<'a, Result<(), AnyError>>;

impl<'a> Publication<'a> {
    /// How many subscribers there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Calls the subscriber in this place, if there is one and it is synchronous.
    #[inline]
    pub(crate) fn notify_sync(&self, place: usize) -> Option<Result<(), Box<SubscriberFailure>>> {
        #[cfg(feature = "testing")]
        let _turn = crate::publish::Turn::of(place);
        match *self.slots.get(place)? {
            Slot { function: Function::Sync(function), bound } => {
                // SAFETY: of a slot in `events` of the type that `event` has, and synchronous: see `Handler`. `bound` is of
                // the same slot, and the table is that of `bus`.
                Some(unsafe { transmute::<fn(), SyncSubscriber<'a>>(function)(bound, self.bus, self.event) })
            }
            Slot { function: Function::Async(..) | Function::Layered, .. } => None,
        }
    }

    /// Calls the subscriber in this place.
    pub(crate) fn notify(&self, place: usize) -> Notify<'a> {
        match self.slots[place] {
            Slot { function: Function::Async(function, may_dispatch), bound } => {
                let limit = may_dispatch.then_some(self.limit);
                if let Err(limit) = may_enter(self.message, limit) {
                    return Notify::Done(Err(Box::new(SubscriberFailure::RecursionLimit(limit))));
                }
                // SAFETY: of a slot in `events` of the type that `event` has, and asynchronous: see `Handler`. `bound` is of
                // the same slot, and the table is that of `bus`, which is a `Bus` where there is an asynchronous handler.
                let future = unsafe { transmute::<fn(), AsyncSubscriber<'a>>(function)(bound, self.bus, self.event) };
                Notify::Later(Running { future, message: self.message, limit })
            }
            _ => Notify::Done(self.notify_sync(place).expect("it is there and synchronous")),
        }
    }
}
