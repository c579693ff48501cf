//! The observers of a segment at work: each that is started ends once, whatever becomes of the dispatch.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use super::{Dispatch, Observer, chain::Segment, dispatch::Ending, spans::Opened};
use crate::{caught::caught, flavor::Flavor};

/// When it is dropped, the observers are told that the dispatch did not end well: who has [ended](Self::end) it forgets it.
///
/// `TRACED` keeps what is there for a span out of the segments that have none.
pub(super) struct Watch<'w, 'd, const TRACED: bool> {
    observers: &'w [Box<dyn Observer>],
    /// `None` unless `TRACED`.
    pub(super) opened: Option<Opened<'w>>,
    pub(super) dispatch: &'w mut Dispatch<'d>,
    /// Whether what is inside is running, where it may also be waiting.
    is_polled: Option<&'w AtomicBool>,
    /// The time of the segment around this one.
    outer_started: Option<Instant>,
}

impl<'w, 'd, const TRACED: bool> Watch<'w, 'd, TRACED> {
    #[inline]
    pub(super) fn start<B: Flavor>(
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

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the drop is cold, and takes the other call out of line with it")]
    pub(super) fn end(&mut self) {
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
    each(observers.iter(), |observer| observer.start(dispatch));
}

#[inline]
pub(super) fn end_all(observers: &[Box<dyn Observer>], dispatch: &mut Dispatch<'_>) {
    each(observers.iter().rev(), |observer| observer.end(dispatch));
}

/// Each is called once, also after another one that panics. To catch panics around all of them is cheaper than around each.
#[inline]
fn each<'o>(mut observers: impl Iterator<Item = &'o Box<dyn Observer>>, mut observe: impl FnMut(&'o dyn Observer)) {
    if guarded(|| observers.by_ref().for_each(|observer| observe(&**observer))).is_none() {
        each_further(&mut observers, &mut observe);
    }
}

/// Goes on behind one that panicked.
#[cold]
#[inline(never)]
fn each_further<'o>(
    observers: &mut dyn Iterator<Item = &'o Box<dyn Observer>>,
    observe: &mut dyn FnMut(&'o dyn Observer),
) {
    for observer in observers {
        guarded(|| observe(&**observer));
    }
}

/// An observer that panics takes nothing with it.
#[inline]
pub(super) fn guarded<T>(observe: impl FnOnce() -> T) -> Option<T> {
    let seen = caught(observe);
    if seen.is_none() {
        panicked();
    }
    seen
}

#[cold]
#[inline(never)]
fn panicked() {
    // It may be the one that listens who panicked.
    caught(|| tracing::error!(target: "linkbus", "an observer panicked"));
}
