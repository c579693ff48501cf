//! A serializer that hands everything to another one, except what is to be left out.

use std::fmt;

use serde::ser::{Error, Serialize, Serializer};

use super::{
    forward::forward_scalars,
    parts::{Parts, Variant},
    pass::{Part, Pass, Place, Whole},
    redaction::REDACTED,
};

/// What `serde_json` calls the struct that stands for a `RawValue`, a string that goes into the output as it is.
const RAW_JSON: &str = "$serde_json::private::RawValue";

/// `inner`, without what `pass` leaves out.
pub(super) struct Redacting<'a, S> {
    pub(super) inner: S,
    pub(super) pass: &'a Pass<'a>,
    pub(super) place: Place,
}

impl<S: Serializer> Redacting<'_, S> {
    #[inline]
    fn is_raw(&self) -> bool {
        self.place == Place::RawJson
    }

    /// `text` is JSON, which is read again, because there is no other way to see the names in it.
    #[cold]
    fn serialize_raw(self, text: &str) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|_| S::Error::custom("not JSON"))?;
        let value = Part { value: &value, pass: self.pass, place: Place::Within };
        let text = serde_json::to_string(&value).map_err(|_| S::Error::custom("not JSON"))?;
        self.inner.serialize_str(&text)
    }
}

impl<'a, S: Serializer> Serializer for Redacting<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'a, S::SerializeSeq>;
    type SerializeTuple = Parts<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Variant<'a, S::SerializeTupleVariant, S::Ok>;
    type SerializeMap = Parts<'a, S::SerializeMap>;
    type SerializeStruct = Parts<'a, S::SerializeStruct>;
    type SerializeStructVariant = Variant<'a, S::SerializeStructVariant, S::Ok>;

    forward_scalars!();

    #[inline]
    fn serialize_char(self, value: char) -> Result<S::Ok, S::Error> {
        self.inner.serialize_char(value)
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<S::Ok, S::Error> {
        if self.is_raw() { self.serialize_raw(value) } else { self.inner.serialize_str(value) }
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        if self.is_raw() { self.serialize_raw(&value.to_string()) } else { self.inner.collect_str(value) }
    }

    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = Part { value, pass: self.pass, place: self.place };
        self.inner.serialize_some(&value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        if self.pass.leaves_out_newtype(self.pass.of_type(self.place, name, 1)) {
            return self.inner.serialize_newtype_struct(name, REDACTED);
        }
        let value = Part { value, pass: self.pass, place: self.place };
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let is_secret = self.pass.leaves_out_newtype(self.pass.of_part(name, 1));
        if is_secret || self.pass.leaves_out(Whole::Open, variant)? {
            return self.inner.serialize_newtype_variant(name, index, variant, REDACTED);
        }
        let value = Part { value, pass: self.pass, place: Place::Within };
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let pass = self.pass;
        Ok(Parts::new(self.inner.serialize_seq(len)?, pass, Whole::Open))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let pass = self.pass;
        Ok(Parts::new(self.inner.serialize_tuple(len)?, pass, Whole::Open))
    }

    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeTupleStruct, S::Error> {
        let (pass, of) = (self.pass, self.pass.of_type(self.place, name, len));
        Ok(Parts::new(self.inner.serialize_tuple_struct(name, len)?, pass, of))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let pass = self.pass;
        if pass.leaves_out(Whole::Open, variant)? {
            return self.inner.serialize_newtype_variant(name, index, variant, REDACTED).map(Variant::LeftOut);
        }
        let inner = self.inner.serialize_tuple_variant(name, index, variant, len)?;
        Ok(Variant::Written(Parts::new(inner, pass, pass.of_part(name, len))))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let (pass, of) = (self.pass, if self.place == Place::Message { Whole::Message } else { Whole::Object });
        Ok(Parts::new(self.inner.serialize_map(len)?, pass, of))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        let (pass, of) = (self.pass, self.pass.of_type(self.place, name, len));
        let is_raw = matches!(of, Whole::Open) && name == RAW_JSON && pass.looks_within();
        Ok(Parts::new(self.inner.serialize_struct(name, len)?, pass, if is_raw { Whole::RawJson } else { of }))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let pass = self.pass;
        if pass.leaves_out(Whole::Open, variant)? {
            return self.inner.serialize_newtype_variant(name, index, variant, REDACTED).map(Variant::LeftOut);
        }
        let inner = self.inner.serialize_struct_variant(name, index, variant, len)?;
        Ok(Variant::Written(Parts::new(inner, pass, pass.of_part(name, len))))
    }
}
