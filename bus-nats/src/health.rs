//! Whether a client or a worker can work.

use crate::connection::Connection;

/// Whether a client or a worker can work now: for the probes of an orchestrator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether it goes on by itself. If not, it has to be made anew.
    pub live: bool,
    /// Whether it works now.
    pub ready: bool,
    /// Why it is not ready, for people.
    pub why: Vec<String>,
    /// How often the connection was made again after it broke.
    pub reconnects: u64,
    /// How often queries or answers to them came faster than they were taken, and were lost. What is kept by the server comes again.
    pub overruns: u64,
}

impl Health {
    pub(crate) fn of(connection: &Connection, is_closed: bool) -> Self {
        let link = *connection.link.borrow();
        let mut why = Vec::new();
        if is_closed {
            why.push("it is closed".to_owned());
        }
        if !link.is_up {
            why.push("the connection to the server is broken, and being made again".to_owned());
        }
        let reconnects = link.connections.saturating_sub(1);
        Health { live: !is_closed, ready: why.is_empty(), why, reconnects, overruns: link.overruns }
    }
}
