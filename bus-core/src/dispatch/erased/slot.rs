//! Handlers in their places.

use std::any::TypeId;

use super::{entry::Owner, function::Function, opaque::Opaque};

/// A handler in its place, ready to be called.
pub(super) struct Slot {
    pub(super) function: Function,
    /// Made from the `Bound` inside one of the table's `owners`.
    pub(super) bound: Opaque<'static>,
}

impl Slot {
    pub(super) fn new(function: Function, owner: &Owner) -> Slot {
        Slot { function, bound: Opaque::of_owned(owner) }
    }
}

/// The subscribers of one event, in subscription order.
#[derive(Default)]
pub(super) struct Subscribers {
    pub(super) slots: Vec<Slot>,
    /// The event's type; `None` as long as there is no subscriber.
    pub(super) event: Option<TypeId>,
}
