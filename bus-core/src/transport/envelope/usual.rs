//! Envelopes as this version usually writes them, which is a good part of what a message costs on its way.
//!
//! What is rare, and what another version or another language writes in its own way, is left to serde: what is read and written
//! here is what serde would read and write.

use std::borrow::Cow;

use uuid::Uuid;

use super::{Envelope, VERSION};
use crate::{message::Kind, transport::codec::content_type};

/// A map with so many entries, without those that may be left out.
const MAP: u8 = 0x80 + 8;
const VERSION_1: &[u8] = b"\xa7version\x01";
const KIND: &[u8] = b"\xa4kind";
const NAME: &[u8] = b"\xa4name";
const ID: &[u8] = b"\xa2id\xc4\x10";
const CORRELATION: &[u8] = b"\xabcorrelation\xc4\x10";
const CAUSATION: &[u8] = b"\xa9causation\xc4\x10";
const SOURCE: &[u8] = b"\xa6source\xc4\x10";
const ATTEMPT: &[u8] = b"\xa7attempt";
const DEPTH: &[u8] = b"\xa5depth";
const DEADLINE: &[u8] = b"\xa8deadline\xcf";
const CONTENT_TYPE: &[u8] = b"\xaccontent_type";

/// A text of up to 31 bytes, but for its length.
const SHORT_TEXT: u8 = 0xa0;
const MAX_SHORT_TEXT: usize = 31;
/// What is before the length of a text of up to 255 bytes.
const TEXT: u8 = 0xd9;
/// The highest number that is one byte.
const MAX_SMALL: u32 = 127;

/// Appends the envelope, if it is a usual one; whether it is.
pub(super) fn append(envelope: &Envelope, out: &mut Vec<u8>) -> bool {
    if !is_usual(envelope) {
        return false;
    }
    let count = [envelope.causation.is_some(), envelope.depth > 0, envelope.deadline.is_some()];
    out.push(count.into_iter().fold(MAP, |count, is_there| count + u8::from(is_there)));
    out.extend_from_slice(VERSION_1);
    put_text(out, KIND, envelope.kind.label());
    put_text(out, NAME, &envelope.name);
    put(out, ID, envelope.id.as_bytes());
    put(out, CORRELATION, envelope.correlation.as_bytes());
    if let Some(causation) = &envelope.causation {
        put(out, CAUSATION, causation.as_bytes());
    }
    put(out, SOURCE, envelope.source.as_bytes());
    put(out, ATTEMPT, &envelope.attempt.to_be_bytes()[3..]);
    if envelope.depth > 0 {
        put(out, DEPTH, &envelope.depth.to_be_bytes()[3..]);
    }
    if let Some(deadline) = envelope.deadline {
        put(out, DEADLINE, &deadline.to_be_bytes());
    }
    put_text(out, CONTENT_TYPE, &envelope.content_type);
    true
}

/// Whether each value has the form that is written here.
fn is_usual(envelope: &Envelope) -> bool {
    let is_short = |text: &str| u8::try_from(text.len()).is_ok();
    envelope.version == VERSION
        && envelope.attempt <= MAX_SMALL
        && envelope.depth <= MAX_SMALL
        && envelope.deadline.is_none_or(|deadline| u32::try_from(deadline).is_err())
        && is_short(&envelope.name)
        && is_short(&envelope.content_type)
        && envelope.due.is_none()
        && envelope.traceparent.is_none()
        && envelope.tracestate.is_none()
}

fn put(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}

fn put_text(out: &mut Vec<u8>, key: &[u8], text: &str) {
    let length = u8::try_from(text.len()).expect("a usual text");
    out.extend_from_slice(key);
    if text.len() <= MAX_SHORT_TEXT {
        out.push(SHORT_TEXT + length);
    } else {
        out.extend([TEXT, length]);
    }
    out.extend_from_slice(text.as_bytes());
}

/// Reads a usual envelope; `None` if it is another one, or none.
pub(super) fn read(bytes: &[u8]) -> Option<Envelope> {
    let mut entries = Entries(bytes);
    let [count] = entries.array()?;
    entries.skip(VERSION_1)?;
    let kind = Kind::from_label(entries.text(KIND)?)?;
    let name = entries.text(NAME)?;
    let (id, correlation) = (entries.id(ID)?, entries.id(CORRELATION)?);
    let causation = entries.id(CAUSATION);
    let source = entries.id(SOURCE)?;
    let attempt = entries.small(ATTEMPT)?;
    let depth = entries.small(DEPTH);
    let deadline = entries.after(DEADLINE).map(u64::from_be_bytes);
    let content_type = content_type(entries.text(CONTENT_TYPE)?);
    let optional = [causation.is_some(), depth.is_some(), deadline.is_some()];
    let is_whole = count == optional.into_iter().fold(MAP, |count, is_there| count + u8::from(is_there));
    (is_whole && entries.0.is_empty()).then(|| Envelope {
        version: VERSION,
        kind,
        name: Cow::Owned(name.to_owned()),
        id,
        correlation,
        causation,
        source,
        attempt,
        depth: depth.unwrap_or_default(),
        deadline,
        due: None,
        content_type,
        traceparent: None,
        tracestate: None,
        key: None,
    })
}

/// What is left of an envelope. What does not begin as it should stays.
struct Entries<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    fn skip(&mut self, key: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(key)?;
        Some(())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn after<const N: usize>(&mut self, key: &[u8]) -> Option<[u8; N]> {
        self.skip(key)?;
        self.array()
    }

    fn id(&mut self, key: &[u8]) -> Option<Uuid> {
        self.after(key).map(Uuid::from_bytes)
    }

    fn small(&mut self, key: &[u8]) -> Option<u32> {
        self.after(key).map(|[number]| u32::from(number)).filter(|number| *number <= MAX_SMALL)
    }

    fn text(&mut self, key: &[u8]) -> Option<&'a str> {
        let length = match self.after(key)? {
            [TEXT] => self.array().map(|[length]| length)?,
            [length] => length.checked_sub(SHORT_TEXT).filter(|length| usize::from(*length) <= MAX_SHORT_TEXT)?,
        };
        let (text, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::codec, *};

    /// Envelopes with and without everything that may be left out, and with what is rare.
    fn envelopes() -> Vec<Envelope> {
        let id = |byte| Uuid::from_bytes([byte; 16]);
        let usual = Envelope {
            version: VERSION,
            kind: Kind::Query,
            name: "shop.Greet".into(),
            id: id(1),
            correlation: id(2),
            causation: None,
            source: id(3),
            attempt: 1,
            depth: 0,
            deadline: None,
            due: None,
            content_type: "application/msgpack".into(),
            traceparent: None,
            tracestate: None,
            key: None,
        };
        let mut envelopes = vec![usual.clone()];
        envelopes.extend(Kind::ALL.map(|kind| Envelope { kind, ..usual.clone() }));
        envelopes
            .extend([0, 31, 32, 255, 256].map(|length| Envelope { name: "n".repeat(length).into(), ..usual.clone() }));
        envelopes.extend([127, 128, u32::MAX].map(|attempt| Envelope { attempt, ..usual.clone() }));
        envelopes.extend([1, 127, 128].map(|depth| Envelope { depth, ..usual.clone() }));
        envelopes
            .extend([0, 1 << 32, (1 << 32) - 1].map(|deadline| Envelope { deadline: Some(deadline), ..usual.clone() }));
        envelopes.push(Envelope { causation: Some(id(4)), depth: 2, deadline: Some(u64::MAX), ..usual.clone() });
        envelopes.push(Envelope { content_type: "text/own".into(), causation: Some(id(4)), ..usual.clone() });
        envelopes.push(Envelope { version: 2, ..usual.clone() });
        envelopes.push(Envelope { due: Some(1), ..usual.clone() });
        envelopes.push(Envelope { traceparent: Some("00-1".into()), ..usual.clone() });
        envelopes.push(Envelope { tracestate: Some("a=1".into()), ..usual });
        envelopes
    }

    #[test]
    fn what_is_written_here_is_what_serde_writes() {
        for envelope in envelopes() {
            let mut bytes = Vec::new();
            let is_usual = append(&envelope, &mut bytes);
            assert!(if is_usual { bytes == codec::write_own(&envelope) } else { bytes.is_empty() }, "{envelope:?}");
        }
    }

    #[test]
    fn what_is_usual_is_read_here() {
        for envelope in envelopes().into_iter().filter(is_usual) {
            let mut bytes = Vec::new();
            append(&envelope, &mut bytes);
            assert_eq!(read(&bytes), Some(envelope));
        }
    }

    #[test]
    fn what_is_read_here_is_what_serde_reads() {
        for envelope in envelopes() {
            let bytes = codec::write_own(&envelope);
            let cut = (0..bytes.len()).map(|length| bytes[..length].to_vec());
            let changed = (0..bytes.len()).flat_map(|place| {
                [0x00, 0x01, 0x7f, 0x80, 0xa0, 0xbf, 0xc0, 0xd9, 0xff].map(|byte| {
                    let mut changed = bytes.clone();
                    changed[place] = byte;
                    changed
                })
            });
            for bytes in cut.chain(changed).chain([bytes.clone()]) {
                let Some(read) = read(&bytes) else { continue };
                assert_eq!(codec::read_own::<Envelope>(&bytes).unwrap(), read);
            }
        }
    }
}
