//! What must not be written, worked out once per message.

use super::{marks::Marks, name::Names};
use crate::message::{Field, MessageFacts};

/// What stands where something was left out.
pub(crate) const REDACTED: &str = "***REDACTED***";

/// A message with more secret fields than this is not written: which of them were found is kept in the bits of a `u128`.
const MOST_SECRETS: usize = 128;

/// What must not be written: compiled once per message when the bus is built.
pub(crate) struct Redaction {
    names: Box<[Box<str>]>,
    pub(super) marks: &'static Marks,
    pub(super) secrets: SecretFields,
}

/// Where the secret fields of a message are to be found in its JSON.
pub(super) enum SecretFields {
    /// There are none.
    None,
    /// In an object that has all `secrets`, and nothing besides that is not in `open`: by the names that serde gives them.
    Named { open: Names, secrets: Names },
    /// In an array, at their own places.
    Placed(&'static [Field]),
    /// It is not plain: they are those of an enum, or too many.
    Anywhere,
}

impl Redaction {
    /// `names`: field names that are redacted at any depth, whatever their letter case (ASCII); besides, what is secret in
    /// the message, and in whatever is a part of it.
    pub(crate) fn of_message(names: &[String], message: &'static MessageFacts) -> Self {
        Redaction { secrets: SecretFields::among(message.fields, message.serde.keys), ..Redaction::of_reply(names) }
    }

    /// For replies: names, and what is secret in whatever is a part of it.
    pub(crate) fn of_reply(names: &[String]) -> Self {
        Redaction::new(names, Marks::of_program(), SecretFields::None)
    }

    pub(super) fn new(names: &[String], marks: &'static Marks, secrets: SecretFields) -> Self {
        // The empty name is no name: it would fit the empty key, which says nothing.
        let names = names.iter().filter(|name| !name.is_empty()).map(|name| name.as_str().into()).collect();
        Redaction { names, marks, secrets }
    }

    /// Whether everything is written.
    pub(crate) fn is_empty(&self) -> bool {
        !self.looks_within() && matches!(self.secrets, SecretFields::None)
    }

    /// Whether something may be left out at any depth.
    pub(super) fn looks_within(&self) -> bool {
        !self.names.is_empty() || !self.marks.is_empty()
    }

    /// Whether `key` is one of the names.
    #[inline]
    pub(super) fn names(&self, key: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(key))
    }
}

impl SecretFields {
    /// Among `fields`, which have these `keys`.
    pub(super) fn among(fields: &'static [Field], keys: &[&'static str]) -> Self {
        let keys_of = |is_secret: bool| -> Names {
            let fields = fields.iter().zip(keys).filter(|(field, _)| field.secret == is_secret);
            fields.map(|(_, key)| *key).collect()
        };
        let secrets = keys_of(true);
        if !fields.iter().any(|field| field.secret) {
            SecretFields::None
        } else if secrets.len() > MOST_SECRETS {
            SecretFields::Anywhere
        } else if are_places(fields) {
            SecretFields::Placed(fields)
        } else if fields.len() != keys.len() || fields.iter().any(|field| is_place(field.name)) {
            SecretFields::Anywhere
        } else {
            SecretFields::Named { open: keys_of(false), secrets }
        }
    }
}

/// Whether they are those of one tuple.
pub(super) fn are_places(fields: &[Field]) -> bool {
    fields.iter().enumerate().all(|(place, field)| field.name.parse() == Ok(place))
}

/// Whether a field of this name is one of a tuple.
pub(super) fn is_place(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn field(name: &'static str, secret: bool) -> Field {
        Field { name, secret, key: false }
    }

    /// Of fields that serde does not rename.
    fn among(fields: &'static [Field]) -> SecretFields {
        SecretFields::among(fields, &fields.iter().map(|field| field.name).collect::<Vec<_>>())
    }

    /// They are not looked for where they cannot be known.
    #[test]
    fn fields_without_keys_are_not_plain() {
        const FIELDS: &[Field] = &[field("user", false), field("password", true)];
        assert!(matches!(SecretFields::among(FIELDS, &["user"]), SecretFields::Anywhere));
    }

    #[test]
    fn it_is_empty_if_there_is_nothing_to_leave_out() {
        const OPEN: &[Field] = &[field("user", false)];
        const SECRET: &[Field] = &[field("password", true)];
        let of = |names: &[String], fields| Redaction::new(names, Box::leak(Box::default()), among(fields)).is_empty();
        assert!(of(&[], OPEN) && of(&[String::new()], &[]));
        assert!(!of(&[], SECRET));
        assert!(!Redaction::of_reply(&["password".to_owned()]).is_empty());
    }

    #[test]
    fn a_name_fits_in_any_letter_case_and_only_as_a_whole() {
        let redaction = Redaction::of_reply(&["passWord".to_owned(), String::new()]);
        assert!(redaction.names("password") && redaction.names("PASSWORD"));
        assert!(!redaction.names("password2") && !redaction.names("pass") && !redaction.names(""));
    }

    #[test]
    fn the_fields_of_an_enum_are_not_plain() {
        const TWO_TUPLES: &[Field] = &[field("0", true), field("0", false)];
        const MIXED: &[Field] = &[field("user", false), field("0", true)];
        for fields in [TWO_TUPLES, MIXED] {
            assert!(matches!(among(fields), SecretFields::Anywhere));
        }
    }

    #[test]
    fn secrets_that_cannot_be_counted_are_not_plain() {
        let secrets = |count| {
            let fields: Vec<_> = (0..count).map(|place| field(format!("field{place}").leak(), true)).collect();
            among(fields.leak())
        };
        assert!(matches!(secrets(MOST_SECRETS), SecretFields::Named { .. }));
        assert!(matches!(secrets(MOST_SECRETS + 1), SecretFields::Anywhere));
    }
}
