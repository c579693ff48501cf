//! Messages that leave the process, and those that come from others: how deep they are nested goes with them.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
};

use super::{DEPTH, Limit, RecursionLimit, limit_reached};
use crate::message::MessageFacts;

/// A message that came from another process and is being dispatched.
#[derive(Clone, Copy)]
struct Arrival {
    /// In how many handlers it is nested.
    depth: u32,
    /// How deep the thread is that dispatches it, which has nothing to do with that.
    base: u32,
}

thread_local! {
    static ARRIVAL: Cell<Option<Arrival>> = const { Cell::new(None) };
}

/// In how many handlers, of this process and of others, a message is nested that leaves now.
pub(crate) fn leave(message: &'static MessageFacts, limit: Limit) -> Result<u32, RecursionLimit> {
    // A handler that has its bus from elsewhere is not counted, and the one that was called from outside has to be.
    let within = |arrival: Arrival| arrival.depth.saturating_add(DEPTH.get().saturating_sub(arrival.base).max(1));
    let depth = ARRIVAL.get().map_or(DEPTH.get(), within);
    if depth < limit.max { Ok(depth) } else { Err(limit_reached(message, limit)) }
}

/// Lets a message in that is nested in so many handlers of other processes.
pub(crate) fn admit(message: &'static MessageFacts, depth: u32, limit: Limit) -> Result<(), RecursionLimit> {
    if depth < limit.max { Ok(()) } else { Err(RecursionLimit { limit: limit.max, path: vec![message.name] }) }
}

/// Goes on from this depth whenever `dispatch` is polled.
pub(crate) async fn from_outside<T>(depth: u32, dispatch: impl Future<Output = T>) -> T {
    struct Outside(Option<Arrival>);

    impl Drop for Outside {
        fn drop(&mut self) {
            ARRIVAL.set(self.0);
        }
    }

    let mut dispatch = pin!(dispatch);
    poll_fn(|task| {
        let _outside = Outside(ARRIVAL.replace(Some(Arrival { depth, base: DEPTH.get() })));
        dispatch.as_mut().poll(task)
    })
    .await
}
