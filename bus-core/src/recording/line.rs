//! A record as a line of JSON.
//!
//! The first seven keys are those of py-message-bus, in its order; what linkbus adds comes behind them. Keys may be added in
//! a later version, and are passed over by an earlier one; none is removed and none changes its meaning as long as `v` is 1.

mod keys;
mod separators;
#[cfg(test)]
mod tests;

use std::{fmt, time::SystemTime};

use self::keys::Keys;
use super::{Record, RecordRef, TaskId, record::Task};
use crate::line::Object;

/// The version of the format.
const VERSION: u32 = 1;
/// The `type` of a line that stands where records are missing.
const GAP: &str = "gap";

/// Why a line is not a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// It is not JSON, or not an object with the keys of a record.
    Malformed {
        /// What is wrong with it.
        problem: String,
    },
    /// A later version of linkbus wrote it.
    Newer {
        /// The version of its format; this linkbus reads version 1 and what py-message-bus writes.
        version: u32,
    },
}

/// What a line says.
#[expect(clippy::large_enum_variant, reason = "nearly all of them are records")]
pub(super) enum Said<'a> {
    Record(RecordRef<'a>),
    /// Here so many records were dropped.
    Gap(u64),
}

impl Record {
    /// The record as one line of JSON, without a line feed: for a store of your own.
    ///
    /// # Panics
    /// If it began after the year 9999.
    ///
    /// # Examples
    /// ```
    /// # use linkbus::recording::Record;
    /// # fn main() -> Result<(), linkbus::recording::LineError> {
    /// let line = r#"{"ts":"2026-11-25T16:00:00.000123Z","type":"command","class":"Pay","payload":{"cents":5},"duration_ns":740,"result":null,"error":null}"#;
    /// let record = Record::from_line(line)?;
    /// assert_eq!(record.payload(), Some(r#"{"cents":5}"#));
    /// assert!(record.to_line().starts_with(&line[..line.len() - 1]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_line(&self) -> String {
        let mut line = Vec::new();
        self.write_line(&mut line);
        String::from_utf8(line).unwrap_or_else(|_| unreachable!("JSON is text"))
    }

    /// The record that [`to_line`](Self::to_line) gave this line, or that py-message-bus wrote: its local time is then taken
    /// for UTC, and what it does not write is nothing.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn from_line(line: &str) -> Result<Self, LineError> {
        RecordRef::of_line(line).map(|record| record.to_record())
    }

    /// Appends the line, without a line feed.
    pub(super) fn write_line(&self, line: &mut Vec<u8>) {
        let start = line.len();
        self.write_object(line);
        separators::escape(line, start);
    }

    fn write_object(&self, line: &mut Vec<u8>) {
        let mut object = Object::begin(line);
        object.shown("ts", timestamp(self.at));
        object.plain("type", self.kind.label());
        object.text("class", &self.class);
        object.raw("payload", self.payload().unwrap_or("null"));
        object.number("duration_ns", u64::try_from(self.duration.as_nanos()).unwrap_or(u64::MAX));
        object.raw("result", self.result().unwrap_or("null"));
        object.value("error", &self.error());
        object.number("v", VERSION.into());
        object.text("message", &self.message);
        object.plain("outcome", self.ended.label());
        object.uuid("id", self.id);
        object.uuid("correlation_id", self.correlation_id);
        match self.causation_id {
            Some(id) => object.uuid("causation_id", id),
            None => object.raw("causation_id", "null"),
        }
        match &self.handler {
            Some(handler) => object.value("handler", &format_args!("{handler}")),
            None => object.raw("handler", "null"),
        }
        object.number("attempt", self.attempt.into());
        object.value("nested", &self.is_nested);
        object.text("thread", &self.worker.thread);
        match self.worker.task {
            Some(task) => object.value("task", &task.number()),
            None => object.raw("task", "null"),
        }
        if let Some(why) = self.withheld {
            object.plain("withheld", why.label());
        }
        if self.is_redacted {
            object.value("redacted", &true);
        }
        object.end();
    }
}

/// Appends a line that says that records are missing here, without a line feed.
pub(super) fn write_gap(at: SystemTime, dropped: u64, line: &mut Vec<u8>) {
    let mut object = Object::begin(line);
    object.shown("ts", timestamp(at));
    object.plain("type", GAP);
    object.number("dropped", dropped);
    object.number("v", VERSION.into());
    object.end();
}

/// UTC, to the microsecond.
fn timestamp(at: SystemTime) -> impl fmt::Display {
    humantime::format_rfc3339_micros(at.max(SystemTime::UNIX_EPOCH))
}

/// What `line` says.
pub(super) fn parse(line: &str) -> Result<Said<'_>, LineError> {
    let line = line.trim_ascii();
    if line.contains('\n') {
        return Err(LineError::malformed("it is more than one line"));
    }
    match serde_json::from_str::<Keys<'_>>(line) {
        Ok(keys) => keys.said(line),
        Err(error) => Err(keys::newer(line).unwrap_or_else(|| LineError::malformed(error.to_string()))),
    }
}

impl TaskId {
    /// Tokio shows it and does not give it.
    #[cfg_attr(not(feature = "tokio"), expect(clippy::unnecessary_wraps, reason = "with tokio it can be none"))]
    fn number(self) -> Option<u64> {
        match self.0 {
            #[cfg(feature = "tokio")]
            Task::Tokio(id) => id.to_string().parse().ok(),
            Task::Read(id) => Some(id),
        }
    }
}

impl LineError {
    pub(super) fn malformed(problem: impl Into<String>) -> Self {
        LineError::Malformed { problem: problem.into() }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineError::Malformed { problem } => write!(f, "the line is not a record: {problem}"),
            LineError::Newer { version } => write!(
                f,
                "the line has version {version} of the format, and this linkbus reads up to version {VERSION}: use a later linkbus"
            ),
        }
    }
}

impl std::error::Error for LineError {}
