//! What the macros' expansions use. Not for anyone else: it changes without notice.

#![allow(missing_docs, reason = "not public")]

pub use std::sync::Arc;

pub use inventory;
pub use linkme;

pub use crate::{
    dispatch::{AnyBus, Entry, MessageIndex},
    error::{DispatchError, ExecuteError, SendError, SubscriberFailure},
    handler::{AsyncHandler, Delivered, SyncHandler, by_value_fits},
    message::Location,
    probe::*,
    registry::*,
};

/// The crate of a `module_path!()`.
pub const fn crate_of(module_path: &'static str) -> &'static str {
    let bytes = module_path.as_bytes();
    let mut end = 0;
    while end < bytes.len() && bytes[end] != b':' {
        end += 1;
    }
    module_path.split_at(end).0
}

/// A type that handlers may share.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a dependency",
    label = "calls on several threads share it, so it must be `Send + Sync + 'static`"
)]
pub trait Dependency: Send + Sync + 'static {}

impl<T: ?Sized + Send + Sync + 'static> Dependency for T {}

pub fn assert_dependency<T: ?Sized + Dependency>() {}

#[cfg(test)]
mod tests {
    use super::crate_of;

    #[test]
    fn the_crate_is_the_first_segment() {
        assert_eq!(crate_of("orders::checkout::cart"), "orders");
        assert_eq!(crate_of("orders"), "orders");
    }
}
