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
        write!(f, "the bus cannot be built: {} wiring {plural}", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| self.write_fault(f, fault))
    }
}

/// Where the places of the parties stand, unless all names are shorter; longer names do without.
const WIDEST: usize = 48;

impl WiringError {
    fn write_fault(&self, f: &mut fmt::Formatter<'_>, fault: &Fault) -> fmt::Result {
        writeln!(f, "\n\n{}: {fault}", fault.code())?;
        write_parties(f, &fault.parties())?;
        writeln!(f, "  help: {}", fault.help().replace('\n', "\n        "))?;
        if let Some(note) = self.note(fault) {
            writeln!(f, "  note: {note}")?;
        }
        write!(f, "  more: linkbus::docs::{}", fault.code().to_lowercase())
    }

    /// What another fault, or a transport, may have to do with this one.
    fn note(&self, fault: &Fault) -> Option<String> {
        let Fault::MissingHandler { message, passed_over_by } = fault else { return None };
        if !passed_over_by.is_empty() {
            let transports = passed_over_by.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let name = message.name;
            return Some(format!(
                "the transport {transports} would carry it, if `Via::only` or `Via::except` let `{name}` through"
            ));
        }
        let unlinked = self.faults.iter().filter_map(|fault| match fault {
            Fault::ModuleNotNamed { module, .. } => Some(format!("`{module}`")),
            _ => None,
        });
        let unlinked: Vec<String> = unlinked.collect();
        let they_are = if unlinked.len() == 1 { "it is" } else { "they are" };
        (!unlinked.is_empty())
            .then(|| format!("{} may have it, but {they_are} not linked: see BUS008 below", unlinked.join(" or ")))
    }
}

fn write_parties(f: &mut fmt::Formatter<'_>, parties: &[Party]) -> fmt::Result {
    let widths = parties.iter().map(|party| party.name.chars().count());
    let width = widths.filter(|&width| width <= WIDEST).max().unwrap_or_default();
    for Party { role, name, location } in parties {
        match location {
            Some(location) => writeln!(f, "  {role:<9} {name:<width$}  {location}")?,
            None => writeln!(f, "  {role:<9} {name:<width$}  (by the bus itself)")?,
        }
    }
    Ok(())
}

impl fmt::Debug for WiringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for WiringError {}
