//! Which optional traits a type has, asked where the type is known.
//!
//! `Probe::<T>::DEBUG` names the inherent constant if `T: Debug` holds, and the constant of the trait `ProbeDebug`
//! otherwise: an inherent item wins over a trait's, and is out of the race when its bounds are not met.

#![allow(missing_docs, reason = "used by the derive only; the module docs say how")]

use std::{
    fmt::{self, Debug},
    marker::PhantomData,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::message::Message;

pub struct Probe<T: ?Sized>(PhantomData<T>);

impl<T: Clone> Probe<T> {
    pub const CLONE: Option<fn(&T) -> T> = Some(T::clone);
}

pub trait ProbeClone<T> {
    const CLONE: Option<fn(&T) -> T> = None;
}

impl<T> ProbeClone<T> for Probe<T> {}

impl<T: Message> Probe<T> {
    pub const MESSAGE: bool = true;
}

pub trait ProbeMessage {
    const MESSAGE: bool = false;
}

impl<T: ?Sized> ProbeMessage for Probe<T> {}

/// How a `T` is shown.
pub type DebugFn<T> = fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result;

impl<T: Debug> Probe<T> {
    pub const DEBUG: Option<DebugFn<T>> = Some(T::fmt);
}

pub trait ProbeDebug<T> {
    const DEBUG: Option<DebugFn<T>> = None;
}

impl<T> ProbeDebug<T> for Probe<T> {}

/// How a `T` is written in any format.
pub type SerializeFn<T> = fn(&T) -> &dyn erased_serde::Serialize;

/// How a `T` is read in any format.
pub type DeserializeFn<T> = fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<T, erased_serde::Error>;

impl<T: Serialize> Probe<T> {
    pub const SERIALIZE: Option<SerializeFn<T>> = Some(|value| value);
}

pub trait ProbeSerialize<T> {
    const SERIALIZE: Option<SerializeFn<T>> = None;
}

impl<T> ProbeSerialize<T> for Probe<T> {}

impl<T: DeserializeOwned> Probe<T> {
    pub const DESERIALIZE: Option<DeserializeFn<T>> = Some(|format| erased_serde::deserialize(format));
}

pub trait ProbeDeserialize<T> {
    const DESERIALIZE: Option<DeserializeFn<T>> = None;
}

impl<T> ProbeDeserialize<T> for Probe<T> {}
