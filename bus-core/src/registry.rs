//! What linking collected: the messages, handlers and module lists that the macros wrote down.

#![allow(missing_docs, reason = "written and read by macros only")]

mod module;
mod source;

use std::{collections::HashSet, fmt};

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
    /// The list as it is written: `users`, `!kit`.
    pub written: &'static [&'static str],
    /// The crates that the list names, as far as it is certain what they were compiled as.
    pub declared: &'static [ModuleName],
    /// The crates that the manifest has, that depend on linkbus, and that the list does not mention.
    pub unnamed: &'static [ModuleName],
}

/// A crate on a list.
#[derive(Clone, Copy)]
pub struct ModuleName {
    /// The name that the manifest beside the list gives it.
    pub name: &'static str,
    /// The name that it was compiled with, which is the one in its module paths.
    pub crate_name: &'static str,
}

impl fmt::Debug for HandlerRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.facts.fmt(f)
    }
}

/// All messages that were linked into the program.
pub(crate) fn linked_messages() -> impl Iterator<Item = &'static MessageFacts> {
    source::linked().filter_map(|registration| match registration {
        Registration::Message(facts) => Some(*facts),
        _ => None,
    })
}

/// The part of the registry that a bus is built from.
pub(crate) struct Collected {
    pub(crate) messages: Vec<&'static MessageFacts>,
    pub(crate) handlers: Vec<&'static HandlerRegistration>,
    pub(crate) module_lists: Vec<ModuleList>,
}

impl Collected {
    /// Sorts `registrations` by kind and, because linking keeps no order, by module path and line; by name what a macro
    /// wrote onto one line.
    fn from(registrations: impl IntoIterator<Item = &'static Registration>) -> Self {
        let mut collected = Collected { messages: Vec::new(), handlers: Vec::new(), module_lists: Vec::new() };
        for registration in registrations {
            match registration {
                Registration::Message(facts) => collected.messages.push(facts),
                Registration::Handler(handler) => collected.handlers.push(handler),
                Registration::Modules(list) => collected.module_lists.push(*list),
            }
        }
        collected.messages.sort_by_key(|facts| (order(&facts.location), facts.type_name));
        collected.handlers.sort_by_key(|handler| (order(&handler.facts.location), handler.facts.name));
        collected.module_lists.sort_by_key(|list| order(&list.location));
        collected
    }

    /// Everything that was linked into the program.
    pub(crate) fn everything() -> Self {
        Collected::from(source::linked())
    }

    /// What belongs to `modules`. A handler is known by its place, so one that is in several of them counts once.
    pub(crate) fn of<'a>(modules: impl Iterator<Item = &'a Module>) -> Self {
        let mut collected = Collected::from(modules.flat_map(Module::registrations));
        let mut known = HashSet::new();
        collected.handlers.retain(|handler| known.insert((handler.facts.location, handler.facts.name)));
        collected
    }

    /// The crates that something arrived from, be it only a list of modules.
    pub(crate) fn crates(&self) -> impl Iterator<Item = &'static str> {
        let messages = self.messages.iter().map(|facts| facts.location);
        let handlers = self.handlers.iter().map(|handler| handler.facts.location);
        let lists = self.module_lists.iter().map(|list| list.location);
        messages.chain(handlers).chain(lists).map(|location| location.crate_name())
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
