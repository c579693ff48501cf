//! One value as the text of a key.

use std::fmt;

use serde::ser::{Error as _, Impossible, Serialize, Serializer};

/// Makes a text of what can be a key; `None` is no key.
pub(super) struct Text;

/// What is wrong with a key. It does not tell the value.
#[derive(Debug)]
pub(super) struct Unfit(String);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

impl serde::ser::Error for Unfit {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Unfit(problem.to_string())
    }
}

type Read = Result<Option<String>, Unfit>;

fn unfit<T>(what: &str) -> Result<T, Unfit> {
    Err(Unfit::custom(format_args!(
        "it is {what}, and has to be a text, a number, a bool, or a type around one of these"
    )))
}

macro_rules! shown {
    ($($method:ident($kind:ty);)*) => {$(
        fn $method(self, value: $kind) -> Read {
            Ok(Some(value.to_string()))
        }
    )*};
}

impl Serializer for Text {
    type Ok = Option<String>;
    type Error = Unfit;
    type SerializeSeq = Impossible<Self::Ok, Unfit>;
    type SerializeTuple = Impossible<Self::Ok, Unfit>;
    type SerializeTupleStruct = Impossible<Self::Ok, Unfit>;
    type SerializeTupleVariant = Impossible<Self::Ok, Unfit>;
    type SerializeMap = Impossible<Self::Ok, Unfit>;
    type SerializeStruct = Impossible<Self::Ok, Unfit>;
    type SerializeStructVariant = Impossible<Self::Ok, Unfit>;

    shown! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
    }

    fn serialize_none(self) -> Read {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Read {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Read {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Read {
        self.serialize_str(variant)
    }

    fn serialize_bytes(self, _: &[u8]) -> Read {
        unfit("bytes")
    }

    fn serialize_unit(self) -> Read {
        unfit("nothing")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Read {
        unfit("nothing")
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Read {
        unfit("an enum with fields")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Unfit> {
        unfit("a list")
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unfit> {
        unfit("a list")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Unfit> {
        unfit("a struct")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unfit> {
        unfit("an enum with fields")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unfit> {
        unfit("a map")
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Unfit> {
        unfit("a struct")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unfit> {
        unfit("an enum with fields")
    }
}
