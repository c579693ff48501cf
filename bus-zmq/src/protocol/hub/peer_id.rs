//! What tells connections apart.

use std::fmt;

use crate::protocol::Keyed;

/// What tells a connection to the hub apart from others; for ZeroMQ its routing id.
///
/// It is ordered by that, so that the order is the same in each run.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(Keyed<[u8]>);

impl PeerId {
    /// The connection with this routing id.
    pub fn new(bytes: &[u8]) -> Self {
        PeerId(Keyed::new(bytes))
    }

    /// The routing id.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::PeerId;

    #[test]
    fn peers_are_told_apart_and_ordered_by_their_routing_ids() {
        let mut ids: Vec<_> = (0..=u8::MAX).rev().map(|id| PeerId::new(&[id])).collect();
        ids.sort();
        assert_eq!(ids, (0..=u8::MAX).map(|id| PeerId::new(&[id])).collect::<Vec<_>>());
        ids.dedup();
        assert_eq!(ids.len(), 256);
    }
}
