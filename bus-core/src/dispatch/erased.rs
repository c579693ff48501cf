//! The one module with unsafe code: handlers whose types are forgotten, and how a bus remembers them.

mod called;
mod entry;
mod function;
mod inner;
mod inside;
mod opaque;
mod publication;
mod slot;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    called::{Call, Called},
    entry::Handler,
    function::SyncCall,
    inner::{Inner, Lent},
    publication::{Notify, Publication},
    table::Table,
};
pub use self::{entry::Entry, opaque::AnyBus};
