//! Secret fields are left out where it is plain which parts of the message they are.

use std::{collections::BTreeMap, marker::PhantomData};

use serde::Serialize;
use serde_json::json;

use super::{Pair, names, of, with_keys, written};
use crate::{
    json::{
        Unwritten,
        pass::{Pass, Secrets},
    },
    message::Field,
};

const fn field(name: &'static str, secret: bool) -> Field {
    Field { name, secret, key: false }
}

const NAMED: &[Field] = &[field("user", false), field("password", true)];
const PLACED: &[Field] = &[field("0", false), field("1", true)];
const THREE: &[Field] = &[field("0", true), field("1", true), field("2", true)];
const NEWTYPE: &[Field] = &[field("0", true)];

#[track_caller]
fn shows(value: impl Serialize, fields: &'static [Field], expected: &str) {
    assert_eq!(written(value, &of(&[], fields)), Ok((expected.to_owned(), true)));
}

#[track_caller]
fn is_withheld(value: impl Serialize, fields: &'static [Field]) {
    for names in [names(), Vec::new()] {
        assert_eq!(written(&value, &of(&names, fields)), Err(Unwritten::SecretNotFound));
    }
}

#[derive(Serialize)]
struct Login {
    user: u8,
    password: &'static str,
}

#[derive(Serialize)]
struct Newtype<T>(T);

#[test]
fn a_secret_is_replaced_where_it_is_plain_which_it_is() {
    shows(json!({ "user": 1, "password": { "old": "a" } }), NAMED, r#"{"password":"*","user":1}"#);
    shows(Login { user: 1, password: "a" }, NAMED, r#"{"user":1,"password":"*"}"#);
    shows(Some(Newtype(Login { user: 1, password: "a" })), NAMED, r#"{"user":1,"password":"*"}"#);
    shows(Pair(1, "a"), PLACED, r#"[1,"*"]"#);
    shows(Newtype("a"), NEWTYPE, r#""*""#);
    shows(Newtype(["a", "b"]), NEWTYPE, r#""*""#);
}

/// A field that is no secret may be renamed as well.
#[test]
fn a_field_is_known_by_the_name_that_serde_gives_it() {
    let keys = ["type", "pw"];
    let plain = |value| written(value, &with_keys(&[], NAMED, &keys));
    assert_eq!(plain(json!({ "type": 1, "pw": "a" })), Ok((r#"{"pw":"*","type":1}"#.to_owned(), true)));
    for unknown in [json!({ "user": 1, "pw": "a" }), json!({ "type": 1, "password": "a" }), json!({ "type": 1 })] {
        assert_eq!(plain(unknown), Err(Unwritten::SecretNotFound));
    }
    assert_eq!(
        written(json!({ "a": 1 }), &with_keys(&[], NAMED, &["a", "a"])),
        Ok((r#"{"a":"*"}"#.to_owned(), true)),
        "a secret in either is a secret"
    );
}

/// As `rename_all` makes it.
#[test]
fn a_secret_is_known_in_every_letter_case() {
    shows(json!({ "user": 1, "Password": 1 }), NAMED, r#"{"Password":"*","user":1}"#);
    shows(json!({ "USER": 1, "pass-word": 1 }), NAMED, r#"{"USER":1,"pass-word":"*"}"#);
}

#[test]
fn a_secret_is_replaced_at_the_top_only() {
    let value = json!({ "user": { "password": 1 }, "password": 2 });
    shows(&value, NAMED, r#"{"password":"*","user":{"password":1}}"#);
    shows(Pair(1, ()), PLACED, r#"[1,"*"]"#);
    let both = of(&names(), NAMED);
    assert_eq!(written(value, &both), Ok((r#"{"password":"*","user":{"password":"*"}}"#.to_owned(), true)));
}

#[test]
fn nothing_is_kept_where_it_is_not_plain() {
    let renamed = json!({ "user": 1, "pass": "a" });
    let skipped = json!({ "user": 1 });
    let flattened = json!({ "user": 1, "password": 1, "more": "a" });
    let tagged = json!({ "Change": { "user": 1, "password": "a" } });
    for value in [renamed, skipped, flattened, tagged, json!("a"), json!([1, "a"]), json!({}), json!(null)] {
        is_withheld(value, NAMED);
    }
    for value in [json!({ "0": 1, "1": "a" }), json!([1]), json!("a"), json!({})] {
        is_withheld(value, PLACED);
    }
    is_withheld(BTreeMap::from([(1, "a")]), NAMED);
    is_withheld(Newtype("a"), PLACED);
    is_withheld(Newtype("a"), NAMED);
    is_withheld(Pair(1, "a"), NAMED);
    is_withheld(Pair(1, "a"), NEWTYPE);
    is_withheld(Pair(1, "a"), THREE);
    is_withheld(Login { user: 1, password: "a" }, PLACED);
}

#[derive(Serialize)]
struct Transparent<T>(T, PhantomData<()>);

#[derive(Serialize)]
#[serde(transparent)]
struct OnlyFirst<T>(T, PhantomData<()>);

#[derive(Serialize)]
#[serde(untagged)]
enum Untagged {
    Pair(u8, &'static str),
}

/// A list or a tuple has its own places, which are not those of the message.
#[test]
fn a_list_is_not_the_fields_of_a_message() {
    const FIRST: &[Field] = &[field("0", true), field("1", false)];
    is_withheld(OnlyFirst(vec!["a", "b"], PhantomData), FIRST);
    is_withheld(OnlyFirst(("a", "b"), PhantomData), FIRST);
    is_withheld(Untagged::Pair(1, "a"), PLACED);
    shows(Transparent("a", PhantomData), FIRST, r#"["*",null]"#);
}

#[derive(Serialize)]
enum Mail {
    Reset {
        password: &'static str,
    },
    Code(&'static str),
    Codes(u8, &'static str),
    #[serde(rename = "password")]
    Named(&'static str),
}

#[test]
fn an_enum_is_never_plain() {
    const ONE: &[Field] = &[field("password", true)];
    const MIXED: &[Field] = &[field("password", true), field("0", true)];
    for fields in [ONE, MIXED, NAMED, PLACED, NEWTYPE] {
        is_withheld(Mail::Reset { password: "a" }, fields);
        is_withheld(Mail::Code("a"), fields);
        is_withheld(Mail::Codes(1, "a"), fields);
        is_withheld(Mail::Named("a"), fields);
        is_withheld(Newtype(Some(Mail::Named("a"))), PLACED);
    }
}

/// Goes on where it was told to stop, which a value that is erased cannot do.
struct Stubborn;

impl Serialize for Stubborn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(None)?;
        let _ = map.serialize_entry("more", "a");
        map.serialize_entry("user", &1)?;
        map.serialize_entry("password", "a")?;
        map.end()
    }
}

#[test]
fn what_is_lost_stays_lost() {
    let redaction = of(&[], NAMED);
    let pass = Pass::new(&redaction);
    Stubborn.serialize(pass.of_message(&mut serde_json::Serializer::new(Vec::new()))).unwrap_err();
    assert_eq!(pass.secrets(), Secrets::Lost);
}

/// An object of these entries, in this order.
struct Entries<K: 'static>(&'static [(K, u8)]);

impl<K: Serialize> Serialize for Entries<K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[test]
fn a_secret_that_is_met_again_does_not_stand_for_another() {
    const TWO: &[Field] = &[field("password", true), field("pin", true)];
    is_withheld(Entries(&[("password", 1), ("password", 2)]), TWO);
    is_withheld(Entries(&[("password", 1), ("password", 2), ("password", 3)]), TWO);
    shows(Entries(&[("pin", 1), ("password", 2), ("pin", 3)]), TWO, r#"{"pin":"*","password":"*","pin":"*"}"#);
}

#[test]
fn a_secret_of_two_variants_is_one_key() {
    const VARIANTS: &[Field] = &[field("password", true), field("user", false), field("password", true)];
    shows(Login { user: 1, password: "a" }, VARIANTS, r#"{"user":1,"password":"*"}"#);
}

#[derive(Serialize)]
#[serde(untagged)]
enum Key {
    Text(&'static str),
    Number(u8),
}

#[test]
fn no_field_has_a_number_for_a_key() {
    const ENTRIES: Entries<Key> = Entries(&[(Key::Text("user"), 1), (Key::Text("password"), 2), (Key::Number(1), 3)]);
    is_withheld(ENTRIES, NAMED);
    shows(Entries(&[(Key::Text("user"), 1), (Key::Text("password"), 2)]), NAMED, r#"{"user":1,"password":"*"}"#);
}
