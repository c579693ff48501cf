//! Values that nobody thought of.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::names;
use crate::json::{REDACTED, Redaction, write};

const CANARY: &str = "canary-7391";

fn is_named(key: &str) -> bool {
    names().iter().any(|name| name.eq_ignore_ascii_case(key))
}

fn value(random: &mut Rng, depth: u8) -> Value {
    match random.u8(if depth == 0 { ..5 } else { ..9 }) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => random.i64(..).into(),
        3 => (f64::from(random.i16(..)) / 8.0).into(),
        4 => ["", "password", "\"\\\u{e9}\n", REDACTED][random.usize(..4)].into(),
        5 => (0..random.u8(..4)).map(|_| value(random, depth - 1)).collect(),
        _ => (0..random.u8(..5)).map(|_| entry(random, depth - 1)).collect::<Map<_, _>>().into(),
    }
}

fn entry(random: &mut Rng, depth: u8) -> (String, Value) {
    let keys = ["a", "b", "", "password", "PassWord", "API_key", "passwords", "\"password\""];
    let key = keys[random.usize(..keys.len())];
    let value = value(random, depth);
    (key.to_owned(), if is_named(key) { serde_json::json!([CANARY, { "a": [CANARY, value] }]) } else { value })
}

/// Takes what has a name out of `value`; gives how many there were, and whether each was the marker.
fn strip(value: &mut Value) -> (usize, bool) {
    let of_parts = |parts: &mut dyn Iterator<Item = &mut Value>| {
        parts.map(strip).fold((0, true), |(count, are), (more, also)| (count + more, are && also))
    };
    match value {
        Value::Array(elements) => of_parts(&mut elements.iter_mut()),
        Value::Object(object) => {
            let named: Vec<_> = object.keys().filter(|key| is_named(key)).cloned().collect();
            let are_markers =
                named.iter().filter_map(|key| object.remove(key)).filter(|one| one != REDACTED).count() == 0;
            let (count, are) = of_parts(&mut object.values_mut());
            (count + named.len(), are && are_markers)
        }
        _ => (0, true),
    }
}

#[test]
fn nothing_is_left_out_but_the_names_and_they_are() {
    let mut random = Rng::with_seed(7391);
    let redaction = Redaction::of_reply(&names());
    let mut redacted = 0;
    for _ in 0..5_000 {
        let mut value = value(&mut random, 5);
        let mut out = Vec::new();
        let written = write(&value, &redaction, usize::MAX, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains(CANARY), "{text}");

        let mut read: Value = serde_json::from_str(&text).unwrap();
        let (count, are_markers) = strip(&mut read);
        assert!(are_markers && written.is_redacted == (count > 0), "{text}");
        assert_eq!(strip(&mut value).0, count, "{text}");
        assert_eq!(read.to_string(), value.to_string());
        redacted += count;
    }
    assert!(redacted > 1_000, "only {redacted} names were in the values");
}
