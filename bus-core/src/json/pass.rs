//! One value on its way into JSON: what to leave out where, and what was found so far.

use std::cell::Cell;

use serde::ser::{Error, Serialize, Serializer};

use super::{
    marks::MarkedType,
    redacting::Redacting,
    redaction::{Redaction, SecretFields},
};
use crate::message::Field;

/// Writes one value.
pub(super) struct Pass<'a> {
    redaction: &'a Redaction,
    is_redacted: Cell<bool>,
    secrets: Cell<Secrets>,
    /// The secret fields that were met, one bit each.
    met: Cell<u128>,
}

/// What became of the secret fields of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrets {
    /// Nothing yet.
    Awaited,
    /// They were met where they belong, all of them; or there are none.
    LeftOut,
    /// They may be anywhere.
    Lost,
}

/// Where in the value something stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the message itself, which has secret fields.
    Message,
    /// It is somewhere within, or there are no secret fields.
    Within,
    /// It is a string whose text is JSON and goes into the output as it is: a `serde_json::value::RawValue`.
    RawJson,
}

/// What the parts are of that are written one after the other.
#[derive(Clone, Copy)]
pub(super) enum Whole<'a> {
    /// The message itself, which has secret fields.
    Message,
    /// A type without secret fields, or a list.
    Open,
    /// An object of no certain type: a map, or a struct into which others are flattened.
    Object,
    /// A type that has secret fields, with so many parts.
    Marked(&'a MarkedType, usize),
    /// A `RawValue`.
    RawJson,
}

impl Whole<'_> {
    /// The place of its parts.
    pub(super) fn within(self) -> Place {
        if let Whole::RawJson = self { Place::RawJson } else { Place::Within }
    }
}

impl<'a> Pass<'a> {
    pub(super) fn new(redaction: &'a Redaction) -> Self {
        let has_secrets = !matches!(redaction.secrets, SecretFields::None);
        Pass {
            redaction,
            is_redacted: Cell::new(false),
            secrets: Cell::new(if has_secrets { Secrets::Awaited } else { Secrets::LeftOut }),
            met: Cell::new(0),
        }
    }

    /// Writes the whole value into `inner`.
    pub(super) fn of_message<S: Serializer>(&'a self, inner: S) -> Redacting<'a, S> {
        let place = if self.secrets.get() == Secrets::Awaited { Place::Message } else { Place::Within };
        Redacting { inner, pass: self, place }
    }

    pub(super) fn is_redacted(&self) -> bool {
        self.is_redacted.get()
    }

    pub(super) fn secrets(&self) -> Secrets {
        self.secrets.get()
    }

    /// Whether something may be left out of JSON that is written already.
    pub(super) fn looks_within(&self) -> bool {
        self.redaction.looks_within()
    }

    /// A type with this name, which stands at `place` and has so many parts.
    #[inline]
    pub(super) fn of_type(&self, place: Place, name: &str, len: usize) -> Whole<'a> {
        if place == Place::Message { Whole::Message } else { self.of_part(name, len) }
    }

    /// The same of a type that is not the message.
    #[inline]
    pub(super) fn of_part(&self, name: &str, len: usize) -> Whole<'a> {
        self.redaction.marks.type_named(name).map_or(Whole::Open, |found| Whole::Marked(found, len))
    }

    /// Whether what has the name `key` is left out.
    ///
    /// # Errors
    ///
    /// If the message has secret fields, and `key` is not the name of a field.
    #[inline]
    pub(super) fn leaves_out<E: Error>(&self, of: Whole<'_>, key: &str) -> Result<bool, E> {
        let is_secret = match of {
            Whole::Open | Whole::RawJson => false,
            Whole::Message => self.is_secret_field(key)?,
            Whole::Object => self.redaction.marks.has_key(key),
            Whole::Marked(marked, _) => !marked.shows_key(key),
        };
        Ok(self.redacts(is_secret || self.redaction.names(key)))
    }

    #[inline]
    fn redacts(&self, is_left_out: bool) -> bool {
        if is_left_out {
            self.is_redacted.set(true);
        }
        is_left_out
    }

    /// Whether the value of a key that is not a string is left out; no field has such a key.
    pub(super) fn leaves_out_nameless<E: Error>(&self, of: Whole<'_>) -> Result<bool, E> {
        if let Whole::Message = of { Err(self.lose()) } else { Ok(false) }
    }

    fn is_secret_field<E: Error>(&self, key: &str) -> Result<bool, E> {
        let SecretFields::Named { open, secrets } = &self.redaction.secrets else { return Err(self.lose()) };
        if let Some(secret) = secrets.place(key) {
            self.met.set(self.met.get() | 1 << secret);
            return Ok(true);
        }
        if open.contains(key) { Ok(false) } else { Err(self.lose()) }
    }

    /// After the last key: were they those of the message?
    pub(super) fn end_of_keys<E: Error>(&self, of: Whole<'_>) -> Result<(), E> {
        let Whole::Message = of else { return Ok(()) };
        let met = self.met.get().count_ones() as usize;
        self.settle(matches!(&self.redaction.secrets, SecretFields::Named { secrets, .. } if met == secrets.len()))
    }

    /// Whether the element at this position is left out.
    pub(super) fn leaves_out_element<E: Error>(&self, of: Whole<'_>, position: usize) -> Result<bool, E> {
        let is_secret = match of {
            Whole::Message => self.placed().get(position).ok_or_else(|| self.lose())?.secret,
            Whole::Marked(marked, len) => !marked.shows_element(position, len),
            Whole::Open | Whole::Object | Whole::RawJson => false,
        };
        Ok(self.redacts(is_secret))
    }

    /// After the last element: were they those that were announced?
    pub(super) fn end_of_elements<E: Error>(&self, of: Whole<'_>, count: usize) -> Result<(), E> {
        match of {
            Whole::Message => self.settle(count == self.placed().len()),
            Whole::Marked(_, len) if count != len => Err(self.lose()),
            _ => Ok(()),
        }
    }

    /// Whether the only field of this newtype is a secret.
    pub(super) fn leaves_out_newtype(&self, of: Whole<'_>) -> bool {
        let is_secret = match of {
            Whole::Message => self.placed().len() == 1,
            Whole::Marked(marked, len) => !marked.shows_element(0, len),
            Whole::Open | Whole::Object | Whole::RawJson => false,
        };
        if let (true, Whole::Message) = (is_secret, of) {
            self.secrets.set(Secrets::LeftOut);
        }
        self.redacts(is_secret)
    }

    fn placed(&self) -> &'static [Field] {
        match self.redaction.secrets {
            SecretFields::Placed(fields) => fields,
            _ => &[],
        }
    }

    fn settle<E: Error>(&self, are_left_out: bool) -> Result<(), E> {
        // What was lost stays lost: a value may go on after an error.
        if !are_left_out || self.secrets.get() == Secrets::Lost {
            return Err(self.lose());
        }
        self.secrets.set(Secrets::LeftOut);
        Ok(())
    }

    fn lose<E: Error>(&self) -> E {
        self.secrets.set(Secrets::Lost);
        E::custom("it is not plain where the secret fields are")
    }
}

/// A part of the value, which is written as the whole is.
pub(super) struct Part<'a, T: ?Sized> {
    pub(super) value: &'a T,
    pub(super) pass: &'a Pass<'a>,
    pub(super) place: Place,
}

impl<T: Serialize + ?Sized> Serialize for Part<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Redacting { inner, pass: self.pass, place: self.place })
    }
}
