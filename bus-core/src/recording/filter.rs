//! Which records.

use std::time::SystemTime;

use uuid::Uuid;

use super::{Ended, Record};
use crate::message::Kind;

/// Which records. Every condition that is set has to hold.
///
/// ```
/// use linkbus::{Kind, recording::Filter};
/// use std::time::{Duration, SystemTime};
///
/// let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
/// let filter = Filter::any().kind(Kind::Command).message("orders.*").only_failures().since(an_hour_ago);
/// # let _ = filter;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Filter {
    kind: Option<Kind>,
    message: Option<String>,
    handler: Option<String>,
    since: Option<SystemTime>,
    until: Option<SystemTime>,
    outcome: Option<Wanted>,
    correlation_id: Option<Uuid>,
    only_roots: bool,
}

#[derive(Clone, Copy, Debug)]
enum Wanted {
    Success,
    Failure,
    This(Ended),
}

impl Filter {
    /// All records.
    pub fn any() -> Self {
        Filter::default()
    }

    /// Those of one kind of message.
    #[must_use]
    pub fn kind(self, kind: Kind) -> Self {
        Filter { kind: Some(kind), ..self }
    }

    /// Those of the message with this wire name; with a `*` at the end, of all that begin like it.
    #[must_use]
    pub fn message(self, name: impl Into<String>) -> Self {
        Filter { message: Some(name.into()), ..self }
    }

    /// Those of this handler: the function's name, with its module or without.
    #[must_use]
    pub fn handler(self, name: impl Into<String>) -> Self {
        Filter { handler: Some(name.into()), ..self }
    }

    /// Those of dispatches that began then or later.
    #[must_use]
    pub fn since(self, time: SystemTime) -> Self {
        Filter { since: Some(time), ..self }
    }

    /// Those of dispatches that began before then.
    #[must_use]
    pub fn until(self, time: SystemTime) -> Self {
        Filter { until: Some(time), ..self }
    }

    /// Those of dispatches that succeeded.
    #[must_use]
    pub fn only_successes(self) -> Self {
        Filter { outcome: Some(Wanted::Success), ..self }
    }

    /// Those of dispatches that did not succeed.
    #[must_use]
    pub fn only_failures(self) -> Self {
        Filter { outcome: Some(Wanted::Failure), ..self }
    }

    /// Those of dispatches that ended like this.
    #[must_use]
    pub fn ended(self, ended: Ended) -> Self {
        Filter { outcome: Some(Wanted::This(ended)), ..self }
    }

    /// Those of everything that one first dispatch caused, itself included.
    #[must_use]
    pub fn correlation_id(self, id: Uuid) -> Self {
        Filter { correlation_id: Some(id), ..self }
    }

    /// Those of what no handler sent: what a replay dispatches.
    #[must_use]
    pub fn only_roots(self) -> Self {
        Filter { only_roots: true, ..self }
    }

    /// Whether it lets `record` through.
    pub fn matches(&self, record: &Record) -> bool {
        self.kind.is_none_or(|kind| kind == record.kind)
            && self.message.as_deref().is_none_or(|wanted| is_named(&record.message, wanted))
            && self.handler.as_deref().is_none_or(|wanted| is_handled_by(record, wanted))
            && self.since.is_none_or(|since| record.at >= since)
            && self.until.is_none_or(|until| record.at < until)
            && self.outcome.is_none_or(|wanted| wanted.is(record.ended))
            && self.correlation_id.is_none_or(|id| id == record.correlation_id)
            && !(self.only_roots && record.is_nested)
    }
}

impl Wanted {
    fn is(self, ended: Ended) -> bool {
        match self {
            Wanted::Success => ended == Ended::Succeeded,
            Wanted::Failure => ended != Ended::Succeeded,
            Wanted::This(wanted) => wanted == ended,
        }
    }
}

fn is_named(name: &str, wanted: &str) -> bool {
    wanted.strip_suffix('*').map_or(name == wanted, |beginning| name.starts_with(beginning))
}

fn is_handled_by(record: &Record, wanted: &str) -> bool {
    record.handler.as_ref().is_some_and(|handler| handler.name == wanted || handler.to_string() == wanted)
}
