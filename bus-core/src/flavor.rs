//! What differs between the two buses; everything else is written once for both.

use std::sync::Arc;

use crate::{bus::Bus, dispatch::Entry, layer::Layer, registry::HandlerRegistration, sync_bus::SyncBus, wiring::Core};

/// One of the two buses: [`Bus`] or [`SyncBus`]. No other type can be one.
///
/// It is what a function is generic over that puts either of them together:
///
/// ```
/// use linkbus::{Builder, Flavor};
///
/// struct Settings;
///
/// fn with_settings<B: Flavor>(builder: Builder<B>) -> Builder<B> {
///     builder.provide(Settings)
/// }
/// # with_settings(linkbus::SyncBus::empty()).build().unwrap();
/// ```
pub trait Flavor: Sealed + Sized + Clone + Send + Sync + 'static {
    /// The bus's type, as a user writes it.
    #[doc(hidden)]
    const NAME: &'static str;
    /// What wraps a dispatch on this bus.
    #[doc(hidden)]
    type Around: ?Sized + Send + Sync;

    /// How a registered handler of either kind is called on this bus, if it can be.
    #[doc(hidden)]
    fn entry(registration: &HandlerRegistration) -> Option<&Entry<Self>>;
    /// The layers that handlers ask for by themselves, where none of the bus answers.
    #[doc(hidden)]
    fn implied_layers() -> Vec<Box<dyn Layer<Self>>>;
    #[doc(hidden)]
    fn core(&self) -> &Arc<Core<Self>>;
    #[doc(hidden)]
    fn from_core(core: Arc<Core<Self>>) -> Self;
}

/// Keeps [`Flavor`] to the two.
pub trait Sealed {}

impl Sealed for Bus {}
impl Sealed for SyncBus {}
