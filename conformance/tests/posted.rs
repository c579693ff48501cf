//! The suite on two sides of which the one does not wait for the other, as it will be run on transports.

#[path = "support/posted.rs"]
mod post;

use linkbus::{
    Bus, Kind,
    layer::{AsyncAround, AsyncNext, Dispatch, Done, Layer, Link, Site},
};
use linkbus_conformance::conformance;

use self::post::Posted;

conformance!(posted: Posted, |wired| Posted::to(wired.build().unwrap()), Features {
    handlers: Plain, commands: Accepted, events: Accepted, tasks: Accepted, errors: Typed, panics: Reported,
    passing: Encoded, thread: Any, delivery: Once, order: Kept, unhandled: Refused, journal: Absent, later: Timely,
});

conformance!(posted_to_waiting_handlers: Posted, |wired| Posted::to(wired.build().unwrap()), Features {
    handlers: Async, commands: Accepted, events: Accepted, tasks: Accepted, errors: Typed, panics: Reported,
    passing: Encoded, thread: Any, delivery: Once, order: Kept, unhandled: Refused, journal: Absent, later: Timely,
});

conformance!(delivered_twice: Posted, |wired| Posted::to(wired.layer(Redelivery).build().unwrap()), Features {
    handlers: Async, commands: Accepted, events: Accepted, tasks: Accepted, errors: Described, panics: Reported,
    passing: Encoded, thread: Any, delivery: AtLeastOnce, order: Free, unhandled: Refused, journal: Absent, later: Timely,
});

/// Delivers everything but queries twice.
struct Redelivery;

impl Layer<Bus> for Redelivery {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        if site.message().kind == Kind::Query {
            return site.leave_out("its caller takes one reply");
        }
        site.keep_message();
        Some(Link::async_around(Twice))
    }
}

struct Twice;

impl AsyncAround for Twice {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        next.run(dispatch).await;
        next.run(dispatch).await
    }
}
