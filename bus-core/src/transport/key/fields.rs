//! The fields of a message, of which one is the key. The others are not looked at.

use serde::ser::{
    Error as _, Impossible, Serialize, SerializeMap, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{
    KeyField,
    text::{Text, Unfit},
};

/// Finds the key of a message.
pub(super) struct Fields(pub(super) KeyField);

type Read = Result<Option<String>, Unfit>;

fn lost<T>() -> Result<T, Unfit> {
    Err(Unfit::custom(
        "what the message is serialized as does not show which field it is: give the field the name that it has there with \
         `#[serde(rename = \"..\")]`, and leave enums tagged as serde does by itself",
    ))
}

impl Fields {
    /// The message is written as the only field that it has.
    fn only(self, value: &(impl Serialize + ?Sized)) -> Read {
        if self.0.fields().len() == 1 { value.serialize(Text) } else { lost() }
    }

    fn parts(self, of: Whole) -> Parts {
        Parts { field: self.0, of, count: 0, found: None, at_place: None, is_strange: false, name: None }
    }
}

/// What the parts are of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    /// A struct has its key, and all fields at their places if none is left out.
    Struct,
    /// A variant may have none.
    Variant,
}

/// The parts of a message, one after the other.
pub(super) struct Parts {
    field: KeyField,
    of: Whole,
    count: usize,
    /// What the key field has, by its name or in a tuple.
    found: Option<Read>,
    /// What stands where the key field was declared.
    at_place: Option<Read>,
    /// Whether there was a name that no field is known by.
    is_strange: bool,
    /// The name of the next entry of a map.
    name: Option<String>,
}

impl Parts {
    fn named(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        match self.field.is_key(name) {
            Some(true) => self.found = Some(value.serialize(Text)),
            Some(false) => {}
            None => self.is_strange = true,
        }
        if self.field.fields().get(self.count).is_some_and(|field| field.key) {
            self.at_place = Some(value.serialize(Text));
        }
        self.count += 1;
    }

    fn placed(&mut self, value: &(impl Serialize + ?Sized)) {
        if self.field.is_key(&self.count.to_string()) == Some(true) {
            self.found = Some(value.serialize(Text));
        }
        self.count += 1;
    }

    /// A field that is left out this time.
    fn skipped(&mut self, name: &str) {
        if self.field.is_key(name) == Some(true) {
            self.found = Some(Ok(None));
        }
        self.count += 1;
    }

    fn end_of_named(self) -> Read {
        let is_whole = self.count == self.field.fields().len();
        match (self.found, self.of) {
            (Some(found), _) => found,
            (None, Whole::Struct) if is_whole => self.at_place.unwrap_or_else(lost),
            (None, Whole::Variant) if !self.is_strange => Ok(None),
            (None, _) => lost(),
        }
    }

    fn end_of_placed(self) -> Read {
        let is_whole = self.count == self.field.fields().len();
        match self.of {
            Whole::Struct if !is_whole => lost(),
            _ => self.found.unwrap_or(Ok(None)),
        }
    }
}

macro_rules! only {
    ($($method:ident($kind:ty);)*) => {$(
        fn $method(self, value: $kind) -> Read {
            self.only(&value)
        }
    )*};
}

impl Serializer for Fields {
    type Ok = Option<String>;
    type Error = Unfit;
    type SerializeSeq = Impossible<Self::Ok, Unfit>;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    only! {
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
        self.only(value)
    }

    fn serialize_unit(self) -> Read {
        lost()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Read {
        lost()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Read {
        Ok(None)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Read {
        let mut parts = self.parts(Whole::Variant);
        parts.placed(value);
        parts.end_of_placed()
    }

    fn serialize_bytes(self, _: &[u8]) -> Read {
        lost()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Unfit> {
        lost()
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, Unfit> {
        Ok(self.parts(Whole::Struct))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts, Unfit> {
        Ok(self.parts(Whole::Struct))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Parts, Unfit> {
        Ok(self.parts(Whole::Variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, Unfit> {
        Ok(self.parts(Whole::Struct))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts, Unfit> {
        Ok(self.parts(Whole::Struct))
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Parts, Unfit> {
        Ok(self.parts(Whole::Variant))
    }
}

macro_rules! tuples {
    ($($tuple:ident::$method:ident;)*) => {$(
        impl $tuple for Parts {
            type Ok = Option<String>;
            type Error = Unfit;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
                self.placed(value);
                Ok(())
            }

            fn end(self) -> Read {
                self.end_of_placed()
            }
        }
    )*};
}

tuples! {
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! structs {
    ($($kind:ident;)*) => {$(
        impl $kind for Parts {
            type Ok = Option<String>;
            type Error = Unfit;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unfit> {
                self.named(name, value);
                Ok(())
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), Unfit> {
                self.skipped(name);
                Ok(())
            }

            fn end(self) -> Read {
                self.end_of_named()
            }
        }
    )*};
}

structs! {
    SerializeStruct;
    SerializeStructVariant;
}

/// A struct into which others are flattened.
impl SerializeMap for Parts {
    type Ok = Option<String>;
    type Error = Unfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Unfit> {
        self.name = name.serialize(Text)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        match self.name.take() {
            Some(name) if self.field.is_key(&name) == Some(true) => self.found = Some(value.serialize(Text)),
            _ => {}
        }
        Ok(())
    }

    fn end(self) -> Read {
        match self.found {
            Some(found) => found,
            None => lost(),
        }
    }
}
