//! Each bus under each single layer, with options that let everything through.

#[macro_use]
mod support;

use std::time::Duration;

use linkbus::{
    Builder, Bus, SyncBus,
    layer::{
        Around, AsyncAround, AsyncNext, Concurrency, Counts, DeadLetters, Dispatch, Done, Inbox, Latency, LatencyStats,
        Next, Observer, Retry, Selection, Timeout, Trace, on, on_async, only,
    },
    recording::{MemoryStore, Recording},
};
use linkbus_conformance::{
    Blocking,
    messages::{Double, Happened, Store, Work},
};

const HOUR: Duration = Duration::from_secs(3600);

/// The three buses under one layer.
macro_rules! under {
    ($name:ident: $layer:expr) => {
        mod $name {
            use super::*;

            on_bus!(bus, |wired| wired.layer($layer).build().unwrap());
            on_waiting_bus!(waiting_bus, |wired| wired.layer($layer).build().unwrap());
            on_sync_bus!(sync_bus, |wired| Blocking(wired.layer($layer).build().unwrap()));
        }
    };
}

under!(concurrency: Concurrency::of_bus(100).per_message(50));
under!(counts: Counts::new());
under!(dead_letters: DeadLetters::in_memory());
under!(inbox: Inbox::in_memory().with_events());
under!(latency: Latency::new(&LatencyStats::default()));
under!(recording: Recording::new(MemoryStore::new()));
under!(retry: Retry::new());
under!(trace: Trace::new());
under!(selected: only(Selection::of::<Store>(), Retry::new()));
under!(observer: Watching);
#[cfg(feature = "metrics")]
under!(metrics: linkbus::layer::Metrics::new());
#[cfg(feature = "testing")]
under!(spy: linkbus::testing::Spy::new());
#[cfg(feature = "testing")]
under!(coverage: linkbus::testing::Coverage::new());
#[cfg(feature = "testing")]
under!(chaos: linkbus::testing::Chaos::seeded(1).delays(1.0, Duration::ZERO));
#[cfg(feature = "testing")]
linkbus_conformance::conformance!(duplicated: Bus, |wired| {
    wired.layer(linkbus::testing::Chaos::seeded(1).duplicates(1.0)).build().unwrap()
}, Features {
    handlers: Plain, commands: Awaited, events: Awaited, tasks: Awaited, errors: Typed, panics: Unwind,
    passing: Moved, thread: Callers, delivery: AtLeastOnce, order: Kept, unhandled: Refused, journal: Absent, later: Never,
});

mod timeout {
    use super::*;

    on_bus!(bus, |wired| wired.layer(Timeout::after(HOUR)).build().unwrap());
    on_waiting_bus!(waiting_bus, |wired| wired.layer(Timeout::after(HOUR)).build().unwrap());

    // On a `SyncBus` it has threads of its own.
    linkbus_conformance::conformance!(sync_bus: Blocking, |wired| Blocking(wired.layer(Timeout::after(HOUR)).build().unwrap()), Features {
        handlers: Plain, commands: Awaited, events: Awaited, tasks: Awaited, errors: Typed, panics: Unwind,
        passing: Moved, thread: Any, delivery: Once, order: Kept, unhandled: Refused, journal: Absent, later: Never,
    });
}

mod around {
    use super::*;

    on_bus!(bus, |wired| wired.layer(Passing).build().unwrap());
    on_waiting_bus!(waiting_bus, |wired| wired.layer(Passing).build().unwrap());
    on_sync_bus!(sync_bus, |wired| Blocking(wired.layer(Passing).build().unwrap()));
}

mod typed {
    use super::*;

    on_bus!(bus, |wired| typed_async(wired).build().unwrap());
    on_waiting_bus!(waiting_bus, |wired| typed_async(wired).build().unwrap());
    on_sync_bus!(sync_bus, |wired| Blocking(typed(wired).build().unwrap()));
}

#[cfg(feature = "tower")]
mod tower {
    use linkbus::layer::tower::Tower;

    use super::*;

    type Limit = ::tower::limit::ConcurrencyLimitLayer;

    on_bus!(bus, |wired| wired.layer(Tower::of_bus(Limit::new(100))).build().unwrap());
    on_waiting_bus!(waiting_bus, |wired| wired.layer(Tower::of_bus(Limit::new(100))).build().unwrap());
}

/// Sees each dispatch.
struct Watching;

impl Observer for Watching {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        assert!(!dispatch.message().name.is_empty());
    }
}

/// Lets each dispatch through.
struct Passing;

impl Around for Passing {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        next.run(dispatch)
    }
}

impl AsyncAround for Passing {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        next.run(dispatch).await
    }
}

/// A layer of its own around a message of each kind.
fn typed(wired: Builder<SyncBus>) -> Builder<SyncBus> {
    wired
        .layer(on::<Double>(|query, mut next| next.run(query)))
        .layer(on::<Store>(|command, mut next| next.run(command)))
        .layer(on::<Happened>(|event, mut next| next.run(event)))
        .layer(on::<Work>(|task, mut next| next.run(task)))
}

/// The same on a [`Bus`].
fn typed_async(wired: Builder<Bus>) -> Builder<Bus> {
    wired
        .layer(on_async::<Double>(|query, mut next| Box::pin(async move { next.run(query).await })))
        .layer(on_async::<Store>(|command, mut next| Box::pin(async move { next.run(command).await })))
        .layer(on_async::<Happened>(|event, mut next| Box::pin(async move { next.run(event).await })))
        .layer(on_async::<Work>(|task, mut next| Box::pin(async move { next.run(task).await })))
}
