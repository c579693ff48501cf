//! What the macros' expansions use. Not for anyone else: it changes without notice.

#![allow(missing_docs, reason = "not public")]

pub use std::sync::Arc;

pub use inventory;
pub use linkme;

use crate::message::Message;
pub use crate::{
    dispatch::{
        AnyBus, AsyncCall, Entry, Linked, MessageIndex, Opaque, Place, Returned, Symbol, SyncCall, async_call,
        not_linked, sync_call,
    },
    error::{DispatchError, ExecuteError, OneHandlerFailure, SendError, SubscriberFailure},
    handler::{AsyncHandler, BoxFuture, Delivered, Outcome, SyncHandler, by_value_fits, can_be_lent},
    layer::revive,
    message::{Location, SerdeNames},
    probe::*,
    registry::*,
    wiring::{Core, Provided, Resolve},
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
    label = "calls on several threads share it, so it must be `Send + Sync + 'static`",
    note = "put what changes into a `Mutex` or an atomic"
)]
pub trait Dependency: Send + Sync + 'static {}

impl<T: ?Sized + Send + Sync + 'static> Dependency for T {}

/// A trait object that handlers may share. Apart from [`Dependency`], because what to write is something else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a dependency",
    label = "calls on several threads share it: write `&({Self} + Send + Sync)`",
    note = "or make `Send` and `Sync` supertraits of the trait"
)]
pub trait DynDependency: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: ?Sized + Send + Sync + 'static> DynDependency for T {}

/// `<Check<{ is_message::<T>() }> as Passed<T>>::Type` is `T`, if `T` is a message.
///
/// If it is not, rustc says so where the check is written, and takes the whole for a type of which it says nothing more:
/// an expansion may then name it as often as it likes.
pub struct Check<const PASSED: bool>;

pub trait Passed<T: ?Sized> {
    type Type: ?Sized;
}

impl<T: ?Sized> Passed<T> for Check<true> {
    type Type = T;
}

pub const fn is_message<T: Message>() -> bool {
    true
}

pub const fn is_dependency<T: ?Sized + Dependency>() -> bool {
    true
}

pub const fn is_dyn_dependency<T: ?Sized + DynDependency>() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::crate_of;

    #[test]
    fn the_crate_is_the_first_segment() {
        assert_eq!(crate_of("orders::checkout::cart"), "orders");
        assert_eq!(crate_of("orders"), "orders");
    }
}
