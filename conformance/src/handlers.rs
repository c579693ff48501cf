//! The handlers of the suite: the same twice, as plain and as async functions.

mod local;
mod nested;
mod plain;
mod waiting;

use std::thread;

use linkbus::{Builder, Bus, Flavor, Module, SyncBus};

use crate::{
    features::{Features, Handlers, Passing},
    ledger::{Deed, Ledger},
    messages::{Happened, Rejection},
};

/// A bus on which the handlers of the suite can be: [`Bus`] or [`SyncBus`].
pub trait Host: Flavor {
    /// The handlers that take this bus.
    #[doc(hidden)]
    const NESTED: Module;

    /// A builder of nothing.
    #[doc(hidden)]
    fn nothing() -> Builder<Self>;
}

impl Host for Bus {
    const NESTED: Module = nested::on_bus::MODULE;

    fn nothing() -> Builder<Self> {
        Bus::empty()
    }
}

impl Host for SyncBus {
    const NESTED: Module = nested::on_sync_bus::MODULE;

    fn nothing() -> Builder<Self> {
        SyncBus::empty()
    }
}

/// A bus with the handlers for one with these features, short of being built.
pub(crate) fn wired<B: Host>(features: &Features, ledger: &Ledger) -> Builder<B> {
    let handlers = match features.handlers {
        Handlers::Plain => plain::MODULE,
        Handlers::Async => waiting::MODULE,
    };
    let builder = B::nothing().provide(ledger.clone()).modules([handlers, B::NESTED]);
    match features.passing {
        Passing::Moved => builder.modules([local::MODULE]),
        Passing::Encoded => builder,
    }
}

fn this_thread() -> String {
    format!("{:?}", thread::current().id())
}

fn begin(event: &Happened, subscriber: usize, ledger: &Ledger) -> Result<(), Rejection> {
    ledger.note(Deed::Called(subscriber, event.number));
    event.fates[subscriber].meet(event.number)
}

fn end(event: &Happened, subscriber: usize, ledger: &Ledger) {
    ledger.note(Deed::Heard(subscriber, event.number));
}
