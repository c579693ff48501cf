//! Running the subscribers of an event: all of them, whatever becomes of each.

mod concurrent;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

pub(crate) use self::concurrent::concurrently;
use crate::{
    error::{SubscriberError, SubscriberFailure, panic_text},
    handler::{HandlerFacts, SyncNotify},
    message::Event,
};

/// A synchronous subscriber about to be called.
pub(crate) type Waiting<'a, E, B> = (&'a HandlerFacts, &'a dyn SyncNotify<E, B>);

/// Calls the subscribers one after the other and adds those that fail or panic to `failures`.
#[inline]
pub(crate) fn in_turn<'a, E: Event, B: 'a>(
    bus: &B,
    mut subscribers: impl Iterator<Item = Waiting<'a, E, B>>,
    event: &E,
    failures: &mut Vec<SubscriberError>,
) {
    // A panic ends one round of this loop, not the loop: to catch per round is cheaper than to catch per subscriber.
    loop {
        let mut running = None;
        let round = catch_unwind(AssertUnwindSafe(|| {
            for (facts, subscriber) in subscribers.by_ref() {
                running = Some(facts);
                if let Err(failure) = subscriber.notify(bus, event) {
                    failures.push(failed(facts, failure));
                }
            }
        }));
        match (round, running) {
            (Err(panic), Some(facts)) => failures.push(failed(facts, panicked(panic))),
            _ => break,
        }
    }
}

fn failed(facts: &HandlerFacts, failure: SubscriberFailure) -> SubscriberError {
    SubscriberError { subscriber: Box::new(*facts), failure }
}

#[cold]
fn panicked(panic: Box<dyn Any + Send>) -> SubscriberFailure {
    let text = panic_text(&*panic);
    // What was panicked with may panic again when it is dropped. Then that is leaked: there is no end to it.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
    SubscriberFailure::Panicked(text)
}
