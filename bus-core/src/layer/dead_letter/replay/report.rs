use std::{error::Error, fmt};

use uuid::Uuid;

use super::super::{ErrorReport, ReadError, StoreError};
use crate::message::Kind;

/// What became of the letters of a [`Replay`](super::Replay), in the order in which they were taken.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// Whether nothing was dispatched.
    pub is_dry_run: bool,
    /// One entry for each letter.
    pub letters: Vec<Replayed>,
}

/// What became of one letter.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// The letter.
    pub id: Uuid,
    /// The wire name of its message; empty if the letter could not be read.
    pub message: String,
    /// What became of it.
    pub result: ReplayResult,
}

/// What became of a letter that was to be replayed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReplayResult {
    /// The message was handled, and the letter is deleted.
    Handled,
    /// The message was handled, and the letter could not be deleted: another replay would handle it twice.
    HandledButKept(StoreError),
    /// The handler failed again; the letter stays.
    Failed(ErrorReport),
    /// It was not dispatched; the letter stays.
    Skipped(Skipped),
    /// It would be dispatched, were it not a dry run.
    WouldRun,
}

/// Why a letter was not dispatched.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Skipped {
    /// There is no such letter; another replay may have handled it.
    NotThere,
    /// The store could not read it.
    NotRead(StoreError),
    /// The bus does not know the message.
    UnknownMessage,
    /// The message is of another kind by now.
    OtherKind {
        /// Which.
        is: Kind,
    },
    /// The bus has no handler for it.
    NoHandler,
    /// The event has no subscriber like the one that failed.
    NoSubscriber {
        /// What that was called.
        name: String,
    },
    /// The message cannot be had from the letter.
    Unreadable(ReadError),
    /// The handler takes the message by value, the store shares it, and it is not `Clone`.
    NotClone,
    /// The bus has no layers around the message: letters are dispatched through those.
    NoLayers,
    /// An earlier letter was not handled that has the same key, or may have: it could not be read.
    Behind {
        /// That letter.
        letter: Uuid,
    },
}

impl ReplayReport {
    pub(super) fn push(&mut self, id: Uuid, message: String, result: ReplayResult) {
        self.letters.push(Replayed { id, message, result });
    }

    pub(super) fn only(mut self) -> Replayed {
        self.letters.pop().expect("every letter that is opened is reported")
    }

    fn count(&self, is_it: impl Fn(&ReplayResult) -> bool) -> usize {
        self.letters.iter().filter(|letter| is_it(&letter.result)).count()
    }

    /// How many messages were handled.
    pub fn handled(&self) -> usize {
        self.count(|result| matches!(result, ReplayResult::Handled | ReplayResult::HandledButKept(_)))
    }

    /// How many failed again.
    pub fn failed(&self) -> usize {
        self.count(|result| matches!(result, ReplayResult::Failed(_)))
    }

    /// How many were not dispatched.
    pub fn skipped(&self) -> usize {
        self.count(|result| matches!(result, ReplayResult::Skipped(_)))
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skipped::NotThere => f.write_str("there is no such letter"),
            Skipped::NotRead(_) => f.write_str("the store could not read the letter"),
            Skipped::UnknownMessage => f.write_str("the bus does not know the message"),
            Skipped::OtherKind { is } => write!(f, "the message is of the kind {is} by now"),
            Skipped::NoHandler => f.write_str("the bus has no handler for the message"),
            Skipped::NoSubscriber { name } => write!(f, "the event has no subscriber `{name}` any more"),
            Skipped::Unreadable(error) => error.fmt(f),
            Skipped::NotClone => {
                f.write_str("the handler takes the message by value: derive `Clone` for it, or take it by reference")
            }
            Skipped::NoLayers => f.write_str(
                "the bus has no layers around the message: give it one, or call `.replayable()` when it is built",
            ),
            Skipped::Behind { letter } => {
                write!(f, "letter {letter}, which has the same key or could not be read, was not handled")
            }
        }
    }
}

impl Error for Skipped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Skipped::NotRead(error) => Some(error),
            _ => None,
        }
    }
}
