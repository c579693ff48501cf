//! The methods of `serde::Serializer` that a wrapper passes on as they are.

/// Passes methods on to `self.inner`.
macro_rules! forward {
    ($($method:ident($($argument:ident: $kind:ty),*) -> $ok:ty;)*) => {$(
        #[inline]
        fn $method(self $(, $argument: $kind)*) -> Result<$ok, Self::Error> {
            self.inner.$method($($argument),*)
        }
    )*};
}

/// Passes on everything that has no name in it, and no parts.
macro_rules! forward_scalars {
    () => {
        $crate::json::forward::forward! {
            serialize_bool(value: bool) -> Self::Ok;
            serialize_i8(value: i8) -> Self::Ok;
            serialize_i16(value: i16) -> Self::Ok;
            serialize_i32(value: i32) -> Self::Ok;
            serialize_i64(value: i64) -> Self::Ok;
            serialize_i128(value: i128) -> Self::Ok;
            serialize_u8(value: u8) -> Self::Ok;
            serialize_u16(value: u16) -> Self::Ok;
            serialize_u32(value: u32) -> Self::Ok;
            serialize_u64(value: u64) -> Self::Ok;
            serialize_u128(value: u128) -> Self::Ok;
            serialize_f32(value: f32) -> Self::Ok;
            serialize_f64(value: f64) -> Self::Ok;
            serialize_bytes(value: &[u8]) -> Self::Ok;
            serialize_none() -> Self::Ok;
            serialize_unit() -> Self::Ok;
            serialize_unit_struct(name: &'static str) -> Self::Ok;
        }

        fn is_human_readable(&self) -> bool {
            self.inner.is_human_readable()
        }
    };
}

pub(super) use {forward, forward_scalars};
