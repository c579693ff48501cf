//! An envelope as headers: the attributes of CloudEvents in binary mode. `docs/wire.md` has the table.

use std::{borrow::Cow, fmt, str::FromStr};

use async_nats::header::HeaderMap;
use linkbus::{
    Kind,
    transport::{Envelope, VERSION},
};
use uuid::Uuid;

use crate::names::{percent_decoded, percent_encoded};

pub(crate) const ID: &str = "ce-id";
const SOURCE: &str = "ce-source";
const SPEC_VERSION: &str = "ce-specversion";
const TYPE: &str = "ce-type";
const CONTENT_TYPE: &str = "content-type";
const ENVELOPE_VERSION: &str = "ce-linkbusversion";
const CORRELATION: &str = "ce-correlationid";
const CAUSATION: &str = "ce-causationid";
const ATTEMPT: &str = "ce-attempt";
const DEPTH: &str = "ce-depth";
const DEADLINE: &str = "ce-deadline";
const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";

/// The version of CloudEvents.
const SPEC: &str = "1.0";
/// What is before the id of a bus, to make a URI of it.
const URN: &str = "urn:uuid:";

/// An envelope as headers.
pub(crate) fn write(envelope: &Envelope) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(SPEC_VERSION, SPEC);
    headers.insert(ID, envelope.id.to_string());
    headers.insert(SOURCE, format!("{URN}{}", envelope.source));
    headers.insert(TYPE, encoded(&envelope.name));
    headers.insert(CONTENT_TYPE, encoded(&envelope.content_type));
    headers.insert(ENVELOPE_VERSION, envelope.version.to_string());
    headers.insert(CORRELATION, envelope.correlation.to_string());
    headers.insert(ATTEMPT, envelope.attempt.to_string());
    let depth = (envelope.depth > 0).then(|| envelope.depth.to_string());
    let optional = [
        (CAUSATION, envelope.causation.map(|id| id.to_string())),
        (DEPTH, depth),
        (DEADLINE, envelope.deadline.map(|at| at.to_string())),
        (TRACE_PARENT, envelope.traceparent.as_deref().map(encoded)),
        (TRACE_STATE, envelope.tracestate.as_deref().map(encoded)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    headers
}

/// As the specification has it for headers, but for spaces, which need not be encoded.
fn encoded(text: &str) -> String {
    percent_encoded(text, |byte| matches!(byte, b' '..=b'~') && byte != b'%')
}

/// The bytes that headers have on the wire.
pub(crate) fn size(headers: &HeaderMap) -> usize {
    let line = |name: usize, value: usize| name + ": ".len() + value + "\r\n".len();
    let lines = headers.iter().flat_map(|(name, values)| {
        values.iter().map(move |value| line(AsRef::<str>::as_ref(name).len(), value.as_str().len()))
    });
    "NATS/1.0\r\n\r\n".len() + lines.sum::<usize>()
}

/// Reads headers as the envelope of a message of this kind and name. What is missing gets a default; `id` is that of a message
/// without one, which has to be the same whenever it is read.
pub(crate) fn read(headers: &HeaderMap, kind: Kind, name: &str, id: Uuid) -> Result<Envelope, Unreadable> {
    let headers = Headers(headers);
    let mut envelope = Envelope::foreign(kind, name.to_owned());
    headers.fits(SPEC_VERSION, |spec| spec == SPEC || spec.starts_with("1."))?;
    headers.fits(ENVELOPE_VERSION, |version| version == VERSION.to_string())?;
    headers.fits(TYPE, |message| message == name)?;
    envelope.id = headers.parsed(ID)?.unwrap_or(id);
    envelope.correlation = headers.parsed(CORRELATION)?.unwrap_or(envelope.id);
    envelope.causation = headers.parsed(CAUSATION)?;
    envelope.source = headers.text(SOURCE)?.map(|source| bus(&source)).unwrap_or_default();
    envelope.attempt = headers.parsed(ATTEMPT)?.unwrap_or(envelope.attempt);
    envelope.depth = headers.parsed(DEPTH)?.unwrap_or_default();
    envelope.deadline = headers.parsed(DEADLINE)?;
    if let Some(content_type) = headers.text(CONTENT_TYPE)? {
        envelope.content_type = content_type.into_owned().into();
    }
    envelope.traceparent = headers.text(TRACE_PARENT)?.map(Cow::into_owned);
    envelope.tracestate = headers.text(TRACE_STATE)?.map(Cow::into_owned);
    Ok(envelope)
}

/// The bus that a source is, or that of nobody, if it is none.
fn bus(source: &str) -> Uuid {
    source.strip_prefix(URN).and_then(|id| id.parse().ok()).unwrap_or_default()
}

struct Headers<'a>(&'a HeaderMap);

impl<'a> Headers<'a> {
    /// A value as it was before it was encoded.
    fn text(&self, header: &'static str) -> Result<Option<Cow<'a, str>>, Unreadable> {
        let Some(value) = self.0.get(header) else { return Ok(None) };
        let value = value.as_str();
        if !value.contains('%') {
            return Ok(Some(Cow::Borrowed(value)));
        }
        percent_decoded(value).map(|text| Some(Cow::Owned(text))).ok_or(Unreadable(header))
    }

    fn parsed<T: FromStr>(&self, header: &'static str) -> Result<Option<T>, Unreadable> {
        let text = self.text(header)?;
        text.map(|text| text.parse().map_err(|_| Unreadable(header))).transpose()
    }

    /// A value, if it is there, is as it should be.
    fn fits(&self, header: &'static str, fits: impl Fn(&str) -> bool) -> Result<(), Unreadable> {
        let is_unfit = self.text(header)?.is_some_and(|text| !fits(&text));
        if is_unfit { Err(Unreadable(header)) } else { Ok(()) }
    }
}

/// A header whose value cannot be understood. The value itself is not told, it may be anything.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(&'static str);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = match self.0 {
            ID | CORRELATION | CAUSATION => "a UUID",
            TYPE => "the name that the subject has",
            SPEC_VERSION => "a version 1 of CloudEvents",
            ENVELOPE_VERSION => "a version of the envelope that is known here",
            ATTEMPT | DEPTH | DEADLINE => "a number",
            _ => "percent-encoded UTF-8",
        };
        write!(f, "the header `{}` is not {wanted}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> Uuid {
        Uuid::from_bytes([byte; 16])
    }

    fn full() -> Envelope {
        let mut envelope = Envelope::foreign(Kind::Event, "shop.Shipped größer");
        (envelope.id, envelope.correlation, envelope.causation, envelope.source) = (id(1), id(2), Some(id(3)), id(4));
        (envelope.attempt, envelope.depth, envelope.deadline) = (3, 2, Some(1_790_000_000_000));
        envelope.content_type = "application/msgpack".into();
        envelope.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
        envelope.tracestate = Some("vendor=a\nb%".into());
        envelope
    }

    fn lines(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<_> = headers.iter().map(|(name, values)| format!("{name}: {}", values[0])).collect();
        lines.sort();
        lines
    }

    #[test]
    fn an_envelope_is_written_as_the_page_shows() {
        let golden = include_str!("../docs/wire.md");
        let golden = golden.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert_eq!(lines(&write(&full())), golden.lines().collect::<Vec<_>>());
    }

    #[test]
    fn what_was_written_is_read_as_it_was() {
        let mut least = Envelope::foreign(Kind::Task, "");
        least.source = id(9);
        for envelope in [full(), least] {
            assert_eq!(read(&write(&envelope), envelope.kind, &envelope.name, id(7)).unwrap(), envelope);
        }
    }

    #[test]
    fn a_message_without_headers_is_one_in_json_with_the_id_it_was_given() {
        let envelope = read(&HeaderMap::new(), Kind::Command, "shop.Ship", id(7)).unwrap();
        assert_eq!((envelope.id, envelope.correlation, envelope.attempt), (id(7), id(7), 1));
        assert_eq!((&*envelope.content_type, envelope.source), ("application/json", Uuid::nil()));
    }

    #[test]
    fn the_source_of_another_program_is_no_bus_and_no_fault() {
        let mut headers = HeaderMap::new();
        headers.insert(SOURCE, "/checkout");
        assert_eq!(read(&headers, Kind::Command, "shop.Ship", id(7)).unwrap().source, Uuid::nil());
    }

    #[test]
    fn what_cannot_be_understood_is_told_by_its_header_and_without_its_value() {
        let faults =
            [(ID, "7"), (TYPE, "shop.Sail"), (SPEC_VERSION, "2.0"), (ENVELOPE_VERSION, "2"), (ATTEMPT, "many")];
        for (header, value) in faults.into_iter().chain([(CONTENT_TYPE, "%FF")]) {
            let mut headers = HeaderMap::new();
            headers.insert(header, value);
            let error = read(&headers, Kind::Command, "shop.Ship", id(7)).unwrap_err();
            assert_eq!(error, Unreadable(header));
            assert!(error.to_string().contains(header) && !error.to_string().contains(&format!("`{value}`")));
        }
    }
}
