//! A layer's view of one message while the bus is built, and what it says about itself there.

use std::{any::TypeId, borrow::Cow, fmt};

use super::Link;
use crate::{
    clock::Clock,
    flavor::Flavor,
    handler::HandlerFacts,
    message::{Location, MessageFacts},
    wiring::Route,
};

/// What all layers of a bus are built with.
pub(crate) struct Build {
    pub(crate) clock: Clock,
    pub(crate) bus: &'static str,
}

/// Where a layer is asked whether it has to do with a message, while the bus is built.
///
/// The example of [`Layer`](super::Layer) uses it.
pub struct Site<'a> {
    route: &'a Route,
    build: &'a Build,
    explained: Vec<ExplainedLayer>,
    refusals: Vec<Refusal>,
    marks: Vec<TypeId>,
    keepers: Vec<String>,
}

/// What is marked is inside a time-out, which it does not see run out.
pub(crate) struct InsideTimeout;

/// A layer cannot be where it is.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) layer: String,
    pub(crate) location: Option<Location>,
    pub(crate) message: &'static MessageFacts,
    pub(crate) reason: String,
}

impl<'a> Site<'a> {
    pub(super) fn new(route: &'a Route, build: &'a Build) -> Self {
        Site { route, build, explained: Vec::new(), refusals: Vec::new(), marks: Vec::new(), keepers: Vec::new() }
    }

    /// Turns to the next layer, inward.
    pub(super) fn begin(&mut self, layer: &str, location: Option<Location>) {
        let name = layer.to_owned();
        self.explained.push(ExplainedLayer { name, location, values: Vec::new(), left_out: None });
    }

    /// What was said: about the layers, the refusals, and the layers that want the message afterwards.
    pub(super) fn finish(self) -> (Vec<ExplainedLayer>, Vec<Refusal>, Vec<String>) {
        (self.explained, self.refusals, self.keepers)
    }

    fn layer(&mut self) -> &mut ExplainedLayer {
        self.explained.last_mut().expect("a layer is asked")
    }

    /// The message.
    pub fn message(&self) -> &'static MessageFacts {
        self.route.message
    }

    /// Its handler or, for an event, its subscribers; empty if there is none.
    pub fn handlers(&self) -> &'a [HandlerFacts] {
        &self.route.handlers
    }

    /// The clock of the bus.
    pub fn clock(&self) -> &'a Clock {
        &self.build.clock
    }

    /// `Bus` or `SyncBus`.
    pub(crate) fn bus(&self) -> &'static str {
        self.build.bus
    }

    /// Leaves the layer out of the chain of this message, and says why in `explain`.
    pub fn leave_out<B: Flavor>(&mut self, why: impl Into<Cow<'static, str>>) -> Option<Link<B>> {
        self.layer().left_out = Some(why.into());
        None
    }

    /// Leaves it out without a word in `explain`: it has nothing to do with this message.
    pub(crate) fn pass_over<B: Flavor>(&mut self) -> Option<Link<B>> {
        self.explained.pop();
        None
    }

    /// Tells `explain` a value that was set where the layer was made.
    pub fn value(&mut self, name: &'static str, value: impl fmt::Display) {
        self.value_from(name, value, Source::Layer);
    }

    /// Tells `explain` a value and where it came from.
    pub fn value_from(&mut self, name: &'static str, value: impl fmt::Display, source: Source) {
        let value = Value { name, value: value.to_string(), source };
        self.layer().values.push(value);
    }

    /// Says that the layer wants the message after the handler had it.
    ///
    /// The message is then lent to the handler: one that takes it by value gets a copy, and if the message is not `Clone`
    /// the bus is refused.
    pub fn keep_message(&mut self) {
        let name = self.layer().name.clone();
        self.keepers.push(name);
    }

    /// Refuses to be here: the bus is not built, and the report says why. Say what to do instead.
    pub fn refuse<B: Flavor>(&mut self, reason: impl Into<String>) -> Option<Link<B>> {
        let (layer, location) = (self.layer().name.clone(), self.layer().location);
        self.refusals.push(Refusal { layer, location, message: self.route.message, reason: reason.into() });
        None
    }

    /// Notes that what follows is inside a `T`.
    pub(crate) fn mark<T: 'static>(&mut self) {
        self.marks.push(TypeId::of::<T>());
    }

    /// How many `T` are around.
    pub(crate) fn marks<T: 'static>(&self) -> usize {
        self.marks.iter().filter(|mark| **mark == TypeId::of::<T>()).count()
    }
}

/// The chain of one message, from the outside in: which layers, with which values, and where those came from.
///
/// `Display` prints it as a list for people. Made by [`Bus::explain`](crate::Bus::explain).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The message and its handlers.
    pub route: Route,
    /// The layers, outermost first, with those that were left out.
    pub layers: Vec<ExplainedLayer>,
}

/// One layer in an [`Explanation`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExplainedLayer {
    /// What it is called.
    pub name: String,
    /// Where `.layer(..)` was called; `None` for one that an attribute of the handler asks for.
    pub location: Option<Location>,
    /// What it is set to.
    pub values: Vec<Value>,
    /// Why it does not apply to this message, if it does not.
    pub left_out: Option<Cow<'static, str>>,
}

/// What a layer is set to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Value {
    /// What is set.
    pub name: &'static str,
    /// What to.
    pub value: String,
    /// Where that was said.
    pub source: Source,
}

/// Where the value of a layer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// Whoever made the layer.
    Layer,
    /// An attribute of the handler at this place.
    Handler(Location),
    /// It follows from the other layers.
    Order,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::Layer => f.write_str("set on the layer"),
            Source::Handler(location) => write!(f, "#[handler] at {location}"),
            Source::Order => f.write_str("by the order of the layers"),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageFacts { kind, name, .. } = self.route.message;
        writeln!(f, "{kind} `{name}`, from the outside in:")?;
        self.layers.iter().try_for_each(|layer| write!(f, "{layer}"))?;
        for HandlerFacts { name, location, .. } in &self.route.handlers {
            writeln!(f, "  handler `{name}` at {location}")?;
        }
        if self.route.handlers.is_empty() {
            writeln!(f, "  no handler")?;
        }
        Ok(())
    }
}

impl fmt::Display for ExplainedLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}", self.name)?;
        match self.location {
            Some(location) => write!(f, " at {location}")?,
            None => f.write_str(" of the handler")?,
        }
        if let Some(why) = &self.left_out {
            return writeln!(f, ": left out, {why}");
        }
        writeln!(f)?;
        self.values.iter().try_for_each(|Value { name, value, source }| writeln!(f, "    {name} = {value} ({source})"))
    }
}
