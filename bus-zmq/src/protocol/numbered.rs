//! Tables whose keys nobody outside this process chooses.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A table by numbers that nobody outside this process chooses: those that it counted itself, or what it made of others with a
/// key of its own. So they need no hash that withstands who would have them meet.
pub(crate) type Numbered<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

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
