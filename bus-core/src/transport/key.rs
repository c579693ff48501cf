//! What messages are kept in order by.

mod fields;
mod text;

use std::{collections::HashMap, fmt};

use self::fields::Fields;
use crate::{
    error::AnyError,
    message::{Field, Kind, MessageFacts},
};

/// The value of the field of a message that is marked `#[bus(key)]`, as text: what a transport that promises
/// [`Order::PerKey`](super::Order::PerKey) keeps messages of one name in order by.
///
/// It is taken from what the message is serialized as: a text, a number, a bool, or a type around one of these, such as a UUID or an
/// enum without fields. A message whose key is `None` has none, and is in no order. Where the field is marked `#[bus(secret)]` as
/// well, the key is shown nowhere; a transport that writes it down writes a hash.
///
/// ```
/// use linkbus::transport::Key;
///
/// let (order, card) = (Key::new("17"), Key::new("4929 1234").secret());
/// assert_eq!((order.text(), order.is_secret()), ("17", false));
/// assert_eq!(format!("{order:?} {card:?}"), r#"Key("17") Key(..)"#);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key {
    text: String,
    is_secret: bool,
}

impl Key {
    /// A key that may be seen.
    pub fn new(text: impl Into<String>) -> Self {
        Key { text: text.into(), is_secret: false }
    }

    /// The same one, as a secret.
    #[must_use]
    pub fn secret(self) -> Self {
        Key { is_secret: true, ..self }
    }

    /// Its value. What is done with that of a [secret](Self::is_secret) must not show it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nobody may see it.
    pub fn is_secret(&self) -> bool {
        self.is_secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_secret { f.write_str("Key(..)") } else { f.debug_tuple("Key").field(&self.text).finish() }
    }
}

/// Where the key of a message is.
#[derive(Clone, Copy)]
pub(super) struct KeyField {
    message: &'static MessageFacts,
}

impl KeyField {
    /// That of a message; `None` if it has none, or is a query, which is in no order.
    ///
    /// # Errors
    /// What to change, if it cannot be told which field it is.
    pub(super) fn of(message: &'static MessageFacts) -> Result<Option<Self>, String> {
        if message.kind == Kind::Query || !message.fields.iter().any(|field| field.key) {
            return Ok(None);
        }
        let field = KeyField { message };
        match field.ambiguous() {
            Some(name) => Err(format!(
                "in one variant `{name}` is marked `#[bus(key)]` and in another it is not: mark both, or rename one"
            )),
            None => Ok(Some(field)),
        }
    }

    /// The key of a message; `None` if this one has none.
    ///
    /// # Errors
    /// What is wrong with it, without its value.
    pub(super) fn read(self, message: &dyn erased_serde::Serialize) -> Result<Option<Key>, AnyError> {
        let text = serde::Serialize::serialize(message, Fields(self));
        let text = text.map_err(|problem| format!("the key of `{}` cannot be read: {problem}", self.message.name))?;
        let is_secret = self.message.fields.iter().any(|field| field.key && field.secret);
        Ok(text.map(|text| Key { text, is_secret }))
    }

    /// What serde calls the fields.
    fn named(self) -> impl Iterator<Item = (&'static Field, &'static str)> {
        let fields = self.message.fields.iter().enumerate();
        fields.map(move |(place, field)| (field, self.message.serde.keys.get(place).copied().unwrap_or(field.name)))
    }

    /// Whether the field that serde calls so is the key; `None` if there is none that it calls so.
    fn is_key(self, name: &str) -> Option<bool> {
        self.named().find(|(_, known)| *known == name).map(|(field, _)| field.key)
    }

    fn ambiguous(self) -> Option<&'static str> {
        let mut marks = HashMap::new();
        self.named().find(|(field, name)| *marks.entry(*name).or_insert(field.key) != field.key).map(|(_, name)| name)
    }

    fn fields(self) -> &'static [Field] {
        self.message.fields
    }
}

#[cfg(test)]
mod tests;
