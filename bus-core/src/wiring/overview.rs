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
/// #[event(name = "airport.Landed")]
/// struct Landed;
///
/// let bus = SyncBus::empty().subscribe(|_: &Landed| ()).subscribe(|_: &Landed| ()).build().unwrap();
/// assert_eq!(bus.wiring().registered_events(), [("airport.Landed", 2)]);
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
        let lines: Vec<_> = self.routes.iter().flat_map(Route::lines).collect();
        let width = lines.iter().map(|(_, name, _)| name.chars().count()).max().unwrap_or_default();
        lines.iter().try_for_each(|(kind, name, location)| {
            let line = format!("{kind:<8}{name:<width$}  {location}");
            writeln!(f, "{}", line.trim_end())
        })
    }
}

impl Route {
    /// The message and each of its handlers: what it is, its name, its place.
    fn lines(&self) -> Vec<(String, String, String)> {
        let Route { message, handlers } = self;
        let below = |name: &str, place: String| (String::new(), format!("  -> {name}"), place);
        let mut lines = vec![(message.kind.to_string(), message.name.to_owned(), message.location.to_string())];
        lines.extend(handlers.iter().map(|handler| below(handler.name, handler.location.to_string())));
        if handlers.is_empty() {
            lines.push(below("nobody", String::new()));
        }
        lines
    }
}
