//! 700 types.

use seq_macro::seq;

use super::{Add, Hash, Map, handler};
use crate::{
    span::Span,
    work::{in_turns, timed},
};

pub(super) fn turns<H: Hash>(types: usize) -> impl FnMut(u64) -> Span {
    let (map, mut call) = (map::<H>(), in_turns(calls(), types));
    move |turns| timed(turns, |turn| call()(&map, turn))
}

/// Each puts one handler in. A list of small functions is compiled in seconds, one function that does it all in minutes.
fn map<H: Hash>() -> Map<H> {
    let handlers: Vec<fn(Map<H>) -> Map<H>> = seq!(N in 0..700 { vec![ #( |map| map.with(handler::<N>()), )* ] });
    handlers.into_iter().fold(Map::default(), |map, with| with(map))
}

fn calls<H: Hash>() -> Vec<fn(&Map<H>, u64) -> u64> {
    seq!(N in 0..700 { vec![ #( |map, turn| map.send(Add::<N>(turn, 1)), )* ] })
}
