//! Fakes with the handlers of the suite: what has a handler is handled, and all of it is noted.

use linkbus::{
    SyncBus,
    testing::{Fake, FakeBus, Journal, SyncFakeBus},
};
use linkbus_conformance::{
    Blocking, Completion::Awaited, Delivery::Once, Errors::Typed, Features, Handlers::Plain, HasSyncBus, Notes::Taken,
    Order::Kept, PROMISES, Panics::Unwind, Passing::Moved, Thread::Callers, Unhandled::Answered, broken_promises,
    conformance,
};

conformance!(fake: FakeBus, |wired| Fake::over(wired).unwrap(), Features {
    handlers: Plain, commands: Awaited, events: Awaited, tasks: Awaited, errors: Typed, panics: Unwind,
    passing: Moved, thread: Callers, delivery: Once, order: Kept, unhandled: Answered, journal: Taken, later: Never,
});

conformance!(waiting_fake: FakeBus, |wired| Fake::over(wired).unwrap(), Features {
    handlers: Async, commands: Awaited, events: Awaited, tasks: Awaited, errors: Typed, panics: Unwind,
    passing: Moved, thread: Callers, delivery: Once, order: Kept, unhandled: Answered, journal: Taken, later: Never,
});

conformance!(sync_fake: Blocking<SyncFakeBus>, |wired| Blocking(Fake::over(wired).unwrap()), Features {
    handlers: Plain, commands: Awaited, events: Awaited, tasks: Awaited, errors: Typed, panics: Unwind,
    passing: Moved, thread: Callers, delivery: Once, order: Kept, unhandled: Answered, journal: Taken, later: Never,
});

/// A bus that shows the journal of another.
struct Forgetful {
    fake: SyncFakeBus,
    other: SyncFakeBus,
}

impl HasSyncBus for Forgetful {
    fn bus(&self) -> &SyncBus {
        self.fake.bus()
    }

    fn journal(&self) -> Option<&Journal> {
        Some(&self.other)
    }
}

#[test]
fn a_bus_whose_journal_has_nothing_breaks_what_a_journal_promises_and_nothing_else() {
    let features = Features {
        handlers: Plain,
        commands: Awaited,
        events: Awaited,
        tasks: Awaited,
        errors: Typed,
        panics: Unwind,
        passing: Moved,
        thread: Callers,
        delivery: Once,
        order: Kept,
        unhandled: Answered,
        journal: Taken,
        later: linkbus_conformance::Later::Never,
    };
    let broken = broken_promises::<Blocking<Forgetful>>(features, |wired| {
        let (fake, other) = (Fake::over(wired).unwrap(), SyncFakeBus::new());
        Box::pin(async { Blocking(Forgetful { fake, other }) })
    });
    let of_journals = PROMISES.iter().filter(|promise| promise.needs.contains(&"journal: Taken"));
    assert_eq!(broken, of_journals.map(|promise| promise.name).collect::<Vec<_>>());
}
