//! The key of a map, which is seen while it is written: its type is not known, but what it becomes is.

use std::{
    cell::Cell,
    fmt::{self, Write as _},
};

use serde::ser::{Error as _, Serialize, Serializer};

use super::{
    forward::{forward, forward_scalars},
    pass::{Pass, Whole},
};

/// A key that tells whether its value is left out.
pub(super) struct Key<'a, T: ?Sized> {
    pub(super) name: &'a T,
    pub(super) pass: &'a Pass<'a>,
    pub(super) of: Whole<'a>,
    /// Stays `None` if the key is not a string.
    pub(super) is_left_out: &'a Cell<Option<bool>>,
}

impl<T: Serialize + ?Sized> Serialize for Key<'_, T> {
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        let Key { name, pass, of, is_left_out } = *self;
        name.serialize(Seen { inner, pass, of, is_left_out })
    }
}

/// Hands a key to `inner`, and looks at what becomes a string.
struct Seen<'a, S> {
    inner: S,
    pass: &'a Pass<'a>,
    of: Whole<'a>,
    is_left_out: &'a Cell<Option<bool>>,
}

impl<'a, S: Serializer> Seen<'a, S> {
    fn see(&self, key: &str) -> Result<(), S::Error> {
        self.is_left_out.set(Some(self.pass.leaves_out(self.of, key)?));
        Ok(())
    }

    fn same<'v, T: ?Sized>(&self, name: &'v T) -> Key<'v, T>
    where
        'a: 'v,
    {
        Key { name, pass: self.pass, of: self.of, is_left_out: self.is_left_out }
    }
}

impl<S: Serializer> Serializer for Seen<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = S::SerializeSeq;
    type SerializeTuple = S::SerializeTuple;
    type SerializeTupleStruct = S::SerializeTupleStruct;
    type SerializeTupleVariant = S::SerializeTupleVariant;
    type SerializeMap = S::SerializeMap;
    type SerializeStruct = S::SerializeStruct;
    type SerializeStructVariant = S::SerializeStructVariant;

    fn serialize_str(self, value: &str) -> Result<S::Ok, S::Error> {
        self.see(value)?;
        self.inner.serialize_str(value)
    }

    fn serialize_char(self, value: char) -> Result<S::Ok, S::Error> {
        self.see(value.encode_utf8(&mut [0; 4]))?;
        self.inner.serialize_char(value)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let not_shown = |_| S::Error::custom("a key that does not show itself");
        let mut brief = Brief { bytes: [0; 64], len: 0, is_over: false };
        let shown = write!(brief, "{value}");
        if brief.is_over {
            let mut text = String::new();
            write!(text, "{value}").map_err(not_shown)?;
            return self.serialize_str(&text);
        }
        shown.map_err(not_shown)?;
        self.serialize_str(brief.as_str())
    }

    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<S::Ok, S::Error> {
        self.see(variant)?;
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let key = self.same(value);
        self.inner.serialize_some(&key)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        let key = self.same(value);
        self.inner.serialize_newtype_struct(name, &key)
    }

    // The rest is no string, or no key at all, about which `inner` says what it says.

    forward_scalars!();

    forward! {
        serialize_seq(len: Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(len: usize) -> Self::SerializeTuple;
        serialize_tuple_struct(name: &'static str, len: usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> Self::SerializeTupleVariant;
        serialize_map(len: Option<usize>) -> Self::SerializeMap;
        serialize_struct(name: &'static str, len: usize) -> Self::SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> Self::SerializeStructVariant;
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_variant(name, index, variant, value)
    }
}

/// A text of a few bytes, enough for a UUID, an address or a date.
struct Brief {
    bytes: [u8; 64],
    len: usize,
    /// Whether it was too long.
    is_over: bool,
}

impl Brief {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).expect("only whole strings were written")
    }
}

impl fmt::Write for Brief {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let Some(room) = self.bytes.get_mut(self.len..end) else {
            self.is_over = true;
            return Err(fmt::Error);
        };
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
