//! What is said about the chain of a message.

use std::{borrow::Cow, fmt};

use crate::{
    handler::HandlerFacts,
    message::{Location, MessageFacts},
    wiring::Route,
};

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
    /// Whoever made the layer, for messages of this kind.
    Kind,
    /// Whoever made the layer, for this message.
    Message,
    /// An attribute of the handler at this place.
    Handler(Location),
    /// It follows from the other layers.
    Order,
    /// It follows from what the message's type can do.
    Type,
}

impl Source {
    /// The value of an option that is on or off, and where it came from.
    pub(crate) fn of_option<T>(off: T, on: T, is_on: bool) -> (T, Self) {
        if is_on { (on, Source::Layer) } else { (off, Source::Default) }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::Layer => f.write_str("set on the layer"),
            Source::Kind => f.write_str("set on the layer for this kind"),
            Source::Message => f.write_str("set on the layer for this message"),
            Source::Handler(location) => write!(f, "#[handler] at {location}"),
            Source::Order => f.write_str("by the order of the layers"),
            Source::Type => f.write_str("by the type"),
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
