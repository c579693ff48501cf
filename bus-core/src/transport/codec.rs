//! How a body is written and read.

use std::{borrow::Cow, cell::Cell, fmt};

use serde::{Deserialize as _, Deserializer, Serialize, Serializer, de::Visitor};

use crate::error::AnyError;

/// A format of bodies: of messages, replies, and errors.
///
/// One of your own takes a few lines, whatever serde format it is:
///
/// ```
/// use linkbus::{AnyError, transport::{Body, Codec, Target}};
///
/// struct PrettyJson;
///
/// impl Codec for PrettyJson {
///     fn content_type(&self) -> &str {
///         "application/json"
///     }
///
///     fn write(&self, body: Body<'_>, out: &mut Vec<u8>) -> Result<(), AnyError> {
///         Ok(serde_json::to_writer_pretty(out, &body)?)
///     }
///
///     fn read(&self, bytes: &[u8], target: Target<'_>) -> Result<(), AnyError> {
///         let mut format = serde_json::Deserializer::from_slice(bytes);
///         target.read(&mut format)?;
///         Ok(format.end()?) // nothing may follow
///     }
/// }
/// ```
pub trait Codec: Send + Sync + 'static {
    /// The media type that names the format in the envelope: `application/json`.
    fn content_type(&self) -> &str;

    /// Appends `body` to `out`.
    ///
    /// # Errors
    /// What the format says.
    fn write(&self, body: Body<'_>, out: &mut Vec<u8>) -> Result<(), AnyError>;

    /// Reads all of `bytes` into `target`. They come from elsewhere: the format has to bound how deep it goes.
    ///
    /// # Errors
    /// What the format says.
    fn read(&self, bytes: &[u8], target: Target<'_>) -> Result<(), AnyError>;
}

/// What a [`Codec`] writes.
#[derive(Clone, Copy)]
pub struct Body<'a>(&'a dyn erased_serde::Serialize);

impl<'a> Body<'a> {
    /// A value to be written: for a test of a codec.
    ///
    /// ```
    /// use linkbus::transport::{Body, Codec, Json};
    ///
    /// let mut out = Vec::new();
    /// Json.write(Body::new(&[1, 2]), &mut out).unwrap();
    /// assert_eq!(out, b"[1,2]");
    /// ```
    pub fn new(value: &'a impl Serialize) -> Self {
        Body(value)
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// What a [`Codec`] reads into.
pub struct Target<'a>(&'a mut Visit<'a>);

type Visit<'a> = dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), erased_serde::Error> + 'a;

impl Target<'_> {
    /// Reads the value.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read<'de, D: Deserializer<'de>>(self, format: D) -> Result<(), AnyError> {
        (self.0)(&mut <dyn erased_serde::Deserializer<'_>>::erase(format)).map_err(AnyError::from)
    }
}

/// Reads a value of which `read` knows the type.
pub(crate) fn read<T>(
    codec: &dyn Codec,
    bytes: &[u8],
    read: impl Fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<T, erased_serde::Error>,
) -> Result<T, AnyError> {
    let value = Cell::new(None);
    codec.read(bytes, Target(&mut |format| read(format).map(|read| value.set(Some(read)))))?;
    value.into_inner().ok_or_else(|| AnyError::from("the codec read nothing"))
}

/// What `codec` makes of a value.
pub(crate) fn write(codec: &dyn Codec, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>, AnyError> {
    let mut body = room();
    codec.write(Body(value), &mut body)?;
    Ok(body)
}

/// Most bodies and envelopes have no more bytes: room that does not have to grow.
const USUAL: usize = 256;

/// Room for a body or an envelope.
pub(super) fn room() -> Vec<u8> {
    Vec::with_capacity(USUAL)
}

/// How deep a body may be nested: as deep as `serde_json` reads by itself.
const MAX_DEPTH: usize = 128;

fn from_message_pack(bytes: &[u8]) -> rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'_, [u8]>> {
    let mut format = rmp_serde::Deserializer::from_read_ref(bytes);
    format.set_max_depth(MAX_DEPTH);
    format
}

/// Reads what the bus itself writes; what it does not know in there is nested no deeper than a body may be.
pub(super) fn read_own<'de, T: serde::Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, rmp_serde::decode::Error> {
    T::deserialize(&mut from_message_pack(bytes))
}

/// Writes what is the bus's own: a map with names.
///
/// # Panics
/// If it has more than strings, numbers and bytes.
pub(super) fn write_own(own: &impl Serialize) -> Vec<u8> {
    let mut bytes = room();
    append_own(own, &mut bytes);
    bytes
}

/// Appends what is the bus's own.
///
/// # Panics
/// As [`write_own`] does.
pub(super) fn append_own(own: &impl Serialize, out: &mut Vec<u8>) {
    rmp_serde::encode::write_named(out, own).expect("strings, numbers and bytes can be written");
}

/// A media type; those of the formats here take no memory.
pub(super) fn content_type(name: &str) -> Cow<'static, str> {
    let known = [MessagePack.content_type(), Json.content_type()].into_iter().find(|known| *known == name);
    known.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)
}

/// Reads a [media type](content_type).
pub(super) fn read_content_type<'de, D: Deserializer<'de>>(format: D) -> Result<Cow<'static, str>, D::Error> {
    read_text(format, content_type)
}

/// What `read` makes of a text, which is not kept.
pub(super) fn read_text<'de, D: Deserializer<'de>, T>(format: D, read: impl FnOnce(&str) -> T) -> Result<T, D::Error> {
    format.deserialize_str(Text(read))
}

struct Text<F>(F);

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(self.0(text))
    }
}

/// MessagePack with the names of fields: compact, and open to fields that are added later. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

impl Codec for MessagePack {
    fn content_type(&self) -> &'static str {
        "application/msgpack"
    }

    fn write(&self, body: Body<'_>, out: &mut Vec<u8>) -> Result<(), AnyError> {
        Ok(body.serialize(&mut rmp_serde::Serializer::new(out).with_struct_map())?)
    }

    fn read(&self, bytes: &[u8], target: Target<'_>) -> Result<(), AnyError> {
        let mut format = from_message_pack(bytes);
        target.read(&mut format)?;
        // What reads a nil takes no more than the first byte of anything else.
        match <()>::deserialize(&mut format) {
            Err(rmp_serde::decode::Error::InvalidMarkerRead(_)) => Ok(()),
            _ => Err("something follows behind the value".into()),
        }
    }
}

/// JSON: for other languages, and for eyes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Codec for Json {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn write(&self, body: Body<'_>, out: &mut Vec<u8>) -> Result<(), AnyError> {
        Ok(serde_json::to_writer(out, &body)?)
    }

    fn read(&self, bytes: &[u8], target: Target<'_>) -> Result<(), AnyError> {
        let mut format = serde_json::Deserializer::from_slice(bytes);
        target.read(&mut format)?;
        Ok(format.end()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a number or of nothing, with `behind` after it.
    fn read_option(codec: &dyn Codec, value: Option<u8>, behind: &[u8]) -> Result<Option<u8>, AnyError> {
        let bytes = [&write(codec, &value).unwrap(), behind].concat();
        read(codec, &bytes, |format| erased_serde::deserialize(format))
    }

    #[test]
    fn all_bytes_are_read_or_the_body_is_refused() {
        for codec in [&MessagePack as &dyn Codec, &Json] {
            for value in [None, Some(7)] {
                assert_eq!(read_option(codec, value, b"").unwrap(), value);
                // A nil, a number, a list without its elements, a text without its length, and no MessagePack at all.
                for behind in [&b"\xc0"[..], b"\x07", b"\x92", b"\xdb", b"\xc1", b"\xc4\x01", b"\xd4\x01\x01"] {
                    let read = read_option(codec, value, behind);
                    assert!(read.is_err(), "{} with {behind:?} behind {value:?}: {read:?}", codec.content_type());
                }
            }
        }
    }
}
