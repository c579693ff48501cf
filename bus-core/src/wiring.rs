//! From what was collected and what was provided to the routes of one bus, or to one report of all faults.

mod fault;
mod overview;
mod plan;
mod provided;
mod report;
mod routes;
mod rules;

pub use self::{
    fault::{Fault, Party},
    overview::{Route, Wiring},
    provided::{Provided, Resolve},
    report::WiringError,
    routes::Core,
};
pub(crate) use self::{plan::Plan, provided::Provision};
