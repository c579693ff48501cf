//! How deep dispatches are nested on this thread, so that a cycle of messages is an error and not a stack overflow.
//!
//! What counts is the call stack: a handler that dispatches from inside its own call, or from inside a poll of its own
//! future, goes one level down. A message sent from a task that a handler spawned starts again at the top.

use std::{cell::Cell, fmt, marker::PhantomData};

use crate::message::MessageFacts;

/// The depth at which a bus refuses to go further unless it was built with another limit.
pub(crate) const DEFAULT_MAX_DEPTH: u32 = 64;

/// How many messages of the path are remembered: the deepest ones.
const REMEMBERED: usize = 64;

struct Stack {
    depth: Cell<u32>,
    messages: [Cell<Option<&'static MessageFacts>>; REMEMBERED],
}

thread_local! {
    static STACK: Stack = const { Stack { depth: Cell::new(0), messages: [const { Cell::new(None) }; REMEMBERED] } };
}

/// One level of nesting, left when dropped. It belongs to the thread that entered it.
pub(crate) struct Frame {
    outer: u32,
    on_this_thread: PhantomData<*const ()>,
}

impl Frame {
    /// Goes one level down, unless `limit` levels are in use.
    #[inline]
    pub(crate) fn enter(message: &'static MessageFacts, limit: u32) -> Result<Frame, RecursionLimit> {
        STACK.with(|stack| {
            let outer = stack.depth.get();
            if outer >= limit { Err(stack.limit_reached(message, limit)) } else { Ok(stack.push(message, outer)) }
        })
    }

    /// Goes one level down without a limit: for a call that was let in before and is resumed.
    #[inline]
    pub(crate) fn resume(message: &'static MessageFacts) -> Frame {
        STACK.with(|stack| stack.push(message, stack.depth.get()))
    }
}

impl Drop for Frame {
    #[inline]
    fn drop(&mut self) {
        STACK.with(|stack| stack.depth.set(self.outer));
    }
}

impl Stack {
    #[inline]
    fn push(&self, message: &'static MessageFacts, outer: u32) -> Frame {
        self.messages[outer as usize % REMEMBERED].set(Some(message));
        self.depth.set(outer + 1);
        Frame { outer, on_this_thread: PhantomData }
    }

    #[cold]
    fn limit_reached(&self, message: &'static MessageFacts, limit: u32) -> RecursionLimit {
        let deepest = self.depth.get() as usize;
        let path = (deepest.saturating_sub(REMEMBERED)..deepest)
            .filter_map(|level| self.messages[level % REMEMBERED].get())
            .chain([message])
            .map(|message| message.name)
            .collect();
        RecursionLimit { limit, path }
    }
}

/// Dispatches were nested deeper than the bus allows, which is nearly always a cycle of messages.
///
/// ```standalone_crate
/// use linkbus::{ExecuteError, Command, SyncBus, handler};
///
/// #[derive(Command)]
/// #[command(error = Again)]
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
/// assert_eq!(error.to_string(), "dispatches are nested 8 deep: bus_core.Repeat -> bus_core.Repeat");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecursionLimit {
    /// The limit that was reached, in nested dispatches.
    pub limit: u32,
    /// The wire names of the nested messages, outermost first; the last one is the message that was refused.
    /// At most the 64 deepest are remembered.
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
