//! The one module that may have unsafe code (see also `strict`): handlers whose types are forgotten, and how a bus remembers them.

mod called;
mod entry;
mod function;
mod inner;
mod inside;
mod linked;
mod opaque;
mod publication;
mod slot;
mod table;
#[cfg(test)]
mod tests;

pub use self::{
    entry::Entry,
    function::{AsyncCall, Returned, SyncCall, async_call, sync_call},
    linked::{Linked, Symbol, not_linked},
    opaque::{AnyBus, Opaque},
};
pub(crate) use self::{
    entry::Handler,
    inner::{Inner, Lent},
    publication::{Notify, Publication},
    table::Table,
};
