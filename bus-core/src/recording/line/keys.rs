//! A line taken apart.

use std::{borrow::Cow, fmt, time::Duration};

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    super::{Ended, RecordRef, TaskId, Withheld, record::Task},
    GAP, LineError, Said, VERSION,
};
use crate::{layer::Reason, message::Kind};

/// The keys of a line, as they stand there.
#[derive(Default)]
pub(super) struct Keys<'a> {
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

    /// What the line says that has these keys.
    pub(super) fn said(self, line: &'de str) -> Result<Said<'de>, LineError> {
        if self.version > VERSION {
            return Err(LineError::Newer { version: self.version });
        }
        if self.kind.as_deref() == Some(GAP) {
            return Ok(Said::Gap(self.dropped.unwrap_or_default()));
        }
        self.record(line).map(Said::Record)
    }

    fn record(self, line: &'de str) -> Result<RecordRef<'de>, LineError> {
        let is_ours = self.version > 0;
        let at = required(self.ts, "ts")?;
        let at = if is_ours { humantime::parse_rfc3339(&at) } else { humantime::parse_rfc3339_weak(&at) };
        let kind = required(self.kind, "type")?;
        let class = required(self.class, "class")?;
        let message = match self.message {
            Some(message) => message,
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
            .map(|label| Withheld::from_label(&label).ok_or_else(|| LineError::malformed("`withheld` is unknown")))
            .transpose()?;
        if self.payload.is_none() && withheld.is_none() {
            return Err(LineError::malformed("`payload` is missing"));
        }
        Ok(RecordRef {
            at: at.map_err(|_| LineError::malformed("`ts` is not a time such as 2026-11-25T16:00:00.000000Z"))?,
            kind: Kind::from_label(&kind).ok_or_else(|| LineError::malformed("`type` is unknown"))?,
            message,
            class,
            duration: Duration::from_nanos(
                self.duration_ns.ok_or_else(|| LineError::malformed("`duration_ns` is missing"))?,
            ),
            ended,
            id: id(self.id, "id")?,
            correlation_id: id(self.correlation_id, "correlation_id")?,
            causation_id,
            handler: self.handler,
            attempt: self.attempt.unwrap_or(1),
            is_nested: self.is_nested,
            thread: self.thread.unwrap_or_default(),
            task: self.task.map(|id| TaskId(Task::Read(id))),
            withheld,
            is_redacted: self.is_redacted,
            // A payload may be `null`: that of a unit structure is.
            payload: self.payload.map(RawValue::get).filter(|_| withheld.is_none()),
            result: self.result.map(RawValue::get).filter(|json| *json != "null"),
            error: self.error,
            line,
        })
    }
}

fn required<'a>(text: Option<Cow<'a, str>>, key: &str) -> Result<Cow<'a, str>, LineError> {
    text.ok_or_else(|| LineError::malformed(format!("`{key}` is missing")))
}

/// That the line is of a later version, in which the keys may hold something else.
#[cold]
pub(super) fn newer(line: &str) -> Option<LineError> {
    let version = serde_json::from_str::<Version>(line).ok()?.0;
    (version > VERSION).then_some(LineError::Newer { version })
}

/// The version of a line, whatever else is in it.
struct Version(u32);

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Version;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Version, A::Error> {
                let mut version = 0;
                while let Some(Text(key)) = map.next_key()? {
                    match key.as_deref() {
                        Some("v") => version = map.next_value()?,
                        _ => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(Version(version))
            }
        }

        deserializer.deserialize_map(Read)
    }
}
