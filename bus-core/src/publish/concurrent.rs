use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::join_all;

use super::{Failures, panicked};
use crate::{
    dispatch::{Notify, Publication},
    error::{AnyError, SubscriberFailure},
    handler::Running,
};

/// Starts the subscribers from `first` on, in order, and drives those that wait together; gives those that failed, in
/// order.
pub(super) async fn concurrently(publication: &Publication<'_>, first: usize) -> Failures {
    let runs = (first..publication.len()).map(|place| Run { publication, place, running: None });
    join_all(runs).await.into_iter().flatten().collect()
}

/// One subscriber at work; resolves to its failure. A synchronous one runs whole in the first poll.
struct Run<'a> {
    publication: &'a Publication<'a>,
    place: usize,
    running: Option<Running<'a, Result<(), AnyError>>>,
}

impl Run<'_> {
    fn advance(&mut self, task: &mut Context<'_>) -> Poll<Result<(), Box<SubscriberFailure>>> {
        let running = match &mut self.running {
            Some(running) => running,
            None => match self.publication.notify(self.place) {
                Notify::Done(outcome) => return Poll::Ready(outcome),
                Notify::Later(running) => self.running.insert(running),
            },
        };
        Pin::new(running).poll(task).map_err(|error| Box::new(SubscriberFailure::Handler(error)))
    }
}

impl Future for Run<'_> {
    type Output = Option<(usize, Box<SubscriberFailure>)>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match catch_unwind(AssertUnwindSafe(|| self.advance(task))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(outcome)) => outcome,
            Err(panic) => Err(Box::new(panicked(panic))),
        };
        Poll::Ready(outcome.err().map(|failure| (self.place, failure)))
    }
}
