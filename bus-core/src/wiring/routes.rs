use super::Wiring;
use crate::{dispatch::Table, flavor::Flavor};

/// What a bus is: its routes, and what is known about them. Never changed once it is made.
pub struct Core<B: Flavor> {
    pub(crate) table: Table<B>,
    pub(crate) wiring: Wiring,
}
