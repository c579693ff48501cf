//! A layer's view of one message while the bus is built, and what it says about itself there.

use std::{any::TypeId, borrow::Cow, fmt};

use super::{ExplainedLayer, Link, Source, Value};
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
    /// Whether every message has a chain, if only an empty one.
    pub(crate) is_replayable: bool,
    /// Whether stubs answer what has no handler.
    pub(crate) has_double: bool,
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
    /// The layers of the bus inside the one that is asked.
    inside: Vec<TypeId>,
    keepers: Vec<String>,
}

/// The mark of a retry: a layer inside it sees every attempt.
pub(crate) struct InsideRetry;

/// The mark of a time-out: a layer inside it may be dropped, or left behind on another thread.
pub(crate) struct InsideTimeout;

/// The mark of a tower layer that may give up what it has let in.
pub(crate) struct InsideTower;

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
        let (explained, refusals, keepers) = (Vec::new(), Vec::new(), Vec::new());
        Site { route, build, explained, refusals, marks: Vec::new(), inside: Vec::new(), keepers }
    }

    /// Turns to the next layer, inward.
    pub(super) fn begin(&mut self, layer: &str, location: Option<Location>, inside: Vec<TypeId>) {
        self.inside = inside;
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

    /// Whether a stub answers in the place of a handler.
    pub(crate) fn is_stubbed(&self) -> bool {
        self.build.has_double && self.route.handlers.is_empty()
    }

    /// The clock of the bus.
    pub fn clock(&self) -> &'a Clock {
        &self.build.clock
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

    /// Whether a layer outside said that.
    pub(super) fn has_keepers(&self) -> bool {
        !self.keepers.is_empty()
    }

    /// Refuses to be here: the bus is not built, and the report says why. Say what to do instead.
    pub fn refuse<B: Flavor>(&mut self, reason: impl Into<String>) -> Option<Link<B>> {
        let (layer, location) = (self.layer().name.clone(), self.layer().location);
        self.refusals.push(Refusal { layer, location, message: self.route.message, reason: reason.into() });
        None
    }

    /// The layers of the bus inside this one that are for the message. They may still leave themselves out.
    pub(crate) fn inside(&self) -> &[TypeId] {
        &self.inside
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
