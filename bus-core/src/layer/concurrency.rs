//! How many dispatches may be in flight at once.

mod gate;
mod link;
mod stats;
mod within;

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

pub use self::stats::ConcurrencyStats;
use self::{gate::Gate, link::Limited, stats::Tally};
use super::{Layer, Link, Site, Source};
use crate::{
    bus::Bus,
    message::{Kind, Message, MessageFacts},
    sync_bus::SyncBus,
};

/// How many may wait for each limit, if nothing else was said.
const MAX_WAITING: usize = 1024;

/// Limits how many dispatches are in flight at once: on the whole bus, and of each message.
///
/// When a limit is reached, further dispatches wait their turn, first come first served; when [`max_waiting`] of them wait
/// already, further ones fail with `Overloaded`, before the handler has done anything. On a `SyncBus` the thread waits.
///
/// Limits are for what comes from outside: what is dispatched from inside a handler goes past them, so that messages which
/// dispatch each other cannot wait for themselves. More in `linkbus::docs::layers::concurrency`.
///
/// Clones share their permits and figures: keep one to read [`stats`](Self::stats). On two buses they limit both together.
///
/// ```
/// use linkbus::{Command, Kind, SyncBus, layer::Concurrency};
///
/// #[derive(Command)]
/// struct Resize;
///
/// let limits = Concurrency::of_bus(100).per_message(20).for_message::<Resize>(2);
/// let bus = SyncBus::empty().command(|_: Resize| ()).layer(limits.clone()).build().unwrap();
/// bus.execute(Resize).unwrap();
/// assert_eq!(limits.stats().admitted, 1);
/// ```
///
/// [`max_waiting`]: Self::max_waiting
#[derive(Clone)]
pub struct Concurrency {
    bus: Option<usize>,
    per_message: Option<usize>,
    /// The one that was set last is at the end.
    for_kinds: Vec<(Kind, usize)>,
    for_messages: Vec<(&'static MessageFacts, usize)>,
    max_waiting: Option<usize>,
    shared: Arc<Shared>,
}

/// What the clones share.
#[derive(Default)]
struct Shared {
    bus: OnceLock<Arc<Gate>>,
    messages: Mutex<HashMap<TypeId, PerMessage>>,
}

#[derive(Clone, Default)]
struct PerMessage {
    gate: Option<Arc<Gate>>,
    tally: Arc<Tally>,
}

impl Concurrency {
    /// At most `limit` dispatches in flight on the bus, whatever the messages.
    pub fn of_bus(limit: usize) -> Self {
        Concurrency { bus: Some(limit), ..Concurrency::of_messages() }
    }

    /// No limit of the bus: only the limits of messages that are set further on.
    ///
    /// ```
    /// use linkbus::{Bus, Kind, layer::Concurrency};
    ///
    /// let limits = Concurrency::of_messages().for_kind(Kind::Task, 4);
    /// # Bus::empty().layer(limits).build().unwrap();
    /// ```
    pub fn of_messages() -> Self {
        Concurrency {
            bus: None,
            per_message: None,
            for_kinds: Vec::new(),
            for_messages: Vec::new(),
            max_waiting: None,
            shared: Arc::default(),
        }
    }

    /// At most `limit` dispatches in flight of each message for which nothing more special is set. Default: no limit.
    #[must_use]
    pub fn per_message(self, limit: usize) -> Self {
        Concurrency { per_message: Some(limit), ..self.apart() }
    }

    /// At most `limit` dispatches in flight of each message of this kind, in place of [`per_message`](Self::per_message).
    #[must_use]
    pub fn for_kind(self, kind: Kind, limit: usize) -> Self {
        let mut limits = self.apart();
        limits.for_kinds.push((kind, limit));
        limits
    }

    /// At most `limit` dispatches in flight of an `M`, in place of what is set for its kind or for every message.
    #[must_use]
    pub fn for_message<M: Message>(self, limit: usize) -> Self {
        let mut limits = self.apart();
        limits.for_messages.push((M::FACTS, limit));
        limits
    }

    /// At most `dispatches` wait for each limit; further ones fail with `Overloaded`. Default: 1024.
    #[must_use]
    pub fn max_waiting(self, dispatches: usize) -> Self {
        Concurrency { max_waiting: Some(dispatches), ..self.apart() }
    }

    /// Nobody waits: what comes when a limit is reached fails with `Overloaded`. The same as `max_waiting(0)`.
    #[must_use]
    pub fn reject(self) -> Self {
        self.max_waiting(0)
    }

    /// What came to the limits so far, all messages together.
    pub fn stats(&self) -> ConcurrencyStats {
        self.shared
            .messages()
            .values()
            .map(|message| message.tally.stats())
            .fold(ConcurrencyStats::default(), |a, b| a + b)
    }

    /// What came of an `M` so far; `None` if it is on no bus that has these limits, or has no limit.
    pub fn stats_of<M: Message>(&self) -> Option<ConcurrencyStats> {
        self.shared.messages().get(&M::FACTS.type_id()).map(|message| message.tally.stats())
    }

    /// One that is set differently shares nothing with the clones that were made before.
    fn apart(self) -> Self {
        Concurrency { shared: Arc::default(), ..self }
    }

    /// What is set for the message alone.
    fn limit_of(&self, message: &'static MessageFacts) -> Option<usize> {
        let for_message = self.for_messages.iter().rev().find(|(of, _)| *of == message).map(|(_, limit)| *limit);
        let for_kind = || self.for_kinds.iter().rev().find(|(of, _)| *of == message.kind).map(|(_, limit)| *limit);
        for_message.or_else(for_kind).or(self.per_message)
    }

    fn explain(&self, site: &mut Site<'_>) {
        if let Some(limit) = self.limit_of(site.message()) {
            site.value("in flight of this message", limit);
        }
        if let Some(limit) = self.bus {
            site.value("in flight on the bus", limit);
        }
        match self.max_waiting {
            Some(0) => site.value("when full", "reject"),
            Some(waiting) => site.value("waiting at most", waiting),
            None => site.value_from("waiting at most", MAX_WAITING, Source::Default),
        }
    }

    fn gate(&self, limit: usize) -> Arc<Gate> {
        Arc::new(Gate::new(limit, self.max_waiting.unwrap_or(MAX_WAITING)))
    }

    /// The limits around the message of this site; `None` if there are none, which is said there.
    fn limited(&self, site: &mut Site<'_>) -> Option<Limited> {
        let limit = self.limit_of(site.message());
        if limit.or(self.bus).is_none() {
            site.leave_out::<Bus>("no limit is set for it");
            return None;
        }
        if limit == Some(0) || self.bus == Some(0) {
            site.refuse::<Bus>("a limit of 0 lets nothing through: set at least 1, or take the handler off the bus");
            return None;
        }
        self.explain(site);
        let new = || PerMessage { gate: limit.map(|limit| self.gate(limit)), tally: Arc::default() };
        let PerMessage { gate, tally } =
            self.shared.messages().entry(site.message().type_id()).or_insert_with(new).clone();
        let bus = self.bus.map(|limit| Arc::clone(self.shared.bus.get_or_init(|| self.gate(limit))));
        Some(Limited { message: gate, bus, tally })
    }
}

impl Shared {
    fn messages(&self) -> MutexGuard<'_, HashMap<TypeId, PerMessage>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layer<SyncBus> for Concurrency {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<SyncBus>> {
        self.limited(site).map(Link::around)
    }
}

impl Layer<Bus> for Concurrency {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        self.limited(site).map(Link::async_around)
    }
}
