//! From a message type to what serves it: a static number per type, a dense table per bus.

mod index;
#[allow(unsafe_code, reason = "the one module with unsafe code: it remembers the types that the table forgot")]
mod table;

pub use index::MessageIndex;
pub(crate) use table::{Family, Table, TableBuilder};
