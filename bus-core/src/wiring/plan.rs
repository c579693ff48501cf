use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, Weak},
};

use super::{Core, Provided, Provision, Route, Wiring, WiringError, rules};
#[cfg(feature = "transport")]
use crate::transport::Via;
use crate::{
    depth::Limit,
    dispatch::{Handler, Table},
    flavor::Flavor,
    handle::BusHandle,
    handler::{ByHand, HandlerFacts},
    layer::{Build, Linked, Stack},
    message::{Location, MessageFacts},
    registry::{Collected, HandlerRegistration, Module, ModuleList},
};

/// All that a bus is to be made of, before it is known whether that fits together.
pub(crate) struct Plan<B: Flavor> {
    /// The messages that were collected, in order.
    pub(crate) messages: Vec<&'static MessageFacts>,
    /// The handlers, collected ones first, in order.
    pub(crate) handlers: Vec<Planned<B>>,
    /// The replacements that found nothing to replace.
    pub(crate) idle_replacements: Vec<HandlerFacts>,
    pub(crate) provisions: Vec<Provision<B>>,
    pub(crate) module_lists: Vec<ModuleList>,
    /// The crates that something arrived from.
    pub(crate) arrived: Vec<&'static str>,
    /// The modules that were asked for and have nothing, and where.
    pub(crate) empty_modules: Vec<(Module, Location)>,
    /// Whether everything that was linked is wanted.
    pub(crate) takes_everything: bool,
    /// Whether messages without a handler are accepted.
    pub(crate) partial: bool,
    pub(crate) max_depth: u32,
    pub(crate) stack: Stack<B>,
    /// What the layers made of each route, in the order of the routes.
    pub(crate) linked: Vec<Linked<B>>,
    /// The transports, in the order in which they are asked.
    #[cfg(feature = "transport")]
    pub(crate) vias: Vec<(Arc<Via>, Location)>,
    /// What answers for handlers that are not there.
    #[cfg(feature = "testing")]
    pub(crate) double: Option<crate::testing::Double<B>>,
}

/// One handler of the plan.
pub(crate) struct Planned<B: Flavor> {
    pub(crate) facts: HandlerFacts,
    pub(crate) origin: Origin<B>,
}

pub(crate) enum Origin<B: Flavor> {
    Collected(&'static HandlerRegistration),
    ByHand(ByHand<B>),
}

impl<B: Flavor> Planned<B> {
    pub(crate) fn collected(registration: &'static HandlerRegistration) -> Self {
        Planned { facts: registration.facts, origin: Origin::Collected(registration) }
    }

    pub(crate) fn by_hand(by_hand: ByHand<B>) -> Self {
        Planned { facts: by_hand.facts, origin: Origin::ByHand(by_hand) }
    }

    fn bind(self, provided: &Provided, limit: Limit) -> Handler<B> {
        match self.origin {
            Origin::Collected(registration) => {
                let entry = registration.entry::<B>().expect("the wiring checked that the handler fits the bus");
                entry.bind(provided, limit)
            }
            Origin::ByHand(by_hand) => (by_hand.bind)(limit),
        }
    }
}

impl<B: Flavor> Plan<B> {
    pub(crate) fn new(collected: Collected, by_hand: Vec<ByHand<B>>, replacements: Vec<ByHand<B>>) -> Self {
        let arrived = collected.crates().collect();
        let collected_handlers = collected.handlers.into_iter().map(Planned::collected);
        let mut plan = Plan {
            messages: collected.messages,
            handlers: collected_handlers.chain(by_hand.into_iter().map(Planned::by_hand)).collect(),
            idle_replacements: Vec::new(),
            provisions: Provision::handles().into(),
            module_lists: collected.module_lists,
            arrived,
            empty_modules: Vec::new(),
            takes_everything: false,
            partial: false,
            max_depth: crate::depth::DEFAULT_MAX_DEPTH,
            stack: Stack::default(),
            linked: Vec::new(),
            #[cfg(feature = "transport")]
            vias: Vec::new(),
            #[cfg(feature = "testing")]
            double: None,
        };
        for replacement in replacements {
            plan.replace(replacement);
        }
        plan
    }

    /// Puts `replacement` where the handlers of its message are.
    fn replace(&mut self, replacement: ByHand<B>) {
        let message = replacement.facts.message;
        let Some(place) = self.handlers.iter().position(|planned| planned.facts.message == message) else {
            return self.idle_replacements.push(replacement.facts);
        };
        self.handlers[place] = Planned::by_hand(replacement);
        let mut position = 0..;
        self.handlers.retain(|planned| position.next() == Some(place) || planned.facts.message != message);
    }

    /// The messages, each with its handlers, by message type.
    pub(crate) fn routes(&self) -> Vec<Route> {
        let handled = self.handlers.iter().map(|planned| planned.facts.message);
        let mut places = HashMap::<TypeId, usize>::new();
        let mut routes = Vec::new();
        for message in self.messages.iter().copied().chain(handled) {
            places.entry(message.type_id()).or_insert_with(|| {
                routes.push(Route { message, handlers: Vec::new() });
                routes.len() - 1
            });
        }
        for planned in &self.handlers {
            routes[places[&planned.facts.message.type_id()]].handlers.push(planned.facts);
        }
        #[cfg(feature = "transport")]
        for route in routes.iter_mut().filter(|route| route.handlers.is_empty()) {
            route.handlers.extend(self.elsewhere(route.message));
        }
        routes
    }

    /// The handler of a message that has none here, if a transport takes it.
    #[cfg(feature = "transport")]
    fn elsewhere(&self, message: &'static MessageFacts) -> Option<HandlerFacts> {
        let (via, location) = self.vias.iter().find(|(via, _)| message.kind.has_one_handler() && via.takes(message))?;
        Some(HandlerFacts::remote(via.name(), *location, message))
    }

    /// The names of the transports.
    #[cfg_attr(not(feature = "transport"), expect(clippy::unused_self, reason = "there are none"))]
    pub(crate) fn transports(&self) -> Vec<&'static str> {
        #[cfg(feature = "transport")]
        return self.vias.iter().map(|(via, _)| via.name()).collect();
        #[cfg(not(feature = "transport"))]
        Vec::new()
    }

    /// Says which names given to a transport are of no message here: they may be misspelled, or meant for another process.
    #[cfg(feature = "transport")]
    fn warn_of_idle_names(&self) {
        let messages: Vec<_> = self.routes().iter().map(|route| route.message.name).collect();
        for (via, location) in &self.vias {
            for pattern in via.idle_names(&messages) {
                tracing::warn!(target: "linkbus", transport = via.name(), pattern, place = %location,
                    "`Via::only` has a name that no message of this bus fits: correct it, or add the module that declares one");
            }
        }
    }

    /// Puts the layers around each message.
    pub(crate) fn link(&mut self, stack: Stack<B>, build: &Build) {
        self.linked = self.routes().iter().map(|route| stack.link(route, build)).collect();
        self.stack = stack;
    }

    /// The plan itself, if nothing is wrong with it.
    fn checked(self) -> Result<Self, WiringError> {
        let faults = rules::faults(&self);
        if faults.is_empty() { Ok(self) } else { Err(WiringError::new(faults)) }
    }

    /// The bus, if nothing is wrong with the plan.
    pub(crate) fn assembled(self) -> Result<B, WiringError> {
        let plan = self.checked()?;
        #[cfg(feature = "transport")]
        plan.warn_of_idle_names();
        Ok(B::from_core(Arc::<Core<B>>::new_cyclic(|bus| plan.assemble(bus))))
    }

    /// Assembles the bus of a plan that was [`checked`](Self::checked).
    fn assemble(self, bus: &Weak<Core<B>>) -> Core<B> {
        let wiring = Wiring { routes: self.routes() };
        let provided = provide(self.provisions, &BusHandle::weak(bus.clone()));
        let limit = Limit::new(self.max_depth);
        let mut table = Table::new(limit);
        let mut explanations = Vec::new();
        let mut chains = HashMap::new();
        for Linked { chain, explanation, .. } in self.linked {
            chains.extend(chain.map(|chain| (explanation.route.message.type_id(), (explanation.route.message, chain))));
            explanations.push(explanation);
        }
        for planned in self.handlers {
            let message = planned.facts.message;
            let handler = planned.bind(&provided, limit);
            let chain = if message.kind.has_one_handler() { chains.remove(&message.type_id()) } else { None };
            match chain {
                Some((_, chain)) => table.add_layered(handler, chain),
                None => table.add(handler),
            }
        }
        for (message, chain) in chains.into_values() {
            table.layer(message, chain);
        }
        Core {
            table,
            wiring,
            stack: self.stack,
            explanations,
            #[cfg(feature = "transport")]
            vias: self.vias.into_iter().map(|(via, _)| via).collect(),
            #[cfg(feature = "testing")]
            double: self.double,
        }
    }
}

fn provide<B: Flavor>(provisions: Vec<Provision<B>>, bus: &BusHandle<B>) -> Provided {
    let mut provided = Provided::default();
    for provision in provisions {
        (provision.make)(bus, &mut provided);
    }
    provided
}
