//! The secret fields of other messages are left out wherever those are.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use super::{names, written};
use crate::{
    Abilities,
    json::{Marks, Redaction, Unwritten, redaction::SecretFields},
    message::{Field, MessageFacts, SerdeNames},
};

const fn field(name: &'static str, secret: bool) -> Field {
    Field { name, secret, key: false }
}

const fn facts(
    type_name: &'static str,
    fields: &'static [Field],
    types: &'static [&'static str],
    keys: &'static [&'static str],
) -> MessageFacts {
    let abilities = Abilities { serialize: true, ..Abilities::NONE };
    MessageFacts {
        name: type_name,
        type_name,
        fields,
        abilities,
        serde: SerdeNames { types, keys },
        ..MessageFacts::NONE
    }
}

static LOGIN: MessageFacts = facts(
    "shop::Login",
    &[field("user", false), field("pass_word", true), field("pin", true)],
    &["Login"],
    &["user", "pass_word", "code"],
);
static TOKEN: MessageFacts = facts("shop::Token", &[field("0", true)], &["Token"], &["0"]);
static ISSUED: MessageFacts = facts("shop::Issued", &[field("0", false), field("1", true)], &["Issued"], &["0", "1"]);
static MAIL: MessageFacts = facts(
    "shop::Mail",
    &[field("to", false), field("text", true), field("0", true), field("0", false), field("1", false)],
    &["Mail", "Reset", "Code"],
    &["to", "text", "0", "0", "1"],
);
static UPDATE: MessageFacts = facts(
    "shop::Update",
    &[field("user", false), field("note", true), field("0", true)],
    &["Update"],
    &["user", "note", "0"],
);
static OTHER_UPDATE: MessageFacts =
    facts("stock::Update", &[field("note", false), field("count", false)], &["Update"], &["note", "count"]);

/// Of a program in which these are linked.
fn redaction(names: &[String]) -> Redaction {
    let marks = Marks::of(&[&LOGIN, &TOKEN, &ISSUED, &MAIL, &UPDATE, &OTHER_UPDATE]);
    Redaction::new(names, Box::leak(Box::new(marks)), SecretFields::None)
}

#[track_caller]
fn shows(value: impl Serialize, expected: &str) {
    assert_eq!(written(&value, &redaction(&[])), Ok((expected.to_owned(), true)));
    assert_eq!(written(&value, &redaction(&names())), Ok((expected.to_owned(), true)));
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
struct Login {
    user: u8,
    pass_word: &'static str,
    #[serde(rename = "code")]
    pin: u8,
}

const LOG_IN: Login = Login { user: 1, pass_word: "a", pin: 2 };
const SHOWN: &str = r#"{"user":1,"passWord":"*","code":"*"}"#;

#[derive(Serialize, Clone, Copy)]
struct Token(&'static str);

#[derive(Serialize, Clone, Copy)]
struct Issued(u8, &'static str);

#[derive(Serialize)]
enum Mail {
    Reset { to: u8, text: &'static str },
    Code(&'static str),
    Pair(u8, u8),
    Nothing,
}

#[derive(Serialize)]
struct Plain<T> {
    a: u8,
    part: T,
}

fn in_plain<T>(part: T) -> Plain<T> {
    Plain { a: 7, part }
}

#[test]
fn at_every_depth() {
    shows(LOG_IN, SHOWN);
    shows(in_plain(LOG_IN), &format!(r#"{{"a":7,"part":{SHOWN}}}"#));
    shows(vec![Some(in_plain((1, [LOG_IN])))], &format!(r#"[{{"a":7,"part":[1,[{SHOWN}]]}}]"#));
    shows(BTreeMap::from([("a", Box::new(LOG_IN))]), &format!(r#"{{"a":{SHOWN}}}"#));
    shows(BTreeMap::from([(1, LOG_IN)]), &format!(r#"{{"1":{SHOWN}}}"#));
    shows(in_plain(Token("a")), r#"{"a":7,"part":"*"}"#);
    shows([Issued(1, "a")], r#"[[1,"*"]]"#);
}

#[test]
fn in_the_variants_of_an_enum() {
    shows([Mail::Reset { to: 1, text: "a" }], r#"[{"Reset":{"to":1,"text":"*"}}]"#);
    shows([Mail::Code("a")], r#"[{"Code":"*"}]"#);
    // Which variant has the secret is not known.
    shows([Mail::Pair(1, 2)], r#"[{"Pair":["*","*"]}]"#);
    assert_eq!(written([Mail::Nothing], &redaction(&[])), Ok((r#"["Nothing"]"#.to_owned(), false)));
}

#[derive(Serialize)]
struct Flattened<T> {
    a: u8,
    #[serde(flatten)]
    rest: T,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Tagged {
    Login(Login),
}

#[derive(Serialize)]
#[serde(tag = "type", content = "of", rename = "Mail")]
enum Beside {
    Reset { to: u8, text: &'static str },
}

#[test]
fn where_the_type_is_not_seen_by_their_keys() {
    shows(Flattened { a: 1, rest: LOG_IN }, r#"{"a":1,"user":1,"passWord":"*","code":"*"}"#);
    shows(Flattened { a: 1, rest: Mail::Reset { to: 1, text: "a" } }, r#"{"a":1,"Reset":"*"}"#);
    shows(Flattened { a: 1, rest: Mail::Code("a") }, r#"{"a":1,"Code":"*"}"#);
    shows(json!({ "user": 1, "pass_word": "a", "a": "b" }), r#"{"a":"b","pass_word":"*","user":1}"#);
    shows(serde_json::value::to_raw_value(&[LOG_IN]).unwrap(), r#"[{"code":"*","passWord":"*","user":1}]"#);
}

#[test]
fn what_has_other_keys_than_it_should_is_left_out() {
    shows(Tagged::Login(LOG_IN), r#"{"type":"*","user":1,"passWord":"*","code":"*"}"#);
    shows([Beside::Reset { to: 1, text: "a" }], r#"[{"type":"*","of":"*"}]"#);
    let beside = Flattened { a: 1, rest: Beside::Reset { to: 1, text: "a" } };
    shows(beside, r#"{"a":1,"type":"Reset","of":{"to":1,"text":"*"}}"#);
}

#[test]
fn what_is_secret_in_one_of_two_types_of_a_name_is_left_out_of_both() {
    #[derive(Serialize)]
    struct Update {
        user: u8,
        note: u8,
        count: u8,
        more: u8,
    }
    shows(Update { user: 1, note: 2, count: 3, more: 4 }, r#"{"user":1,"note":"*","count":3,"more":"*"}"#);
}

#[test]
fn a_tuple_that_is_not_whole_shows_nothing() {
    #[derive(Serialize)]
    #[serde(rename = "Issued")]
    struct Skipped(
        #[serde(skip)]
        #[expect(dead_code, reason = "it is there to be skipped")]
        u8,
        &'static str,
    );
    #[derive(Serialize)]
    #[serde(rename = "Issued")]
    struct Longer(u8, u8, u8);
    shows(Skipped(1, "a"), r#"["*"]"#);
    shows(Longer(1, 2, 3), r#"["*","*","*"]"#);
}

/// Announces two places and has one.
struct Liar;

impl Serialize for Liar {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTupleStruct as _;
        let mut tuple = serializer.serialize_tuple_struct("Issued", 2)?;
        tuple.serialize_field("a")?;
        tuple.end()
    }
}

#[test]
fn a_tuple_of_another_length_than_it_says_is_not_written() {
    assert_eq!(written(Liar, &redaction(&[])), Err(Unwritten::SecretNotFound));
}

#[test]
fn what_has_no_secret_is_written_as_it_is() {
    let value = (in_plain("a"), json!({ "a": { "user": 1, "pin": 2 } }), [Some(1.5)]);
    let straight = serde_json::to_string(&value).unwrap();
    assert_eq!(written(&value, &redaction(&[])), Ok((straight, false)));
}

#[test]
fn a_type_that_is_not_written_has_no_marks() {
    static UNWRITTEN: MessageFacts = MessageFacts { abilities: Abilities { debug: true, ..Abilities::NONE }, ..LOGIN };
    let marks = Marks::of(&[&UNWRITTEN]);
    assert!(marks.is_empty());
    assert_eq!(marks.scrub("Login { user: 1, pass_word: \"a\" }"), "Login { user: 1, pass_word: ***REDACTED*** }");
}

#[test]
fn what_debug_shows_of_a_part_is_scrubbed() {
    let marks = Marks::of(&[&LOGIN, &ISSUED, &MAIL]);
    let scrubbed = |text: &str| marks.scrub(text).replace(super::REDACTED, "*");
    assert_eq!(
        scrubbed(r#"P { part: Login { pass_word: "a", pin: Some(2) } }"#),
        "P { part: Login { pass_word: *, pin: * } }"
    );
    assert_eq!(scrubbed(r#"[Issued(1, "a"), Reset { to: 1, text: "a" }, Code("a")]"#), "[Issued*, Reset *, Code*]");
    assert_eq!(scrubbed("login failed"), "login failed");
}
