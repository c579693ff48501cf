//! JSON as it was written, one level at a time: a number that is read may be another one then.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

use crate::json::REDACTED;

/// One value.
pub(super) enum Written<'a> {
    Object(BTreeMap<String, &'a RawValue>),
    List(Vec<&'a RawValue>),
    /// Something that was left out stood here.
    Redacted,
    /// A text, a number, or one of the words.
    Leaf,
}

impl<'a> Written<'a> {
    pub(super) fn of(value: &'a RawValue) -> Self {
        let text = value.get();
        let read = match text.as_bytes().first() {
            Some(b'{') => serde_json::from_str(text).map(Written::Object),
            Some(b'[') => serde_json::from_str(text).map(Written::List),
            _ if is_redacted(text) => Ok(Written::Redacted),
            _ => Ok(Written::Leaf),
        };
        // An object with a key that is no Unicode is compared as it was written.
        read.unwrap_or(Written::Leaf)
    }
}

fn is_redacted(text: &str) -> bool {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) == Some(REDACTED)
}

/// Whether two leaves are the same, however they are written. Whole numbers are, if they have the same digits: one of more
/// than 64 bits would be read as a float.
pub(super) fn is_same(one: &RawValue, other: &RawValue) -> bool {
    let (one, other) = (one.get(), other.get());
    one == other || !(is_whole(one) && is_whole(other)) && read(one).is_some_and(|one| read(other) == Some(one))
}

fn is_whole(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn read(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_same(one: &str, other: &str) -> bool {
        let [one, other] = [one, other].map(|text| serde_json::from_str::<&RawValue>(text).unwrap());
        is_same(one, other)
    }

    #[test]
    fn a_leaf_is_the_same_however_it_is_written() {
        for (one, other) in [("1.50", "1.5"), ("1e2", "100.0"), (r#""\u00e9""#, r#""é""#), ("null", "null")] {
            assert!(are_same(one, other), "{one} and {other}");
        }
    }

    #[test]
    fn what_differs_in_the_last_digit_is_not_the_same() {
        for (one, other) in [
            ("340282366920938463463374607431768211455", "340282366920938463463374607431768211454"),
            ("0.1", "0.10000000000000002"),
            ("1", "1.0"),
            ("1", r#""1""#),
            ("null", "false"),
        ] {
            assert!(!are_same(one, other), "{one} and {other}");
        }
    }
}
