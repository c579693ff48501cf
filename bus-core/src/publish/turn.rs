//! Whose turn it is among the subscribers of an event, for those who note what each of them dispatches.

use std::cell::Cell;

thread_local! {
    /// The place of the innermost subscriber at work on this thread, among those that were called with it.
    static PLACE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The turn of one subscriber on this thread. When it is dropped, that of the one around it goes on.
pub(crate) struct Turn {
    outer: Option<usize>,
}

impl Turn {
    pub(crate) fn of(place: usize) -> Self {
        Turn { outer: PLACE.replace(Some(place)) }
    }

    /// The place of the subscriber at work.
    pub(crate) fn current() -> Option<usize> {
        PLACE.get()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        PLACE.set(self.outer);
    }
}
