//! The layers of a bus, and the chain of links that they make for one message.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{
    Around, AsyncAround, ErasedAsyncAround, Explanation, Layer, Observer, Site, Tracer,
    payload::Care,
    site::{Build, Refusal},
    spans::Traced,
};
#[cfg(feature = "testing")]
use crate::testing::Coverage;
use crate::{
    bus::Bus, clock::Clock, dispatch::Inner, error::AnyError, flavor::Flavor, message::Location, sync_bus::SyncBus,
    wiring::Route,
};

/// What a layer puts around one message.
pub struct Link<B: Flavor>(Shape<B>);

enum Shape<B: Flavor> {
    Observer(Box<dyn Observer>),
    Span(Box<dyn Tracer>),
    Around(Box<B::Around>),
}

impl<B: Flavor> Link<B> {
    /// Sees the dispatch start and end.
    pub fn observer(observer: impl Observer) -> Self {
        Link(Shape::Observer(Box::new(observer)))
    }

    /// Puts a span around it.
    ///
    /// One place in the chain has one span: of two such links with only observers between them, the inner one is left out.
    pub fn span(tracer: impl Tracer) -> Self {
        Link(Shape::Span(Box::new(tracer)))
    }
}

impl Link<SyncBus> {
    /// Wraps the dispatch.
    pub fn around(around: impl Around) -> Self {
        let around: Box<dyn Around> = Box::new(around);
        Link(Shape::Around(around))
    }
}

impl Link<Bus> {
    /// Wraps the dispatch.
    pub fn async_around(around: impl AsyncAround) -> Self {
        let around: Box<dyn ErasedAsyncAround> = Box::new(around);
        Link(Shape::Around(around))
    }
}

/// A message with layers around it.
pub(crate) struct Layered<B: Flavor> {
    pub(super) route: Route,
    /// At least one; only the last has no around, and ends at the handler.
    pub(super) segments: Box<[Segment<B>]>,
    pub(super) inner: Inner<B>,
    pub(crate) clock: Clock,
    /// Whether nothing but observers is around a handler that is synchronous.
    pub(crate) is_direct: bool,
    /// What is done with the message when the handler gets it.
    pub(crate) care: Care,
    /// Whether no more than one layer wants the message afterwards, and the handler takes it by value.
    pub(super) may_hand_over: bool,
}

#[cfg(feature = "transport")]
impl<B: Flavor> Layered<B> {
    /// Whether nobody handles the message here.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.route.handlers.iter().all(|handler| handler.is_remote)
    }
}

/// The observers of one place, and the around inside them.
pub(super) struct Segment<B: Flavor> {
    pub(super) observers: Vec<Box<dyn Observer>>,
    pub(super) reads_clock: bool,
    pub(super) traced: Option<Traced>,
    pub(super) around: Option<Box<B::Around>>,
    /// Whether a layer outside the around wants the message that came to it afterwards.
    pub(super) restores: bool,
}

impl<B: Flavor> Default for Segment<B> {
    fn default() -> Self {
        Segment { observers: Vec::new(), reads_clock: false, traced: None, around: None, restores: false }
    }
}

/// The links of one message, not yet around anything.
pub(crate) struct Chain<B: Flavor> {
    route: Route,
    clock: Clock,
    segments: Vec<Segment<B>>,
    care: Care,
    may_hand_over: bool,
}

impl<B: Flavor> Chain<B> {
    /// Puts `link` inside the others, or says why there is no room.
    fn push(&mut self, link: Link<B>, restores: bool) -> Result<(), &'static str> {
        let last = self.segments.last_mut().expect("a chain has a last segment");
        match link.0 {
            Shape::Observer(observer) => {
                last.reads_clock |= observer.reads_clock();
                last.observers.push(observer);
            }
            Shape::Span(_) if last.traced.is_some() => return Err("a layer around it makes this span"),
            Shape::Span(tracer) => last.traced = Some(Traced { tracer, outside: last.observers.len() }),
            Shape::Around(around) => {
                last.around = Some(around);
                last.restores = restores;
                self.segments.push(Segment::default());
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.segments.len() == 1 && self.segments[0].observers.is_empty() && self.segments[0].traced.is_none()
    }

    pub(crate) fn around(self, inner: Inner<B>) -> Layered<B> {
        let Chain { route, clock, segments, care, may_hand_over } = self;
        let is_direct = segments.len() == 1 && segments[0].traced.is_none() && inner.is_sync_handler();
        Layered { route, segments: segments.into(), inner, clock, is_direct, care, may_hand_over }
    }
}

/// The layers of a bus, outermost first.
pub(crate) struct Stack<B: Flavor> {
    layers: Vec<Placed<B>>,
    /// Those that handlers ask for, inside the others.
    implied: Vec<Box<dyn Layer<B>>>,
    /// Those that send messages elsewhere, inside all others.
    #[cfg(feature = "transport")]
    transports: Vec<Placed<B>>,
    /// What counts the handlers, inside even these.
    #[cfg(feature = "testing")]
    coverage: Option<&'static Coverage>,
    is_closed: AtomicBool,
}

struct Placed<B: Flavor> {
    layer: Box<dyn Layer<B>>,
    location: Location,
}

impl<B: Flavor> Default for Stack<B> {
    fn default() -> Self {
        Stack {
            layers: Vec::new(),
            implied: B::implied_layers(),
            #[cfg(feature = "transport")]
            transports: Vec::new(),
            #[cfg(feature = "testing")]
            coverage: Coverage::of_process(),
            is_closed: AtomicBool::new(false),
        }
    }
}

/// What the layers made of one message.
pub(crate) struct Linked<B: Flavor> {
    /// `None` if no layer applies.
    pub(crate) chain: Option<Chain<B>>,
    pub(crate) explanation: Explanation,
    pub(crate) refusals: Vec<Refusal>,
    /// The layers that want the message after the handler had it.
    pub(crate) keepers: Vec<String>,
}

impl<B: Flavor> Stack<B> {
    pub(crate) fn push(&mut self, layer: impl Layer<B>, location: Location) {
        self.layers.push(Placed { layer: Box::new(layer), location });
    }

    #[cfg(feature = "transport")]
    pub(crate) fn push_innermost(&mut self, layer: impl Layer<B>, location: Location) {
        self.transports.push(Placed { layer: Box::new(layer), location });
    }

    #[cfg(feature = "testing")]
    pub(crate) fn push_outermost(&mut self, layer: impl Layer<B>, location: Location) {
        self.layers.insert(0, Placed { layer: Box::new(layer), location });
    }

    /// The chain of one message, and what is to be said about it.
    pub(crate) fn link(&self, route: &Route, build: &Build) -> Linked<B> {
        let (route_of_chain, clock) = (route.clone(), build.clock.clone());
        let mut chain = Chain {
            route: route_of_chain,
            clock,
            segments: vec![Segment::default()],
            care: Care::HandOver,
            may_hand_over: false,
        };
        let mut site = Site::new(route, build);
        let placed = self.layers.iter().map(|placed| (&*placed.layer, Some(placed.location)));
        let implied = self.implied.iter().map(|layer| (&**layer, None));
        #[cfg(feature = "transport")]
        let implied = implied.chain(self.transports.iter().map(|placed| (&*placed.layer, Some(placed.location))));
        #[cfg(feature = "testing")]
        let implied = implied.chain(self.coverage.map(|coverage| (coverage as &dyn Layer<B>, None)));
        for (position, (layer, location)) in placed.chain(implied).enumerate() {
            let inside = self.layers.iter().skip(position + 1).map(|placed| &placed.layer);
            let inside = inside.filter(|layer| layer.is_for(route.message)).map(|layer| layer.identity());
            site.begin(layer.name(), location, inside.collect());
            let restores = site.has_keepers();
            if let Some(Err(why)) = layer.link(&mut site).map(|link| chain.push(link, restores)) {
                site.leave_out::<B>(why);
            }
        }
        let (layers, refusals, keepers) = site.finish();
        let takes_it = route.message.kind.has_one_handler() && route.handlers.iter().any(|handler| handler.by_value);
        chain.care = match takes_it {
            _ if !keepers.is_empty() => Care::Keep,
            true => Care::HandOver,
            false => Care::Lend,
        };
        chain.may_hand_over = takes_it && keepers.len() <= 1;
        let explanation = Explanation { route: route.clone(), layers };
        let chain = (build.is_replayable || !chain.is_empty()).then_some(chain);
        Linked { chain, explanation, refusals, keepers }
    }

    /// Closes the layers, outermost first, the first time it is called; gives those that failed.
    pub(crate) fn close(&self) -> Vec<(String, AnyError)> {
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return Vec::new();
        }
        let layers = self.layers.iter().map(|placed| &placed.layer).chain(&self.implied);
        let failed = layers.filter_map(|layer| {
            let error = layer.close().err()?;
            tracing::error!(target: "linkbus", layer = layer.name(), error = error.as_error(), "closing the layer failed");
            Some((layer.name().to_owned(), error))
        });
        failed.collect()
    }
}
