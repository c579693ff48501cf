//! What was reached and what was not.

use std::fmt;

use crate::{handler::HandlerFacts, recording::HandlerName};

/// What a [`Coverage`](super::Coverage) had counted at one time. `Display` lists what never happened, with file and line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CoverageReport {
    /// Every handler of the buses, by file and line.
    pub handlers: Vec<HandlerCoverage>,
    /// How many handlers were not counted, because there were 10,000 already.
    pub left_out: u64,
}

/// What was counted of one handler.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HandlerCoverage {
    /// The handler.
    pub handler: HandlerFacts,
    /// How often it ran, each attempt by itself.
    pub ran: u64,
    /// How often it failed or panicked.
    pub failed: u64,
    /// How often it ran because an attempt before had failed; `None` if no retry is around it.
    pub retried: Option<u64>,
}

impl CoverageReport {
    /// The handlers that never ran.
    pub fn never_ran(&self) -> impl Iterator<Item = &HandlerCoverage> {
        self.handlers.iter().filter(|handler| handler.ran == 0)
    }

    /// The handlers that ran and never failed. Whether one can fail at all is not known.
    pub fn never_failed(&self) -> impl Iterator<Item = &HandlerCoverage> {
        self.handlers.iter().filter(|handler| handler.ran > 0 && handler.failed == 0)
    }

    /// The handlers that ran, have a retry around them, and were never tried again.
    pub fn never_retried(&self) -> impl Iterator<Item = &HandlerCoverage> {
        self.handlers.iter().filter(|handler| handler.ran > 0 && handler.retried == Some(0))
    }
}

impl fmt::Display for HandlerCoverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HandlerFacts { message, location, .. } = self.handler;
        write!(f, "{}, of {} {}, at {location}", HandlerName::of(&self.handler), message.kind, message.name)
    }
}

impl fmt::Display for CoverageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, unreached) = (self.handlers.len(), self.never_ran().count());
        write!(f, "{} of {all} handlers ran", all - unreached)?;
        list(f, "never ran", self.never_ran())?;
        list(f, "never failed", self.never_failed())?;
        list(f, "never tried again", self.never_retried())?;
        if self.left_out > 0 {
            write!(f, "\n{} more handlers were not counted", self.left_out)?;
        }
        Ok(())
    }
}

/// Nothing, if there are none.
fn list<'h>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    handlers: impl Iterator<Item = &'h HandlerCoverage>,
) -> fmt::Result {
    for (place, handler) in handlers.enumerate() {
        if place == 0 {
            write!(f, "\n{title}:")?;
        }
        write!(f, "\n  {handler}")?;
    }
    Ok(())
}
