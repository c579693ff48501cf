//! Texts with a rule. What does not follow its rule cannot be made, and so cannot arrive.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that does not follow the rule of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {what}: expected {expected}")]
pub struct Invalid {
    what: &'static str,
    expected: &'static str,
}

macro_rules! text {
    ($(#[$meta:meta])* $name:ident is $what:literal, expected $expected:literal, rule $rule:path) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                if $rule(&text) { Ok($name(text)) } else { Err(Invalid { what: $what, expected: $expected }) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                text.to_owned().try_into()
            }
        }
    };
}

macro_rules! shown {
    ($($name:ident)*) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        })*
    };
}

text! {
    /// The name by which a user is known. The client chooses it.
    #[derive(Debug)]
    UserId is "a user id", expected "1 to 40 of `a-z`, `0-9` and `-`", rule is_slug
}

text! {
    /// The name by which an order is known. The client chooses it, so that asking twice cannot order twice.
    #[derive(Debug)]
    OrderId is "an order id", expected "1 to 40 of `a-z`, `0-9` and `-`", rule is_slug
}

text! {
    /// The name by which an article in stock is known.
    #[derive(Debug)]
    Sku is "an article", expected "1 to 40 of `a-z`, `0-9` and `-`", rule is_slug
}

text! {
    /// What a person or an article is called.
    #[derive(Debug)]
    Name is "a name", expected "1 to 80 characters on one line", rule is_name
}

text! {
    /// An e-mail address. Never shown: it has no `Display`, and its `Debug` keeps it to itself.
    Email is "an e-mail address", expected "`somebody@somewhere`, at most 254 characters", rule is_email
}

shown!(UserId OrderId Sku Name);

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

fn is_slug(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn is_name(text: &str) -> bool {
    (1..=80).contains(&text.chars().count()) && !text.trim().is_empty() && !text.contains(char::is_control)
}

fn is_email(text: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control());
    text.len() <= 254 && text.split_once('@').is_some_and(|(user, host)| is_part(user) && is_part(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_only_if_it_follows_the_rule() {
        assert_eq!(serde_json::from_str::<UserId>(r#""ada-1""#).unwrap().as_str(), "ada-1");
        let error = serde_json::from_str::<UserId>(r#""Ada""#).unwrap_err().to_string();
        assert!(error.starts_with("not a user id: expected 1 to 40 of `a-z`, `0-9` and `-`"), "{error}");
        assert!("x".repeat(41).parse::<OrderId>().is_err());
    }

    #[test]
    fn a_name_cannot_break_a_line() {
        assert!("Ada Lovelace".parse::<Name>().is_ok());
        assert!("Ada\nadmin".parse::<Name>().is_err());
        assert!(" ".parse::<Name>().is_err());
    }

    #[test]
    fn an_address_is_not_shown() {
        let email: Email = "ada@example.com".parse().unwrap();
        assert_eq!(format!("{email:?}"), "Email(..)");
        assert!(["ada", "@b", "a@", "a@b@c", "a b@c"].iter().all(|text| text.parse::<Email>().is_err()));
    }
}
