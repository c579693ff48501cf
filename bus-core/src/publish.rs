//! Running the subscribers of an event: all of them, whatever becomes of each.
//!
//! Nothing here has the event's type, so it is compiled once and not for every event.

mod concurrent;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

pub(crate) use self::concurrent::concurrently;
use crate::{
    dispatch::Publication,
    error::{PublishError, SubscriberError, SubscriberFailure, panic_text},
    message::MessageFacts,
    wiring::Wiring,
};

/// The subscribers that did not succeed, each with its place among those of the event.
pub(crate) type Failures = Vec<(usize, SubscriberFailure)>;

/// What became of the synchronous subscribers before the first asynchronous one.
pub(crate) struct Round {
    /// The place of that one; behind the last if there is none.
    pub(crate) next: usize,
    pub(crate) failures: Failures,
}

/// Calls the subscribers one after the other, up to the first asynchronous one.
pub(crate) fn in_turn(publication: &Publication<'_>) -> Round {
    let mut round = Round { next: 0, failures: Vec::new() };
    while let Err(failure) = until_failure(publication, &mut round.next) {
        round.failures.push((round.next, failure));
        round.next += 1;
    }
    round
}

/// Calls the subscribers from `place` on; stops at one that fails or panics, with `place` at that one.
///
/// To catch panics around all of them is cheaper than to do it around each.
#[inline]
fn until_failure(publication: &Publication<'_>, place: &mut usize) -> Result<(), SubscriberFailure> {
    catch_unwind(AssertUnwindSafe(|| {
        while let Some(outcome) = publication.notify_sync(*place) {
            outcome?;
            *place += 1;
        }
        Ok(())
    }))
    .unwrap_or_else(|panic| Err(panicked(&*panic)))
}

#[cold]
fn panicked(panic: &(dyn Any + Send)) -> SubscriberFailure {
    SubscriberFailure::Panicked(panic_text(panic))
}

/// The result of publishing `event` on a bus wired as `wiring` says.
#[inline]
pub(crate) fn outcome(
    failures: Failures,
    event: &'static MessageFacts,
    wiring: &Wiring,
) -> Result<(), PublishError> {
    if failures.is_empty() { Ok(()) } else { named(failures, event, wiring) }
}

/// The failures with the names of the subscribers, which stand in the wiring in the same order as in the table.
#[cold]
fn named(failures: Failures, event: &'static MessageFacts, wiring: &Wiring) -> Result<(), PublishError> {
    let route = wiring.routes().iter().find(|route| route.message == event);
    let subscribers = &route.expect("an event that has subscribers is wired").handlers;
    let named = failures.into_iter().map(|(place, failure)| {
        let subscriber = Box::new(subscribers[place]);
        SubscriberError { subscriber, failure }
    });
    PublishError::from_failures(event.name, named.collect())
}
