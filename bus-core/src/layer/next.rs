//! Running the chain of a message: segment by segment, inward.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use super::{
    Dispatch, Dispatched, Done, ErasedPayload, Layered, Observer, Payload, chain::Segment, dispatch::Ending,
    payload::Particulars,
};
use crate::{bus::Bus, context::Cause, depth, flavor::Flavor, handler::BoxFuture, message::Message, sync_bus::SyncBus};

/// What is inside an [`Around`](super::Around): the further layers and the handler.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    pub(super) bus: &'a SyncBus,
    pub(super) layered: &'a Layered<SyncBus>,
    /// Which segment.
    pub(super) at: usize,
}

/// What is inside an [`AsyncAround`](super::AsyncAround): the further layers and the handler.
#[derive(Clone, Copy)]
pub struct AsyncNext<'a> {
    pub(super) bus: &'a Bus,
    pub(super) layered: &'a Layered<Bus>,
    /// Which segment.
    pub(super) at: usize,
}

impl Next<'_> {
    /// Runs it. Every call runs it once more, as long as the message is there: see
    /// [`Site::keep_message`](super::Site::keep_message).
    #[inline]
    pub fn run(&self, dispatch: &mut Dispatch<'_>) -> Done {
        let segment = &self.layered.segments[self.at];
        if segment.observers.is_empty() { self.enter(segment, dispatch) } else { self.watch(segment, dispatch) }
    }

    /// Out of line, so that a layer around it has nothing to save for the observers that it has not.
    #[inline(never)]
    fn watch(&self, segment: &Segment<SyncBus>, dispatch: &mut Dispatch<'_>) -> Done {
        let mut watch = Watch::start(segment, dispatch, None);
        self.enter(segment, watch.dispatch);
        watch.end();
        std::mem::forget(watch);
        Done(())
    }

    #[inline]
    fn enter(&self, segment: &Segment<SyncBus>, dispatch: &mut Dispatch<'_>) -> Done {
        if let Some(around) = &segment.around {
            return around.call(dispatch, Next { at: self.at + 1, ..*self });
        }
        self.layered.inner.call(self.bus, dispatch.payload);
        Done(())
    }
}

impl AsyncNext<'_> {
    /// Runs it. Every call runs it once more, as long as the message is there: see
    /// [`Site::keep_message`](super::Site::keep_message).
    pub async fn run(&self, dispatch: &mut Dispatch<'_>) -> Done {
        let segment = &self.layered.segments[self.at];
        let is_polled = AtomicBool::new(false);
        let mut watch = Watch::start(segment, dispatch, Some(&is_polled));
        {
            let dispatch = &mut *watch.dispatch;
            let mut inside = pin!(async {
                match &segment.around {
                    Some(around) => around.call(dispatch, AsyncNext { at: self.at + 1, ..*self }).await,
                    None => {
                        self.layered.inner.run(self.bus, dispatch.payload, dispatch.limits).await;
                        Done(())
                    }
                }
            });
            poll_fn(|task| {
                is_polled.store(true, Ordering::Relaxed);
                let poll = inside.as_mut().poll(task);
                is_polled.store(false, Ordering::Relaxed);
                poll
            })
            .await;
        }
        watch.end();
        std::mem::forget(watch);
        Done(())
    }
}

/// What is inside an [`Around`](super::Around), ready to be run on another thread, with or without the caller.
pub(crate) struct Detached {
    bus: SyncBus,
    at: usize,
    payload: Box<dyn ErasedPayload>,
    depth: depth::Carried,
    cause: Cause,
    span: tracing::Span,
}

impl Next<'_> {
    /// Makes it ready for another thread. The outcome comes back with [`ErasedPayload::adopt`].
    pub(crate) fn detach(&self, dispatch: &mut Dispatch<'_>) -> Detached {
        Detached {
            bus: self.bus.clone(),
            at: self.at,
            payload: dispatch.payload.detach(),
            depth: depth::carry(),
            cause: Cause::current(),
            span: tracing::Span::current(),
        }
    }
}

impl Detached {
    /// What the layers inside are told.
    pub(super) fn particulars(&mut self) -> &mut Particulars {
        self.payload.particulars_mut()
    }

    /// Runs it, as deep as the dispatch was on its thread, and caused by the same; gives back what is to be adopted.
    pub(crate) fn run(mut self) -> Box<dyn ErasedPayload> {
        let _depth = self.depth.enter();
        let _cause = self.cause.enter();
        let _span = self.span.enter();
        let layered = self.bus.core().table.layered(self.payload.facts()).expect("it came from inside these layers");
        let mut dispatch = Dispatch::new(&mut *self.payload, &layered.route, &layered.clock);
        Next { bus: &self.bus, layered, at: self.at }.run(&mut dispatch);
        self.payload
    }
}

/// The observers of a segment at work: when it is dropped and not forgotten, they are told that it did not end well.
struct Watch<'w, 'd> {
    observers: &'w [Box<dyn Observer>],
    dispatch: &'w mut Dispatch<'d>,
    /// Whether what is inside is running, where it may also be waiting.
    is_polled: Option<&'w AtomicBool>,
    /// The time of the segment around this one.
    outer_started: Option<Instant>,
}

impl<'w, 'd> Watch<'w, 'd> {
    #[inline]
    fn start<B: Flavor>(
        segment: &'w Segment<B>,
        dispatch: &'w mut Dispatch<'d>,
        is_polled: Option<&'w AtomicBool>,
    ) -> Self {
        let outer_started = dispatch.started;
        let observers = &segment.observers[..];
        for observer in observers {
            guarded(|| observer.start(dispatch));
        }
        if segment.reads_clock {
            dispatch.started = Some(dispatch.clock.now());
        }
        Watch { observers, dispatch, is_polled, outer_started }
    }

    #[inline]
    fn end(&mut self) {
        for observer in self.observers.iter().rev() {
            guarded(|| observer.end(self.dispatch));
        }
        self.dispatch.started = self.outer_started;
    }
}

impl Drop for Watch<'_, '_> {
    #[cold]
    fn drop(&mut self) {
        let is_running = self.is_polled.is_none_or(|is_polled| is_polled.load(Ordering::Relaxed));
        self.dispatch.ending = if is_running { Ending::Panicked } else { Ending::Abandoned };
        self.end();
        self.dispatch.ending = Ending::WithOutcome;
    }
}

/// An observer that panics takes nothing with it.
#[inline]
fn guarded(observe: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(observe)) {
        panicked(panic);
    }
}

#[cold]
#[inline(never)]
fn panicked(panic: Box<dyn std::any::Any + Send>) {
    let text = crate::error::panic_text(&*panic);
    std::mem::forget(panic);
    tracing::error!(target: "linkbus", panic = text, "an observer panicked");
}

/// Dispatches `message` through its layers.
#[inline]
pub(crate) fn run<M: Message>(bus: &SyncBus, layered: &Layered<SyncBus>, message: M) -> Dispatched<M> {
    let mut payload = Payload::new(message, layered.keeps_message);
    let mut dispatch = Dispatch::new(&mut payload, &layered.route, &layered.clock);
    Next { bus, layered, at: 0 }.run(&mut dispatch);
    payload.outcome_taken()
}

/// Dispatches `message` through its layers. Out of line, for those who dispatch without.
#[inline(never)]
pub(crate) fn run_async<'a, M: Message>(
    bus: &'a Bus,
    layered: &'a Layered<Bus>,
    message: M,
) -> BoxFuture<'a, Dispatched<M>> {
    Box::pin(async move {
        let mut payload = Payload::new(message, layered.keeps_message);
        let mut dispatch = Dispatch::new(&mut payload, &layered.route, &layered.clock);
        AsyncNext { bus, layered, at: 0 }.run(&mut dispatch).await;
        payload.outcome_taken()
    })
}
