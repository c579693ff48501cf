//! Running the chain of a message: segment by segment, inward.

#[cfg(feature = "transport")]
use std::time::SystemTime;
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};

use super::{
    Around, Dispatch, Dispatched, Done, ErasedPayload, Layered, Payload,
    chain::Segment,
    direct::run_direct,
    payload::outcome_of,
    spans::{InSpan, Within},
    watch::Watch,
};
use crate::{
    bus::Bus,
    handler::{BoxFuture, Running},
    message::Message,
    origin::Origin,
    sync_bus::SyncBus,
};

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
    /// Runs it. Every call runs it once more, as long as the message is there.
    ///
    /// It is there if the handler borrows it, as subscribers do, and if a layer asked for
    /// [`Site::keep_message`](super::Site::keep_message). A handler that takes the message by value has it from the first
    /// call: then a further one does not reach the handler, which is logged as an error, and the outcome stays what it was;
    /// if there was none, because the first call panicked or was dropped, it is `Refused`.
    #[inline]
    pub fn run(&self, dispatch: &mut Dispatch<'_>) -> Done {
        let segment = &self.layered.segments[self.at];
        match &segment.traced {
            None if segment.observers.is_empty() => self.enter(segment, dispatch),
            None => self.watch::<false>(segment, dispatch),
            Some(_) => self.watch::<true>(segment, dispatch),
        }
    }

    /// Out of line, so that a layer around it has nothing to save for the observers that it has not.
    #[inline(never)]
    fn watch<const TRACED: bool>(&self, segment: &Segment<SyncBus>, dispatch: &mut Dispatch<'_>) -> Done {
        let mut watch = Watch::<TRACED>::start(segment, dispatch, None);
        {
            let span = if TRACED { watch.opened.as_ref().map(|opened| &opened.span) } else { None };
            let _within = Within::enter(span);
            self.enter(segment, watch.dispatch);
        }
        watch.end();
        std::mem::forget(watch);
        Done(())
    }

    #[inline]
    fn enter(&self, segment: &Segment<SyncBus>, dispatch: &mut Dispatch<'_>) -> Done {
        if let Some(around) = &segment.around {
            let next = Next { at: self.at + 1, ..*self };
            if segment.restores {
                return next.call_and_restore(&**around, dispatch);
            }
            return around.call(dispatch, next);
        }
        self.layered.inner.call(self.bus, dispatch.payload);
        Done(())
    }

    /// Out of line, for the chains where nobody wants the message afterwards.
    #[inline(never)]
    fn call_and_restore(self, around: &dyn Around, dispatch: &mut Dispatch<'_>) -> Done {
        around.call(Restored::after(dispatch, true).dispatch, self)
    }
}

/// Takes care that the message which came to a layer is there again when the layer is done with it, was dropped, or
/// panicked, where somebody outside wants it.
struct Restored<'w, 'd> {
    dispatch: &'w mut Dispatch<'d>,
    /// `None` if nobody does.
    replacements: Option<usize>,
}

impl<'w, 'd> Restored<'w, 'd> {
    #[inline]
    fn after(dispatch: &'w mut Dispatch<'d>, restores: bool) -> Self {
        let replacements = restores.then(|| dispatch.payload.replacements());
        Restored { dispatch, replacements }
    }
}

impl Drop for Restored<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(replacements) = self.replacements {
            self.dispatch.payload.restore(replacements);
        }
    }
}

impl AsyncNext<'_> {
    /// How deep the bus lets dispatches be nested.
    #[cfg(feature = "transport")]
    pub(crate) fn limit(&self) -> crate::depth::Limit {
        crate::flavor::Flavor::core(self.bus).table.limit()
    }

    /// Runs it. Every call runs it once more, as long as the message is there; otherwise as [`Next::run`].
    pub async fn run(&self, dispatch: &mut Dispatch<'_>) -> Done {
        let segment = &self.layered.segments[self.at];
        match &segment.traced {
            None if segment.observers.is_empty() => {
                let restored = Restored::after(dispatch, segment.restores);
                self.enter(segment, restored.dispatch).await;
            }
            None => self.watch::<false>(segment, dispatch).await,
            Some(_) => self.watch::<true>(segment, dispatch).await,
        }
        Done(())
    }

    async fn watch<const TRACED: bool>(&self, segment: &Segment<Bus>, dispatch: &mut Dispatch<'_>) {
        let is_polled = AtomicBool::new(false);
        let mut watch = Watch::<TRACED>::start(segment, dispatch, Some(&is_polled));
        {
            let span = if TRACED { watch.opened.as_ref().map(|opened| &opened.span) } else { None };
            let restored = Restored::after(watch.dispatch, segment.restores);
            let mut dispatch = Some(&mut *restored.dispatch);
            let mut inside = InSpan::<TRACED, _> { future: None, span };
            poll_fn(|task| {
                is_polled.store(true, Ordering::Relaxed);
                let poll = inside.poll(task, || self.enter(segment, dispatch.take().expect("it is entered once")));
                is_polled.store(false, Ordering::Relaxed);
                poll
            })
            .await;
        }
        watch.end();
        std::mem::forget(watch);
    }

    /// Calls what is inside the observers; gives what is left to be waited for.
    fn enter<'a>(&'a self, segment: &'a Segment<Bus>, dispatch: &'a mut Dispatch<'_>) -> Inside<'a> {
        if let Some(around) = &segment.around {
            return Inside::Around(around.call(dispatch, AsyncNext { at: self.at + 1, ..*self }));
        }
        match self.layered.inner.start(self.bus, dispatch.payload, dispatch.limits) {
            Some(running) => Inside::Handler(running),
            None => Inside::Done,
        }
    }
}

/// What is inside the observers of a place, under way.
enum Inside<'a> {
    Around(BoxFuture<'a, Done>),
    Handler(Running<'a, ()>),
    Done,
}

impl Future for Inside<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Inside::Around(around) => around.as_mut().poll(task).map(|Done(())| ()),
            Inside::Handler(handler) => Pin::new(handler).poll(task),
            Inside::Done => Poll::Ready(()),
        }
    }
}

/// Dispatches `message` through its layers.
#[inline]
pub(crate) fn run<M: Message>(bus: &SyncBus, layered: &Layered<SyncBus>, message: M, origin: Origin) -> Dispatched<M> {
    let mut payload = Payload::new(message, layered.care).from(origin);
    run_erased(bus, layered, &mut payload);
    outcome_of!(payload)
}

#[inline(never)]
fn run_erased(bus: &SyncBus, layered: &Layered<SyncBus>, payload: &mut ErasedPayload) {
    if layered.is_direct {
        return run_direct(bus, layered, payload);
    }
    Next { bus, layered, at: 0 }.run(&mut Dispatch::new(payload, &layered.route, &layered.clock));
}

/// Dispatches `message` through its layers, which are observers only, to its plain `fn`. Out of line, for those that have no
/// layers.
#[inline(never)]
pub(crate) fn run_at_once<M: Message>(bus: &Bus, layered: &Layered<Bus>, message: M, origin: Origin) -> Dispatched<M> {
    let mut payload = Payload::new(message, layered.care).from(origin);
    run_direct(bus, layered, &mut payload);
    outcome_of!(payload)
}

/// Dispatches `message` through its layers. Out of line, for those who dispatch without.
#[inline(never)]
pub(crate) fn run_async<'a, M: Message>(
    bus: &'a Bus,
    layered: &'a Layered<Bus>,
    message: M,
    origin: Origin,
) -> BoxFuture<'a, Dispatched<M>> {
    Box::pin(async move {
        let mut payload = Payload::new(message, layered.care).from(origin);
        let mut dispatch = Dispatch::new(&mut payload, &layered.route, &layered.clock);
        AsyncNext { bus, layered, at: 0 }.run(&mut dispatch).await;
        outcome_of!(payload)
    })
}

/// Dispatches `message` through its layers to a transport that keeps it until it is `due`.
#[cfg(feature = "transport")]
pub(crate) async fn run_later<M: Message>(
    bus: &Bus,
    layered: &Layered<Bus>,
    due: SystemTime,
    message: M,
    origin: Origin,
) -> Dispatched<M> {
    let mut payload = Payload::new(message, layered.care).from(origin).due(due);
    let mut dispatch = Dispatch::new(&mut payload, &layered.route, &layered.clock);
    AsyncNext { bus, layered, at: 0 }.run(&mut dispatch).await;
    outcome_of!(payload)
}
