//! No bus: the function is called.

#[cfg(feature = "many")]
mod many;

use std::hint::black_box;

use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{YieldOnce, add, awaits, hear, on_threads, one_thread, timed},
};

/// Each program has one: what is near to it is compared with its own.
const NAME: &str = if cfg!(feature = "strict") { "direct call, beside strict-link" } else { "direct call" };

pub(crate) const PEER: Peer = Peer { name: NAME, gives: "nothing between caller and callee", answer };

struct Add(u64, u64);

fn handle(message: &Add) -> u64 {
    add(message.0, message.1)
}

async fn handle_later(message: Add) -> u64 {
    add(message.0, message.1)
}

async fn handle_after_yield(message: Add) -> u64 {
    YieldOnce::default().await;
    add(message.0, message.1)
}

/// A function around a function, as often as there are layers.
#[inline(never)]
fn through<const LAYERS: usize>(message: &Add) -> u64 {
    match LAYERS {
        0 => handle(message),
        1 => through::<0>(message),
        2 => through::<1>(message),
        3 => through::<2>(message),
        4 => through::<3>(message),
        _ => through::<4>(message),
    }
}

fn sync(turns: u64) -> Span {
    timed(turns, |turn| handle(&Add(turn, 1)))
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::turns(|| sync),
        Case::Async => Answer::turns(|| awaits!(one_thread(), |turn| handle_later(Add(turn, 1)))),
        Case::AsyncYield => Answer::turns(|| awaits!(one_thread(), |turn| handle_after_yield(Add(turn, 1)))),
        Case::Events(subscribers) => Answer::turns(move || {
            move |turns| timed(turns, |turn| (0..black_box(subscribers)).for_each(|_| hear(turn)))
        }),
        Case::Layers(1) => Answer::turns(|| |turns| timed(turns, |turn| through::<1>(&Add(turn, 1)))),
        Case::Layers(_) => Answer::turns(|| |turns| timed(turns, |turn| through::<5>(&Add(turn, 1)))),
        Case::Callers(callers) => Answer::turns(move || move |turns| on_threads(callers, || sync(turns))),
        #[cfg(feature = "many")]
        Case::Types(types) => Answer::turns(move || many::turns(types)),
        #[cfg(not(feature = "many"))]
        Case::Types(_) => Answer::TOO_MANY,
        Case::Building => Answer::Cannot("there is nothing to build"),
    }
}
