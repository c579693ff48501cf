//! 700 commands with their handlers.

#![allow(clippy::large_stack_arrays, reason = "so the mediator of 700 commands is made, by its macro")]

use std::convert::Infallible;

use medi_rs::{MediCommand, medi_handler, medi_module, mediator};
use seq_macro::seq;

use crate::{
    span::Span,
    work::{add, in_turns, ready, timed},
};

pub(super) fn turns(types: usize) -> impl FnMut(u64) -> Span {
    let (mediator, mut call) = (Many::builder().build(), in_turns(calls(), types));
    move |turns| timed(turns, |turn| call()(&mediator, turn))
}

seq!(N in 0..700 {
    #(
        #[derive(MediCommand)]
        #[medi_command(return_type = u64)]
        struct Add~N(u64, u64);

        #[medi_handler]
        async fn handle~N(message: Add~N) -> Result<u64, Infallible> {
            Ok(add(message.0, message.1))
        }
    )*

    medi_module! {
        manifest many;
        commands { #( Add~N => handle~N; )* }
    }
});

mediator! {
    struct Many {
        event_queue_capacity: 16;
        event_workers: 1;
        modules: [many];
    }
}

fn calls() -> Vec<fn(&Many, u64) -> u64> {
    seq!(N in 0..700 { vec![ #( |mediator, turn| ready(mediator.send(Add~N(turn, 1))).expect("it has a handler"), )* ] })
}
