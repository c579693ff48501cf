//! The core of [linkbus](https://docs.rs/linkbus): messages, registry, wiring and dispatch.
//!
//! Programs depend on `linkbus`, which re-exports everything here together with the macros.

mod builder;
mod bus;
mod caught;
pub mod clock;
mod context;
mod depth;
mod dispatch;
mod error;
#[cfg(feature = "file-store")]
mod files;
mod flavor;
mod handle;
mod handler;
mod id;
mod json;
pub mod layer;
mod line;
mod message;
mod origin;
mod private;
mod probe;
mod publish;
pub mod recording;
mod registry;
pub mod roles;
mod strict;
mod sync_bus;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "transport")]
pub mod transport;
mod wiring;

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}

pub use uuid::Uuid;

pub use self::{
    builder::Builder,
    bus::Bus,
    context::Context,
    error::{
        AnyError, BatchError, CloseError, DispatchError, ExecuteError, HandlerError, PublishError, RecursionLimit,
        SendError, SubscriberError, SubscriberFailure,
    },
    flavor::Flavor,
    handle::{BusHandle, CommandHandle, EventHandle, QueryHandle, TaskHandle},
    handler::{HandlerFacts, HandlerSettings, IntoOutcome, Need, RetrySettings},
    message::{Abilities, Command, Event, Field, Kind, Location, Message, MessageFacts, OneHandler, Query, Task},
    registry::Module,
    sync_bus::SyncBus,
    wiring::{Fault, Party, Route, Wiring, WiringError},
};
