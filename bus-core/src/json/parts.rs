//! The parts of a list, a map or a struct, each written or left out.

use std::cell::Cell;

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::{
    key::Key,
    pass::{Part, Pass, Whole},
    redaction::REDACTED,
};

/// What holds parts, on its way into `inner`.
pub(super) struct Parts<'a, C> {
    inner: C,
    pass: &'a Pass<'a>,
    of: Whole<'a>,
    /// How many elements there were.
    count: usize,
    /// Whether the value of the latest key of a map is left out.
    is_left_out: bool,
}

/// A variant with parts: `{"Variant": ..}` in JSON, where its name is a key.
pub(super) enum Variant<'a, C, Ok> {
    Written(Parts<'a, C>),
    /// [`REDACTED`] stands there already.
    LeftOut(Ok),
}

impl<'a, C> Parts<'a, C> {
    pub(super) fn new(inner: C, pass: &'a Pass<'a>, of: Whole<'a>) -> Self {
        Parts { inner, pass, of, count: 0, is_left_out: false }
    }

    #[inline]
    fn part<'v, T: ?Sized>(&self, value: &'v T) -> Part<'v, T>
    where
        'a: 'v,
    {
        Part { value, pass: self.pass, place: self.of.within() }
    }

    /// Whether the next element is left out.
    fn leaves_out_next<E: Error>(&mut self) -> Result<bool, E> {
        self.count += 1;
        self.pass.leaves_out_element(self.of, self.count - 1)
    }
}

impl<C: SerializeSeq> SerializeSeq for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let part = self.part(value);
        self.inner.serialize_element(&part)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

impl<C: SerializeTuple> SerializeTuple for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let part = self.part(value);
        self.inner.serialize_element(&part)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

impl<C: SerializeTupleStruct> SerializeTupleStruct for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        if self.leaves_out_next()? {
            return self.inner.serialize_field(REDACTED);
        }
        let part = self.part(value);
        self.inner.serialize_field(&part)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.pass.end_of_elements(self.of, self.count)?;
        self.inner.end()
    }
}

impl<C: SerializeStruct> SerializeStruct for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), C::Error> {
        if self.pass.leaves_out(self.of, key)? {
            return self.inner.serialize_field(key, REDACTED);
        }
        let part = self.part(value);
        self.inner.serialize_field(key, &part)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
        self.inner.skip_field(key)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.pass.end_of_keys(self.of)?;
        self.inner.end()
    }
}

impl<C: SerializeMap> SerializeMap for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        let is_left_out = Cell::new(None);
        self.inner.serialize_key(&Key { name: key, pass: self.pass, of: self.of, is_left_out: &is_left_out })?;
        self.is_left_out = match is_left_out.get() {
            Some(is_left_out) => is_left_out,
            None => self.pass.leaves_out_nameless(self.of)?,
        };
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        if self.is_left_out {
            return self.inner.serialize_value(REDACTED);
        }
        let part = self.part(value);
        self.inner.serialize_value(&part)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.pass.end_of_keys(self.of)?;
        self.inner.end()
    }
}

impl<C: SerializeTupleVariant> SerializeTupleVariant for Variant<'_, C, C::Ok> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let Variant::Written(parts) = self else { return Ok(()) };
        if parts.leaves_out_next()? {
            return parts.inner.serialize_field(REDACTED);
        }
        let part = parts.part(value);
        parts.inner.serialize_field(&part)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        match self {
            Variant::Written(parts) => {
                parts.pass.end_of_elements(parts.of, parts.count)?;
                parts.inner.end()
            }
            Variant::LeftOut(ok) => Ok(ok),
        }
    }
}

impl<C: SerializeStructVariant> SerializeStructVariant for Variant<'_, C, C::Ok> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), C::Error> {
        let Variant::Written(parts) = self else { return Ok(()) };
        if parts.pass.leaves_out(parts.of, key)? {
            return parts.inner.serialize_field(key, REDACTED);
        }
        let part = parts.part(value);
        parts.inner.serialize_field(key, &part)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
        match self {
            Variant::Written(parts) => parts.inner.skip_field(key),
            Variant::LeftOut(_) => Ok(()),
        }
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        match self {
            Variant::Written(parts) => parts.inner.end(),
            Variant::LeftOut(ok) => Ok(ok),
        }
    }
}
