use std::fmt;

use crate::{
    handler::HandlerFacts,
    message::{Kind, Message, MessageFacts},
};

/// One message and what serves it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Route {
    /// The message.
    pub message: &'static MessageFacts,
    /// Its handler or, for an event, its subscribers in subscription order; empty if there is none.
    pub handlers: Vec<HandlerFacts>,
}

/// What is wired on a bus, and where it is written. `Display` prints it as a list for people.
///
/// Collected messages come in the order of module path and line, those that are only known by a closure after them, in
/// the order in which the closures were registered.
///
/// ```
/// use linkbus::{Event, SyncBus};
///
/// #[derive(Event)]
/// struct Landed;
///
/// let bus = SyncBus::empty().subscribe(|_: &Landed| ()).subscribe(|_: &Landed| ()).build().unwrap();
/// assert_eq!(bus.wiring().registered_events(), [("bus_core.Landed", 2)]);
/// let route = bus.wiring().route::<Landed>().unwrap();
/// println!("{} is subscribed to at {}", route.message.name, route.handlers[0].location);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Wiring {
    pub(super) routes: Vec<Route>,
}

impl Wiring {
    /// Every message that the bus knows.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The route of one message type, if the bus knows it.
    pub fn route<M: Message>(&self) -> Option<&Route> {
        self.routes.iter().find(|route| route.message == M::FACTS)
    }

    /// The wire names of the queries that have a handler.
    pub fn registered_queries(&self) -> Vec<&'static str> {
        self.names(Kind::Query)
    }

    /// The wire names of the commands that have a handler.
    pub fn registered_commands(&self) -> Vec<&'static str> {
        self.names(Kind::Command)
    }

    /// The wire names of the tasks that have a handler.
    pub fn registered_tasks(&self) -> Vec<&'static str> {
        self.names(Kind::Task)
    }

    /// The wire names of the events that have subscribers, each with the number of them.
    pub fn registered_events(&self) -> Vec<(&'static str, usize)> {
        self.served(Kind::Event).map(|route| (route.message.name, route.handlers.len())).collect()
    }

    fn names(&self, kind: Kind) -> Vec<&'static str> {
        self.served(kind).map(|route| route.message.name).collect()
    }

    fn served(&self, kind: Kind) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(move |route| route.message.kind == kind && !route.handlers.is_empty())
    }
}

impl fmt::Display for Wiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || self.routes.iter().flat_map(Route::lines);
        let width = lines().map(|(_, name, _)| name.chars().count()).max().unwrap_or_default();
        lines().try_for_each(|(kind, name, place)| {
            writeln!(f, "{}", format!("{kind:<8}{name:<width$}  {place}").trim_end())
        })
    }
}

impl Route {
    /// What to print: a kind, a name and a place for the message and each of its handlers.
    fn lines(&self) -> Vec<(String, String, String)> {
        let Route { message, handlers } = self;
        let mut lines = vec![(message.kind.to_string(), message.name.to_owned(), message.location.to_string())];
        let handler =
            |facts: &HandlerFacts| (String::new(), format!("  -> {}", facts.name), facts.location.to_string());
        lines.extend(handlers.iter().map(handler));
        if handlers.is_empty() {
            lines.push((String::new(), "  -> nobody".to_owned(), String::new()));
        }
        lines
    }
}
