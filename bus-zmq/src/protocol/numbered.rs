//! Tables whose keys nobody outside this process chooses.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState},
    ops::Deref,
    sync::{Arc, LazyLock},
};

/// A table by numbers that nobody outside this process chooses: those that it counted itself, or those of what is [`Keyed`]. So
/// they need no hash that withstands who would have them meet.
pub(crate) type Numbered<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// A set of such numbers.
pub(crate) type NumberedSet<K> = HashSet<K, BuildHasherDefault<NumberHasher>>;

/// Spreads one number over all bits, as Knuth does: by the golden ratio.
#[derive(Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a key is one `u64`")
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Something that somebody outside chose. It is hashed once, when it is made, with a key that only this process has.
#[derive(PartialEq, Eq)]
pub(crate) struct Keyed<T: ?Sized> {
    hash: u64,
    value: Arc<T>,
}

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl<T: ?Sized + Hash> Keyed<T> {
    pub(crate) fn new<'a>(value: &'a T) -> Self
    where
        Arc<T>: From<&'a T>,
    {
        Keyed { hash: KEY.hash_one(value), value: value.into() }
    }
}

impl<T: ?Sized> Clone for Keyed<T> {
    fn clone(&self) -> Self {
        Keyed { hash: self.hash, value: Arc::clone(&self.value) }
    }
}

impl<T: ?Sized> Deref for Keyed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> Hash for Keyed<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<T: ?Sized + Ord> PartialOrd for Keyed<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By what was chosen: the hash is another one in each run.
impl<T: ?Sized + Ord> Ord for Keyed<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}
