#![doc = include_str!("../README.md")]

pub mod docs;

#[cfg(feature = "testing")]
pub use bus_core::testing;
#[cfg(feature = "transport")]
pub use bus_core::transport;
#[doc(hidden)]
pub use bus_core::{
    __call_symbol, __linked, __private, __register, __start_symbol, __strict, __without_handler, without_handlers,
};
pub use bus_core::{
    Abilities, AnyError, BatchError, Builder, Bus, BusHandle, CloseError, Command, CommandHandle, Context,
    DispatchError, Event, EventHandle, ExecuteError, Fault, Field, Flavor, HandlerError, HandlerFacts, HandlerSettings,
    IntoOutcome, Kind, Location, Message, MessageFacts, Module, Need, OneHandler, Party, PublishError, Query,
    QueryHandle, RecursionLimit, RetrySettings, Route, SendError, SubscriberError, SubscriberFailure, SyncBus, Task,
    TaskHandle, Uuid, Wiring, WiringError, clock, layer, recording, roles,
};
pub use bus_macros::{Command, Event, Query, Task, handler, handlers, module, modules};
