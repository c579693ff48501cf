//! What was done.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::message::MessageFacts;

/// So many things are kept.
const MOST: usize = 10_000;

/// Something that a [`Chaos`](super::Chaos) does to a dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mishap {
    /// It failed without reaching its handler.
    Failed,
    /// It was lost before it reached its handler.
    Dropped,
    /// Its handler has run, and the caller was told that it failed.
    AnswerLost,
    /// It came twice.
    Duplicated,
    /// It came later by so much.
    Delayed(Duration),
    /// It was held back until so many others are over, or for as long as it had patience.
    HeldBack {
        /// How many others.
        others: u32,
    },
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mishap::Failed => f.write_str("failed"),
            Mishap::Dropped => f.write_str("dropped"),
            Mishap::AnswerLost => f.write_str("its answer was lost"),
            Mishap::Duplicated => f.write_str("came twice"),
            Mishap::Delayed(by) => write!(f, "delayed by {by:.1?}"),
            Mishap::HeldBack { others } => write!(f, "held back for {others} others"),
        }
    }
}

/// One thing that a [`Chaos`](super::Chaos) has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happened {
    pub(super) message: &'static MessageFacts,
    pub(super) nth: u64,
    pub(super) mishap: Mishap,
}

impl Happened {
    /// The message that it befell.
    pub fn message(&self) -> &'static MessageFacts {
        self.message
    }

    /// Which dispatch of that message, counted from 1. What a retry outside the layer tries again counts anew.
    pub fn nth(&self) -> u64 {
        self.nth
    }

    /// What was done.
    pub fn mishap(&self) -> Mishap {
        self.mishap
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Happened { message, nth, mishap } = self;
        write!(f, "{} {}, dispatch {nth}: {mishap}", message.kind.verb(), message.name)
    }
}

/// What a [`Chaos`](super::Chaos) had done at one time, in order. `Display` has a line for each thing.
///
/// ```
/// use linkbus::{Command, SyncBus, testing::{Chaos, Mishap}};
///
/// #[derive(Command)]
/// #[command(name = "shop.Pay")]
/// struct Pay;
///
/// let chaos = Chaos::seeded(17).drops(1.0);
/// let bus = SyncBus::empty().command(|_: Pay| ()).layer(chaos.clone()).build().unwrap();
/// bus.execute(Pay).unwrap_err();
///
/// let done = chaos.done();
/// assert_eq!(done.happened()[0].mishap(), Mishap::Dropped);
/// assert_eq!(done.to_string(), "seed 17:\n  execute shop.Pay, dispatch 1: dropped");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    seed: u64,
    happened: Vec<Happened>,
    lost: u64,
}

impl Ledger {
    /// Everything that is kept: the first 10,000 things.
    pub fn happened(&self) -> &[Happened] {
        &self.happened
    }

    /// How many things came after these.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}:", self.seed)?;
        if self.happened.is_empty() {
            f.write_str(" nothing happened")?;
        }
        self.happened.iter().try_for_each(|happened| write!(f, "\n  {happened}"))?;
        if self.lost > 0 {
            write!(f, "\n  and {} more", self.lost)?;
        }
        Ok(())
    }
}

/// A ledger as it grows.
#[derive(Debug, Default)]
pub(super) struct Happenings(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    happened: Vec<Happened>,
    lost: u64,
}

impl Happenings {
    pub(super) fn note(&self, happened: Happened) {
        let mut kept = self.kept();
        if kept.happened.len() == MOST {
            kept.lost += 1;
        } else {
            kept.happened.push(happened);
        }
    }

    pub(super) fn ledger(&self, seed: u64) -> Ledger {
        let kept = self.kept();
        Ledger { seed, happened: kept.happened.clone(), lost: kept.lost }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
