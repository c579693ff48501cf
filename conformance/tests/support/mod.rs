//! The suite for buses in one process, with their features.
#![allow(unused_macros, reason = "no test program needs all of it")]

/// On a [`Bus`](linkbus::Bus) with plain handlers.
macro_rules! on_bus {
    ($name:ident, |$wired:ident| $new:expr) => {
        linkbus_conformance::conformance!($name: Bus, |$wired| $new, Features {
            handlers: Plain, commands: Awaited, events: Awaited, tasks: Awaited, errors: Typed, panics: Unwind,
            passing: Moved, thread: Callers, delivery: Once, order: Kept, unhandled: Refused, journal: Absent, later: Never,
        });
    };
}

/// On a [`Bus`](linkbus::Bus) with async handlers.
macro_rules! on_waiting_bus {
    ($name:ident, |$wired:ident| $new:expr) => {
        linkbus_conformance::conformance!($name: Bus, |$wired| $new, Features {
            handlers: Async, commands: Awaited, events: Awaited, tasks: Awaited, errors: Typed, panics: Unwind,
            passing: Moved, thread: Callers, delivery: Once, order: Kept, unhandled: Refused, journal: Absent, later: Never,
        });
    };
}

/// On a [`SyncBus`](linkbus::SyncBus).
macro_rules! on_sync_bus {
    ($name:ident, |$wired:ident| $new:expr) => {
        linkbus_conformance::conformance!($name: Blocking, |$wired| $new, Features {
            handlers: Plain, commands: Awaited, events: Awaited, tasks: Awaited, errors: Typed, panics: Unwind,
            passing: Moved, thread: Callers, delivery: Once, order: Kept, unhandled: Refused, journal: Absent, later: Never,
        });
    };
}
