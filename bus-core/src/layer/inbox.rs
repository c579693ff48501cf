//! Effects once: a message that comes again is not handled again.
//!
//! ```
//! use linkbus::{Command, SyncBus, layer::Inbox};
//! use std::sync::atomic::{AtomicU64, Ordering};
//!
//! #[derive(Command)]
//! struct Pay { invoice: u64, cents: u64 }
//!
//! static PAID: AtomicU64 = AtomicU64::new(0);
//!
//! let inbox = Inbox::in_memory().key(|pay: &Pay| pay.invoice);
//! let bus = SyncBus::empty()
//!     .command(|pay: Pay| { PAID.fetch_add(pay.cents, Ordering::Relaxed); })
//!     .layer(inbox.clone())
//!     .build()?;
//!
//! bus.execute(Pay { invoice: 7, cents: 500 })?;
//! bus.execute(Pay { invoice: 7, cents: 500 })?; // succeeds, and nothing is done
//! assert_eq!(PAID.load(Ordering::Relaxed), 500);
//! assert_eq!(inbox.counts().duplicates(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The page [`linkbus::docs::layers::inbox`](https://docs.rs/linkbus) has the whole of it.

mod counts;
mod guard;
mod key;
mod memory;
#[cfg(feature = "metrics")]
mod series;
mod store;
mod subscribers;

use std::{sync::Arc, time::Duration};

pub use self::{
    counts::InboxCounts,
    key::{InboxKey, KeyTooLong},
    memory::MemoryInbox,
    store::{Claim, Claimed, InboxError, InboxFuture, InboxStore},
    subscribers::CopyUnderWay,
};
use self::{counts::Tally, guard::Guard, key::KeyOf, subscribers::Subscribers};
use super::{InsideTimeout, Layer, Link, Site, Source, Timeout};
use crate::{
    bus::Bus,
    flavor::Flavor,
    message::{Kind, Message, MessageFacts},
    sync_bus::SyncBus,
};

/// How long a copy waits for another one that is under way, if nothing else was said.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Handles commands and tasks that come several times once: a layer of both buses.
///
/// Before the handler runs, the message is claimed in an [`InboxStore`]; when the handler has succeeded it is marked as done.
/// A copy that comes later succeeds without its handler being called. One that comes meanwhile waits for the first, for at
/// most [`wait_at_most`](Self::wait_at_most), and then fails with `NotStarted`, which is retryable. If the handler fails,
/// panics or is dropped, the claim is released, so that the next copy is handled.
///
/// Copies are messages with the same id of the dispatch, which each redelivery of a transport, each attempt of a retry and each
/// replay of a dead letter has, or with the same [`key`](Self::key).
///
/// A process that dies between the effect and the mark leaves the message to be handled once more: nothing is lost, and the
/// effect is there twice, unless the store marks it in one transaction with the effect, as `bus-sqlite` can. Queries are left
/// out, because their replies are not kept, and events unless [`with_events`](Self::with_events) says otherwise.
///
/// Clones share the store and the counts. The example of [the module](self) uses it.
#[derive(Clone)]
#[must_use = "a layer does nothing before it is given to a bus"]
pub struct Inbox {
    store: Arc<dyn InboxStore>,
    /// The one that was set last is at the end.
    keys: Vec<(&'static MessageFacts, KeyOf)>,
    max_wait: Option<Duration>,
    has_events: bool,
    counts: InboxCounts,
}

impl Inbox {
    /// Remembers in `store`; an `Arc` of a store is one too.
    pub fn new(store: impl InboxStore) -> Self {
        let (keys, counts) = (Vec::new(), InboxCounts::default());
        Inbox { store: Arc::new(store), keys, max_wait: None, has_events: false, counts }
    }

    /// Remembers in a [`MemoryInbox`] of its default size and window, 100,000 messages of the last 7 days: they are forgotten
    /// with the process.
    pub fn in_memory() -> Self {
        Inbox::new(MemoryInbox::new())
    }

    /// Takes what `key` gives as the key of an `M`, in place of the id of its dispatch: two of one key are copies, whoever
    /// sent them. At most [`InboxKey::MAX_BYTES`] bytes; a message with a longer one is refused.
    pub fn key<M: Message, K: ToString>(mut self, key: impl Fn(&M) -> K + Send + Sync + 'static) -> Self {
        self.keys.push((M::FACTS, KeyOf::new(key)));
        self
    }

    /// How long a copy waits for another one that is under way, if no time-out outside leaves it less: 30 seconds by default.
    pub fn wait_at_most(self, limit: Duration) -> Self {
        Inbox { max_wait: Some(limit), ..self }
    }

    /// Also takes events that come from other processes, and dead letters of subscribers that are replayed: each subscriber by
    /// itself, so that one that has succeeded is not called again because another one failed. They are then called one after
    /// the other, on a `Bus` too.
    ///
    /// What this program publishes itself is published as without, because it comes once.
    pub fn with_events(self) -> Self {
        Inbox { has_events: true, ..self }
    }

    /// What the layer counts, to be watched while the bus works. Clones share it.
    pub fn counts(&self) -> InboxCounts {
        self.counts.clone()
    }

    /// What is put around the message of this site; `Err` if nothing is, which is said there.
    fn guard<B: Flavor>(&self, site: &mut Site<'_>) -> Result<Guard, Option<Link<B>>> {
        if let Some(why) = self.left_out(site) {
            return Err(site.leave_out(why));
        }
        site.mark::<InsideInbox>();
        let key = self.keys.iter().rev().find(|(of, _)| *of == site.message()).map(|(_, key)| key.clone());
        let (text, source) = Source::of_option("the id of the dispatch", "what the program gives", key.is_some());
        site.value_from("key", text, source);
        site.value("remembers for", format!("{:?}", self.store.window()));
        let max_wait = self.max_wait.unwrap_or(MAX_WAIT);
        let source = if self.max_wait.is_some() { Source::Layer } else { Source::Default };
        site.value_from("waits at most", format!("{max_wait:?}"), source);
        if site.message().kind == Kind::Event {
            site.value("subscribers", "one after the other");
        }
        let tally = Tally::new(&self.counts, site);
        Ok(Guard { store: Arc::clone(&self.store), key, max_wait, clock: site.clock().clone(), tally })
    }

    /// Why there is no inbox around a message.
    fn left_out(&self, site: &Site<'_>) -> Option<&'static str> {
        match site.message().kind {
            Kind::Query => Some("the reply to a query is not kept, and asking again changes nothing"),
            Kind::Event if !self.has_events => Some("events are taken only if `.with_events()` says so"),
            Kind::Event if site.handlers().is_empty() => Some("nobody here subscribes to it"),
            _ if site.marks::<InsideInbox>() > 0 => Some("another inbox stands around it"),
            _ if site.handlers().iter().any(|handler| handler.is_remote) => {
                Some("its handler is in another process, which is where its inbox belongs")
            }
            _ => None,
        }
    }
}

/// The mark of an inbox: a second one inside would wait for the first.
struct InsideInbox;

const CANNOT_WAIT: &str = "an inbox on a `Bus` waits for copies that are under way: turn on the feature `tokio`, or give the \
                           bus the clock of your runtime with `.clock(..)`";

const TIMEOUT_INSIDE: &str = "a time-out inside an inbox leaves its handler running when the time is over, and the inbox would \
                              let the next copy run beside it: put the `.layer(..)` of a time-out before `.layer(Inbox ..)`";

impl Layer<Bus> for Inbox {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        match self.guard(site) {
            Err(without) => without,
            Ok(_) if !site.clock().can_sleep_async() => site.refuse(CANNOT_WAIT),
            Ok(guard) if site.message().kind == Kind::Event => {
                Some(Link::async_around(Subscribers::new(guard, site.message(), site.handlers())))
            }
            Ok(guard) => Some(Link::async_around(guard)),
        }
    }
}

impl Layer<SyncBus> for Inbox {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<SyncBus>> {
        match self.guard(site) {
            Err(without) => without,
            Ok(_) if has_timeout_inside(site) => site.refuse(TIMEOUT_INSIDE),
            Ok(guard) if site.message().kind == Kind::Event => {
                Some(Link::around(Subscribers::new(guard, site.message(), site.handlers())))
            }
            Ok(guard) => Some(Link::around(guard)),
        }
    }
}

/// Whether a time-out is inside, one of the bus or one that the handler asks for.
fn has_timeout_inside(site: &Site<'_>) -> bool {
    let is_implied = || {
        let asks = site.handlers().iter().any(|handler| handler.settings.timeout.is_some());
        asks && site.marks::<InsideTimeout>() == 0
    };
    site.inside().contains(&std::any::TypeId::of::<Timeout>()) || is_implied()
}
