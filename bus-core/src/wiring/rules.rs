//! What a bus must fulfil. One function a rule; each finds all of its faults.

use std::{
    any::TypeId,
    collections::{BTreeMap, HashSet},
};

use super::{
    Fault, Plan, Provision, Route,
    plan::{Origin, Planned},
};
use crate::{
    flavor::Flavor,
    handler::{HandlerFacts, Need},
    layer::Refusal,
    message::{Location, MessageFacts},
    registry::{ModuleList, ModuleName},
};

/// Everything that is wrong with `plan`, sorted by code; within a code in the order of the registry, of the builder's calls,
/// or of the name that is shared.
pub(super) fn faults<B: Flavor>(plan: &Plan<B>) -> Vec<Fault> {
    let mut faults = Vec::new();
    handler_counts(plan, &mut faults);
    missing_dependencies(plan, &mut faults);
    shared_names(plan, &mut faults);
    unfit_handlers(plan, &mut faults);
    modules(plan, &mut faults);
    empty_registry(plan, &mut faults);
    empty_modules(plan, &mut faults);
    idle_replacements(plan, &mut faults);
    provided_twice(plan, &mut faults);
    refused_layers(plan, &mut faults);
    messages_to_clone(plan, &mut faults);
    faults.sort_by_key(Fault::code);
    faults
}

fn handler_counts<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    for route in plan.routes().into_iter().filter(|route| route.message.kind.has_one_handler()) {
        match route.handlers.len() {
            0 if plan.partial => {}
            0 => faults.push(Fault::MissingHandler { message: route.message, passed_over_by: plan.transports() }),
            1 => {}
            _ => faults.push(Fault::DuplicateHandler { message: route.message, handlers: route.handlers }),
        }
    }
}

fn missing_dependencies<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let provided: HashSet<TypeId> = plan.provisions.iter().map(|provision| provision.type_id).collect();
    let mut missing = Vec::<(Need, Vec<HandlerFacts>)>::new();
    for facts in plan.handlers.iter().map(|planned| planned.facts) {
        for need in facts.needs.iter().filter(|need| !provided.contains(&need.type_id())) {
            match missing.iter_mut().find(|(known, _)| known.type_id() == need.type_id()) {
                Some((_, handlers)) => handlers.push(facts),
                None => missing.push((*need, vec![facts])),
            }
        }
    }
    faults.extend(missing.into_iter().map(|(need, handlers)| {
        let wrapped = provided_in_a_wrapper(plan, need.type_name());
        Fault::MissingDependency { need, handlers, wrapped }
    }));
}

/// `.provide(Arc::new(store))` provides an `Arc<Store>` and no `Store`: an easy mistake.
fn provided_in_a_wrapper<B: Flavor>(plan: &Plan<B>, name: &str) -> Option<&'static str> {
    let wrappers = ["alloc::sync::Arc", "alloc::boxed::Box"].map(|wrapper| format!("{wrapper}<{name}>"));
    plan.provisions.iter().map(|provision| provision.type_name).find(|known| wrappers.iter().any(|it| it == known))
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
    let absent = |modules: &'static [ModuleName]| -> Vec<&'static str> {
        modules.iter().filter(|module| !arrived.contains(module.crate_name)).map(|module| module.name).collect()
    };
    for &ModuleList { location: declared_at, written, declared, unnamed } in &plan.module_lists {
        let not_arrived = absent(declared).into_iter();
        faults.extend(not_arrived.map(|module| Fault::ModuleNotArrived { module, declared_at }));
        let not_named = absent(unnamed);
        let complete = [written, &not_named].concat();
        let not_named = not_named.into_iter();
        faults.extend(not_named.map(|module| Fault::ModuleNotNamed {
            module,
            complete: complete.clone(),
            declared_at,
        }));
    }
}

/// Says nothing where a fault of a module says more.
fn empty_registry<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let is_empty = plan.messages.is_empty() && plan.handlers.is_empty();
    let is_explained = |fault: &Fault| matches!(fault, Fault::ModuleNotArrived { .. } | Fault::ModuleNotNamed { .. });
    if plan.takes_everything && is_empty && !faults.iter().any(is_explained) {
        faults.push(Fault::EmptyRegistry);
    }
}

fn empty_modules<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let empty = plan.empty_modules.iter();
    faults.extend(empty.map(|&(module, asked_at)| Fault::EmptyModule { module: module.name(), asked_at }));
}

fn idle_replacements<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let idle = plan.idle_replacements.iter();
    faults.extend(idle.map(|&replacement| Fault::NothingToReplace { replacement }));
}

fn provided_twice<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let mut by_type = Vec::<(&Provision<B>, Vec<Option<Location>>)>::new();
    for provision in &plan.provisions {
        match by_type.iter_mut().find(|(first, _)| first.type_id == provision.type_id) {
            Some((_, locations)) => locations.push(provision.location),
            None => by_type.push((provision, vec![provision.location])),
        }
    }
    let twice = by_type.into_iter().filter(|(_, locations)| locations.len() > 1);
    faults.extend(twice.map(|(first, locations)| Fault::ProvidedTwice { type_name: first.type_name, locations }));
}

/// The layers that cannot be where they are, each reason once with all its messages.
fn refused_layers<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    let mut by_reason = Vec::<(Refusal, Vec<&'static MessageFacts>)>::new();
    for refusal in plan.linked.iter().flat_map(|linked| &linked.refusals) {
        let is_same =
            |(known, _): &&mut (Refusal, _)| known.location == refusal.location && known.reason == refusal.reason;
        match by_reason.iter_mut().find(is_same) {
            Some((_, messages)) => messages.push(refusal.message),
            None => by_reason.push((refusal.clone(), vec![refusal.message])),
        }
    }
    faults.extend(by_reason.into_iter().map(|(Refusal { layer, location, reason, .. }, messages)| {
        Fault::LayerRefused { layer, location, reason, messages }
    }));
}

/// The handlers that take by value a message that a layer wants afterwards, and that cannot be copied.
fn messages_to_clone<B: Flavor>(plan: &Plan<B>, faults: &mut Vec<Fault>) {
    for linked in plan.linked.iter().filter(|linked| !linked.keepers.is_empty()) {
        let Route { message, handlers } = &linked.explanation.route;
        let takes_it = |handler: &&HandlerFacts| handler.by_value && !message.abilities.clone;
        faults.extend(handlers.iter().find(takes_it).map(|&handler| Fault::MessageNotClone {
            message,
            handler,
            layers: linked.keepers.clone(),
        }));
    }
}
