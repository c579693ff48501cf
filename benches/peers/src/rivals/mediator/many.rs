//! 700 types.

use mediator::{DefaultMediator, Mediator, Request, impls::Builder};
use seq_macro::seq;

use crate::{
    span::Span,
    work::{add, in_turns, timed},
};

struct Add<const N: usize>(u64, u64);

impl<const N: usize> Request<u64> for Add<N> {}

pub(super) fn turns(types: usize) -> impl FnMut(u64) -> Span {
    let (mut mediator, mut call) = (mediator(), in_turns(calls(), types));
    move |turns| timed(turns, |turn| call()(&mut mediator, turn))
}

type With = fn(Builder) -> Builder;

/// Each puts one handler in. A list of small functions is compiled in seconds, one function that does it all in minutes.
fn mediator() -> DefaultMediator {
    let handlers: Vec<With> = seq!(N in 0..700 {
        vec![ #( |builder| builder.add_handler_fn(|message: Add<N>| add(message.0, message.1)), )* ]
    });
    handlers.into_iter().fold(DefaultMediator::builder(), |builder, with| with(builder)).build()
}

type Call = fn(&mut DefaultMediator, u64) -> u64;

fn calls() -> Vec<Call> {
    seq!(N in 0..700 {
        vec![ #( |mediator, turn| mediator.send(Add::<N>(turn, 1)).expect("it has a handler"), )* ]
    })
}
