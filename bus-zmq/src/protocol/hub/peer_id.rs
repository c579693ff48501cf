//! What tells connections apart.

use std::{
    cmp::Ordering,
    fmt,
    hash::{BuildHasher as _, Hash, Hasher, RandomState},
    sync::{Arc, LazyLock},
};

/// What tells a connection to the hub apart from others; for ZeroMQ its routing id.
///
/// Who connects chooses it. So it is hashed with a key that only this process has, once: when it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerId {
    hash: u64,
    bytes: Arc<[u8]>,
}

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl PeerId {
    /// The connection with this routing id.
    pub fn new(bytes: &[u8]) -> Self {
        PeerId { hash: KEY.hash_one(bytes), bytes: bytes.into() }
    }

    /// The routing id.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Hash for PeerId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialOrd for PeerId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By routing id, so that the order is the same in each run.
impl Ord for PeerId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
