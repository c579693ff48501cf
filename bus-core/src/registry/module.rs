use super::{Registration, source};

/// A part of the registry: what one crate registered, collected by linking or listed by hand.
///
/// `linkbus::module!();` at the root of a crate writes one: `pub const MODULE`. [`Module::linked`] names a crate that did not.
/// [`Builder::modules`](crate::Builder::modules) takes them.
#[derive(Clone, Copy)]
pub struct Module {
    name: &'static str,
    contents: Contents,
}

#[derive(Clone, Copy)]
enum Contents {
    /// Whatever linking collected from the crate.
    Linked,
    /// Exactly these, which needs no linker magic.
    Listed(&'static [&'static Registration]),
}

impl Module {
    /// What linking collected from the crate `name`, as it is spelled in Rust: `my_orders`, not `my-orders`.
    ///
    /// Prefer `users::MODULE`: that the crate is there, and linked, is then the compiler's business.
    pub const fn linked(name: &'static str) -> Self {
        Module { name, contents: Contents::Linked }
    }

    #[doc(hidden)]
    pub const fn listed(name: &'static str, registrations: &'static [&'static Registration]) -> Self {
        Module { name, contents: Contents::Listed(registrations) }
    }

    /// The name of the crate.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.registrations().is_empty()
    }

    pub(super) fn registrations(&self) -> Vec<&'static Registration> {
        match self.contents {
            Contents::Linked => source::linked().filter(|found| found.crate_name() == self.name).collect(),
            Contents::Listed(registrations) => registrations.to_vec(),
        }
    }
}

impl Registration {
    fn crate_name(&self) -> &'static str {
        let location = match self {
            Registration::Message(facts) => facts.location,
            Registration::Handler(handler) => handler.facts.location,
            Registration::Modules(list) => list.location,
        };
        location.crate_name()
    }
}
