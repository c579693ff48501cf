use std::{
    marker::PhantomData,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::message::Message;

/// A number that no table reaches: the type has no place yet.
const UNASSIGNED: u32 = u32::MAX;

/// The next number to give away. One counter for the process: a type's number is the same in every bus.
static NEXT: Mutex<u32> = Mutex::new(0);

/// A message type's place in the tables of all buses: a static that the derive makes, one per type.
///
/// The number is given when the first bus with a route for the type is built. No two `MessageIndex` values ever hold
/// the same number, and a number never changes: the table of a bus relies on both.
pub struct MessageIndex<M> {
    number: AtomicU32,
    // Invariant in `M`: were it covariant, the index of one type could be passed off as that of a supertype.
    of: PhantomData<fn(M) -> M>,
}

impl<M> MessageIndex<M> {
    /// A place that has no number yet.
    #[expect(clippy::new_without_default, reason = "made only by the derive, in a static")]
    pub const fn new() -> Self {
        MessageIndex { number: AtomicU32::new(UNASSIGNED), of: PhantomData }
    }

    /// The number, or one that is out of every table's bounds.
    #[inline]
    pub(super) fn number(&self) -> usize {
        // Relaxed is enough: whoever holds a bus got it from a thread that had seen all its numbers assigned.
        self.number.load(Ordering::Relaxed) as usize
    }
}

/// A [`MessageIndex`] whose type is forgotten.
#[derive(Clone, Copy)]
pub struct Place(fn() -> &'static AtomicU32);

impl Place {
    /// The place of `M`.
    pub const fn of<M: Message>() -> Self {
        Place(|| &M::index().number)
    }

    #[cfg(test)]
    pub(crate) const fn none() -> Self {
        static NONE: AtomicU32 = AtomicU32::new(UNASSIGNED);
        Place(|| &NONE)
    }

    /// The number, or one that is out of every table's bounds.
    pub(super) fn number(self) -> usize {
        (self.0)().load(Ordering::Relaxed) as usize
    }

    /// The number, given now if the type has none.
    pub(super) fn assign(self) -> usize {
        assign((self.0)())
    }
}

fn assign(number: &AtomicU32) -> usize {
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    if number.load(Ordering::Relaxed) == UNASSIGNED {
        assert_ne!(*next, UNASSIGNED, "four billion message types");
        number.store(*next, Ordering::Relaxed);
        *next += 1;
    }
    number.load(Ordering::Relaxed) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_given_once_and_to_one_index_only() {
        let (first, second) = (MessageIndex::<u8>::new(), MessageIndex::<u16>::new());
        assert_eq!(first.number(), UNASSIGNED as usize);
        let numbers = [&first.number, &second.number, &first.number, &second.number].map(assign);
        assert_eq!(numbers[0], numbers[2]);
        assert_eq!(numbers[1], numbers[3]);
        assert_ne!(numbers[0], numbers[1]);
    }
}
