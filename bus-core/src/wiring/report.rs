use std::{error::Error, fmt};

use super::{Fault, Party};

/// Why a bus could not be built: everything that is wrong with its wiring, at once.
///
/// `Display` is a report for a terminal. `Debug` is the same text, so that `fn main() -> Result<(), Box<dyn Error>>`
/// shows it as it is meant to be read. [`faults`](Self::faults) are the parts.
pub struct WiringError {
    faults: Vec<Fault>,
}

impl WiringError {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        WiringError { faults }
    }

    /// Everything that is wrong, at least one; sorted by code.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for WiringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.faults.len() == 1 { "fault" } else { "faults" };
        writeln!(f, "the bus cannot be built: {} wiring {plural}", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| write_fault(f, fault))
    }
}

fn write_fault(f: &mut fmt::Formatter<'_>, fault: &Fault) -> fmt::Result {
    writeln!(f, "\n{}: {fault}", fault.code())?;
    let parties = fault.parties();
    let width = parties.iter().map(|party| party.name.chars().count()).max().unwrap_or_default();
    for Party { role, name, location } in &parties {
        match location {
            Some(location) => writeln!(f, "  {role:<9} {name:<width$}  {location}")?,
            None => writeln!(f, "  {role:<9} {name:<width$}  (by the bus itself)")?,
        }
    }
    writeln!(f, "  help: {}", fault.help())?;
    writeln!(f, "  more: linkbus::docs::{}", fault.code().to_lowercase())
}

impl fmt::Debug for WiringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for WiringError {}
