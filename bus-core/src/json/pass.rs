//! One value on its way into JSON: what to leave out where, and what was found so far.

use std::cell::Cell;

use serde::ser::{Error, Serialize, Serializer};

use super::{
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the message itself, which has secret fields.
    Message,
    /// It is somewhere within, or there are no secret fields.
    Within,
    /// It is a string whose text is JSON and goes into the output as it is: a `serde_json::value::RawValue`.
    RawJson,
}

impl Place {
    /// The place of what this holds.
    pub(super) fn within(self) -> Self {
        if self == Place::Message { Place::Within } else { self }
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

    /// Whether names are left out of JSON that is written already.
    pub(super) fn has_names(&self) -> bool {
        self.redaction.has_names()
    }

    /// Whether what has the name `key` is left out.
    ///
    /// # Errors
    ///
    /// If the message has secret fields, and `key` is not the name of a field.
    #[inline]
    pub(super) fn leaves_out<E: Error>(&self, place: Place, key: &str) -> Result<bool, E> {
        let is_secret = place == Place::Message && self.is_secret_field(key)?;
        let is_left_out = is_secret || self.redaction.names(key);
        if is_left_out {
            self.is_redacted.set(true);
        }
        Ok(is_left_out)
    }

    /// Whether the value of a key that is not a string is left out; no field has such a key.
    pub(super) fn leaves_out_nameless<E: Error>(&self, place: Place) -> Result<bool, E> {
        if place == Place::Message { Err(self.lose()) } else { Ok(false) }
    }

    fn is_secret_field<E: Error>(&self, key: &str) -> Result<bool, E> {
        let SecretFields::Named { fields, secrets } = &self.redaction.secrets else { return Err(self.lose()) };
        if let Some(secret) = secrets.iter().position(|secret| *secret == key) {
            self.met.set(self.met.get() | 1 << secret);
            return Ok(true);
        }
        if fields.iter().any(|field| field.name == key) { Ok(false) } else { Err(self.lose()) }
    }

    /// After the last key: were they those of the message?
    pub(super) fn end_of_keys<E: Error>(&self, place: Place) -> Result<(), E> {
        if place != Place::Message {
            return Ok(());
        }
        let met = self.met.get().count_ones() as usize;
        self.settle(matches!(&self.redaction.secrets, SecretFields::Named { secrets, .. } if met == secrets.len()))
    }

    /// Whether the element at this position is left out.
    pub(super) fn leaves_out_element<E: Error>(&self, place: Place, position: usize) -> Result<bool, E> {
        if place != Place::Message {
            return Ok(false);
        }
        let is_secret = self.placed().get(position).ok_or_else(|| self.lose())?.secret;
        if is_secret {
            self.is_redacted.set(true);
        }
        Ok(is_secret)
    }

    /// After the last element: were they those of the message?
    pub(super) fn end_of_elements<E: Error>(&self, place: Place, count: usize) -> Result<(), E> {
        if place == Place::Message { self.settle(count == self.placed().len()) } else { Ok(()) }
    }

    /// Whether this newtype is the message, and its only field the secret.
    pub(super) fn leaves_out_newtype(&self, place: Place) -> bool {
        let is_left_out = place == Place::Message && self.placed().len() == 1;
        if is_left_out {
            self.is_redacted.set(true);
            self.secrets.set(Secrets::LeftOut);
        }
        is_left_out
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
