//! Fakes with the handlers of the suite: what has a handler is handled, and all of it is noted.

use linkbus::testing::{Fake, FakeBus, SyncFakeBus};
use linkbus_conformance::{Blocking, conformance};

conformance!(fake: FakeBus, |wired| Fake::over(wired).unwrap(), Features {
    handlers: Plain, commands: Awaited, events: Awaited, tasks: Awaited, errors: Typed, panics: Unwind,
    passing: Moved, thread: Callers, delivery: Once, order: Kept, unhandled: Answered, journal: Taken,
});

conformance!(waiting_fake: FakeBus, |wired| Fake::over(wired).unwrap(), Features {
    handlers: Async, commands: Awaited, events: Awaited, tasks: Awaited, errors: Typed, panics: Unwind,
    passing: Moved, thread: Callers, delivery: Once, order: Kept, unhandled: Answered, journal: Taken,
});

conformance!(sync_fake: Blocking<SyncFakeBus>, |wired| Blocking(Fake::over(wired).unwrap()), Features {
    handlers: Plain, commands: Awaited, events: Awaited, tasks: Awaited, errors: Typed, panics: Unwind,
    passing: Moved, thread: Callers, delivery: Once, order: Kept, unhandled: Answered, journal: Taken,
});
