//! Which records.

use std::time::SystemTime;

use uuid::Uuid;

#[cfg(feature = "file-store")]
use super::RecordRef;
use super::{Ended, HandlerName, Record};
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
        self.lets(&Facts {
            kind: record.kind,
            message: &record.message,
            handler: record.handler.as_ref().map(|handler| (&*handler.module, &*handler.name)),
            at: record.at,
            ended: record.ended,
            correlation_id: record.correlation_id,
            is_nested: record.is_nested,
        })
    }

    /// Whether it lets `record` through.
    #[cfg(feature = "file-store")]
    pub fn matches_ref(&self, record: &RecordRef<'_>) -> bool {
        self.lets(&Facts {
            kind: record.kind,
            message: &record.message,
            handler: record.handler.as_deref().map(HandlerName::split),
            at: record.at,
            ended: record.ended,
            correlation_id: record.correlation_id,
            is_nested: record.is_nested,
        })
    }

    fn lets(&self, facts: &Facts<'_>) -> bool {
        self.kind.is_none_or(|kind| kind == facts.kind)
            && self.message.as_deref().is_none_or(|wanted| is_named(facts.message, wanted))
            && self.handler.as_deref().is_none_or(|wanted| is_handled_by(facts.handler, wanted))
            && self.since.is_none_or(|since| facts.at >= since)
            && self.until.is_none_or(|until| facts.at < until)
            && self.outcome.is_none_or(|wanted| wanted.is(facts.ended))
            && self.correlation_id.is_none_or(|id| id == facts.correlation_id)
            && !(self.only_roots && facts.is_nested)
    }
}

/// What is asked about.
struct Facts<'a> {
    kind: Kind,
    message: &'a str,
    /// The module and the function.
    handler: Option<(&'a str, &'a str)>,
    at: SystemTime,
    ended: Ended,
    correlation_id: Uuid,
    is_nested: bool,
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

fn is_handled_by(handler: Option<(&str, &str)>, wanted: &str) -> bool {
    let (wanted_module, wanted_name) = HandlerName::split(wanted);
    handler.is_some_and(|(module, name)| name == wanted_name && (module == wanted_module || (wanted_module.is_empty())))
}

#[cfg(all(test, feature = "file-store"))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::layer::Reason;

    const LINE: &str = concat!(
        r#"{"ts":"1970-01-01T00:00:10Z","type":"command","class":"Pay","payload":{},"duration_ns":1,"result":null,"error":"e","#,
        r#""v":1,"message":"shop.Pay","outcome":"timed_out","id":"00000000-0000-0000-0000-000000000001","#,
        r#""correlation_id":"00000000-0000-0000-0000-000000000002","handler":"shop::till::pay","nested":true}"#
    );

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Both forms of a record are asked, and say the same.
    #[track_caller]
    fn assert_lets(filter: &Filter, expected: bool) {
        let record = RecordRef::of_line(LINE).unwrap();
        assert_eq!(filter.matches_ref(&record), expected, "{filter:?}");
        assert_eq!(filter.matches(&record.to_record()), expected, "{filter:?}");
    }

    #[test]
    fn each_condition_lets_through_what_it_says_and_nothing_else() {
        let any = Filter::any;
        for let_through in [
            any(),
            any().kind(Kind::Command),
            any().message("shop.Pay"),
            any().message("shop.*"),
            any().message("*"),
            any().handler("pay"),
            any().handler("shop::till::pay"),
            any().since(at(10)),
            any().until(at(11)),
            any().only_failures(),
            any().ended(Ended::Failed(Reason::TimedOut)),
            any().correlation_id(Uuid::from_u128(2)),
            any().kind(Kind::Command).message("shop.Pay").only_failures(),
        ] {
            assert_lets(&let_through, true);
        }
        for held_back in [
            any().kind(Kind::Query),
            any().message("Pay"),
            any().message("shop.Pa"),
            any().message("till.*"),
            any().handler("till::pay"),
            any().handler("shop::till::p"),
            any().since(at(11)),
            any().until(at(10)),
            any().only_successes(),
            any().ended(Ended::Panicked),
            any().correlation_id(Uuid::from_u128(1)),
            any().only_roots(),
            any().kind(Kind::Command).message("shop.Pay").only_successes(),
        ] {
            assert_lets(&held_back, false);
        }
    }
}
