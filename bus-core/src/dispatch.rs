//! From a message type to what serves it: a static number per type, a dense table per bus.

#[allow(unsafe_code, reason = "the one module with unsafe code: it forgets types and remembers them")]
mod erased;
mod index;

pub(crate) use self::erased::{Call, Called, Handler, Inner, Lent, Notify, Publication, SyncCall, Table};
pub use self::{
    erased::{AnyBus, Entry},
    index::{MessageIndex, Place},
};
