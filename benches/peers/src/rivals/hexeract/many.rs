//! 700 types.

use hexeract_mediator::{Mediator, MediatorBuilder};
use seq_macro::seq;

use super::{Add, Handler};
use crate::{
    span::Span,
    work::{in_turns, ready, timed},
};

pub(super) fn turns(types: usize) -> impl FnMut(u64) -> Span {
    let (mediator, mut call) = (mediator(), in_turns(calls(), types));
    move |turns| timed(turns, |turn| call()(&mediator, turn))
}

type With = fn(MediatorBuilder) -> MediatorBuilder;

/// Each puts one handler in. A list of small functions is compiled in seconds, one function that does it all in minutes.
fn mediator() -> Mediator {
    let handlers: Vec<With> =
        seq!(N in 0..700 { vec![ #( |builder| builder.register_query_handler::<Add<N>, _>(Handler), )* ] });
    let builder = handlers.into_iter().fold(MediatorBuilder::new(), |builder, with| with(builder));
    builder.build().expect("the handlers fit together")
}

type Call = fn(&Mediator, u64) -> u64;

fn calls() -> Vec<Call> {
    seq!(N in 0..700 {
        vec![ #( |mediator, turn| ready(mediator.query(Add::<N>(turn, 1))).expect("it has a handler"), )* ]
    })
}
