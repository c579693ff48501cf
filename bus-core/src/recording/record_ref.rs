//! One dispatch, written down, as it stands in its line.

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use uuid::Uuid;

use super::{
    Ended, HandlerName, Record, TaskId, Withheld, Worker,
    line::{self, LineError, Said},
    record::Texts,
};
use crate::message::Kind;

/// A [`Record`] that borrows from the line it was read from: for what looks at many and keeps few.
///
/// The fields are those of [`Record`], and say the same. Given by [`Reader::next_with`](super::Reader::next_with).
///
/// ```
/// use linkbus::recording::RecordRef;
///
/// # fn main() -> Result<(), linkbus::recording::LineError> {
/// let line = r#"{"ts":"2026-11-25T16:00:00Z","type":"task","class":"Mail","payload":{},"duration_ns":7,"result":null,"error":null}"#;
/// let record = RecordRef::of_line(line)?;
/// assert_eq!((&*record.message, record.line()), ("Mail", line));
/// assert_eq!(record.to_record().class, "Mail");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is documented at `Record`")]
pub struct RecordRef<'a> {
    pub at: SystemTime,
    pub kind: Kind,
    pub message: Cow<'a, str>,
    pub class: Cow<'a, str>,
    pub duration: Duration,
    pub ended: Ended,
    pub id: Uuid,
    pub correlation_id: Uuid,
    pub causation_id: Option<Uuid>,
    /// Shown as `module::function`.
    pub handler: Option<Cow<'a, str>>,
    pub attempt: u32,
    pub is_nested: bool,
    /// The name of the thread on which it ended; empty if the line does not say it.
    pub thread: Cow<'a, str>,
    /// The task in which it ended.
    pub task: Option<TaskId>,
    pub withheld: Option<Withheld>,
    pub is_redacted: bool,
    pub(super) payload: Option<&'a str>,
    pub(super) result: Option<&'a str>,
    pub(super) error: Option<Cow<'a, str>>,
    pub(super) line: &'a str,
}

impl<'a> RecordRef<'a> {
    /// What [`Record::from_line`] gives, without a copy.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn of_line(line: &'a str) -> Result<Self, LineError> {
        match line::parse(line)? {
            Said::Record(record) => Ok(record),
            Said::Gap(_) => Err(LineError::malformed("it stands where records are missing")),
        }
    }

    /// See [`Record::payload`].
    pub fn payload(&self) -> Option<&'a str> {
        self.payload
    }

    /// See [`Record::result`].
    pub fn result(&self) -> Option<&'a str> {
        self.result
    }

    /// See [`Record::error`].
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// See [`Record::is_success`].
    pub fn is_success(&self) -> bool {
        self.ended == Ended::Succeeded
    }

    /// The line as it was read, without its line feed.
    pub fn line(&self) -> &'a str {
        self.line
    }

    /// A record of its own.
    pub fn to_record(&self) -> Record {
        Record {
            at: self.at,
            kind: self.kind,
            message: owned(&self.message),
            class: owned(&self.class),
            duration: self.duration,
            ended: self.ended,
            id: self.id,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            handler: self.handler.as_deref().map(HandlerName::parse),
            attempt: self.attempt,
            is_nested: self.is_nested,
            worker: Worker { thread: Arc::from(&*self.thread), task: self.task },
            withheld: self.withheld,
            is_redacted: self.is_redacted,
            texts: Texts::of(self.payload, self.result, self.error()),
        }
    }
}

fn owned(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

impl Texts {
    pub(super) fn of(payload: Option<&str>, result: Option<&str>, error: Option<&str>) -> Self {
        let bytes = [payload, result, error].into_iter().flatten().map(str::len).sum();
        let mut all = String::with_capacity(bytes);
        let mut put = |text: Option<&str>| {
            let start = all.len();
            all.push_str(text?);
            Some(start..all.len())
        };
        let (payload, result, error) = (put(payload), put(result), put(error));
        Texts { all, payload, result, error }
    }
}

impl HandlerName {
    fn parse(text: &str) -> Self {
        let (module, name) = HandlerName::split(text);
        HandlerName { module: owned(module), name: owned(name) }
    }
}

/// Shows neither the payload, nor the result, nor what the error says.
impl fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordRef")
            .field("at", &self.at)
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("duration", &self.duration)
            .field("ended", &self.ended)
            .field("id", &self.id)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
