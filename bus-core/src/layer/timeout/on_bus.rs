//! Time-outs on a `Bus`: what waits is dropped.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::{counts::Counters, earlier, expiry::Expiry, log};
use crate::{
    clock::Clock,
    handler::HandlerFacts,
    layer::{AsyncAround, AsyncNext, Dispatch, Done, LayerFailure},
};

/// Around a message with one handler.
pub(super) struct Limited {
    pub(super) after: Duration,
    pub(super) clock: Clock,
    pub(super) counters: Arc<Counters>,
}

impl AsyncAround for Limited {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        let mut expiry = Expiry::after(self.after, &self.clock);
        let in_time = {
            let hurried = Hurried::until(expiry.deadline(), dispatch);
            let mut inside = pin!(next.run(&mut *hurried.dispatch));
            // What is inside is asked first: if both are over, it is not too late.
            poll_fn(|task| match inside.as_mut().poll(task) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending => expiry.poll(task).map(|()| None),
            })
            .await
        };
        in_time.unwrap_or_else(|| self.time_out(dispatch))
    }
}

impl Limited {
    #[cold]
    fn time_out(&self, dispatch: &mut Dispatch<'_>) -> Done {
        Counters::count(&self.counters.timed_out);
        log::timed_out(dispatch.message(), self.after);
        dispatch.fail(LayerFailure::TimedOut(self.after))
    }
}

/// A dispatch that knows of a deadline, until this is dropped.
struct Hurried<'w, 'd> {
    dispatch: &'w mut Dispatch<'d>,
    outer: Option<Instant>,
}

impl<'w, 'd> Hurried<'w, 'd> {
    fn until(deadline: Option<Instant>, dispatch: &'w mut Dispatch<'d>) -> Self {
        let outer = dispatch.deadline();
        dispatch.particulars().deadline = earlier(outer, deadline);
        Hurried { dispatch, outer }
    }
}

impl Drop for Hurried<'_, '_> {
    fn drop(&mut self) {
        self.dispatch.particulars().deadline = self.outer;
    }
}

/// Around an event: each of its subscribers has a limit of its own.
pub(super) struct LimitedSubscribers {
    /// In the order of the subscribers; `None` for one that cannot be interrupted.
    pub(super) after: Box<[Option<Duration>]>,
    pub(super) clock: Clock,
    pub(super) counters: Arc<Counters>,
}

impl AsyncAround for LimitedSubscribers {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        let LimitedSubscribers { after, clock, counters } = self;
        let subscribers = &dispatch.route.handlers[..];
        let limits = SubscriberLimits { outer: dispatch.limits, after, subscribers, clock, counters, first: 0 };
        next.run(&mut dispatch.within(&limits)).await
    }
}

/// How long each subscriber of an event may run.
#[derive(Clone, Copy)]
pub(crate) struct SubscriberLimits<'a> {
    /// Those of a time-out around this one.
    outer: Option<&'a SubscriberLimits<'a>>,
    after: &'a [Option<Duration>],
    subscribers: &'a [HandlerFacts],
    clock: &'a Clock,
    counters: &'a Counters,
    /// The place of the subscriber that is counted as the first.
    first: usize,
}

impl<'a> SubscriberLimits<'a> {
    /// For the subscribers from this place on.
    pub(crate) fn from(&self, first: usize) -> SubscriberLimits<'a> {
        SubscriberLimits { first, ..*self }
    }

    /// The limit of the subscriber in this place, which runs from now on.
    pub(crate) fn start(&self, place: usize) -> Option<SubscriberLimit<'_>> {
        let place = self.first + place;
        let after = self.after(place)?;
        let subscriber = &self.subscribers[place];
        Some(SubscriberLimit { after, subscriber, expiry: Expiry::after(after, self.clock), counters: self.counters })
    }

    /// The shortest of all time-outs around it.
    fn after(&self, place: usize) -> Option<Duration> {
        let outer = self.outer.and_then(|outer| outer.after(place));
        self.after[place].into_iter().chain(outer).min()
    }
}

/// The limit of one subscriber at work.
pub(crate) struct SubscriberLimit<'a> {
    after: Duration,
    subscriber: &'a HandlerFacts,
    expiry: Expiry<'a>,
    counters: &'a Counters,
}

impl SubscriberLimit<'_> {
    /// Ready with the limit when it is exceeded.
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<Duration> {
        self.expiry.poll(task).map(|()| {
            Counters::count(&self.counters.timed_out);
            log::subscriber_timed_out(self.subscriber, self.after);
            self.after
        })
    }
}
