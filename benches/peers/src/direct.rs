//! No bus: the function is called.

use std::hint::black_box;

use crate::{
    case::Case,
    peer::{Answer, Peer},
    work::{YieldOnce, add, hear, on_threads, one_thread, timed, timed_awaits},
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

fn sync(turns: u64) -> std::time::Duration {
    timed(turns, |turn| handle(&Add(turn, 1)))
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::turns(sync),
        Case::Async => Answer::turns(|turns| {
            one_thread().block_on(async { timed_awaits!(turns, |turn| handle_later(Add(turn, 1))) })
        }),
        Case::AsyncYield => Answer::turns(|turns| {
            one_thread().block_on(async { timed_awaits!(turns, |turn| handle_after_yield(Add(turn, 1))) })
        }),
        Case::Events(subscribers) => {
            Answer::turns(move |turns| timed(turns, |turn| (0..black_box(subscribers)).for_each(|_| hear(turn))))
        }
        Case::Layers(1) => Answer::turns(|turns| timed(turns, |turn| through::<1>(&Add(turn, 1)))),
        Case::Layers(_) => Answer::turns(|turns| timed(turns, |turn| through::<5>(&Add(turn, 1)))),
        Case::Callers(callers) => Answer::turns(move |turns| on_threads(callers, || sync(turns))),
        Case::Types(_) => Answer::Cannot("a call has no types to tell apart"),
        Case::ColdStart => Answer::Cannot("there is nothing to build"),
    }
}
