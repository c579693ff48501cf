//! The time-out: a limit on how long a handler may take.

mod counts;
mod expiry;
mod log;
mod on_bus;
mod on_sync_bus;
mod pool;

use std::{
    any::TypeId,
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

pub use self::counts::TimeoutCounts;
pub(crate) use self::on_bus::{SubscriberLimit, SubscriberLimits};
use self::pool::Pool;
use super::{
    Inbox, Layer, Link, Site, Source,
    site::{InsideRetry, InsideTimeout},
};
use crate::{
    bus::Bus,
    error::AnyError,
    flavor::Flavor,
    handler::HandlerFacts,
    message::{Kind, Message, MessageFacts},
    sync_bus::SyncBus,
};

/// The limit unless another one is set.
const DEFAULT: Duration = Duration::from_secs(5);

/// How many calls wait for a thread on a `SyncBus` unless another number is set.
const DEFAULT_QUEUE: usize = 1024;

/// Limits how long a handler may take: 5 seconds, unless another time is set.
///
/// The closest setting counts: `#[handler(timeout = "2s")]`, then [`for_message`](Self::for_message), then
/// [`for_kind`](Self::for_kind), then that of the layer. [`explain`](Bus::explain) says which it was.
///
/// - On a [`Bus`] an `async fn` that takes longer is dropped where it waits. A plain `fn` cannot be interrupted.
///   Each subscriber of an event has a limit of its own.
/// - On a [`SyncBus`] the call runs on a thread of the layer, and a caller whose time is over stops waiting for it: the
///   handler runs on to its end, and what it comes to is dropped. All subscribers of an event have one limit.
///
/// The caller gets `TimedOut`, or `NotStarted` if no thread became free in time: then the handler has not run and will
/// not. `docs::layers::timeout` has the details.
///
/// ```
/// use std::time::Duration;
/// use linkbus::{Bus, Query, SendError, layer::Timeout};
/// # #[derive(Query)]
/// # #[query(reply = u32)]
/// # struct Price;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # tokio::time::pause();
/// let bus = Bus::empty()
///     .query_async(|_: Price| std::future::pending::<u32>())
///     .layer(Timeout::after(Duration::from_millis(250)))
///     .build()
///     .unwrap();
///
/// let error = bus.send(Price).await.unwrap_err();
/// assert!(matches!(error, SendError::TimedOut { after, .. } if after == Duration::from_millis(250)));
/// # }
/// ```
#[must_use = "a layer does nothing before it is given to a bus"]
pub struct Timeout {
    /// `None` if only what handlers say counts.
    all: Option<Limit>,
    kinds: Vec<(Kind, Duration)>,
    messages: Vec<(TypeId, Duration)>,
    threads: (usize, Source),
    queue: (usize, Source),
    counts: TimeoutCounts,
    pool: OnceLock<Arc<Pool>>,
}

impl Default for Timeout {
    fn default() -> Self {
        Timeout::new()
    }
}

impl Timeout {
    /// A limit of 5 seconds for every message.
    pub fn new() -> Self {
        Timeout::with(Some(Limit { after: DEFAULT, source: Source::Default }))
    }

    /// This limit for every message. A bus with one of zero is not built.
    pub fn after(limit: Duration) -> Self {
        Timeout::with(Some(Limit { after: limit, source: Source::Layer }))
    }

    /// No limit but for handlers that say one themselves, where no other layer is there to hear it.
    pub(crate) fn of_handlers() -> Self {
        Timeout::with(None)
    }

    fn with(all: Option<Limit>) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from).saturating_add(4).min(32);
        Timeout {
            all,
            kinds: Vec::new(),
            messages: Vec::new(),
            threads: (threads, Source::Default),
            queue: (DEFAULT_QUEUE, Source::Default),
            counts: TimeoutCounts::default(),
            pool: OnceLock::new(),
        }
    }

    /// Another limit for messages of this kind.
    pub fn for_kind(mut self, kind: Kind, limit: Duration) -> Self {
        self.kinds.push((kind, limit));
        self
    }

    /// Another limit for this message.
    pub fn for_message<M: Message>(mut self, limit: Duration) -> Self {
        self.messages.push((TypeId::of::<M>(), limit));
        self
    }

    /// How many calls may be under way at once on a [`SyncBus`], those included that nobody waits for any more: at least
    /// 1; by default 4 more than the processor has cores, at most 32.
    ///
    /// The threads are started when they are needed. A `Bus` has no use for them.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = (threads, Source::Layer);
        self
    }

    /// How many further calls may wait for a thread on a [`SyncBus`]: 1024 by default. One more fails with `Overloaded`.
    pub fn queue(mut self, calls: usize) -> Self {
        self.queue = (calls, Source::Layer);
        self
    }

    /// What the layer counts, to be watched while the bus works. Clones share it.
    pub fn counts(&self) -> TimeoutCounts {
        self.counts.clone()
    }

    /// How long this handler may run.
    fn limit(&self, handler: &HandlerFacts, hears_handlers: bool) -> Option<Limit> {
        let by_handler = handler.settings.timeout.filter(|_| hears_handlers);
        by_handler
            .map(|after| Limit { after, source: Source::Handler(handler.location) })
            .or_else(|| self.limit_of(handler.message))
    }

    /// How long a handler of this message may run, if it says nothing itself.
    fn limit_of(&self, message: &MessageFacts) -> Option<Limit> {
        let by_message = self.messages.iter().rfind(|(id, _)| *id == message.type_id());
        let by_kind = self.kinds.iter().rfind(|(kind, _)| *kind == message.kind);
        by_message
            .map(|(_, after)| Limit { after: *after, source: Source::Message })
            .or_else(|| by_kind.map(|(_, after)| Limit { after: *after, source: Source::Kind }))
            .or(self.all)
    }

    /// Whether what handlers say is for this layer: it is for the innermost of several time-outs.
    fn hears_handlers(&self, site: &mut Site<'_>) -> bool {
        let is_innermost = match self.all {
            Some(_) => !site.inside().contains(&TypeId::of::<Timeout>()),
            None => site.marks::<HandlersHeard>() == 0,
        };
        if is_innermost {
            site.mark::<HandlersHeard>();
        }
        is_innermost
    }

    /// The limits of the handlers of a message, or that of its stub; or what is to be said of a layer that has none, or cannot be there.
    fn limits(&self, site: &mut Site<'_>) -> Result<Limits, Unfit> {
        let hears_handlers = self.hears_handlers(site);
        let limits: Limits = if site.is_stubbed() {
            vec![self.limit_of(site.message())]
        } else {
            site.handlers().iter().map(|handler| self.limit(handler, hears_handlers)).collect()
        };
        if limits.iter().all(Option::is_none) {
            return Err(if self.all.is_some() { Unfit::LeftOut("nothing here handles it") } else { Unfit::Silent });
        }
        if limits.iter().flatten().any(|limit| limit.after.is_zero()) {
            return Err(Unfit::Refused(ZERO.to_owned()));
        }
        Ok(limits)
    }

    fn pool(&self) -> Arc<Pool> {
        Arc::clone(self.pool.get_or_init(|| Arc::new(Pool::new(self.threads.0, self.queue.0))))
    }
}

/// How long a handler may run, and who says so.
#[derive(Clone, Copy)]
struct Limit {
    after: Duration,
    source: Source,
}

/// In the order of the handlers, or the one of the stub; `None` for one that has no limit.
type Limits = Vec<Option<Limit>>;

/// Why a time-out is not put around a message.
enum Unfit {
    Silent,
    LeftOut(&'static str),
    Refused(String),
}

/// Marks what is inside the time-out, if there is one.
fn enter<B: Flavor>(site: &mut Site<'_>, link: Result<Link<B>, Unfit>) -> Option<Link<B>> {
    match link {
        Ok(link) => {
            site.mark::<InsideTimeout>();
            Some(link)
        }
        Err(unfit) => unfit.say(site),
    }
}

impl Unfit {
    fn say<B: Flavor>(self, site: &mut Site<'_>) -> Option<Link<B>> {
        match self {
            Unfit::Silent => site.pass_over(),
            Unfit::LeftOut(why) => site.leave_out(why),
            Unfit::Refused(reason) => site.refuse(reason),
        }
    }
}

fn said_by_handler(limit: Option<Limit>) -> bool {
    limit.is_some_and(|limit| matches!(limit.source, Source::Handler(_)))
}

/// The mark of the time-out that goes by what handlers say.
struct HandlersHeard;

const ZERO: &str = "a time-out must be longer than 0, got 0ns: without any time no handler succeeds; \
                    to have no limit, leave the layer out";

const CANNOT_WAIT: &str = "a time-out on a `Bus` needs a timer: turn on the feature `tokio`, or give the bus the clock of \
                           your runtime with `.clock(..)`";

const NO_THREADS: &str =
    "a time-out on a `SyncBus` runs its calls on threads, and was given 0 of them: give it at least 1";

impl Layer<Bus> for Timeout {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        let link = self.limits(site).and_then(|limits| self.on_bus(site, &limits));
        enter(site, link)
    }
}

impl Timeout {
    fn on_bus(&self, site: &mut Site<'_>, limits: &[Option<Limit>]) -> Result<Link<Bus>, Unfit> {
        if !site.clock().can_sleep_async() {
            return Err(Unfit::Refused(CANNOT_WAIT.to_owned()));
        }
        let handlers = site.handlers();
        let mut limited = handlers.iter().zip(limits);
        if let Some((handler, _)) = limited.find(|(handler, limit)| !handler.is_async && said_by_handler(**limit)) {
            return Err(Unfit::Refused(format!(
                "the handler `{}` is a plain `fn`, which a `Bus` cannot interrupt: make it an `async fn`, or take `timeout` \
                 off its `#[handler]`",
                handler.name
            )));
        }
        match (handlers, limits) {
            ([], [Some(limit)]) => Ok(self.around_all(site, *limit)),
            ([handler], [Some(limit)]) if site.message().kind.has_one_handler() => {
                self.around_handler(site, handler, *limit)
            }
            _ => self.around_subscribers(site, limits),
        }
    }

    /// One limit for whatever is inside.
    fn around_all(&self, site: &mut Site<'_>, limit: Limit) -> Link<Bus> {
        explain(site, limit);
        let (clock, counters) = (site.clock().clone(), self.counts.counters());
        Link::async_around(on_bus::Limited { after: limit.after, clock, counters })
    }

    fn around_handler(&self, site: &mut Site<'_>, handler: &HandlerFacts, limit: Limit) -> Result<Link<Bus>, Unfit> {
        let may_wait_inside = !site.inside().is_empty() || handler.settings.retry.is_some();
        if !handler.is_async && !may_wait_inside {
            return Err(Unfit::LeftOut(
                "its handler is a plain `fn`, which cannot be interrupted, and no layer inside waits",
            ));
        }
        let link = self.around_all(site, limit);
        if !handler.is_async {
            let interrupts = "layers inside that wait, but not the plain `fn`";
            site.value_from("interrupts", interrupts, Source::Handler(handler.location));
        }
        Ok(link)
    }

    fn around_subscribers(&self, site: &mut Site<'_>, limits: &[Option<Limit>]) -> Result<Link<Bus>, Unfit> {
        let subscribers = site.handlers();
        if subscribers.iter().all(|subscriber| !subscriber.is_async) {
            return Err(Unfit::LeftOut("its subscribers are plain `fn`s, which cannot be interrupted"));
        }
        let limited = subscribers.iter().zip(limits).map(|(subscriber, limit)| limit.filter(|_| subscriber.is_async));
        let limited = limited.collect::<Limits>();
        for (subscriber, limit) in subscribers.iter().zip(&limited) {
            match limit {
                Some(Limit { after, source }) => site.value_from(subscriber.name, format!("after {after:?}"), *source),
                None if subscriber.is_async => site.value_from(subscriber.name, "no limit", Source::Default),
                None => {
                    let why = "no limit, it is a plain `fn`";
                    site.value_from(subscriber.name, why, Source::Handler(subscriber.location));
                }
            }
        }
        let after = limited.iter().map(|limit| limit.map(|limit| limit.after)).collect();
        let (clock, counters) = (site.clock().clone(), self.counts.counters());
        Ok(Link::async_around(on_bus::LimitedSubscribers { after, clock, counters }))
    }
}

/// Tells `explain` the limit, and what it is one of.
fn explain(site: &mut Site<'_>, Limit { after, source }: Limit) {
    site.value_from("after", format!("{after:?}"), source);
    let is_event = site.message().kind == Kind::Event;
    let is_inside_retry = site.marks::<InsideRetry>() > 0;
    let bounds = match (is_event, is_inside_retry) {
        (true, _) => "all subscribers together",
        (false, true) => "each attempt",
        (false, false) => "the whole dispatch",
    };
    site.value_from("bounds", bounds, Source::Order);
}

impl Layer<SyncBus> for Timeout {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<SyncBus>> {
        let link = self.limits(site).and_then(|limits| self.on_sync_bus(site, &limits));
        enter(site, link)
    }

    fn close(&self) -> Result<(), AnyError> {
        if let Some(pool) = self.pool.get() {
            pool.close();
        }
        Ok(())
    }
}

impl Timeout {
    fn on_sync_bus(&self, site: &mut Site<'_>, limits: &[Option<Limit>]) -> Result<Link<SyncBus>, Unfit> {
        if self.threads.0 == 0 {
            return Err(Unfit::Refused(NO_THREADS.to_owned()));
        }
        let is_event = site.message().kind == Kind::Event;
        let mut limited = site.handlers().iter().zip(limits);
        if let Some((subscriber, _)) = limited.find(|(_, limit)| is_event && said_by_handler(**limit)) {
            return Err(Unfit::Refused(format!(
                "a `SyncBus` calls the subscribers of an event one after the other, so that one of them cannot be stopped: \
                 take `timeout` off the `#[handler]` of `{}`, and give the event a limit with `.for_message(..)`",
                subscriber.name
            )));
        }
        let limit = limits.iter().flatten().next().copied().expect("there is a limit, or the layer is left out");
        explain(site, limit);
        site.value_from("threads", self.threads.0, self.threads.1);
        site.value_from("queue", self.queue.0, self.queue.1);
        let (clock, pool, counters) = (site.clock().clone(), self.pool(), self.counts.counters());
        let draws_ids = site.inside().contains(&TypeId::of::<Inbox>()) || site.marks::<InsideRetry>() > 0;
        Ok(Link::around(on_sync_bus::Limited { after: limit.after, clock, pool, counters, draws_ids }))
    }
}

/// The deadline that comes first.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
