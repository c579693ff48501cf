//! The feature `strict-link`: handlers under names that the linker knows, so that it finds the one that is missing and the
//! two that are too many, and a dispatch can call them directly.

use std::marker::PhantomData;

use super::function::{AsyncCall, SyncCall};
use crate::message::Message;

/// The functions under the two symbols of a message that has one handler.
///
/// Nothing is believed of them, because the linker knows no types. A dispatch calls one only if it is the very function
/// that it found in the slot of `M`, and of that one the types are known.
pub struct Linked<M: Message> {
    pub(super) call: SyncCall<M>,
    pub(super) start: AsyncCall<M>,
}

impl<M: Message> Linked<M> {
    /// The function under the name of a synchronous handler, and that of an asynchronous one.
    #[inline]
    pub const fn new(call: SyncCall<M>, start: AsyncCall<M>) -> Self {
        Linked { call, start }
    }
}

/// The function that calls the handler `H`, under a name of its own.
pub struct Symbol<F, H> {
    pub(super) function: F,
    /// Of this `H` and of no other, were it a sub- or a supertype.
    handler: PhantomData<fn(H) -> H>,
}

impl<F, H> Symbol<F, H> {
    /// # Safety
    /// `function` passes what it is called with on to `sync_call` or `async_call` of `H`, and returns what that does.
    pub const unsafe fn new(function: F) -> Self {
        Symbol { function, handler: PhantomData }
    }
}

/// What is under a symbol that stands for no handler: the message has one of the other sort, or none in this program.
///
/// # Panics
/// Always. No slot holds it, so no dispatch calls it.
#[cold]
pub fn not_linked() -> ! {
    unreachable!("a dispatch calls only what is in the slot of its message")
}
