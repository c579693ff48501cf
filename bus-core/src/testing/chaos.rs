//! A world that does not behave, by seed.

mod draw;
mod gate;
mod injected;
mod ledger;
mod mischief;
mod odds;
mod seeds;

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use self::{gate::Gate, ledger::Happenings, mischief::Mischief, odds::Odds};
pub use self::{
    injected::Injected,
    ledger::{Happened, Ledger, Mishap},
};
use crate::{
    bus::Bus,
    error::AnyError,
    layer::{Layer, Link, Site},
    message::{Message, MessageFacts},
    sync_bus::SyncBus,
};

/// A layer for tests that makes dispatches fail, get lost, come twice, come late and out of order.
///
/// What befalls a dispatch follows from the seed, the message and which dispatch of that message it is: the same seed does the
/// same again, however threads and tasks take turns. Nothing happens unless it is asked for, with a probability from 0 to 1.
/// Several things may befall one dispatch. Clones share the count of dispatches and the list of [what was done](Self::done).
///
/// An error that it makes is [`Transport`](crate::ExecuteError::Transport), with an [`Injected`] as its source. It is retryable:
/// a [`Retry`](crate::layer::Retry) outside tries again, and each attempt is a dispatch of its own here.
///
/// [The page on chaos](https://docs.rs/linkbus/latest/linkbus/docs/testing/chaos) has a table of what each mishap means
/// for each kind of message on each bus.
///
/// ```
/// use linkbus::{Command, SyncBus, clock::ManualClock, layer::Retry, testing::Chaos};
///
/// #[derive(Command, Clone)]
/// struct Pay;
///
/// let chaos = Chaos::seeded(7).fails(0.3);
/// let bus = SyncBus::empty()
///     .command(|_: Pay| ())
///     .layer(Retry::new().max_attempts(20))
///     .layer(chaos.clone())
///     .clock(ManualClock::new())
///     .build()
///     .unwrap();
/// for _ in 0..100 {
///     bus.execute(Pay).unwrap(); // whatever goes wrong, it is tried again
/// }
/// assert!(!chaos.done().happened().is_empty());
/// println!("{}", chaos.done());
/// // seed 7:
/// //   execute shop.Pay, dispatch 3: failed
/// //   ..
/// ```
#[derive(Clone, Debug)]
pub struct Chaos {
    seed: u64,
    odds: Odds,
    /// Empty for all messages.
    only: Vec<&'static MessageFacts>,
    run: Arc<Run>,
}

/// What clones share.
#[derive(Debug, Default)]
struct Run {
    /// How many dispatches of each message there were.
    dispatches: Mutex<HashMap<TypeId, Arc<AtomicU64>>>,
    happenings: Happenings,
    gate: Gate,
}

impl Run {
    fn dispatches_of(&self, message: &MessageFacts) -> Arc<AtomicU64> {
        let mut dispatches = self.dispatches.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(dispatches.entry(message.type_id()).or_default())
    }
}

impl Chaos {
    /// One that does nothing yet.
    pub fn seeded(seed: u64) -> Self {
        Chaos { seed, odds: Odds::default(), only: Vec::new(), run: Arc::default() }
    }

    /// Has dispatches fail with an [`Injected`] error, without reaching their handlers.
    ///
    /// With a probability that is not from 0 to 1 the bus is not built (BUS013); so it is with all the others.
    #[must_use]
    pub fn fails(self, probability: f64) -> Self {
        self.with(|odds| odds.fails = probability)
    }

    /// Has messages get lost on their way to their handlers.
    ///
    /// Of an event and a task nobody hears: `publish` and `dispatch` succeed. The caller of a query and a command waits for an
    /// answer, and gets an [`Injected`] error.
    #[must_use]
    pub fn drops(self, probability: f64) -> Self {
        self.with(|odds| odds.drops = probability)
    }

    /// Has answers get lost on their way back: the handler has run, and the caller gets an [`Injected`] error.
    ///
    /// It is what finds out whether a handler may be called again. Of an event no answer is waited for, so none is lost.
    #[must_use]
    pub fn loses_answers(self, probability: f64) -> Self {
        self.with(|odds| odds.loses_answers = probability)
    }

    /// Has messages come twice, one after the other, with the same ids. The caller gets the outcome of the first; nobody gets
    /// that of the second.
    ///
    /// A message that its handler takes by value and that is not `Clone` comes once.
    #[must_use]
    pub fn duplicates(self, probability: f64) -> Self {
        self.with(|odds| odds.duplicates = probability)
    }

    /// Has messages come late, by anything up to `up_to` on the clock of the bus: with a
    /// [`ManualClock`](crate::clock::ManualClock) nothing waits.
    #[must_use]
    pub fn delays(self, probability: f64, up_to: Duration) -> Self {
        self.with(|odds| (odds.delays, odds.up_to) = (probability, up_to))
    }

    /// Has messages be overtaken by others on the same [`Bus`], each by 1 to `window` of them.
    ///
    /// One that is held back goes on when so many others are over, when its [`patience`](Self::patience) is at an end, or
    /// when the bus is closed, whichever is first. On a [`SyncBus`] nothing is held back: it would hold the thread that has to
    /// bring the others. With a window of 0 the bus is not built (BUS013).
    #[must_use]
    pub fn reorders(self, probability: f64, window: u32) -> Self {
        self.with(|odds| (odds.reorders, odds.window) = (probability, window))
    }

    /// How long a message that [is to be overtaken](Self::reorders) waits for others, on the clock of the bus: 10 ms unless set.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        self.with(|odds| odds.patience = patience)
    }

    fn with(mut self, set: impl FnOnce(&mut Odds)) -> Self {
        set(&mut self.odds);
        self
    }

    /// Lets all other messages be. Several such calls add up.
    ///
    /// For kinds of messages there is [`layer::only`](crate::layer::only), as for every layer.
    ///
    /// ```
    /// use linkbus::{Command, Kind, SyncBus, layer::only, testing::Chaos};
    /// # #[derive(Command)]
    /// # struct Pay;
    /// # #[derive(Command)]
    /// # struct Look;
    /// let bus = SyncBus::empty()
    ///     .command(|_: Pay| ())
    ///     .command(|_: Look| ())
    ///     .layer(Chaos::seeded(1).fails(1.0).only::<Pay>())
    ///     .layer(only(Kind::Event, Chaos::seeded(1).drops(0.5)))
    ///     .build()
    ///     .unwrap();
    /// assert!(bus.execute(Pay).is_err());
    /// assert!(bus.execute(Look).is_ok());
    /// ```
    #[must_use]
    pub fn only<M: Message>(mut self) -> Self {
        self.only.push(M::FACTS);
        self
    }

    /// What it was seeded with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What was done so far, in order: the first 10,000 things, and how many there were besides.
    pub fn done(&self) -> Ledger {
        self.run.happenings.ledger(self.seed)
    }

    fn is_for(&self, message: &MessageFacts) -> bool {
        self.only.is_empty() || self.only.contains(&message)
    }

    /// What it does to the message of `site` by these odds, which it can have there; or no link.
    fn mischief<B: crate::Flavor>(&self, site: &mut Site<'_>, odds: Odds) -> Result<Mischief, Option<Link<B>>> {
        if !self.is_for(site.message()) {
            let names: Vec<_> = self.only.iter().map(|message| format!("`{}`", message.name)).collect();
            return Err(site.leave_out(format!("it is only for {}", names.join(", "))));
        }
        if let Some(fault) = self.odds.fault() {
            return Err(site.refuse(fault));
        }
        if odds.is_nothing() {
            return Err(site.leave_out("nothing is to happen to this message"));
        }
        if odds.duplicates > 0.0 {
            site.keep_message();
        }
        site.value("seed", self.seed);
        odds.explain(&self.odds, site);
        let dispatches = self.run.dispatches_of(site.message());
        Ok(Mischief { seed: self.seed, odds, dispatches, run: Arc::clone(&self.run), clock: site.clock().clone() })
    }
}

impl Layer<SyncBus> for Chaos {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<SyncBus>> {
        let odds = self.odds.without_reordering().of(site);
        self.mischief(site, odds).map_or_else(|without| without, |mischief| Some(Link::around(mischief)))
    }

    fn is_for(&self, message: &'static MessageFacts) -> bool {
        Chaos::is_for(self, message)
    }
}

impl Layer<Bus> for Chaos {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        let odds = self.odds.of(site);
        match self.mischief(site, odds) {
            Err(without) => without,
            Ok(_) if odds.waits() && !site.clock().can_sleep_async() => site.refuse(
                "nothing on this bus can wait without blocking: turn on the feature `tokio`, or give a clock with `.clock(..)`",
            ),
            Ok(mischief) => Some(Link::async_around(mischief)),
        }
    }

    fn is_for(&self, message: &'static MessageFacts) -> bool {
        Chaos::is_for(self, message)
    }

    /// Lets go what is held back.
    fn close(&self) -> Result<(), AnyError> {
        self.run.gate.close();
        Ok(())
    }
}
