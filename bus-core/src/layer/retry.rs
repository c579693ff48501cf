//! Trying again what failed.

mod attempts;
mod backoff;
mod budget;
mod rules;

use std::{error::Error, fmt, sync::Arc, time::Duration};

use self::{
    attempts::Attempts,
    backoff::{Backoff, Chance},
    rules::Rule,
};
pub use self::{backoff::Jitter, budget::RetryBudget};
use super::{Failed, Layer, Link, Site, Source, site::InsideRetry};
use crate::{
    bus::Bus,
    flavor::Flavor,
    handler::{HandlerFacts, RetrySettings},
    message::{Kind, Location},
    sync_bus::SyncBus,
};

const DEFAULT_MAX: u32 = 3;
const DEFAULT_BASE: Duration = Duration::from_secs(2);
const DEFAULT_FACTOR: f64 = 2.0;
const DEFAULT_CAP: Duration = Duration::from_secs(60);

/// Tries a query, command or task again when it failed with an error that may pass.
///
/// Unless set otherwise there are 3 attempts, with 2 s and 4 s between them, and only
/// [transient errors](Self::on_transient) are tried again. When none is left the caller gets the error of the last attempt
/// as it is. Events are never tried again: some of their subscribers may have succeeded. Nor is a panic.
///
/// The message is lent to the handler, because the next attempt needs it: a handler that takes it by value gets a copy, and
/// the message has to be `Clone`. On a `SyncBus` the thread sleeps between the attempts.
///
/// What a handler says with `#[handler(retry(..))]` goes before what is set here, value by value. Of several retries around
/// one message the outermost follows the handler; with `max = 1` there is none.
///
/// [The page on retries](https://docs.rs/linkbus/latest/linkbus/docs/layers/retry) says how it goes with the other layers.
///
/// ```
/// use std::{io, time::Duration};
/// use linkbus::{Command, SyncBus, clock::ManualClock, layer::{Jitter, Retry}};
///
/// #[derive(Command, Clone)]
/// struct Charge;
///
/// let clock = ManualClock::new();
/// let bus = SyncBus::empty()
///     .command(|_: Charge| Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused)))
///     .layer(Retry::new().max_attempts(4).base(Duration::from_millis(50)).jitter(Jitter::Full).seed(7))
///     .clock(clock.clone())
///     .build()
///     .unwrap();
/// bus.execute(Charge).unwrap_err();
/// for (slept, most) in clock.sleeps().into_iter().zip([50, 100, 200]) {
///     assert!(slept <= Duration::from_millis(most));
/// }
/// assert_eq!(clock.sleeps().len(), 3);
/// ```
#[derive(Clone, Default)]
pub struct Retry {
    max: Option<u32>,
    base: Option<Duration>,
    factor: Option<f64>,
    cap: Option<Duration>,
    jitter: Option<Jitter>,
    chance: Chance,
    rules: Vec<Rule>,
    budget: Option<RetryBudget>,
}

impl Retry {
    /// Three attempts, 2 s and 4 s between them, no jitter, on transient errors.
    pub fn new() -> Self {
        Retry::default()
    }

    /// How many attempts there are, the first included: 3 unless set. With 1 nothing is tried again.
    ///
    /// With 0 the bus is not built (BUS013).
    #[must_use]
    pub fn max_attempts(self, attempts: u32) -> Self {
        Retry { max: Some(attempts), ..self }
    }

    /// The delay after the first failed attempt: 2 s unless set. Each further one is [`factor`](Self::factor) times the one
    /// before.
    ///
    /// With none at all the bus is not built (BUS013).
    #[must_use]
    pub fn base(self, delay: Duration) -> Self {
        Retry { base: Some(delay), ..self }
    }

    /// How many times the delay before a delay is: 2 unless set. With a base of 3 s and a factor of 3 the delays are 3 s,
    /// 9 s, 27 s.
    ///
    /// With a factor that is not finite or not above 0 the bus is not built (BUS013).
    #[must_use]
    pub fn factor(self, factor: f64) -> Self {
        Retry { factor: Some(factor), ..self }
    }

    /// The longest delay: 60 s unless set. A delay that would be longer, or that no number can hold, is this one.
    ///
    /// With none at all the bus is not built (BUS013).
    #[must_use]
    pub fn cap(self, delay: Duration) -> Self {
        Retry { cap: Some(delay), ..self }
    }

    /// What of a delay is left to chance: nothing unless set. [`Jitter::Full`] is recommended.
    #[must_use]
    pub fn jitter(self, jitter: Jitter) -> Self {
        Retry { jitter: Some(jitter), ..self }
    }

    /// Makes the jitter repeatable, for a test: the same seed gives the same sequence.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Retry { chance: Chance::seeded(seed), ..self }
    }

    /// Tries again on an `E`, wherever it stands in the error's chain of sources. Several such calls add up.
    ///
    /// This and the other `on_..` methods, and [`when`](Self::when), replace the default: call
    /// [`on_transient`](Self::on_transient) too if it is to stay.
    ///
    /// An `Arc<E>`, a `Box<E>` and an `io::Error` made of an `E` count as one. What any other type wraps without calling it
    /// its source is not seen: not behind `#[error(transparent)]`, and not the handler's error in the `SendError` of a
    /// message that the handler sent.
    ///
    /// ```
    /// use linkbus::{Query, SyncBus, clock::ManualClock, layer::Retry};
    /// # #[derive(Debug, thiserror::Error)]
    /// # #[error("the database is busy")]
    /// # struct Busy;
    /// # #[derive(Debug, thiserror::Error)]
    /// # #[error("no user")]
    /// # struct Lookup(#[source] Busy);
    /// # #[derive(Query, Clone)]
    /// # #[query(reply = u32)]
    /// # struct Count;
    /// let clock = ManualClock::new();
    /// let bus = SyncBus::empty()
    ///     .query(|_: Count| Err::<u32, _>(Lookup(Busy)))
    ///     .layer(Retry::new().on::<Busy>().on_transient())
    ///     .clock(clock.clone())
    ///     .build()
    ///     .unwrap();
    /// bus.send(Count).unwrap_err();
    /// assert_eq!(clock.sleeps().len(), 2);
    /// ```
    #[must_use]
    pub fn on<E: Error + 'static>(self) -> Self {
        self.with(Rule::error::<E>())
    }

    /// Tries again when `predicate` is true of the failure. Several such calls add up.
    ///
    /// It is not asked about what the same message would only meet again: a missing handler, the recursion limit, a bus that
    /// is gone; nor about a panic.
    #[must_use]
    pub fn when(self, predicate: impl Fn(Failed<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.with(Rule::When(Arc::new(predicate)))
    }

    /// Tries again whatever the error, except for what [`when`](Self::when) is not asked about.
    #[must_use]
    pub fn on_any_error(self) -> Self {
        self.with(Rule::Any)
    }

    /// Tries again on transient errors: what happens when no `on_..` and no `when` is called.
    ///
    /// That is what the bus calls [retryable](Failed::is_retryable) (time-outs, overload, transports), and what is, or has as a
    /// source, an `io::Error` of a kind that tells of a connection or a time-out: `ConnectionRefused`, `ConnectionReset`,
    /// `ConnectionAborted`, `NotConnected`, `BrokenPipe`, `TimedOut`, `HostUnreachable`, `NetworkUnreachable`,
    /// `NetworkDown`; with the feature `tokio` also the `Elapsed` of its time-outs.
    #[must_use]
    pub fn on_transient(self) -> Self {
        self.with(Rule::Transient)
    }

    fn with(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Bounds the retries in all: there is no bound unless set.
    ///
    /// Of several retries around one message only the outermost with a budget pays in.
    #[must_use]
    pub fn budget(self, budget: RetryBudget) -> Self {
        Retry { budget: Some(budget), ..self }
    }

    /// What it comes to for the message of `site`, said to `explain`; `None` if it does not apply.
    fn attempts<B: Flavor>(&self, site: &mut Site<'_>) -> Result<Attempts, Option<Link<B>>> {
        if !site.message().kind.has_one_handler() {
            return Err(site.leave_out("an event has several handlers, and some of them may have succeeded"));
        }
        let is_outermost = site.marks::<Retry>() == 0;
        let handler = settings(site).filter(|(said, _)| is_outermost || said.max == Some(1));
        site.mark::<Retry>();
        let values = Values::new(self, handler);
        if let Err(fault) = values.check() {
            return Err(site.refuse(fault));
        }
        if values.max.0 == 1 {
            return Err(site.leave_out(format!("there is one attempt ({})", values.max.1)));
        }
        values.explain(site);
        Ok(self.made_of(&values, site))
    }

    fn made_of(&self, values: &Values, site: &mut Site<'_>) -> Attempts {
        let rules = if self.rules.is_empty() { vec![Rule::Transient] } else { self.rules.clone() };
        self.explain(&rules, site);
        site.keep_message();
        site.mark::<InsideRetry>();
        let pays_in = self.budget.is_some() && site.marks::<RetryBudget>() == 0;
        if self.budget.is_some() {
            site.mark::<RetryBudget>();
        }
        Attempts {
            max: values.max.0,
            backoff: Backoff { base: values.base.0, factor: values.factor.0, cap: values.cap.0 },
            jitter: self.jitter.unwrap_or_default(),
            chance: self.chance.clone(),
            rules: rules.into(),
            budget: self.budget.clone(),
            pays_in,
            clock: site.clock().clone(),
        }
    }

    /// Tells the values that a handler does not set.
    fn explain(&self, rules: &[Rule], site: &mut Site<'_>) {
        let source = |is_set| if is_set { Source::Layer } else { Source::Default };
        site.value_from("jitter", self.jitter.unwrap_or_default(), source(self.jitter.is_some()));
        let on: Vec<_> = rules.iter().map(ToString::to_string).collect();
        site.value_from("on", on.join(", "), source(!self.rules.is_empty()));
        if let Some(budget) = &self.budget {
            site.value("budget", budget);
        }
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Retry { max, base, factor, cap, jitter, .. } = self;
        f.debug_struct("Retry")
            .field("max_attempts", max)
            .field("base", base)
            .field("factor", factor)
            .field("cap", cap)
            .field("jitter", jitter)
            .finish_non_exhaustive()
    }
}

/// What the handler of the message says, and where.
fn settings(site: &Site<'_>) -> Option<(RetrySettings, Location)> {
    let HandlerFacts { settings, location, .. } = site.handlers().first()?;
    settings.retry.map(|retry| (retry, *location))
}

/// The values that a handler may set, each with its source.
struct Values {
    max: (u32, Source),
    base: (Duration, Source),
    factor: (f64, Source),
    cap: (Duration, Source),
}

impl Values {
    fn new(layer: &Retry, handler: Option<(RetrySettings, Location)>) -> Self {
        let (said, location) = handler.map_or((RetrySettings::default(), None), |(said, at)| (said, Some(at)));
        let by_handler = location.map_or(Source::Default, Source::Handler);
        Values {
            max: first(said.max, by_handler, layer.max, DEFAULT_MAX),
            base: first(said.base, by_handler, layer.base, DEFAULT_BASE),
            factor: first(None, by_handler, layer.factor, DEFAULT_FACTOR),
            cap: first(said.cap, by_handler, layer.cap, DEFAULT_CAP),
        }
    }

    fn check(&self) -> Result<(), String> {
        let (max, base, factor, cap) = (self.max.0, self.base.0, self.factor.0, self.cap.0);
        if max == 0 {
            return Err("max_attempts must be >= 1, got 0".to_owned());
        }
        if base.is_zero() {
            return Err(format!("base must be > 0, got {base:?}"));
        }
        if !(factor.is_finite() && factor > 0.0) {
            return Err(format!("factor must be a finite number > 0, got {factor:?}"));
        }
        if cap.is_zero() {
            return Err(format!("cap must be > 0, got {cap:?}"));
        }
        Ok(())
    }

    fn explain(&self, site: &mut Site<'_>) {
        site.value_from("max_attempts", self.max.0, self.max.1);
        site.value_from("base", format_args!("{:?}", self.base.0), self.base.1);
        site.value_from("factor", self.factor.0, self.factor.1);
        site.value_from("cap", format_args!("{:?}", self.cap.0), self.cap.1);
    }
}

/// What the handler says, or the layer, or nobody.
fn first<T>(handler: Option<T>, by_handler: Source, layer: Option<T>, default: T) -> (T, Source) {
    match (handler, layer) {
        (Some(value), _) => (value, by_handler),
        (None, Some(value)) => (value, Source::Layer),
        (None, None) => (default, Source::Default),
    }
}

impl Layer<SyncBus> for Retry {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<SyncBus>> {
        self.attempts(site).map_or_else(|without| without, |attempts| Some(Link::around(attempts)))
    }
}

impl Layer<Bus> for Retry {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        match self.attempts(site) {
            Err(without) => without,
            Ok(_) if !site.clock().can_sleep_async() => site.refuse(
                "nothing on this bus can wait without blocking: turn on the feature `tokio`, or give a clock with `.clock(..)`",
            ),
            Ok(attempts) => Some(Link::async_around(attempts)),
        }
    }
}

/// The retry of a handler that asks for one on a bus that has none around it.
pub(super) struct Implied;

impl Implied {
    fn applies(site: &Site<'_>) -> bool {
        site.message().kind != Kind::Event && site.marks::<Retry>() == 0 && settings(site).is_some()
    }
}

impl<B: Flavor> Layer<B> for Implied
where
    Retry: Layer<B>,
{
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        if !Implied::applies(site) {
            return site.pass_over();
        }
        Retry::new().link(site)
    }

    fn name(&self) -> &'static str {
        "Retry"
    }
}
