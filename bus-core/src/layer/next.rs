//! Running the chain of a message: segment by segment, inward.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use super::{
    Dispatch, Dispatched, Done, Layered, Observer, Payload,
    chain::Segment,
    dispatch::Ending,
    spans::{InSpan, Opened},
};
use crate::{bus::Bus, flavor::Flavor, handler::BoxFuture, message::Message, sync_bus::SyncBus};

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
        match &segment.traced {
            None => self.step::<false>(segment, dispatch),
            Some(_) => self.step::<true>(segment, dispatch),
        }
    }

    /// `TRACED` keeps what is there for spans out of the places that have none.
    #[inline]
    fn step<const TRACED: bool>(&self, segment: &Segment<SyncBus>, dispatch: &mut Dispatch<'_>) -> Done {
        let watch = Watch::<TRACED>::start(segment, dispatch, None);
        {
            let span = if TRACED { watch.opened.as_ref().map(|opened| &opened.span) } else { None };
            let _entered = span.map(tracing::Span::enter);
            match &segment.around {
                Some(around) => around.call(watch.dispatch, Next { at: self.at + 1, ..*self }),
                None => {
                    self.layered.inner.call(self.bus, watch.dispatch.payload);
                    Done(())
                }
            };
        }
        watch.finish()
    }
}

impl AsyncNext<'_> {
    /// Runs it. Every call runs it once more, as long as the message is there: see
    /// [`Site::keep_message`](super::Site::keep_message).
    pub async fn run(&self, dispatch: &mut Dispatch<'_>) -> Done {
        let segment = &self.layered.segments[self.at];
        match &segment.traced {
            None => self.step::<false>(segment, dispatch).await,
            Some(_) => self.step::<true>(segment, dispatch).await,
        }
    }

    async fn step<const TRACED: bool>(&self, segment: &Segment<Bus>, dispatch: &mut Dispatch<'_>) -> Done {
        let is_polled = AtomicBool::new(false);
        let watch = Watch::<TRACED>::start(segment, dispatch, Some(&is_polled));
        {
            let span = if TRACED { watch.opened.as_ref().map(|opened| &opened.span) } else { None };
            let dispatch = &mut *watch.dispatch;
            let future = pin!(Some(async {
                match &segment.around {
                    Some(around) => around.call(dispatch, AsyncNext { at: self.at + 1, ..*self }).await,
                    None => {
                        self.layered.inner.run(self.bus, dispatch.payload).await;
                        Done(())
                    }
                }
            }));
            let mut inside = InSpan::<TRACED, _> { future, span };
            poll_fn(|task| {
                is_polled.store(true, Ordering::Relaxed);
                let poll = inside.poll(task);
                is_polled.store(false, Ordering::Relaxed);
                poll
            })
            .await;
        }
        watch.finish()
    }
}

/// The observers of a segment at work: when it is dropped without having been finished, they are told.
struct Watch<'w, 'd, const TRACED: bool> {
    observers: &'w [Box<dyn Observer>],
    /// `None` unless `TRACED`.
    opened: Option<Opened<'w>>,
    dispatch: &'w mut Dispatch<'d>,
    /// Whether what is inside is running, where it may also be waiting.
    is_polled: Option<&'w AtomicBool>,
    /// The time of the segment around this one.
    outer_started: Option<Instant>,
}

impl<'w, 'd, const TRACED: bool> Watch<'w, 'd, TRACED> {
    #[inline]
    fn start<B: Flavor>(
        segment: &'w Segment<B>,
        dispatch: &'w mut Dispatch<'d>,
        is_polled: Option<&'w AtomicBool>,
    ) -> Self {
        let outer_started = dispatch.started;
        let observers = &segment.observers[..];
        let opened = match &segment.traced {
            Some(traced) if TRACED => traced.start(observers, dispatch),
            _ => {
                start_all(observers, dispatch);
                None
            }
        };
        if segment.reads_clock {
            dispatch.started = Some(dispatch.clock.now());
        }
        Watch { observers, opened, dispatch, is_polled, outer_started }
    }

    #[inline]
    fn finish(mut self) -> Done {
        self.end();
        std::mem::forget(self);
        Done(())
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the drop is cold, and takes the other call out of line with it")]
    fn end(&mut self) {
        match if TRACED { self.opened.take() } else { None } {
            Some(opened) => opened.end(self.observers, self.dispatch),
            None => end_all(self.observers, self.dispatch),
        }
        self.dispatch.started = self.outer_started;
    }
}

impl<const TRACED: bool> Drop for Watch<'_, '_, TRACED> {
    #[cold]
    fn drop(&mut self) {
        let is_running = self.is_polled.is_none_or(|is_polled| is_polled.load(Ordering::Relaxed));
        self.dispatch.ending = if is_running { Ending::Panicked } else { Ending::Abandoned };
        self.end();
        self.dispatch.ending = Ending::WithOutcome;
    }
}

#[inline]
pub(super) fn start_all(observers: &[Box<dyn Observer>], dispatch: &mut Dispatch<'_>) {
    for observer in observers {
        guarded(|| observer.start(dispatch));
    }
}

#[inline]
pub(super) fn end_all(observers: &[Box<dyn Observer>], dispatch: &mut Dispatch<'_>) {
    for observer in observers.iter().rev() {
        guarded(|| observer.end(dispatch));
    }
}

/// An observer that panics takes nothing with it.
#[inline]
pub(super) fn guarded<T>(observe: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(observe)).map_err(panicked).ok()
}

#[cold]
#[inline(never)]
fn panicked(panic: Box<dyn std::any::Any + Send>) {
    let text = crate::error::panic_text(&*panic);
    std::mem::forget(panic);
    tracing::error!(target: "linkbus", panic = text, "an observer panicked");
}

/// Dispatches `message` through its layers.
#[cold]
#[inline(never)]
pub(crate) fn run<M: Message>(bus: &SyncBus, layered: &Layered<SyncBus>, message: M) -> Dispatched<M> {
    let mut payload = Payload::new(message, layered.keeps_message);
    let mut dispatch = Dispatch::new(&mut payload, &layered.route, &layered.clock);
    Next { bus, layered, at: 0 }.run(&mut dispatch);
    payload.into_outcome()
}

/// Dispatches `message` through its layers.
#[cold]
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
        payload.into_outcome()
    })
}
