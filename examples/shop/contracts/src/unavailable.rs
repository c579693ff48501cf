use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// A module cannot do its work just now, and it is not the caller's fault.
///
/// `Display` does not give the reason, because it reaches people outside; [`reason`](Self::reason) is for the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("this is not possible just now, please try again")]
pub struct Unavailable {
    reason: String,
}

impl Unavailable {
    /// For a cause of any type: a database, the bus, a network.
    pub fn because(cause: &impl Display) -> Self {
        Unavailable { reason: cause.to_string() }
    }

    /// What happened.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
