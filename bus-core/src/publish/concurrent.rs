use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::join_all;

use super::{failed, in_turn, panicked};
use crate::{
    bus::{Bus, Callable},
    error::{SubscriberError, SubscriberFailure},
    flavor::Flavor,
    handler::BoxFuture,
    message::Event,
    wiring,
};

type Subscriber<E> = wiring::Subscriber<<Bus as Flavor>::Notify<E>>;

/// Starts all `subscribers` in order and drives those that wait together; gives those that failed, in order.
pub(crate) async fn concurrently<E: Event>(
    bus: &Bus,
    subscribers: &[Subscriber<E>],
    event: &E,
) -> Vec<SubscriberError> {
    let mut failures = Vec::new();
    let mut later = subscribers;
    // Up to the first async subscriber nothing can wait, so nothing is allocated.
    let first = std::iter::from_fn(|| match later {
        [Subscriber { facts, notify: Callable::Sync(notify) }, rest @ ..] => {
            later = rest;
            Some((facts, &**notify))
        }
        _ => None,
    });
    in_turn(bus, first, event, &mut failures);
    if !later.is_empty() {
        let runs = later.iter().map(|subscriber| Run { bus, subscriber, event, future: None });
        failures.extend(join_all(runs).await.into_iter().flatten());
    }
    failures
}

/// One subscriber at work; resolves to its failure. A synchronous one runs whole in the first poll.
struct Run<'a, E: Event> {
    bus: &'a Bus,
    subscriber: &'a Subscriber<E>,
    event: &'a E,
    future: Option<BoxFuture<'a, Result<(), SubscriberFailure>>>,
}

impl<E: Event> Run<'_, E> {
    fn advance(&mut self, task: &mut Context<'_>) -> Poll<Result<(), SubscriberFailure>> {
        match &self.subscriber.notify {
            Callable::Sync(notify) => Poll::Ready(notify.notify(self.bus, self.event)),
            Callable::Async(notify) => {
                let future = self.future.get_or_insert_with(|| notify.notify(self.bus, self.event));
                future.as_mut().poll(task)
            }
        }
    }
}

impl<E: Event> Future for Run<'_, E> {
    type Output = Option<SubscriberError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match catch_unwind(AssertUnwindSafe(|| self.advance(task))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(outcome)) => outcome,
            Err(panic) => Err(panicked(panic)),
        };
        Poll::Ready(outcome.err().map(|failure| failed(&self.subscriber.facts, failure)))
    }
}
