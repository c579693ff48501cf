//! What linking collected: the messages, handlers and module lists that the macros wrote down.

#![allow(missing_docs, reason = "written and read by macros only")]

mod module;
mod source;

use std::fmt;

pub use self::{module::Module, source::*};
use crate::{
    bus::Bus,
    dispatch::Entry,
    flavor::Flavor,
    handler::HandlerFacts,
    message::{Location, MessageFacts},
    sync_bus::SyncBus,
};

/// One entry of the registry. Written by the macros.
pub enum Registration {
    /// `#[derive(Query)]` and the like.
    Message(&'static MessageFacts),
    /// `#[handler]`.
    Handler(HandlerRegistration),
    /// `linkbus::modules!`.
    Modules(ModuleList),
}

/// A handler and the buses that it can be put on.
pub struct HandlerRegistration {
    pub facts: HandlerFacts,
    pub on_bus: Option<Entry<Bus>>,
    pub on_sync_bus: Option<Entry<SyncBus>>,
}

/// What `linkbus::modules!` was told, and what it read in the manifest beside it.
#[derive(Clone, Copy)]
pub struct ModuleList {
    pub location: Location,
    /// The crates that the list names.
    pub declared: &'static [&'static str],
    /// The crates that the manifest has, that depend on linkbus, and that the list does not name.
    pub unnamed: &'static [&'static str],
}

impl fmt::Debug for HandlerRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.facts.fmt(f)
    }
}

/// The part of the registry that a bus is built from.
pub(crate) struct Collected {
    pub(crate) messages: Vec<&'static MessageFacts>,
    pub(crate) handlers: Vec<&'static HandlerRegistration>,
    pub(crate) module_lists: Vec<ModuleList>,
}

impl Collected {
    /// Sorts `registrations` by kind and, because linking keeps no order, by module path and line.
    fn from(registrations: impl IntoIterator<Item = &'static Registration>) -> Self {
        let mut collected = Collected { messages: Vec::new(), handlers: Vec::new(), module_lists: Vec::new() };
        for registration in registrations {
            match registration {
                Registration::Message(facts) => collected.messages.push(facts),
                Registration::Handler(handler) => collected.handlers.push(handler),
                Registration::Modules(list) => collected.module_lists.push(*list),
            }
        }
        collected.messages.sort_by_key(|facts| order(&facts.location));
        collected.handlers.sort_by_key(|handler| order(&handler.facts.location));
        collected.module_lists.sort_by_key(|list| order(&list.location));
        collected
    }

    /// Everything that was linked into the program.
    pub(crate) fn everything() -> Self {
        Collected::from(source::linked())
    }

    /// What belongs to `modules`, each counted once.
    pub(crate) fn of(modules: &[Module]) -> Self {
        Collected::from(modules.iter().flat_map(Module::registrations))
    }

    /// The crates that something arrived from.
    pub(crate) fn crates(&self) -> impl Iterator<Item = &'static str> {
        let messages = self.messages.iter().map(|facts| facts.location);
        messages.chain(self.handlers.iter().map(|handler| handler.facts.location)).map(|location| location.crate_name())
    }
}

fn order(location: &Location) -> (&'static str, u32) {
    (location.module, location.line)
}

impl HandlerRegistration {
    pub(crate) fn entry<B: Flavor>(&self) -> Option<&Entry<B>> {
        B::entry(self)
    }
}
