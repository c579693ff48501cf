//! What differs between the two buses; everything else is written once for both.

use crate::{
    handler::{SyncCall, SyncNotify},
    message::Message,
};

/// One of the two buses: [`Bus`](crate::Bus) or [`SyncBus`](crate::SyncBus). Not for implementing elsewhere.
pub trait Flavor: Sized + Clone + Send + Sync + 'static {
    /// What the bus holds for a message with one handler.
    #[doc(hidden)]
    type Call<M: Message>: Send + Sync + 'static;
    /// What the bus holds for each subscriber of an event.
    #[doc(hidden)]
    type Notify<M: Message>: Send + Sync + 'static;

    /// The bus's type, as a user writes it.
    #[doc(hidden)]
    const NAME: &'static str;

    #[doc(hidden)]
    fn sync_call<M: Message>(call: Box<dyn SyncCall<M, Self>>) -> Self::Call<M>;
    #[doc(hidden)]
    fn sync_notify<M: Message>(notify: Box<dyn SyncNotify<M, Self>>) -> Self::Notify<M>;
    /// How a registration of either kind of handler gets onto this bus, if it can.
    #[doc(hidden)]
    fn install(registration: &crate::registry::HandlerRegistration) -> Option<crate::registry::Install<Self>>;
    #[doc(hidden)]
    fn core(&self) -> &std::sync::Arc<crate::wiring::Core<Self>>;
    #[doc(hidden)]
    fn from_core(core: std::sync::Arc<crate::wiring::Core<Self>>) -> Self;
}
