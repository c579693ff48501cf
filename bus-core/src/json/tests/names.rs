//! Names are left out wherever they are keys.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use serde::{Serialize, Serializer};
use serde_json::json;

use super::{Pair, names, written};
use crate::json::{Redaction, Unwritten};

/// Fails if it is asked: what is left out is not serialized.
struct Untouched;

impl Serialize for Untouched {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("it was to be left out")
    }
}

#[derive(Serialize)]
struct Login<P> {
    user: &'static str,
    password: P,
}

const LOGIN: Login<Untouched> = Login { user: "ada", password: Untouched };
const SHOWN: &str = r#"{"user":"ada","password":"*"}"#;

#[derive(Serialize)]
struct Wrapped<T>(T);

#[derive(Serialize)]
enum Action<T> {
    Login {
        user: u8,
        password: T,
    },
    Wrap(T),
    Pair(u8, T),
    Password(Untouched),
    PassWord(Untouched, u8),
    #[serde(rename = "PASSWORD")]
    Struct {
        a: Untouched,
    },
    #[serde(rename = "api_key")]
    Nothing,
}

#[derive(Serialize)]
struct Flattened<T> {
    a: u8,
    #[serde(flatten)]
    rest: T,
}

#[track_caller]
fn shows(value: impl Serialize, expected: impl AsRef<str>) {
    assert_eq!(written(value, &Redaction::of_reply(&names())), Ok((expected.as_ref().to_owned(), true)));
}

fn map<K: Ord, V>(key: K, value: V) -> BTreeMap<K, V> {
    BTreeMap::from([(key, value)])
}

#[test]
fn at_every_depth() {
    shows(LOGIN, SHOWN);
    shows(Some(Some(LOGIN)), SHOWN);
    shows([[[LOGIN]]], format!("[[[{SHOWN}]]]"));
    shows((1, map("a", LOGIN), [map("Password", Untouched)]), format!(r#"[1,{{"a":{SHOWN}}},[{{"Password":"*"}}]]"#));
    shows(Wrapped(Wrapped(LOGIN)), SHOWN);
    shows(Pair(1, LOGIN), format!("[1,{SHOWN}]"));
    shows(map("a", map("b", map("password", Untouched))), r#"{"a":{"b":{"password":"*"}}}"#);
    shows(Login { user: "a", password: 1 }, r#"{"user":"a","password":"*"}"#);
}

#[test]
fn in_the_variants_of_an_enum() {
    shows(Action::Login { user: 1, password: Untouched }, r#"{"Login":{"user":1,"password":"*"}}"#);
    shows(Action::Wrap(LOGIN), format!(r#"{{"Wrap":{SHOWN}}}"#));
    shows(Action::Pair(1, LOGIN), format!(r#"{{"Pair":[1,{SHOWN}]}}"#));
}

#[test]
fn a_variant_that_is_a_key_is_a_name() {
    shows(Action::<u8>::Password(Untouched), r#"{"Password":"*"}"#);
    shows(Action::<u8>::PassWord(Untouched, 1), r#"{"PassWord":"*"}"#);
    shows(Action::<u8>::Struct { a: Untouched }, r#"{"PASSWORD":"*"}"#);
    let unit = written(Action::<u8>::Nothing, &Redaction::of_reply(&names()));
    assert_eq!(unit, Ok((r#""api_key""#.to_owned(), false)));
}

#[test]
fn in_what_is_flattened() {
    shows(Flattened { a: 1, rest: LOGIN }, r#"{"a":1,"user":"ada","password":"*"}"#);
    shows(Flattened { a: 1, rest: map("API_KEY", Untouched) }, r#"{"a":1,"API_KEY":"*"}"#);
    // Serde keeps the fields of such a variant before it writes them: they are asked, and left out all the same.
    let variant = Action::Login { user: 1, password: 2 };
    shows(Flattened { a: 1, rest: variant }, r#"{"a":1,"Login":{"user":1,"password":"*"}}"#);
}

#[test]
fn in_other_letter_case() {
    shows(
        json!({ "PASSWORD": 1, "pAssword": 2, "api_key": 3, "API_KEY": 4 }),
        r#"{"API_KEY":"*","PASSWORD":"*","api_key":"*","pAssword":"*"}"#,
    );
}

#[test]
fn only_as_whole_keys() {
    let value = json!({ "passwords": 1, "my_password": 2, "a": "password", "": 3, "more": ["password", 1] });
    assert_eq!(written(&value, &Redaction::of_reply(&names())), Ok((value.to_string(), false)));
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Password,
}

/// A key that is written by its `Display`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Shown(&'static str);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| write!(f, "{character}"))
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[test]
fn whatever_becomes_the_key() {
    shows(map(Kind::Password, Untouched), r#"{"password":"*"}"#);
    shows(map(Some("password"), Untouched), r#"{"password":"*"}"#);
    shows(map(Shown("password"), Untouched), r#"{"password":"*"}"#);
    assert_eq!(
        written(map('p', Untouched), &Redaction::of_reply(&["P".to_owned()])),
        Ok((r#"{"p":"*"}"#.to_owned(), true))
    );
    let long = "\u{e9}".repeat(50);
    let name = Redaction::of_reply(std::slice::from_ref(&long));
    let key = Shown(long.clone().leak());
    assert_eq!(written(map(key, Untouched), &name), Ok((format!(r#"{{"{long}":"*"}}"#), true)));
}

#[test]
fn not_where_the_key_is_no_string() {
    let redaction = Redaction::of_reply(&["1".to_owned()]);
    assert_eq!(written(map(1, 2), &redaction), Ok((r#"{"1":2}"#.to_owned(), false)));
    assert_eq!(written(map(true, 2), &redaction), Ok((r#"{"true":2}"#.to_owned(), false)));
    let address = map(IpAddr::V4(Ipv4Addr::LOCALHOST), 2);
    assert_eq!(written(address, &redaction), Ok((r#"{"127.0.0.1":2}"#.to_owned(), false)));
    assert_eq!(written(map([1], 2), &redaction), Err(Unwritten::NotSerialized));
}

/// As `serde_json` hands out a `RawValue`.
#[derive(Serialize)]
#[serde(rename = "$serde_json::private::RawValue")]
struct Raw {
    #[serde(rename = "$serde_json::private::RawValue")]
    text: &'static str,
}

#[test]
fn in_json_that_is_written_already() {
    let (text, is_redacted) =
        written([Raw { text: r#"[{"Password":"x"},1]"# }], &Redaction::of_reply(&names())).unwrap();
    assert_eq!((&*text, is_redacted), (r#"[[{"Password":"*"},1]]"#, true));
    assert_eq!(written(Raw { text: "{" }, &Redaction::of_reply(&names())), Err(Unwritten::NotSerialized));
}
