//! Running the subscribers of an event: all of them, whatever becomes of each.
//!
//! Nothing here has the event's type, so it is compiled once and not for every event.

mod concurrent;
#[cfg(feature = "testing")]
mod turn;

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
};

use self::concurrent::concurrently;
#[cfg(feature = "testing")]
pub(crate) use self::turn::Turn;
use crate::{
    context::Context,
    dispatch::Publication,
    error::{PublishError, SubscriberError, SubscriberFailure, panic_text},
    layer::{ErasedPayload, SubscriberLimits},
    message::MessageFacts,
    wiring::Wiring,
};

/// The subscribers that did not succeed, each with its place among those of the event.
pub(crate) type Failures = Vec<(usize, Box<SubscriberFailure>)>;

/// What became of the synchronous subscribers before the first asynchronous one, where there is more to say than that
/// all succeeded.
pub(crate) struct Round {
    /// The place of the first asynchronous one; behind the last if there is none.
    next: usize,
    pub(crate) failures: Failures,
}

impl Round {
    /// Runs what is left, concurrently, each within its limit; gives all failures, in order.
    #[expect(clippy::manual_async_fn, reason = "the future of an `async fn` holds its arguments twice")]
    pub(crate) fn finish<'a>(
        mut self,
        publication: &'a Publication<'a>,
        limits: Option<&'a SubscriberLimits<'a>>,
    ) -> impl Future<Output = Failures> + Send {
        async move {
            if self.next < publication.len() {
                self.failures.extend(concurrently(publication, self.next, limits).await);
            }
            self.failures
        }
    }
}

/// Calls the subscribers one after the other, up to the first asynchronous one; `None` if all were called and succeeded.
#[inline]
pub(crate) fn in_turn(publication: &Publication<'_>) -> Option<Round> {
    let mut next = 0;
    match until_failure(publication, &mut next) {
        Ok(()) if next == publication.len() => None,
        outcome => Some(rest(*publication, next, outcome)),
    }
}

/// Goes on where something else than success was met.
#[cold]
fn rest(publication: Publication<'_>, next: usize, mut outcome: Result<(), Box<SubscriberFailure>>) -> Round {
    let mut round = Round { next, failures: Vec::new() };
    while let Err(failure) = outcome {
        round.failures.push((round.next, failure));
        round.next += 1;
        outcome = until_failure(&publication, &mut round.next);
    }
    round
}

/// Calls the subscribers from `place` on; stops at one that fails or panics, with `place` at that one.
///
/// To catch panics around all of them is cheaper than to do it around each.
#[inline]
fn until_failure(publication: &Publication<'_>, place: &mut usize) -> Result<(), Box<SubscriberFailure>> {
    catch_unwind(AssertUnwindSafe(|| {
        while let Some(outcome) = publication.notify_sync(*place) {
            outcome?;
            *place += 1;
        }
        Ok(())
    }))
    .unwrap_or_else(|panic| Err(caught(panic)))
}

#[cold]
#[inline(never)]
#[expect(clippy::unnecessary_box_returns, reason = "all of it is out of the way of those that succeed")]
fn caught(panic: Box<dyn Any + Send>) -> Box<SubscriberFailure> {
    Box::new(panicked(panic))
}

fn panicked(panic: Box<dyn Any + Send>) -> SubscriberFailure {
    let text = panic_text(&*panic);
    // What was panicked with may panic again when it is dropped. Then that is leaked: there is no end to it.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
    SubscriberFailure::Panicked(text)
}

/// Runs subscribers with what they do marked as caused by the publication, if that has an identity.
pub(crate) async fn caused_by<T>(publication: Option<Context>, subscribers: impl Future<Output = T>) -> T {
    let mut subscribers = pin!(subscribers);
    poll_fn(|task| {
        let _caused = publication.as_ref().map(Context::enter);
        subscribers.as_mut().poll(task)
    })
    .await
}

/// Makes the result of publishing what is in `payload` its outcome; `first` is the place of the first subscriber called.
pub(crate) fn put(mut failures: Failures, first: usize, payload: &mut ErasedPayload, wiring: &Wiring) {
    for (place, _) in &mut failures {
        *place += first;
    }
    let outcome = if failures.is_empty() { Ok(()) } else { outcome(failures, payload.facts(), wiring) };
    let place = payload.outcome_any().downcast_mut().expect("the payload of an event");
    *place = Some(outcome);
}

/// The result of publishing `event` on a bus wired as `wiring` says.
///
/// The failures get the names of the subscribers, which stand in the wiring in the same order as in the table.
#[cold]
pub(crate) fn outcome(failures: Failures, event: &'static MessageFacts, wiring: &Wiring) -> Result<(), PublishError> {
    let route = wiring.routes().iter().find(|route| route.message == event);
    let subscribers = &route.expect("an event that has subscribers is wired").handlers;
    let named = failures.into_iter().map(|(place, failure)| {
        let subscriber = Box::new(subscribers[place]);
        SubscriberError { subscriber, place, failure: *failure }
    });
    PublishError::from_failures(event.name, named.collect())
}
