//! Recording: every dispatch written down when it ends, to be read, counted and played again.
//!
//! ```
//! use linkbus::{Query, SyncBus, recording::{MemoryStore, Recording}};
//!
//! #[derive(Query, serde::Serialize)]
//! #[query(reply = u32)]
//! struct PriceOf(String);
//!
//! let records = MemoryStore::new();
//! let bus = SyncBus::empty()
//!     .query(|price: PriceOf| price.0.len() as u32)
//!     .layer(Recording::new(records.clone()))
//!     .build()?;
//! bus.send(PriceOf("tea".into()))?;
//!
//! let record = &records.records()[0];
//! assert_eq!((record.payload(), record.result()), (Some(r#""tea""#), Some("3")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The page [`linkbus::docs::recording`](https://docs.rs/linkbus) has the whole of it.

mod between;
mod capture;
mod filter;
#[cfg(feature = "file-store")]
mod jsonl;
#[cfg(feature = "file-store")]
mod line;
mod memory;
#[cfg(feature = "file-store")]
mod reader;
mod record;
#[cfg(feature = "file-store")]
mod record_ref;
mod replay;
mod size;
mod store;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use self::capture::{Part, Rules, Watch, When};
pub use self::{
    filter::Filter,
    memory::MemoryStore,
    record::{Ended, HandlerName, Record, TaskId, Withheld, Worker},
    replay::{Difference, Replay, ReplayReport, ReplayResult, Replayed, Skipped, Steps},
    store::{RecordStore, StoreError},
};
#[cfg(feature = "file-store")]
pub use self::{
    jsonl::{JsonLineHealth, JsonLineOptions, JsonLineStore, OpenError},
    line::LineError,
    reader::{ReadError, Reader, Torn, runs},
    record_ref::RecordRef,
};
use crate::{
    caught::caught,
    error::AnyError,
    flavor::Flavor,
    handler::HandlerFacts,
    json::Redaction,
    layer::{Layer, Link, Site, Source},
    message::{Kind, MessageFacts},
};

/// How many bytes of a payload or a result are recorded, unless it is told.
const DEFAULT_LIMIT: usize = 1 << 20;

/// Writes every dispatch down: a layer of both buses.
///
/// When a dispatch has ended, however it did, one [`Record`] goes to the store: after a success, a failure, a panic, and if
/// its caller dropped it. The caller gets what it gets without the layer. The payload is what the message was when the
/// dispatch began. An event is one record for all its subscribers.
///
/// Inside a [retry](crate::layer::Retry) it records the last attempt only, unless [`every_attempt`](Self::every_attempt) is
/// asked for; of a dispatch that is dropped before the next attempt, the one before, as abandoned. A message that is not `serde::Serialize` is recorded without its payload, which
/// [`explain`](crate::Bus::explain) says; [`require_payloads`](Self::require_payloads) makes that a fault.
///
/// Fields that are marked `#[bus(secret)]` are never recorded, wherever in a payload or a result their message is. Clones share the store and the count. The example of
/// [the module](self) uses it.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one option, set by the method of its name")]
pub struct Recording {
    shared: Arc<Shared>,
    only_errors: bool,
    every_attempt: bool,
    has_payloads: bool,
    has_results: bool,
    has_errors: bool,
    needs_payloads: bool,
    closes_store: bool,
    names: Arc<[String]>,
    limit: usize,
}

struct Shared {
    store: Arc<dyn RecordStore>,
    lost: AtomicU64,
}

impl Shared {
    /// Whatever the store does, the caller gets the outcome of its dispatch.
    fn append(&self, record: Record, message: &MessageFacts) {
        let panicked = || Err(StoreError::Other("the store panicked".to_owned()));
        if let Err(error) = caught(|| self.store.append(record)).unwrap_or_else(panicked) {
            self.lost(message, &error);
        }
    }

    /// Logs the first of several that are lost for the same reason: a closed store would fill the log.
    #[cold]
    fn lost(&self, message: &MessageFacts, error: &StoreError) {
        let is_first = self.lost.fetch_add(1, Ordering::Relaxed) == 0;
        let MessageFacts { kind, name, .. } = message;
        if is_first || !matches!(error, StoreError::Closed) {
            tracing::error!(target: "linkbus", message_name = name, error = error as &dyn std::error::Error,
                "a {kind} was not recorded");
        }
    }
}

impl Recording {
    /// Records into `store`; an `Arc` of a store is one too.
    pub fn new(store: impl RecordStore) -> Self {
        Recording {
            shared: Arc::new(Shared { store: Arc::new(store), lost: AtomicU64::new(0) }),
            only_errors: false,
            every_attempt: false,
            has_payloads: true,
            has_results: true,
            has_errors: true,
            needs_payloads: false,
            closes_store: true,
            names: Arc::from([]),
            limit: DEFAULT_LIMIT,
        }
    }

    /// Records what did not succeed, and nothing else.
    ///
    /// ```
    /// # use linkbus::{Command, SyncBus, recording::{MemoryStore, Recording}};
    /// # #[derive(Command, serde::Serialize)]
    /// # struct Pay;
    /// let records = MemoryStore::new();
    /// let recording = Recording::new(records.clone()).only_errors();
    /// let bus = SyncBus::empty().command(|_: Pay| ()).layer(recording).build().unwrap();
    /// bus.execute(Pay).unwrap();
    /// assert!(records.records().is_empty());
    /// ```
    #[must_use]
    pub fn only_errors(self) -> Self {
        Recording { only_errors: true, ..self }
    }

    /// Writes one record for each attempt of a retry that is outside, not one for the dispatch.
    #[must_use]
    pub fn every_attempt(self) -> Self {
        Recording { every_attempt: true, ..self }
    }

    /// Replaces the values of fields with these names by `***REDACTED***`: at any depth, in payloads and results, whatever
    /// the letter case. If a payload has one, what the error says is replaced as well; if not, what follows the name in it.
    ///
    /// ```
    /// # use linkbus::{Command, SyncBus, recording::{MemoryStore, Recording}};
    /// #[derive(Command, serde::Serialize)]
    /// struct SignIn { user: String, password: String }
    ///
    /// let records = MemoryStore::new();
    /// let recording = Recording::new(records.clone()).redact(["password", "token"]);
    /// let bus = SyncBus::empty().command(|_: SignIn| ()).layer(recording).build().unwrap();
    /// bus.execute(SignIn { user: "ada".into(), password: "1815".into() }).unwrap();
    /// assert_eq!(records.records()[0].payload(), Some(r#"{"user":"ada","password":"***REDACTED***"}"#));
    /// ```
    #[must_use]
    pub fn redact<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        let names = self.names.iter().cloned().chain(names.into_iter().map(Into::into));
        Recording { names: names.collect(), ..self }
    }

    /// Leaves out what was dispatched.
    #[must_use]
    pub fn without_payloads(self) -> Self {
        Recording { has_payloads: false, ..self }
    }

    /// Leaves out what queries were answered.
    #[must_use]
    pub fn without_results(self) -> Self {
        Recording { has_results: false, ..self }
    }

    /// Leaves out what errors say, which may hold what the message held. How a dispatch [ended](Ended) is kept.
    #[must_use]
    pub fn without_error_texts(self) -> Self {
        Recording { has_errors: false, ..self }
    }

    /// Makes it a fault of [`build`](crate::Builder::build) if a message cannot be recorded with its payload.
    #[must_use]
    pub fn require_payloads(self) -> Self {
        Recording { needs_payloads: true, ..self }
    }

    /// How many bytes a payload may have, and a result: 1 MiB by default. The record of a larger one does not have it.
    #[must_use]
    pub fn max_bytes(self, bytes: usize) -> Self {
        Recording { limit: bytes, ..self }
    }

    /// Leaves the store open when the bus is closed, for a store that several buses share.
    #[must_use]
    pub fn leave_store_open(self) -> Self {
        Recording { closes_store: false, ..self }
    }

    /// Where the records go.
    pub fn store(&self) -> &dyn RecordStore {
        &*self.shared.store
    }

    /// How many records the store did not take; it [counts](RecordStore::dropped) those that it took and dropped.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    fn payload_of(&self, message: &'static MessageFacts) -> Part {
        if !self.has_payloads {
            Err(Withheld::LeftOut)
        } else if message.abilities.serialize {
            Ok(Redaction::of_message(&self.names, message))
        } else {
            Err(Withheld::NotSerialize)
        }
    }

    fn result_of(&self, message: &'static MessageFacts) -> Part {
        if !self.has_results {
            Err(Withheld::LeftOut)
        } else if message.abilities.serialize_reply {
            Ok(Redaction::of_reply(&self.names))
        } else {
            Err(Withheld::NotSerialize)
        }
    }

    /// A message that is lent to its handlers is written at the end, if at all.
    fn when(&self, handlers: &[HandlerFacts]) -> When {
        if self.only_errors && !handlers.iter().any(|handler| handler.by_value) { When::AtEnd } else { When::AtStart }
    }

    fn explain(&self, site: &mut Site<'_>, rules: &Rules) {
        let message = site.message();
        let is_set = self.only_errors || self.every_attempt;
        let records = match (self.only_errors, self.every_attempt) {
            (false, false) => "every dispatch",
            (false, true) => "every attempt",
            (true, false) => "dispatches that do not succeed",
            (true, true) => "attempts that do not succeed",
        };
        site.value_from("records", records, if is_set { Source::Layer } else { Source::Default });
        let (payload, from) = described(&rules.payload, message.short_name());
        site.value_from("payload", payload, from);
        if message.kind == Kind::Query {
            let (result, from) = described(&rules.result, message.reply_name());
            site.value_from("result", result, from);
        }
        if !self.names.is_empty() {
            site.value("redacted", self.names.join(", "));
        }
    }
}

fn described(part: &Part, type_name: &str) -> (String, Source) {
    match part {
        Ok(_) => ("recorded".to_owned(), Source::Default),
        Err(Withheld::NotSerialize) => (format!("not recorded: `{type_name}` is not `Serialize`"), Source::Type),
        Err(_) => ("left out".to_owned(), Source::Layer),
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("only_errors", &self.only_errors)
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}

impl<B: Flavor> Layer<B> for Recording {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        let (message, handlers) = (site.message(), site.handlers());
        let payload = self.payload_of(message);
        if self.needs_payloads && matches!(payload, Err(Withheld::NotSerialize)) {
            return site.refuse(format!(
                "payloads are required, and `{}` is not `Serialize`: derive `serde::Serialize` for it, or name the messages \
                 that are recorded with `only(..)`",
                message.short_name()
            ));
        }
        let rules = Rules {
            only_errors: self.only_errors,
            every_attempt: self.every_attempt,
            payload,
            result: self.result_of(message),
            has_errors: self.has_errors,
            has_secrets: message.has_secrets(),
            names: Arc::clone(&self.names),
            limit: self.limit,
            when: self.when(handlers),
        };
        self.explain(site, &rules);
        if rules.when == When::AtEnd && rules.payload.is_ok() {
            site.keep_message();
        }
        let handler = if message.kind == Kind::Event { None } else { handlers.first().map(HandlerName::of) };
        let shared = Arc::clone(&self.shared);
        Some(Link::observer(Watch {
            rules,
            class: message.short_name(),
            handler,
            shared,
            expected: AtomicUsize::new(128),
        }))
    }

    fn close(&self) -> Result<(), AnyError> {
        if self.closes_store { self.shared.store.close().map_err(AnyError::from) } else { Ok(()) }
    }
}

impl HandlerName {
    pub(crate) fn of(facts: &HandlerFacts) -> Self {
        HandlerName { module: facts.location.module.into(), name: facts.name.into() }
    }
}
