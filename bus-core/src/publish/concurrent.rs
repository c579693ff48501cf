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
    layer::{SubscriberLimit, SubscriberLimits},
};

/// Starts the subscribers from `first` on, in order, and drives those that wait together; gives those that failed, in
/// order.
pub(super) async fn concurrently(
    publication: &Publication<'_>,
    first: usize,
    limits: Option<&SubscriberLimits<'_>>,
) -> Failures {
    let runs = (first..publication.len()).map(|place| Run { publication, place, limits, at_work: None });
    join_all(runs).await.into_iter().flatten().collect()
}

/// One subscriber at work; resolves to its failure. A synchronous one runs whole in the first poll.
struct Run<'a> {
    publication: &'a Publication<'a>,
    place: usize,
    limits: Option<&'a SubscriberLimits<'a>>,
    at_work: Option<AtWork<'a>>,
}

/// An asynchronous subscriber, and how long it may still run.
struct AtWork<'a> {
    running: Running<'a, Result<(), AnyError>>,
    limit: Option<SubscriberLimit<'a>>,
}

impl Run<'_> {
    fn advance(&mut self, task: &mut Context<'_>) -> Poll<Result<(), Box<SubscriberFailure>>> {
        #[cfg(feature = "testing")]
        let _turn = super::Turn::of(self.place);
        let AtWork { running, limit } = match &mut self.at_work {
            Some(at_work) => at_work,
            None => match self.publication.notify(self.place) {
                Notify::Done(outcome) => return Poll::Ready(outcome),
                Notify::Later(running) => {
                    let limit = self.limits.and_then(|limits| limits.start(self.place));
                    self.at_work.insert(AtWork { running, limit })
                }
            },
        };
        if let Poll::Ready(outcome) = Pin::new(running).poll(task) {
            return Poll::Ready(outcome.map_err(|error| Box::new(SubscriberFailure::Handler(error))));
        }
        let Some(Poll::Ready(after)) = limit.as_mut().map(|limit| limit.poll(task)) else { return Poll::Pending };
        self.at_work = None;
        Poll::Ready(Err(Box::new(SubscriberFailure::TimedOut { after })))
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
