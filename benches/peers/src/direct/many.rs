//! 700 functions, called through a table of pointers: what the others are measured by.

use std::hint::black_box;

use seq_macro::seq;

use crate::{
    span::Span,
    work::{add, in_turns, timed},
};

struct Add<const N: usize>(u64, u64);

/// Each is another function: what is the same would be made one.
#[inline(never)]
fn handle<const N: usize>(message: &Add<N>) -> u64 {
    black_box(N);
    add(message.0, message.1)
}

pub(super) fn turns(types: usize) -> impl FnMut(u64) -> Span {
    let mut call = in_turns(calls(), types);
    move |turns| timed(turns, |turn| call()(turn))
}

/// As with the others, the message is made at a call site of its own.
fn calls() -> Vec<fn(u64) -> u64> {
    seq!(N in 0..700 { vec![ #( |turn| handle(&Add::<N>(turn, 1)), )* ] })
}
