//! How deep dispatches are nested on this thread, so that a cycle of messages is an error and not a stack overflow.
//!
//! What counts is the call stack: a handler that dispatches from inside its own call, or from inside a poll of its own
//! future, goes one level down. A message sent from a task that a handler spawned starts again at the top.
//!
//! A message that leaves the process says how deep it is, and its handler there goes on from that: a cycle over several processes
//! ends as well.

#[cfg(feature = "transport")]
mod outside;

use std::{cell::Cell, fmt, marker::PhantomData};

#[cfg(feature = "transport")]
pub(crate) use self::outside::{admit, from_outside, leave};
use crate::message::MessageFacts;

/// The depth at which a bus refuses to go further unless it was built with another limit.
pub(crate) const DEFAULT_MAX_DEPTH: u32 = 64;

/// How many messages of the path are remembered: those at the deepest levels that the limit allows.
const REMEMBERED: u32 = 32;

/// How deep a bus lets dispatches be nested.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    max: u32,
    /// From this level on the messages are remembered, so that those above cost nothing but counting.
    remember_from: u32,
}

impl Limit {
    pub(crate) fn new(max: u32) -> Self {
        Limit { max, remember_from: max.saturating_sub(REMEMBERED) }
    }
}

type Remembered = [Cell<Option<&'static MessageFacts>>; REMEMBERED as usize];

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static MESSAGES: Remembered = const { [const { Cell::new(None) }; REMEMBERED as usize] };
}

/// One level of nesting, left when dropped. It belongs to the thread that entered it.
pub(crate) struct Frame {
    /// Whether its message is remembered, and to be forgotten when it is left: what is remembered is always on the stack.
    is_remembered: bool,
    on_this_thread: PhantomData<*const ()>,
}

impl Frame {
    /// Goes one level down; `None` if that level is too deep to be entered [without a look](Self::enter_deep).
    #[inline]
    pub(crate) fn enter(limit: Limit) -> Option<Frame> {
        // One access for both, because an access may be a call.
        DEPTH.with(|depth| (depth.get() < limit.remember_from).then(|| Frame::push(depth, false)))
    }

    /// Goes one level down, unless the levels that `limit` allows are in use.
    #[inline]
    pub(crate) fn enter_any(message: &'static MessageFacts, limit: Limit) -> Result<Frame, RecursionLimit> {
        match Frame::enter(limit) {
            Some(frame) => Ok(frame),
            None => Frame::enter_deep(message, limit),
        }
    }

    #[cold]
    pub(crate) fn enter_deep(message: &'static MessageFacts, limit: Limit) -> Result<Frame, RecursionLimit> {
        if DEPTH.get() >= limit.max { Err(limit_reached(message, limit)) } else { Ok(Frame::resume_deep(message)) }
    }

    /// Goes one level down without a limit: for a call that was let in before and is resumed.
    #[inline]
    pub(crate) fn resume(message: &'static MessageFacts, limit: Limit) -> Frame {
        Frame::enter(limit).unwrap_or_else(|| Frame::resume_deep(message))
    }

    #[cold]
    fn resume_deep(message: &'static MessageFacts) -> Frame {
        DEPTH.with(|depth| {
            remember(depth.get(), Some(message));
            Frame::push(depth, true)
        })
    }

    #[inline]
    fn push(depth: &Cell<u32>, is_remembered: bool) -> Frame {
        depth.set(depth.get() + 1);
        Frame { is_remembered, on_this_thread: PhantomData }
    }
}

impl Drop for Frame {
    #[inline]
    fn drop(&mut self) {
        // Counted down, not set back: the depth need not be kept in a register during the call.
        DEPTH.with(|depth| {
            depth.set(depth.get().wrapping_sub(1));
            if self.is_remembered {
                remember(depth.get(), None);
            }
        });
    }
}

/// How deep a thread was, for another one that goes on with its work.
pub(crate) struct Carried {
    depth: u32,
    messages: [Option<&'static MessageFacts>; REMEMBERED as usize],
}

/// How deep this thread is.
pub(crate) fn carry() -> Carried {
    let messages = MESSAGES.with(|messages| std::array::from_fn(|level| messages[level].get()));
    Carried { depth: DEPTH.get(), messages }
}

impl Carried {
    /// Makes this thread as deep, until the guard is dropped.
    pub(crate) fn enter(&self) -> Returned {
        let own = carry();
        self.set();
        Returned { own, on_this_thread: PhantomData }
    }

    fn set(&self) {
        DEPTH.set(self.depth);
        MESSAGES.with(|messages| messages.iter().zip(self.messages).for_each(|(place, message)| place.set(message)));
    }
}

/// Makes the thread as deep as it was, when dropped.
pub(crate) struct Returned {
    own: Carried,
    on_this_thread: PhantomData<*const ()>,
}

impl Drop for Returned {
    fn drop(&mut self) {
        self.own.set();
    }
}

/// Whether a handler that has a way to dispatch is running on this thread.
#[inline]
pub(crate) fn is_nested() -> bool {
    DEPTH.get() > 0
}

fn remember(level: u32, message: Option<&'static MessageFacts>) {
    MESSAGES.with(|messages| messages[(level % REMEMBERED) as usize].set(message));
}

fn limit_reached(message: &'static MessageFacts, limit: Limit) -> RecursionLimit {
    let levels = limit.remember_from..limit.max;
    let at = |level: u32| MESSAGES.with(|messages| messages[(level % REMEMBERED) as usize].get());
    let path = levels.filter_map(at).chain([message]).map(|message| message.name).collect();
    RecursionLimit { limit: limit.max, path }
}

/// Dispatches were nested deeper than the bus allows, which is nearly always a cycle of messages.
///
/// ```standalone_crate
/// use linkbus::{ExecuteError, Command, SyncBus, handler};
///
/// #[derive(Command)]
/// #[command(error = Again, name = "jobs.Repeat")]
/// struct Repeat;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error(transparent)]
/// struct Again(Box<ExecuteError<Again>>);
///
/// #[handler]
/// fn repeat(_: Repeat, bus: &SyncBus) -> Result<(), Again> {
///     bus.execute(Repeat).map_err(|error| Again(Box::new(error)))
/// }
///
/// let error = SyncBus::builder().max_depth(8).build().unwrap().execute(Repeat).unwrap_err();
/// assert_eq!(error.to_string(), "dispatches are nested 8 deep: jobs.Repeat -> jobs.Repeat");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecursionLimit {
    /// The limit that was reached, in nested dispatches.
    pub limit: u32,
    /// The wire names of the nested messages, outermost first; the last one is the message that was refused.
    /// At most the 32 deepest are remembered.
    pub path: Vec<&'static str>,
}

impl RecursionLimit {
    /// The path with each repeated round written once: `A -> B -> A -> B -> A` becomes `A -> B -> A`.
    fn cycle(&self) -> &[&'static str] {
        let refused = self.path.last();
        let earlier = self.path.iter().rev().skip(1).position(|name| Some(name) == refused);
        earlier.map_or(&self.path, |steps| &self.path[self.path.len() - steps - 2..])
    }
}

impl fmt::Display for RecursionLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dispatches are nested {} deep: {}", self.limit, self.cycle().join(" -> "))
    }
}

impl std::error::Error for RecursionLimit {}

#[cfg(test)]
mod tests {
    use super::*;

    static OLD: MessageFacts = facts("old");
    static NEW: MessageFacts = facts("new");

    const fn facts(name: &'static str) -> MessageFacts {
        MessageFacts { name, ..MessageFacts::NONE }
    }

    fn until_refused(message: &'static MessageFacts, limit: Limit) -> RecursionLimit {
        match Frame::enter_any(message, limit) {
            Ok(_frame) => until_refused(message, limit),
            Err(limit) => limit,
        }
    }

    /// A bus with a higher limit does not remember the levels that one with a lower limit would.
    #[test]
    fn a_path_holds_nothing_of_an_earlier_one() {
        let low = Limit::new(8);
        assert_eq!(until_refused(&OLD, low).path, ["old"; 9]);
        let _above: Vec<_> = (0..5).map(|_| Frame::enter_any(&OLD, Limit::new(64))).collect();
        assert_eq!(until_refused(&NEW, low).path, ["new"; 4]);
    }

    #[test]
    fn another_thread_goes_on_as_deep() {
        let limit = Limit::new(4);
        let _frames: Vec<_> = (0..2).map(|_| Frame::enter_any(&OLD, limit)).collect();
        let carried = carry();
        let there = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let deeper = {
                    let _returned = carried.enter();
                    until_refused(&NEW, limit).path
                };
                (deeper, until_refused(&NEW, limit).path)
            });
            thread.join().unwrap()
        });
        assert_eq!(there.0, ["old", "old", "new", "new", "new"]);
        assert_eq!(there.1, ["new"; 5]);
    }

    fn limit_with(path: &[&'static str]) -> String {
        RecursionLimit { limit: 64, path: path.to_vec() }.to_string()
    }

    #[test]
    fn a_cycle_is_written_once() {
        assert_eq!(limit_with(&["a", "b", "a", "b", "a"]), "dispatches are nested 64 deep: a -> b -> a");
        assert_eq!(limit_with(&["x", "a", "a"]), "dispatches are nested 64 deep: a -> a");
    }

    #[test]
    fn a_path_without_a_cycle_is_written_whole() {
        assert_eq!(limit_with(&["a", "b", "c"]), "dispatches are nested 64 deep: a -> b -> c");
    }
}
