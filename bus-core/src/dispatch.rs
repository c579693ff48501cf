//! From a message type to what serves it: a static number per type, a dense table per bus.

#[allow(unsafe_code, reason = "the one module that may: it forgets types and remembers them")]
mod erased;
mod index;

pub(crate) use self::erased::{Handler, Inner, Lent, Notify, Publication, Table};
pub use self::{
    erased::{AnyBus, AsyncCall, Entry, Linked, Opaque, Returned, Symbol, SyncCall, async_call, not_linked, sync_call},
    index::{MessageIndex, Place},
};
