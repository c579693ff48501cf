//! What became of a replay.

use std::fmt;

use super::{
    super::{Record, Withheld},
    Difference,
};
use crate::message::Kind;

/// How many messages that are not the same again a report keeps, each with its record.
const MOST_KEPT: usize = 1000;

/// What became of a replay. `Display` is for people: a line for each message that is not the same again, and a summary.
///
/// The example of [`Replay`](super::Replay) uses it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// How many messages came to the same again.
    pub same: u64,
    /// How many were dispatched with nothing to compare: they ended as before, and their reply or error text was not recorded;
    /// or their caller had dropped them when they were recorded.
    pub unchecked: u64,
    /// How many came to something else.
    pub different: u64,
    /// How many were not dispatched.
    pub skipped: u64,
    /// How many were left to the handlers that sent them.
    pub nested: u64,
    /// How many lines of the file are no records.
    pub damaged: u64,
    /// How many records were dropped when the file was written.
    pub dropped: u64,
    /// Whether the last line of the file is half written.
    pub is_torn: bool,
    /// The first 1,000 messages that are different or were skipped.
    pub notable: Vec<Replayed>,
}

/// What became of one message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// What was recorded.
    pub record: Record,
    /// What became of it.
    pub result: ReplayResult,
}

/// What became of a message that was replayed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReplayResult {
    /// It came to the same again.
    Same,
    /// There was nothing to compare: it ended as before, and its reply or error text was not recorded; or it was
    /// [abandoned](super::super::Ended::Abandoned) when it was recorded, and how it would have ended is not known.
    Unchecked,
    /// It came to something else.
    Different(Vec<Difference>),
    /// It was not dispatched.
    Skipped(Skipped),
}

/// Why a message was not dispatched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skipped {
    /// The bus does not know the message.
    UnknownMessage,
    /// The message is of another kind by now.
    OtherKind {
        /// Which.
        is: Kind,
    },
    /// It was recorded without its payload.
    NoPayload {
        /// Why, if the record says so.
        why: Option<Withheld>,
    },
    /// A part of its payload was redacted.
    Redacted,
    /// The type is not `serde::de::DeserializeOwned`.
    NotDeserialize,
    /// What was recorded does not fit the type, as it is now.
    Unreadable {
        /// What `serde` says.
        problem: String,
    },
    /// The bus has no layers around the message, and is not [`replayable`](crate::Builder::replayable).
    NoLayers,
}

impl ReplayReport {
    pub(super) fn push(&mut self, replayed: Replayed) {
        match &replayed.result {
            ReplayResult::Same => {
                self.same += 1;
                return;
            }
            ReplayResult::Unchecked => {
                self.unchecked += 1;
                return;
            }
            ReplayResult::Different(_) => self.different += 1,
            ReplayResult::Skipped(_) => self.skipped += 1,
        }
        if self.notable.len() < MOST_KEPT {
            self.notable.push(replayed);
        }
    }

    /// Whether everything that was recorded was dispatched and came to the same; also if there was nothing.
    pub fn is_same(&self) -> bool {
        self.different == 0 && self.skipped == 0 && self.damaged == 0 && self.dropped == 0 && !self.is_torn
    }

    /// Fails a test in which something is not the same, or in which nothing was replayed: the last line of a regression test.
    ///
    /// # Panics
    /// If it [is not the same](Self::is_same), with the report as its text, and if there was nothing.
    #[track_caller]
    pub fn assert_same(&self) {
        let is_nothing = self.is_same() && self.same + self.unchecked == 0;
        assert!(!is_nothing, "nothing was replayed: was the bus that was recorded closed, and is this its file?");
        assert!(self.is_same(), "the replay is not the same as what was recorded\n{self}");
    }
}

impl fmt::Display for ReplayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for replayed in &self.notable {
            writeln!(f, "{replayed}")?;
        }
        write!(f, "{} the same, {} different, {} skipped", self.same, self.different, self.skipped)?;
        if self.unchecked > 0 {
            write!(f, ", {} with nothing to compare", self.unchecked)?;
        }
        if self.nested > 0 {
            write!(f, ", {} left to the handlers that sent them", self.nested)?;
        }
        if self.damaged > 0 {
            write!(f, ", {} damaged lines", self.damaged)?;
        }
        if self.dropped > 0 {
            write!(f, ", {} dropped when it was recorded", self.dropped)?;
        }
        if self.is_torn {
            write!(f, ", the last line is half written")?;
        }
        Ok(())
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { kind, message, id, .. } = &self.record;
        write!(f, "{kind} {message} ({id}): ")?;
        match &self.result {
            ReplayResult::Same => f.write_str("the same"),
            ReplayResult::Unchecked => f.write_str("there is nothing to compare"),
            ReplayResult::Skipped(why) => write!(f, "skipped: {why}"),
            ReplayResult::Different(differences) => {
                for (place, difference) in differences.iter().enumerate() {
                    write!(f, "{}{difference}", if place == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skipped::UnknownMessage => f.write_str("the bus does not know the message"),
            Skipped::OtherKind { is } => write!(f, "the message is of the kind {is} by now"),
            Skipped::NoPayload { why: None } => f.write_str("it was recorded without its payload"),
            Skipped::NoPayload { why: Some(why) } => write!(f, "it was recorded without its payload ({})", why.label()),
            Skipped::Redacted => f.write_str("a part of its payload was redacted"),
            Skipped::NotDeserialize => f.write_str("the message cannot be read: derive `serde::Deserialize` for it"),
            Skipped::Unreadable { problem } => write!(f, "what was recorded does not fit the message: {problem}"),
            Skipped::NoLayers => f.write_str(
                "the bus has no layers around the message: give it one, or call `.replayable()` when it is built",
            ),
        }
    }
}

impl std::error::Error for Skipped {}
