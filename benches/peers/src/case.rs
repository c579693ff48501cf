//! The cases: the same work for every peer.

use std::fmt;

/// What is asked of a peer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// A message to its one handler, and the reply; no `async`.
    Sync,
    /// The same, awaited; the handler is ready at once.
    Async,
    /// The same, to an `async fn` that yields once.
    AsyncYield,
    /// An event to so many subscribers; the turn is over when all have run.
    Events(usize),
    /// `Sync` or else `Async`, through so many layers that do nothing.
    Layers(usize),
    /// `Sync` or else `Async`, so many callers at once, and each makes all the turns.
    Callers(usize),
    /// `Sync` or else `Async`, so many types of messages in turns.
    Types(usize),
    /// Built, and the first message to its one handler; again and again in one process, so that nothing is cold.
    Building,
}

/// All of them.
pub const CASES: &[Case] = &[
    Case::Sync,
    Case::Async,
    Case::AsyncYield,
    Case::Events(1),
    Case::Events(3),
    Case::Events(10),
    Case::Layers(1),
    Case::Layers(5),
    Case::Callers(1),
    Case::Callers(2),
    Case::Types(10),
    Case::Types(700),
    Case::Building,
];

impl Case {
    /// Whether its instructions can be counted: callgrind runs one thread at a time.
    pub fn is_countable(self) -> bool {
        !matches!(self, Case::Callers(_))
    }

    /// How many make all the turns.
    pub fn callers(self) -> u64 {
        if let Case::Callers(callers) = self { callers as u64 } else { 1 }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Case::Sync => f.write_str("sync"),
            Case::Async => f.write_str("async, ready"),
            Case::AsyncYield => f.write_str("async, one yield"),
            Case::Events(subscribers) => write!(f, "event to {subscribers}"),
            Case::Layers(layers) => write!(f, "layers: {layers}"),
            Case::Callers(callers) => write!(f, "callers: {callers}"),
            Case::Types(types) => write!(f, "types: {types}"),
            Case::Building => f.write_str("built and first message, repeated"),
        }
    }
}
