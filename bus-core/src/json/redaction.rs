//! What must not be written, worked out once per message.

use crate::message::Field;

/// What stands where something was left out.
pub(crate) const REDACTED: &str = "***REDACTED***";

/// A message with more secret fields than this is not written: which of them were found is kept in the bits of a `u128`.
const MOST_SECRETS: usize = 128;

/// What must not be written: compiled once per message when the bus is built.
pub(crate) struct Redaction {
    names: Box<[Box<str>]>,
    pub(super) secrets: SecretFields,
}

/// Where the secret fields of a message are to be found in its JSON.
pub(super) enum SecretFields {
    /// There are none.
    None,
    /// In an object that has all `secrets`, and nothing besides that is not in `fields`.
    Named { fields: &'static [Field], secrets: Box<[&'static str]> },
    /// In an array, at their own places.
    Placed(&'static [Field]),
    /// It is not plain: they are those of an enum, or too many.
    Anywhere,
}

impl Redaction {
    /// `names`: field names that are redacted at any depth, whatever their letter case (ASCII); `fields`: the facts of the
    /// message, whose secret ones are redacted too.
    pub(crate) fn of_message(names: &[String], fields: &'static [Field]) -> Self {
        Redaction { secrets: SecretFields::among(fields), ..Redaction::of_reply(names) }
    }

    /// For replies: names only.
    pub(crate) fn of_reply(names: &[String]) -> Self {
        // The empty name is no name: it would fit the empty key, which says nothing.
        let names = names.iter().filter(|name| !name.is_empty()).map(|name| name.as_str().into()).collect();
        Redaction { names, secrets: SecretFields::None }
    }

    /// Whether everything is written.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_names() && matches!(self.secrets, SecretFields::None)
    }

    pub(super) fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// Whether `key` is one of the names.
    #[inline]
    pub(super) fn names(&self, key: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(key))
    }
}

impl SecretFields {
    fn among(fields: &'static [Field]) -> Self {
        let mut secrets: Vec<_> = fields.iter().filter(|field| field.secret).map(|field| field.name).collect();
        secrets.sort_unstable();
        secrets.dedup();
        if secrets.is_empty() {
            SecretFields::None
        } else if secrets.len() > MOST_SECRETS {
            SecretFields::Anywhere
        } else if fields.iter().enumerate().all(|(place, field)| field.name.parse() == Ok(place)) {
            SecretFields::Placed(fields)
        } else if fields.iter().any(|field| is_position(field.name)) {
            SecretFields::Anywhere
        } else {
            SecretFields::Named { fields, secrets: secrets.into() }
        }
    }
}

fn is_position(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn field(name: &'static str, secret: bool) -> Field {
        Field { name, secret, key: false }
    }

    #[test]
    fn it_is_empty_if_there_is_nothing_to_leave_out() {
        const OPEN: &[Field] = &[field("user", false)];
        const SECRET: &[Field] = &[field("password", true)];
        assert!(Redaction::of_message(&[], OPEN).is_empty());
        assert!(Redaction::of_message(&[String::new()], &[]).is_empty());
        assert!(!Redaction::of_message(&[], SECRET).is_empty());
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
            assert!(matches!(SecretFields::among(fields), SecretFields::Anywhere));
        }
    }

    #[test]
    fn secrets_that_cannot_be_counted_are_not_plain() {
        let secrets = |count| {
            let fields: Vec<_> = (0..count).map(|place| field(format!("field{place}").leak(), true)).collect();
            SecretFields::among(fields.leak())
        };
        assert!(matches!(secrets(MOST_SECRETS), SecretFields::Named { .. }));
        assert!(matches!(secrets(MOST_SECRETS + 1), SecretFields::Anywhere));
    }
}
