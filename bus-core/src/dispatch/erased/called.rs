//! A handler that was found, ready to be called.

use std::{marker::PhantomData, ptr::fn_addr_eq};

use super::{
    function::{AsyncCall, Returned, SyncCall},
    opaque::Opaque,
};
use crate::{
    bus::Bus,
    depth::Limit,
    flavor::Flavor,
    handler::{Outcome, Running},
    message::Message,
};

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
        if cfg!(feature = "strict-link")
            && let Some(linked) = M::linked()
            && fn_addr_eq(linked.call, self.call)
        {
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
        let linked = if cfg!(feature = "strict-link") { M::linked() } else { None };
        let future = match linked.filter(|linked| fn_addr_eq(linked.start, self.call)) {
            // SAFETY: as below, for it is `self.call`, by a name that the compiler can follow once it sees the whole program.
            Some(linked) => unsafe { (linked.start)(self.bound, Opaque::of(bus), message) },
            // SAFETY: `bound` and `call` are of one slot, so of one handler, and the bus is a `Bus`.
            None => unsafe { (self.call)(self.bound, Opaque::of(bus), message) },
        };
        Running { future, message: M::FACTS, limit }
    }
}
