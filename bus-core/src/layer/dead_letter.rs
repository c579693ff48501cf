//! Dead letters: the messages that were lost, kept with the reason, and how they are tried again.
//!
//! ```
//! use linkbus::{Command, SyncBus, layer::DeadLetters, layer::dead_letter::{DeadLetterStore as _, Filter, Replay}};
//! use std::sync::atomic::{AtomicBool, Ordering};
//!
//! #[derive(Command, Clone)]
//! struct Pay { cents: u64 }
//!
//! static IS_BROKEN: AtomicBool = AtomicBool::new(true);
//!
//! let letters = DeadLetters::in_memory();
//! let bus = SyncBus::empty()
//!     .command(|_: Pay| if IS_BROKEN.load(Ordering::Relaxed) { Err("the till is broken") } else { Ok(()) })
//!     .layer(letters.clone())
//!     .build()?;
//!
//! bus.execute(Pay { cents: 500 }).unwrap_err();
//! let lost = letters.store().list(&Filter::of::<Pay>(), 10)?;
//! assert_eq!(lost[0].error.text.as_deref(), Some("the till is broken"));
//! assert_eq!(lost[0].read::<Pay>()?.cents, 500);
//!
//! IS_BROKEN.store(false, Ordering::Relaxed);
//! let report = Replay::new(letters.store(), &bus).all(&Filter::any())?;
//! assert_eq!((report.handled(), letters.store().count()?), (1, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The page [`linkbus::docs::layers::dead_letters`](https://docs.rs/linkbus) has the whole of it.

mod body;
#[cfg(feature = "transport")]
mod encoded;
#[cfg(feature = "file-store")]
mod file;
mod letter;
mod memory;
mod record;
mod replay;
mod store;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

#[cfg(feature = "transport")]
pub use self::encoded::Encoded;
#[cfg(feature = "file-store")]
pub use self::file::{Damage, Durability, FileStore, FileStoreOptions, FsyncPolicy, Health, OpenError, Recovery};
pub use self::{
    letter::{Body, DeadLetter, ErrorReport, LetterHandler, ReadError, SharedMessage, Withheld},
    memory::MemoryStore,
    replay::{Replay, ReplayReport, ReplayResult, Replayed, Skipped},
    store::{DeadLetterStore, Filter, Keeps, StoreError},
};
#[cfg(feature = "metrics")]
use super::metrics::Letters;
use super::{Dispatch, InsideTimeout, InsideTower, Layer, Link, Observer, Outcome, Reason, Site, Source};
use crate::{
    caught::caught,
    error::{AnyError, text},
    flavor::Flavor,
    json::Redaction,
    message::Kind,
};

/// Keeps the commands, tasks and events that were lost: a layer of both buses.
///
/// When a dispatch has failed, or its handler panicked, and no retry tries it again, one [`DeadLetter`] goes to the store;
/// for an event one for each subscriber that failed. The caller gets the error as if the layer were not there. Not kept
/// are queries, what was dropped by its caller, and what failed because the bus is shut down.
///
/// It may stand outside or inside a [retry](super); inside a time-out it is refused, because it would not see the time run
/// out, and so it is inside a `Tower` that may give up what it has let in. Clones share the store and the counts. The example of [the module](self) uses it.
#[derive(Clone)]
pub struct DeadLetters {
    shared: Arc<Shared>,
    every_attempt: bool,
    with_texts: bool,
    closes_store: bool,
}

struct Shared {
    store: Arc<dyn DeadLetterStore>,
    kept: AtomicU64,
    lost: AtomicU64,
    #[cfg(feature = "metrics")]
    described: std::sync::OnceLock<()>,
}

impl DeadLetters {
    /// Keeps them in `store`; an `Arc` of a store is one too.
    pub fn new(store: impl DeadLetterStore) -> Self {
        let shared = Shared {
            store: Arc::new(store),
            kept: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            #[cfg(feature = "metrics")]
            described: std::sync::OnceLock::new(),
        };
        DeadLetters { shared: Arc::new(shared), every_attempt: false, with_texts: true, closes_store: true }
    }

    /// Keeps them in a [`MemoryStore`] of its default size, 10,000 letters: they are gone with the process.
    pub fn in_memory() -> Self {
        DeadLetters::new(MemoryStore::new())
    }

    /// Keeps one letter for each attempt that failed, not one for the message. Says something only inside a retry.
    #[must_use]
    pub fn every_attempt(self) -> Self {
        DeadLetters { every_attempt: true, ..self }
    }

    /// Leaves out what the errors say, which may hold what the message held; their [`Reason`] and type are kept.
    #[must_use]
    pub fn without_error_texts(self) -> Self {
        DeadLetters { with_texts: false, ..self }
    }

    /// Leaves the store open when the bus is closed, for a store that several buses share.
    #[must_use]
    pub fn leave_store_open(self) -> Self {
        DeadLetters { closes_store: false, ..self }
    }

    /// Where the letters are.
    pub fn store(&self) -> &dyn DeadLetterStore {
        &*self.shared.store
    }

    /// How many letters the store took, since this layer was made.
    pub fn kept(&self) -> u64 {
        self.shared.kept.load(Ordering::Relaxed)
    }

    /// How many letters the store did not take since this layer was made, and how many it took and
    /// [lost](DeadLetterStore::lost), from whichever layer. Each was logged as an error.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed) + self.shared.store.lost()
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters").field("kept", &self.kept()).field("lost", &self.lost()).finish_non_exhaustive()
    }
}

impl<B: Flavor> Layer<B> for DeadLetters {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        let message = site.message();
        if message.kind == Kind::Query {
            return site.leave_out("nothing is lost with a query: its caller asks again");
        }
        if site.marks::<InsideTimeout>() > 0 {
            return site.refuse(
                "dead letters inside a time-out do not see it run out, so the message would be lost without a letter: put \
                 `.layer(DeadLetters ..)` before the `.layer(..)` of the time-out",
            );
        }
        if site.marks::<InsideTower>() > 0 {
            return site.refuse(
                "dead letters inside a `Tower` do not see it give up what it has let in, so the message would be lost without \
                 a letter: put `.layer(DeadLetters ..)` before the `.layer(..)` of the `Tower`, or say `.only_admits()` on \
                 it if its layers, such as a rate limit, never do that",
            );
        }
        let keeps = self.shared.store.keeps();
        if keeps == Keeps::Json && !message.abilities.serialize {
            return site.refuse(format!(
                "the store writes messages as JSON, and `{}` is not `Serialize`: derive `serde::Serialize` and \
                 `serde::Deserialize` for it, or name the messages that have letters with `only(..)`",
                message.short_name()
            ));
        }
        site.keep_message();
        let (letters, from) = Source::of_option("one for a lost message", "one for each attempt", self.every_attempt);
        site.value_from("letters", letters, from);
        let (texts, from) = Source::of_option("kept", "left out", !self.with_texts);
        site.value_from("error texts", texts, from);
        let redaction = Redaction::of_message(&[], message);
        // What the handler failed with may hold what it was not to show.
        let has_secrets = keeps == Keeps::Json && message.has_secrets();
        let (shared, every_attempt) = (Arc::clone(&self.shared), self.every_attempt);
        Some(Link::observer(Watch {
            #[cfg(feature = "metrics")]
            metrics: Letters::register(site, &shared.described),
            shared,
            keeps,
            redaction,
            every_attempt,
            with_texts: self.with_texts && !has_secrets,
        }))
    }

    fn close(&self) -> Result<(), AnyError> {
        if self.closes_store { self.shared.store.close().map_err(AnyError::from) } else { Ok(()) }
    }
}

const PANICKED: &str = "the store, or what writes the message, panicked";

/// The layer at one message.
struct Watch {
    #[cfg(feature = "metrics")]
    metrics: Letters,
    shared: Arc<Shared>,
    keeps: Keeps,
    redaction: Redaction,
    every_attempt: bool,
    with_texts: bool,
}

impl Observer for Watch {
    #[inline]
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        if !matches!(dispatch.outcome(), Outcome::Succeeded) {
            self.not_succeeded(dispatch);
        }
    }
}

impl Watch {
    #[cold]
    fn not_succeeded(&self, dispatch: &mut Dispatch<'_>) {
        if !is_lost(&dispatch.outcome()) || dispatch.particulars().is_replay {
            return;
        }
        if !self.every_attempt && !dispatch.is_last_attempt() {
            return;
        }
        match caught(|| letter::write(dispatch, self.keeps, &self.redaction, self.with_texts)) {
            Some(letters) => letters.into_iter().for_each(|letter| self.append(letter)),
            None => self.lost(dispatch.message().name, PANICKED),
        }
    }

    /// Whatever the store does, the handler's error is what the caller gets.
    fn append(&self, letter: DeadLetter) {
        let message = letter.message.clone();
        match caught(|| self.shared.store.append(letter)) {
            Some(Ok(())) => {
                self.shared.kept.fetch_add(1, Ordering::Relaxed);
                #[cfg(feature = "metrics")]
                self.metrics.kept();
            }
            Some(Err(error)) => self.lost(&message, &text::with_causes(&error)),
            None => self.lost(&message, PANICKED),
        }
    }

    fn lost(&self, message: &str, error: &str) {
        self.shared.lost.fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        self.metrics.lost();
        tracing::error!(target: "linkbus", message_name = message, error, "a dead letter was not kept");
    }
}

fn is_lost(outcome: &Outcome<'_>) -> bool {
    match outcome {
        Outcome::Failed(failed) => failed.reason() != Reason::ShutDown,
        Outcome::Panicked => true,
        Outcome::Pending | Outcome::Succeeded | Outcome::Abandoned => false,
    }
}

#[cfg(test)]
mod tests {
    //! What a retry and a time-out say to the layer, without either of them.

    use std::time::Duration;

    use super::*;
    use crate::{
        DispatchError, SyncBus,
        dispatch::{MessageIndex, Place},
        layer::{Around, Done, Next},
        message::{Abilities, Location, Message, MessageFacts},
    };

    struct Print;

    impl Message for Print {
        type Reply = ();
        type Error = AnyError;
        type Failure = DispatchError<AnyError>;
        const FACTS: &'static MessageFacts = &MessageFacts {
            kind: Kind::Task,
            name: "Print",
            type_name: "Print",
            location: Location { file: file!(), line: line!(), module: "" },
            abilities: Abilities { clone: true, ..Abilities::NONE },
            type_id: std::any::TypeId::of::<Print>,
            reply: std::any::type_name::<()>,
            error: std::any::type_name::<AnyError>,
            place: Place::of::<Print>(),
            ..MessageFacts::NONE
        };
        const CLONE: Option<fn(&Self) -> Self> = Some(|_| Print);
        const SERIALIZE: Option<crate::probe::SerializeFn<Self>> = None;
        const DESERIALIZE: Option<crate::probe::DeserializeFn<Self>> = None;

        fn index() -> &'static MessageIndex<Self> {
            static INDEX: MessageIndex<Print> = MessageIndex::new();
            &INDEX
        }
    }

    impl crate::OneHandler for Print {}
    impl crate::Task for Print {}

    /// Tries up to this many times, as a retry does.
    struct Tries(u32);

    impl Around for Tries {
        fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
            loop {
                let (attempt, tries) = (dispatch.attempt(), self.0);
                let decide = move |outcome: &Outcome<'_>| {
                    let is_over = attempt >= tries || outcome.failed().is_none();
                    (!is_over).then_some(Duration::ZERO)
                };
                let one = dispatch.attempt_with(&decide);
                let done = next.run(&mut dispatch.during(&one));
                if one.decision(&dispatch.outcome()).is_none() {
                    return done;
                }
                dispatch.particulars().attempt += 1;
            }
        }
    }

    /// Fails so many times and then succeeds; gives the attempts of the letters.
    fn attempts_of_letters(letters: &DeadLetters, failures: u64) -> Vec<u32> {
        let left = AtomicU64::new(failures);
        let print = move |_: Print| {
            let is_left = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            if is_left.is_ok() { Err("no paper") } else { Ok(()) }
        };
        let bus = SyncBus::empty().task(print).layer(Tries(3)).layer(letters.clone()).build().unwrap();
        let _ = bus.dispatch(Print);
        let letters = letters.store().list(&Filter::any(), usize::MAX).unwrap();
        letters.iter().rev().map(|letter| letter.attempts).collect()
    }

    /// R12: exactly when the attempts are used up.
    #[test]
    fn inside_a_retry_a_lost_message_is_one_letter() {
        assert_eq!(attempts_of_letters(&DeadLetters::in_memory(), 3), [3]);
        assert_eq!(attempts_of_letters(&DeadLetters::in_memory(), 2), [0; 0]);
    }

    #[test]
    fn every_attempt_that_failed_is_a_letter_if_asked_for() {
        assert_eq!(attempts_of_letters(&DeadLetters::in_memory().every_attempt(), 3), [1, 2, 3]);
        assert_eq!(attempts_of_letters(&DeadLetters::in_memory().every_attempt(), 2), [1, 2]);
    }

    /// Stands for a time-out.
    struct Marks;

    impl<B: Flavor> Layer<B> for Marks {
        fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
            site.mark::<InsideTimeout>();
            None
        }
    }

    #[test]
    fn inside_a_time_out_it_is_refused_and_outside_it_is_not() {
        let bus = || SyncBus::empty().task(|_: Print| ());
        let error = bus().layer(Marks).layer(DeadLetters::in_memory()).build().unwrap_err();
        assert!(error.to_string().contains("before the `.layer(..)` of the time-out"), "{error}");
        bus().layer(DeadLetters::in_memory()).layer(Marks).build().unwrap();
    }
}
