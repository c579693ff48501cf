//! What a bus must fulfil. One function a rule; each finds all of its faults.

use std::{
    any::TypeId,
    collections::{BTreeMap, HashMap, HashSet},
};

use super::{
    Fault, Plan,
    plan::{Origin, Planned},
};
use crate::{flavor::Flavor, handler::HandlerFacts, message::MessageFacts, registry::ModuleList};

/// Everything that is wrong with `plan`, sorted by code.
pub(super) fn faults<B: Flavor>(plan: &Plan<B>) -> Vec<Fault> {
    let mut faults = Vec::new();
    handler_counts(plan, &mut faults);
    missing_dependencies(plan, &mut faults);
    shared_names(plan, &mut faults);
    unfit_handlers(plan, &mut faults);
    modules(plan, &mut faults);
    empty_registry(plan, &mut faults);
    idle_replacements(plan, &mut faults);
    provided_twice(plan, &mut faults);
    faults.sort_by_key(Fault::code);
    faults
}

fn handler_counts<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    for route in plan.routes().into_iter().filter(|route| route.message.kind.has_one_handler()) {
        match route.handlers.len() {
            0 if plan.partial => {}
            0 => faults.push(Fault::MissingHandler { message: route.message }),
            1 => {}
            _ => faults.push(Fault::DuplicateHandler { message: route.message, handlers: route.handlers }),
        }
    }
}

fn missing_dependencies<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let provided: HashSet<TypeId> = plan.provisions.iter().map(|provision| provision.type_id).collect();
    let mut missing = Vec::<(crate::handler::Need, Vec<HandlerFacts>)>::new();
    for facts in plan.handlers.iter().map(|planned| planned.facts) {
        for need in facts.needs.iter().filter(|need| !provided.contains(&need.type_id())) {
            match missing.iter_mut().find(|(known, _)| known.type_id() == need.type_id()) {
                Some((_, handlers)) => handlers.push(facts),
                None => missing.push((*need, vec![facts])),
            }
        }
    }
    faults.extend(missing.into_iter().map(|(need, handlers)| Fault::MissingDependency { need, handlers }));
}

fn shared_names<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let mut by_name = BTreeMap::<&str, Vec<&'static MessageFacts>>::new();
    for route in plan.routes() {
        by_name.entry(route.message.name).or_default().push(route.message);
    }
    let shared = by_name.into_iter().filter(|(_, messages)| messages.len() > 1);
    faults.extend(shared.map(|(name, messages)| Fault::SharedName { name, messages }));
}

/// The collected handlers that cannot be put on this kind of bus: the async ones on a `SyncBus`, and those that ask for
/// the other bus.
fn unfit_handlers<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let is_unfit = |planned: &&Planned<B>| match planned.origin {
        Origin::Collected(registration) => registration.entry::<B>().is_none(),
        Origin::ByHand(_) => false,
    };
    let unfit = plan.handlers.iter().filter(is_unfit).map(|planned| planned.facts);
    let (asynchronous, other): (Vec<_>, Vec<_>) = unfit.partition(|facts| facts.is_async);
    if !asynchronous.is_empty() {
        faults.push(Fault::AsyncHandlers { handlers: asynchronous });
    }
    if !other.is_empty() {
        faults.push(Fault::OtherBus { handlers: other, bus: B::NAME });
    }
}

fn modules<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    if !plan.takes_everything {
        return;
    }
    let arrived: HashSet<&str> = plan.arrived.iter().copied().collect();
    for list in &plan.module_lists {
        let ModuleList { declared, unnamed, .. } = list;
        let absent = |crate_name: &&&'static str| !arrived.contains(**crate_name);
        faults.extend(declared.iter().filter(absent).map(|module| Fault::module_not_arrived(module, list)));
        faults.extend(unnamed.iter().filter(absent).map(|module| Fault::module_not_named(module, list)));
    }
}

fn empty_registry<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let is_empty = plan.messages.is_empty() && plan.handlers.is_empty() && plan.module_lists.is_empty();
    if plan.takes_everything && is_empty {
        faults.push(Fault::EmptyRegistry);
    }
}

fn idle_replacements<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let idle = plan.idle_replacements.iter();
    faults.extend(idle.map(|&replacement| Fault::NothingToReplace { replacement }));
}

fn provided_twice<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let mut by_type = HashMap::<TypeId, Vec<_>>::new();
    for provision in &plan.provisions {
        by_type.entry(provision.type_id).or_default().push(provision);
    }
    let mut twice: Vec<_> = by_type.into_values().filter(|provisions| provisions.len() > 1).collect();
    twice.sort_by_key(|provisions| provisions[0].type_name);
    faults.extend(twice.into_iter().map(|provisions| Fault::ProvidedTwice {
        type_name: provisions[0].type_name,
        locations: provisions.iter().map(|provision| provision.location).collect(),
    }));
}
