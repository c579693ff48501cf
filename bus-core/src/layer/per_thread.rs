//! What threads write beside each other, so that none waits for another's cache line.

use std::{
    cell::Cell,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// No more are made; further threads share them.
const MAX_PLACES: usize = 64;

/// A `T` for each thread that asks for one, on cache lines of its own.
///
/// There are some two for each processor, so that threads at work seldom share one, but 64 at most. Each is made by the first
/// thread that needs it. They can be shared, so a `T` is written with atomics.
pub(super) struct PerThread<T> {
    /// Their number is a power of two.
    places: Box<[OnceLock<Box<Alone<T>>>]>,
}

/// Two lines of 64 bytes, as processors fetch them in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Alone<T>(T);

impl<T: Default> PerThread<T> {
    /// That of this thread.
    #[inline]
    pub(super) fn mine(&self) -> &T {
        let place = thread_number() & (self.places.len() - 1);
        &self.places[place].get_or_init(Box::default).0
    }

    /// Those that were made.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|place| Some(&place.get()?.0))
    }
}

impl<T> Default for PerThread<T> {
    fn default() -> Self {
        PerThread { places: (0..places()).map(|_| OnceLock::new()).collect() }
    }
}

/// Asked of the system once, as that reads files.
fn places() -> usize {
    static PLACES: OnceLock<usize> = OnceLock::new();
    *PLACES.get_or_init(|| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        (threads * 2).next_power_of_two().min(MAX_PLACES)
    })
}

/// A number of its own for each thread that asks.
#[inline]
fn thread_number() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let number = NUMBER.get();
    if number != usize::MAX {
        return number;
    }
    let number = THREADS.fetch_add(1, Ordering::Relaxed) & (usize::MAX >> 1);
    NUMBER.set(number);
    number
}

#[cfg(test)]
mod tests {
    use std::{ptr, sync::atomic::AtomicU64};

    use super::*;

    #[test]
    fn a_thread_gets_the_same_again() {
        let counts = PerThread::<AtomicU64>::default();
        assert!(ptr::eq(counts.mine(), counts.mine()));
        assert_eq!(counts.iter().count(), 1);
    }

    #[test]
    fn more_threads_than_places_lose_nothing() {
        let counts = PerThread::<AtomicU64>::default();
        thread::scope(|scope| {
            for _ in 0..=MAX_PLACES {
                scope.spawn(|| counts.mine().fetch_add(1, Ordering::Relaxed));
            }
        });
        assert_eq!(counts.iter().count(), places());
        assert_eq!(counts.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u64>(), MAX_PLACES as u64 + 1);
    }

    #[test]
    fn two_are_never_on_one_cache_line() {
        assert_eq!(align_of::<Alone<AtomicU64>>(), 128);
    }
}
