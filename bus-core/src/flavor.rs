//! What differs between the two buses; everything else is written once for both.

use std::sync::Arc;

use crate::{dispatch::Entry, registry::HandlerRegistration, wiring::Core};

/// One of the two buses: [`Bus`](crate::Bus) or [`SyncBus`](crate::SyncBus). Not for implementing elsewhere.
pub trait Flavor: Sized + Clone + Send + Sync + 'static {
    /// The bus's type, as a user writes it.
    #[doc(hidden)]
    const NAME: &'static str;

    /// How a registered handler of either kind is called on this bus, if it can be.
    #[doc(hidden)]
    fn entry(registration: &HandlerRegistration) -> Option<&Entry<Self>>;
    #[doc(hidden)]
    fn core(&self) -> &Arc<Core<Self>>;
    #[doc(hidden)]
    fn from_core(core: Arc<Core<Self>>) -> Self;
}
