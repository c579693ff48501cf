//! A handler that was found, ready to be called.

use std::{marker::PhantomData, mem::transmute, ptr::fn_addr_eq};

use super::{
    function::{AsyncCall, Returned, SyncCall},
    inner::Inner,
    opaque::Opaque,
};
use crate::{
    bus::Bus,
    depth::Limit,
    flavor::Flavor,
    handler::{Outcome, Running},
    layer::Layered,
    message::Message,
};

/// The layers around `M`.
pub(crate) struct Around<'a, M, B: Flavor> {
    /// Found in the slot of `M` in `calls`.
    layered: &'a Layered<B>,
    message: PhantomData<fn(M)>,
}

impl<'a, M: Message, B: Flavor> Around<'a, M, B> {
    /// # Safety
    /// `layered` was found in the slot of `M` in `calls`.
    #[inline]
    pub(super) unsafe fn new(layered: &'a Layered<B>) -> Self {
        Around { layered, message: PhantomData }
    }

    /// The layers, and the handler inside them if it is synchronous, does not ask for its context,
    /// and nothing is around it but observers.
    #[inline]
    pub(crate) fn parts(self) -> (&'a Layered<B>, Option<Called<'a, SyncCall<M>, B>>) {
        let handler = self.layered.observed().and_then(Inner::sync_function).map(|(call, bound)| {
            // SAFETY: `Table::add_layered` puts what is inside the layers of a message in the slot of that message, so
            // this is the function of a handler of `M`, and synchronous: see `Handler`. `bound` is of the same handler.
            let call = unsafe { transmute::<fn(), SyncCall<M>>(call) };
            Called { call, bound, bus: PhantomData }
        });
        (self.layered, handler)
    }
}

/// An asynchronous handler, with the limit if it has a way to dispatch.
pub(crate) type Limited<'a, M> = (Called<'a, AsyncCall<M>, Bus>, Option<&'a Limit>);

/// The function of a handler on a bus of the type `B`, and what it was bound to.
pub(crate) struct Called<'a, F, B> {
    pub(super) call: F,
    pub(super) bound: Opaque<'a>,
    pub(super) bus: PhantomData<fn(&B)>,
}

impl<M: Message, B: Flavor> Called<'_, SyncCall<M>, B> {
    #[inline]
    pub(crate) fn call(self, bus: &B, message: M) -> Outcome<M> {
        if let Some(linked) = M::linked().filter(|linked| fn_addr_eq(linked.call, self.call)) {
            // SAFETY: as below, for it is `self.call`, by a name that the compiler can follow once it sees the whole program.
            return unsafe { (linked.call)(self.bound, Opaque::of(bus), message) };
        }
        // SAFETY: `bound` and `call` are of one slot, so of one handler, and a table of the bus type `B` has only handlers
        // that are `On<B>`: see `Handler`.
        unsafe { (self.call)(self.bound, Opaque::of(bus), message) }
    }
}

impl<'a, M: Message> Called<'a, AsyncCall<M>, Bus> {
    #[inline]
    pub(crate) fn start(self, limit: Option<&'a Limit>, bus: &'a Bus, message: M) -> Running<'a, Returned<M>> {
        let future = match M::linked().filter(|linked| fn_addr_eq(linked.start, self.call)) {
            // SAFETY: as below, for it is `self.call`, by a name that the compiler can follow once it sees the whole program.
            Some(linked) => unsafe { (linked.start)(self.bound, Opaque::of(bus), message) },
            // SAFETY: `bound` and `call` are of one slot, so of one handler, and the bus is a `Bus`.
            None => unsafe { (self.call)(self.bound, Opaque::of(bus), message) },
        };
        Running { future, message: M::FACTS, limit }
    }
}
