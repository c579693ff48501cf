//! A record as a line of JSON.
//!
//! The first seven keys are those of py-message-bus, in its order; what linkbus adds comes behind them. Keys may be added in
//! a later version, and are passed over by an earlier one; none is removed and none changes its meaning as long as `v` is 1.

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    Ended, HandlerName, Record, TaskId, Withheld, Worker,
    record::{Task, Texts},
};
use crate::{layer::Reason, line::Object, message::Kind};

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
pub(super) enum Said {
    Record(Record),
    /// Here so many records were dropped.
    Gap(u64),
}

impl Record {
    /// The record as one line of JSON, without a line feed: for a store of your own.
    ///
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
        match parse(line)? {
            Said::Record(record) => Ok(record),
            Said::Gap(_) => Err(LineError::malformed("it stands where records are missing")),
        }
    }

    /// Appends the line, without a line feed.
    pub(super) fn write_line(&self, line: &mut Vec<u8>) {
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
pub(super) fn parse(line: &str) -> Result<Said, LineError> {
    let keys: Keys<'_> = serde_json::from_str(line).map_err(|error| LineError::malformed(error.to_string()))?;
    keys.said()
}

/// The keys of a line, as they stand there.
#[derive(Default)]
struct Keys<'a> {
    ts: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    class: Option<Cow<'a, str>>,
    payload: Option<&'a RawValue>,
    duration_ns: Option<u64>,
    result: Option<&'a RawValue>,
    error: Option<Cow<'a, str>>,
    version: u32,
    message: Option<Cow<'a, str>>,
    outcome: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    correlation_id: Option<Cow<'a, str>>,
    causation_id: Option<Cow<'a, str>>,
    handler: Option<Cow<'a, str>>,
    attempt: Option<u32>,
    is_nested: bool,
    thread: Option<Cow<'a, str>>,
    task: Option<u64>,
    withheld: Option<Cow<'a, str>>,
    is_redacted: bool,
    dropped: Option<u64>,
}

/// A text that is borrowed from the line where nothing in it is escaped; `null` is none.
struct Text<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Option<Cow<'de, str>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or null")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Some(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(None)
            }
        }

        deserializer.deserialize_any(Read).map(Text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Keys<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Keys<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys<'de>, A::Error> {
                let mut keys = Keys::default();
                while let Some(Text(key)) = map.next_key()? {
                    keys.read(&key.unwrap_or_default(), &mut map)?;
                }
                Ok(keys)
            }
        }

        deserializer.deserialize_map(Read)
    }
}

impl<'de> Keys<'de> {
    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "ts" => self.ts = map.next_value::<Text<'_>>()?.0,
            "type" => self.kind = map.next_value::<Text<'_>>()?.0,
            "class" => self.class = map.next_value::<Text<'_>>()?.0,
            "payload" => self.payload = Some(map.next_value()?),
            "duration_ns" => self.duration_ns = Some(map.next_value()?),
            "result" => self.result = Some(map.next_value()?),
            "error" => self.error = map.next_value::<Text<'_>>()?.0,
            "v" => self.version = map.next_value()?,
            "message" => self.message = map.next_value::<Text<'_>>()?.0,
            "outcome" => self.outcome = map.next_value::<Text<'_>>()?.0,
            "id" => self.id = map.next_value::<Text<'_>>()?.0,
            "correlation_id" => self.correlation_id = map.next_value::<Text<'_>>()?.0,
            "causation_id" => self.causation_id = map.next_value::<Text<'_>>()?.0,
            "handler" => self.handler = map.next_value::<Text<'_>>()?.0,
            "attempt" => self.attempt = Some(map.next_value()?),
            "nested" => self.is_nested = map.next_value()?,
            "thread" => self.thread = map.next_value::<Text<'_>>()?.0,
            "task" => self.task = map.next_value()?,
            "withheld" => self.withheld = map.next_value::<Text<'_>>()?.0,
            "redacted" => self.is_redacted = map.next_value()?,
            "dropped" => self.dropped = map.next_value()?,
            _ => _ = map.next_value::<IgnoredAny>()?,
        }
        Ok(())
    }

    fn said(self) -> Result<Said, LineError> {
        if self.version > VERSION {
            return Err(LineError::Newer { version: self.version });
        }
        if self.kind.as_deref() == Some(GAP) {
            return Ok(Said::Gap(self.dropped.unwrap_or_default()));
        }
        self.record().map(Said::Record)
    }

    fn record(self) -> Result<Record, LineError> {
        let is_ours = self.version > 0;
        let at = required(self.ts, "ts")?;
        let at = if is_ours { humantime::parse_rfc3339(&at) } else { humantime::parse_rfc3339_weak(&at) };
        let kind = required(self.kind, "type")?;
        let class = required(self.class, "class")?.into_owned();
        let message = match self.message {
            Some(message) => message.into_owned(),
            None if is_ours => return Err(LineError::malformed("`message` is missing")),
            None => class.clone(),
        };
        let ended = match self.outcome {
            Some(label) => Ended::from_label(&label).ok_or_else(|| LineError::malformed("`outcome` is unknown"))?,
            None if is_ours => return Err(LineError::malformed("`outcome` is missing")),
            None if self.error.is_some() => Ended::Failed(Reason::Handler),
            None => Ended::Succeeded,
        };
        let id = |text: Option<Cow<'_, str>>, key: &str| match text {
            Some(text) => Uuid::try_parse(&text).map_err(|_| LineError::malformed(format!("`{key}` is not a UUID"))),
            None if is_ours => Err(LineError::malformed(format!("`{key}` is missing"))),
            None => Ok(Uuid::nil()),
        };
        let causation_id = self.causation_id.map(|text| id(Some(text), "causation_id")).transpose()?;
        let withheld = self
            .withheld
            .map(|label| Withheld::from_label(&label).ok_or_else(|| LineError::malformed("`withheld` is unknown")));
        let json = |raw: Option<&'de RawValue>| raw.map(RawValue::get).filter(|json| *json != "null");
        let withheld = withheld.transpose()?;
        // A payload may be `null`: that of a unit structure is.
        let payload = if withheld.is_none() { self.payload.map(RawValue::get) } else { None };
        Ok(Record {
            at: at.map_err(|_| LineError::malformed("`ts` is not a time such as 2026-11-25T16:00:00.000000Z"))?,
            kind: Kind::from_label(&kind).ok_or_else(|| LineError::malformed("`type` is unknown"))?,
            message: message.into(),
            class: class.into(),
            duration: Duration::from_nanos(
                self.duration_ns.ok_or_else(|| LineError::malformed("`duration_ns` is missing"))?,
            ),
            ended,
            id: id(self.id, "id")?,
            correlation_id: id(self.correlation_id, "correlation_id")?,
            causation_id,
            handler: self.handler.map(|text| HandlerName::parse(&text)),
            attempt: self.attempt.unwrap_or(1),
            is_nested: self.is_nested,
            worker: Worker {
                thread: self.thread.map_or_else(|| Arc::from(""), |name| Arc::from(&*name)),
                task: self.task.map(|id| TaskId(Task::Read(id))),
            },
            withheld,
            is_redacted: self.is_redacted,
            texts: Texts::of(payload, json(self.result), self.error.as_deref()),
        })
    }
}

fn required<'a>(text: Option<Cow<'a, str>>, key: &str) -> Result<Cow<'a, str>, LineError> {
    text.ok_or_else(|| LineError::malformed(format!("`{key}` is missing")))
}

impl Texts {
    fn of(payload: Option<&str>, result: Option<&str>, error: Option<&str>) -> Self {
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
        let (module, name) = text.rsplit_once("::").unwrap_or(("", text));
        HandlerName { module: module.to_owned().into(), name: name.to_owned().into() }
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
