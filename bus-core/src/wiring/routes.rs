use std::marker::PhantomData;

use super::Wiring;
use crate::{
    dispatch::{Family, Table, TableBuilder},
    flavor::Flavor,
    handler::HandlerFacts,
    message::Message,
};

/// The messages with one handler.
pub(crate) struct One<B>(PhantomData<fn() -> B>);

impl<B: Flavor> Family for One<B> {
    type Entry<M: Message> = B::Call<M>;
}

/// The events and their subscribers, in subscription order.
pub(crate) struct Many<B>(PhantomData<fn() -> B>);

impl<B: Flavor> Family for Many<B> {
    type Entry<M: Message> = Vec<Subscriber<B::Notify<M>>>;
}

/// One subscriber of an event.
pub struct Subscriber<N> {
    pub(crate) facts: HandlerFacts,
    pub(crate) notify: N,
}

/// The routes of a bus while it is assembled.
pub struct Routes<B: Flavor> {
    calls: TableBuilder<One<B>>,
    events: TableBuilder<Many<B>>,
}

impl<B: Flavor> Routes<B> {
    pub(crate) fn new() -> Self {
        Routes { calls: TableBuilder::new(), events: TableBuilder::new() }
    }

    pub(crate) fn set_handler<M: Message>(&mut self, call: B::Call<M>) {
        self.calls.entry::<M>(|| call);
    }

    pub(crate) fn add_subscriber<M: Message>(&mut self, facts: HandlerFacts, notify: B::Notify<M>) {
        self.events.entry::<M>(Vec::new).push(Subscriber { facts, notify });
    }

    pub(crate) fn finish(self, wiring: Wiring, max_depth: u32) -> Core<B> {
        Core { calls: self.calls.finish(), events: self.events.finish(), wiring, max_depth }
    }
}

/// What a bus is: its routes, and what is known about them. Never changed once it is made.
pub struct Core<B: Flavor> {
    pub(crate) calls: Table<One<B>>,
    pub(crate) events: Table<Many<B>>,
    pub(crate) wiring: Wiring,
    pub(crate) max_depth: u32,
}
