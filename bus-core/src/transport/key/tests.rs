use serde::Serialize;
use uuid::Uuid;

use super::*;
use crate::message::SerdeNames;

const fn field(name: &'static str, key: bool) -> Field {
    Field { name, secret: false, key }
}

/// A message of these fields, which serde knows by their own names.
fn keyed(fields: &'static [Field]) -> KeyField {
    renamed(fields, fields.iter().map(|field| field.name).collect::<Vec<_>>().leak())
}

fn renamed(fields: &'static [Field], keys: &'static [&'static str]) -> KeyField {
    let serde = SerdeNames { types: &[], keys };
    let facts = MessageFacts { name: "shop.Ship", fields, serde, ..MessageFacts::NONE };
    KeyField::of(Box::leak(Box::new(facts))).unwrap().unwrap()
}

fn read(of: KeyField, message: &impl Serialize) -> Option<String> {
    of.read(message).unwrap().map(|key| key.text().to_owned())
}

const PAIR: &[Field] = &[field("note", false), field("order", true)];
const ONLY: &[Field] = &[field("0", true)];

#[derive(Serialize)]
struct Pair<T> {
    note: &'static str,
    order: T,
}

fn in_pair(order: impl Serialize) -> Option<String> {
    read(keyed(PAIR), &Pair { note: "n", order })
}

#[derive(Serialize)]
struct Newtype<T>(T);

#[derive(Serialize)]
enum Region {
    Europe,
    #[serde(rename = "US")]
    Us,
}

#[test]
fn texts_numbers_and_what_is_around_them_are_keys() {
    assert_eq!(in_pair("a.b").as_deref(), Some("a.b"));
    assert_eq!(in_pair(u64::MAX).as_deref(), Some("18446744073709551615"));
    assert_eq!(in_pair(i128::MIN), Some(i128::MIN.to_string()));
    assert_eq!(in_pair((-7_i8, ()).0).as_deref(), Some("-7"));
    assert_eq!(in_pair(true).as_deref(), Some("true"));
    assert_eq!(in_pair('ä').as_deref(), Some("ä"));
    assert_eq!(in_pair(0.5).as_deref(), Some("0.5"));
    assert_eq!(in_pair(Newtype(Newtype(7))).as_deref(), Some("7"));
    assert_eq!(in_pair(Some(Newtype("x"))).as_deref(), Some("x"));
    assert_eq!(in_pair(Uuid::nil()), Some(Uuid::nil().to_string()));
    assert_eq!((in_pair(Region::Europe).as_deref(), in_pair(Region::Us).as_deref()), (Some("Europe"), Some("US")));
    assert_eq!(in_pair("").as_deref(), Some(""));
}

#[test]
fn none_is_no_key() {
    assert_eq!(in_pair(None::<u32>), None);
}

#[test]
fn what_has_parts_is_no_key_and_its_value_is_not_told() {
    for unfit in [
        keyed(PAIR).read(&Pair { note: "", order: ["s3cr3t"] }),
        keyed(PAIR).read(&Pair { note: "", order: Pair { note: "", order: "s3cr3t" } }),
        keyed(ONLY).read(&Newtype(vec!["s3cr3t"])),
    ] {
        let said = unfit.unwrap_err().to_string();
        assert!(
            said.starts_with("the key of `shop.Ship` cannot be read: it is a ") && !said.contains("s3cr3t"),
            "{said}"
        );
    }
}

#[test]
fn a_renamed_field_is_found_by_its_name_or_by_its_place() {
    #[derive(Serialize)]
    #[serde(rename_all = "UPPERCASE")]
    struct Loud {
        note: u8,
        order: u8,
    }
    #[derive(Serialize)]
    struct Renamed {
        #[serde(rename = "order")]
        note: u8,
        #[serde(rename = "id")]
        order: u8,
    }
    assert_eq!(read(keyed(PAIR), &Loud { note: 1, order: 2 }).as_deref(), Some("2"));
    assert_eq!(read(renamed(PAIR, &["order", "id"]), &Renamed { note: 1, order: 2 }).as_deref(), Some("2"));
}

#[test]
fn what_is_left_out_moves_no_key() {
    #[derive(Serialize)]
    struct Skips {
        #[serde(skip)]
        note: u8,
        order: u8,
    }
    #[derive(Serialize)]
    struct SkipsKey {
        note: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        order: Option<u8>,
    }
    #[derive(Serialize)]
    struct NoKey {
        note: u8,
        #[serde(skip)]
        order: u8,
    }
    let skips = Skips { note: 1, order: 2 };
    assert_eq!((read(keyed(PAIR), &skips).as_deref(), skips.note), (Some("2"), 1));
    assert_eq!(read(keyed(PAIR), &SkipsKey { note: 1, order: None }), None);
    let no_key = NoKey { note: 1, order: 2 };
    let said = keyed(PAIR).read(&no_key).unwrap_err().to_string();
    assert!(said.contains("#[serde(rename") && no_key.order == 2, "{said}");
}

#[test]
fn a_struct_with_others_flattened_into_it_has_its_key_by_name() {
    #[derive(Serialize)]
    struct More {
        order: u8,
    }
    #[derive(Serialize)]
    struct Flat {
        note: u8,
        #[serde(flatten)]
        more: More,
    }
    assert_eq!(read(keyed(PAIR), &Flat { note: 1, more: More { order: 2 } }).as_deref(), Some("2"));
}

#[test]
fn tuples_and_transparent_types_have_their_keys_by_place() {
    #[derive(Serialize)]
    struct Tuple(u8, u8);
    #[derive(Serialize)]
    #[serde(transparent)]
    struct Bare {
        order: u8,
    }
    const TUPLE: &[Field] = &[field("0", false), field("1", true)];
    const BARE: &[Field] = &[field("order", true)];
    assert_eq!(read(keyed(TUPLE), &Tuple(1, 2)).as_deref(), Some("2"));
    assert_eq!(read(keyed(ONLY), &Newtype(7)).as_deref(), Some("7"));
    assert_eq!(read(keyed(BARE), &Bare { order: 7 }).as_deref(), Some("7"));
}

#[derive(Serialize)]
enum Step {
    Begin { note: u8, order: u8 },
    Go(u8),
    Both(u8, u8),
    Wait { note: u8 },
    End,
}

const STEPS: &[Field] = &[
    field("note", false),
    field("order", true),
    field("0", true),
    field("0", true),
    field("1", false),
    field("note", false),
];

#[test]
fn each_variant_has_its_own_key_or_none() {
    let read = |step| read(keyed(STEPS), &step);
    assert_eq!(read(Step::Begin { note: 1, order: 2 }).as_deref(), Some("2"));
    assert_eq!((read(Step::Go(3)).as_deref(), read(Step::Both(4, 5)).as_deref()), (Some("3"), Some("4")));
    assert_eq!((read(Step::Wait { note: 1 }), read(Step::End)), (None, None));
}

#[test]
fn a_variant_whose_names_are_not_known_is_refused() {
    let of = renamed(STEPS, &["Note", "Order", "0", "0", "1", "Note"]);
    assert!(of.read(&Step::Wait { note: 1 }).is_err());
}

#[test]
fn a_name_that_is_a_key_in_one_variant_only_is_refused_when_the_bus_is_built() {
    const FIELDS: &[Field] = &[field("order", true), field("order", false)];
    let serde = SerdeNames { types: &[], keys: &["order", "order"] };
    let facts = MessageFacts { fields: FIELDS, serde, ..MessageFacts::NONE };
    let said = KeyField::of(Box::leak(Box::new(facts))).err().unwrap();
    assert!(said.contains("`order`") && said.contains("mark both"), "{said}");
}

#[test]
fn a_query_and_a_message_without_a_marked_field_have_none() {
    let query = MessageFacts { kind: Kind::Query, fields: ONLY, ..MessageFacts::NONE };
    for facts in [query, MessageFacts::NONE] {
        assert!(KeyField::of(Box::leak(Box::new(facts))).unwrap().is_none());
    }
}

#[test]
fn the_key_of_a_secret_field_is_a_secret() {
    const SECRET: &[Field] = &[Field { name: "0", secret: true, key: true }];
    let key = keyed(SECRET).read(&Newtype("s3cr3t")).unwrap().unwrap();
    assert!(key.is_secret() && !format!("{key:?}").contains("s3cr3t"));
}
