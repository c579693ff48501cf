//! The span of a place in the chain: open while what is inside it runs.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tracing::{Span, span::Entered};

use super::{
    Dispatch, Observer,
    watch::{end_all, guarded, start_all},
};

/// Makes the span of a dispatch, for a layer that puts other things in it than [`Trace`](super::Trace) does.
///
/// Given to the chain with [`Link::span`](super::Link::span). What is inside the layer runs in the span, on both buses and
/// without a future of its own; so do the observers inside.
///
/// ```
/// use linkbus::{Command, Flavor, SyncBus, layer::{Dispatch, Layer, Link, Site, Tracer}};
/// use tracing::{Span, field::Empty, info_span};
/// # #[derive(Command)]
/// # struct Pay;
///
/// struct Plain;
///
/// impl Tracer for Plain {
///     fn start(&self, dispatch: &mut Dispatch<'_>) -> Option<Span> {
///         Some(info_span!("message", name = dispatch.message().name, outcome = Empty))
///     }
///     fn end(&self, dispatch: &mut Dispatch<'_>, span: &Span) {
///         span.record("outcome", dispatch.outcome().label());
///     }
/// }
///
/// impl<B: Flavor> Layer<B> for Plain {
///     fn link(&self, _: &mut Site<'_>) -> Option<Link<B>> {
///         Some(Link::span(Plain))
///     }
/// }
/// # SyncBus::empty().command(|_: Pay| ()).layer(Plain).build().unwrap().execute(Pay).unwrap();
/// ```
pub trait Tracer: Send + Sync + 'static {
    /// Makes the span; `None` if nobody would see it, and then there is no `end`.
    fn start(&self, dispatch: &mut Dispatch<'_>) -> Option<Span>;

    /// Called when the dispatch is over, also after a panic and when it was dropped, before the span is closed.
    fn end(&self, dispatch: &mut Dispatch<'_>, span: &Span) {
        let _ = (dispatch, span);
    }
}

/// The tracer of a segment and its place among the observers there.
pub(super) struct Traced {
    pub(super) tracer: Box<dyn Tracer>,
    /// How many observers are outside the span.
    pub(super) outside: usize,
}

/// The span of a dispatch under way.
pub(super) struct Opened<'w> {
    pub(super) span: Span,
    traced: &'w Traced,
}

impl Traced {
    /// Starts the observers, and opens the span between those outside and those inside.
    pub(super) fn start(&self, observers: &[Box<dyn Observer>], dispatch: &mut Dispatch<'_>) -> Option<Opened<'_>> {
        let (outside, inside) = observers.split_at(self.outside);
        start_all(outside, dispatch);
        let span = guarded(|| self.tracer.start(dispatch)).flatten().filter(|span| !span.is_disabled());
        match &span {
            None => start_all(inside, dispatch),
            Some(span) => {
                let _within = Within::enter(Some(span));
                start_all(inside, dispatch);
            }
        }
        span.map(|span| Opened { span, traced: self })
    }
}

impl Opened<'_> {
    /// Ends the observers, and closes the span between those inside and those outside.
    #[inline(never)]
    pub(super) fn end(self, observers: &[Box<dyn Observer>], dispatch: &mut Dispatch<'_>) {
        let Opened { span, traced } = self;
        let (outside, inside) = observers.split_at(traced.outside);
        {
            let _within = Within::enter(Some(&span));
            end_all(inside, dispatch);
        }
        guarded(|| traced.tracer.end(dispatch, &span));
        guarded(|| drop(span));
        end_all(outside, dispatch);
    }
}

/// In a span, if there is one, until this is dropped. A subscriber that panics at that takes nothing with it.
pub(super) struct Within<'s>(Option<Entered<'s>>);

impl<'s> Within<'s> {
    #[inline]
    pub(super) fn enter(span: Option<&'s Span>) -> Self {
        Within(span.and_then(|span| guarded(|| span.enter())))
    }
}

impl Drop for Within<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(entered) = self.0.take() {
            guarded(|| drop(entered));
        }
    }
}

/// A future that is made, polled and dropped in its span, if `TRACED`.
pub(super) struct InSpan<'a, const TRACED: bool, F> {
    /// `None` until the first poll.
    pub(super) future: Option<F>,
    pub(super) span: Option<&'a Span>,
}

impl<const TRACED: bool, F: Future + Unpin> InSpan<'_, TRACED, F> {
    #[inline]
    pub(super) fn poll(&mut self, task: &mut Context<'_>, make: impl FnOnce() -> F) -> Poll<F::Output> {
        let _within = Within::enter(self.span.filter(|_| TRACED));
        Pin::new(self.future.get_or_insert_with(make)).poll(task)
    }
}

impl<const TRACED: bool, F> Drop for InSpan<'_, TRACED, F> {
    #[inline]
    fn drop(&mut self) {
        if TRACED && self.span.is_some() {
            let _within = Within::enter(self.span);
            self.future = None;
        }
    }
}
