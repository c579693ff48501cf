//! What is written and what is left out, value by value.

mod marks;
mod names;
mod random;
mod secrets;

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::json;

use super::{redaction::SecretFields, *};
use crate::message::Field;

fn names() -> Vec<String> {
    ["password", "Api_Key"].map(str::to_owned).to_vec()
}

/// The JSON of `value` without `redaction`, and whether anything was left out.
fn written(value: impl Serialize, redaction: &Redaction) -> Result<(String, bool), Unwritten> {
    let mut out = b"before".to_vec();
    let result = write(&value, redaction, usize::MAX, &mut out);
    let text = String::from_utf8(out).unwrap();
    let text = text.strip_prefix("before").unwrap();
    assert!(result.is_ok() || text.is_empty(), "{text}");
    result.map(|written| (text.replace(REDACTED, "*"), written.is_redacted))
}

/// With secret fields of the message, and none within.
fn of(names: &[String], fields: &'static [Field]) -> Redaction {
    let keys: Vec<_> = fields.iter().map(|field| field.name).collect();
    with_keys(names, fields, &keys)
}

/// The same where serde calls the fields like this.
fn with_keys(names: &[String], fields: &'static [Field], keys: &[&'static str]) -> Redaction {
    Redaction::new(names, Marks::of_program(), SecretFields::among(fields, keys))
}

const ALL: &[Field] = &[];

/// Every way in which a value is written: straight, without names, and without secrets.
fn redactions() -> [Redaction; 3] {
    const SECRETS: &[Field] =
        &[Field { name: "0", secret: false, key: false }, Field { name: "1", secret: true, key: false }];
    [of(&[], ALL), of(&names(), ALL), of(&names(), SECRETS)]
}

#[test]
fn with_nothing_to_leave_out_it_is_what_serde_json_writes() {
    let value = json!({ "password": [1, -1.5, null, "\u{e9}\n"], "more": { "a": true } });
    assert_eq!(written(&value, &Redaction::of_reply(&[])), Ok((value.to_string(), false)));
    assert_eq!(written([f64::NAN, f64::INFINITY], &Redaction::of_reply(&[])), Ok(("[null,null]".to_owned(), false)));
    assert_eq!(
        written([f64::NAN, f64::INFINITY], &Redaction::of_reply(&names())),
        Ok(("[null,null]".to_owned(), false))
    );
}

#[derive(Serialize)]
struct Pair<T>(u8, T);

/// Goes wrong after something was written, in a way of its own.
struct Midway(fn());

impl Serialize for Midway {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq as _;
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element("written")?;
        (self.0)();
        Err(S::Error::custom("it did not go on"))
    }
}

#[test]
fn a_value_that_fails_leaves_nothing_behind() {
    let [straight, names, secrets] = redactions();
    for redaction in [straight, names] {
        assert_eq!(written(Pair(1, Midway(|| ())), &redaction), Err(Unwritten::NotSerialized));
    }
    // What is left out is not asked.
    assert_eq!(written(Pair(1, Midway(|| ())), &secrets), Ok((r#"[1,"*"]"#.to_owned(), true)));
    let before_it = (Midway(|| ()), 1);
    assert_eq!(written(before_it, &secrets), Err(Unwritten::NotSerialized));
}

#[test]
fn a_value_that_panics_leaves_nothing_behind() {
    for redaction in &redactions()[..2] {
        let mut out = b"before".to_vec();
        let value = Pair(1, Midway(|| std::panic::resume_unwind(Box::new(()))));
        let panicked = std::panic::AssertUnwindSafe(|| write(&value, redaction, usize::MAX, &mut out));
        std::panic::catch_unwind(panicked).unwrap_err();
        assert_eq!(out, b"before");
    }
}

#[test]
fn the_limit_is_the_last_size_that_is_written() {
    for redaction in redactions() {
        let value = Pair(1, "two");
        let (mut out, mut whole) = (b"before".to_vec(), Vec::new());
        write(&value, &redaction, usize::MAX, &mut whole).unwrap();
        let limit = whole.len() - 1;
        assert_eq!(write(&value, &redaction, limit, &mut out), Err(Unwritten::TooLarge { limit }));
        assert_eq!(out, b"before");
        write(&value, &redaction, limit + 1, &mut out).unwrap();
        assert_eq!(out, [b"before", &whole[..]].concat());
    }
}

/// A list without end, with an error of its own.
struct Endless;

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq as _;
        let mut list = serializer.serialize_seq(None)?;
        while list.serialize_element("again").is_ok() {}
        Err(S::Error::custom("there was no end"))
    }
}

#[test]
fn writing_stops_at_the_limit() {
    for redaction in redactions() {
        let mut out = Vec::new();
        assert_eq!(write(&Endless, &redaction, 100, &mut out), Err(Unwritten::TooLarge { limit: 100 }));
        assert!(out.is_empty() && out.capacity() < 1000);
    }
}

/// A list in a list in a list, so many.
#[derive(Clone)]
struct Nested(usize);

impl Serialize for Nested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 0 { serializer.serialize_unit() } else { serializer.collect_seq([Nested(self.0 - 1)]) }
    }
}

#[test]
fn nothing_is_written_that_is_too_deep_to_be_read() {
    let raw = |levels: usize| {
        serde_json::value::RawValue::from_string(format!("{}{}", "[".repeat(levels), "]".repeat(levels))).unwrap()
    };
    for redaction in &redactions()[..2] {
        let (text, _) = written(Nested(126), redaction).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&format!("[{text}]")).is_ok());
        assert_eq!(written(Nested(127), redaction), Err(Unwritten::TooDeep));
        assert_eq!(written(Nested(100_000), redaction), Err(Unwritten::TooDeep));
        assert_eq!(written(vec![Nested(125); 3], redaction).map(|_| ()), Ok(()));
        assert!(written([raw(125)], redaction).is_ok());
        assert_eq!(written([raw(126)], redaction), Err(Unwritten::TooDeep));
    }
}
