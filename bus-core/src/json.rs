//! How a value is written as JSON for recordings and dead letters, with what must not be seen left out.
//!
//! One pass over the value, and nothing is allocated but the output. What is left out is not asked to serialize itself.
//!
//! Exceptions: serde itself keeps the fields of a variant that is flattened or tagged before it writes them, JSON that is
//! written already (`RawValue`) is read again if something may be left out of it, and a map's key of more than 64 bytes that is written by
//! its `Display` is a `String` for a moment. A string that happens to contain JSON is a string.

mod forward;
mod key;
mod levels;
mod marks;
mod name;
mod parts;
mod pass;
mod redacting;
mod redaction;
mod scrub;
mod tail;

#[cfg(test)]
mod tests;

use std::cell::Cell;

use serde::Serialize as _;

use self::{
    levels::Levels,
    pass::{Pass, Secrets},
    tail::Tail,
};
pub(crate) use self::{
    marks::Marks,
    redaction::{REDACTED, Redaction},
    scrub::scrub,
};

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Whether anything was replaced by [`REDACTED`].
    pub(crate) is_redacted: bool,
}

/// Why nothing was written. What serde said is not kept: it may quote the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwritten {
    /// It has secret fields, and it is not plain which parts of its JSON they are.
    SecretNotFound,
    /// The value did not serialize itself, or JSON cannot hold it.
    NotSerialized,
    /// The value has more lists and objects inside each other than can be read again.
    TooDeep,
    /// The value has more bytes than that.
    TooLarge {
        /// The bytes that were allowed.
        limit: usize,
    },
}

/// Appends the JSON of `value` to `out`, at most `limit` bytes of it.
///
/// On an error, and if `value` panics, `out` is as before.
pub(crate) fn write(
    value: &dyn erased_serde::Serialize,
    redaction: &Redaction,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<Written, Unwritten> {
    let mut tail = Tail::behind(out, limit);
    let is_too_deep = Cell::new(false);
    let mut json = serde_json::Serializer::with_formatter(&mut tail, Levels::new(&is_too_deep));
    let pass = Pass::new(redaction);
    let result =
        if redaction.is_empty() { value.serialize(&mut json) } else { value.serialize(pass.of_message(&mut json)) };
    match (pass.secrets(), result) {
        (Secrets::Lost, _) => Err(Unwritten::SecretNotFound),
        // Looked at first: a value may go on after an error.
        _ if is_too_deep.get() => Err(Unwritten::TooDeep),
        _ if tail.is_full() => Err(Unwritten::TooLarge { limit }),
        (_, Err(_)) => Err(Unwritten::NotSerialized),
        (Secrets::Awaited, Ok(())) => Err(Unwritten::SecretNotFound),
        (Secrets::LeftOut, Ok(())) => {
            tail.keep();
            Ok(Written { is_redacted: pass.is_redacted() })
        }
    }
}

/// Reads the whole of `json`; says what is wrong with it.
pub(crate) fn read<T>(
    json: &str,
    read: impl FnOnce(&mut dyn erased_serde::Deserializer<'_>) -> Result<T, erased_serde::Error>,
) -> Result<T, String> {
    let mut format = serde_json::Deserializer::from_str(json);
    let value =
        read(&mut <dyn erased_serde::Deserializer<'_>>::erase(&mut format)).map_err(|error| error.to_string())?;
    format.end().map_err(|error| error.to_string())?;
    Ok(value)
}
