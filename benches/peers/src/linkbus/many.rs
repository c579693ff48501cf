//! 700 queries with their handlers.

use linkbus::{Bus, Query, SyncBus, handler};
use seq_macro::seq;

use super::{bus, sync_bus};
use crate::{
    span::Span,
    work::{add, in_turns, ready, timed},
};

seq!(N in 0..700 {
    #(
        #[derive(Query)]
        #[query(reply = u64)]
        struct Add~N(u64, u64);

        #[handler]
        fn handle~N(message: &Add~N) -> u64 {
            add(message.0, message.1)
        }
    )*
    linkbus::module!(handlers: [ #( handle~N, )* ]);
});

pub(super) fn on_sync_bus(types: usize) -> impl FnMut(u64) -> Span {
    let (bus, mut call) = (sync_bus(MODULE, 0), in_turns(calls_on_sync_bus(), types));
    move |turns| timed(turns, |turn| call()(&bus, turn))
}

pub(super) fn on_bus(types: usize) -> impl FnMut(u64) -> Span {
    let (bus, mut call) = (bus(MODULE, 0), in_turns(calls_on_bus(), types));
    move |turns| timed(turns, |turn| call()(&bus, turn))
}

fn calls_on_sync_bus() -> Vec<fn(&SyncBus, u64) -> u64> {
    seq!(N in 0..700 { vec![ #( |bus, turn| bus.send(Add~N(turn, 1)).expect("it has a handler"), )* ] })
}

fn calls_on_bus() -> Vec<fn(&Bus, u64) -> u64> {
    seq!(N in 0..700 { vec![ #( |bus, turn| ready(bus.send(Add~N(turn, 1))).expect("it has a handler"), )* ] })
}
