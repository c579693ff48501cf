//! `rust_bus`, in memory.

use std::sync::OnceLock;

use rust_bus::{BusEvent, BusEventHandler, contracts::meta::BusMetadata};
use seq_macro::seq;

use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{hear, one_thread, timed_awaits},
};

pub(crate) const PEER: Peer = Peer {
    name: "rust_bus 3.0, in memory",
    gives: "the same events in a database, with retries and workers on many machines",
    answer,
};

type Handled = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[BusEvent]
struct HeardByOne {
    said: u64,
}

#[BusEvent]
struct HeardByThree {
    said: u64,
}

#[BusEvent]
struct HeardByTen {
    said: u64,
}

#[BusEventHandler]
async fn the_one(event: &HeardByOne, _meta: &BusMetadata) -> Handled {
    hear(event.said);
    Ok(())
}

seq!(N in 0..3 {
    #[BusEventHandler]
    async fn one_of_three~N(event: &HeardByThree, _meta: &BusMetadata) -> Handled {
        hear(event.said);
        Ok(())
    }
});

seq!(N in 0..10 {
    #[BusEventHandler]
    async fn one_of_ten~N(event: &HeardByTen, _meta: &BusMetadata) -> Handled {
        hear(event.said);
        Ok(())
    }
});

/// Its registry is one for the process.
async fn init() {
    static STARTED: OnceLock<()> = OnceLock::new();
    if STARTED.set(()).is_ok() {
        rust_bus::init().await.expect("the handlers fit together");
    }
}

fn published(count: usize) -> impl FnMut(u64) -> Span {
    use rust_bus::bus::event;
    let (runtime, meta) = (one_thread(), BusMetadata::default());
    runtime.block_on(init());
    move |turns| {
        runtime.block_on(async {
            match count {
                1 => timed_awaits!(turns, |said| event(HeardByOne { said }, &meta)),
                3 => timed_awaits!(turns, |said| event(HeardByThree { said }, &meta)),
                _ => timed_awaits!(turns, |said| event(HeardByTen { said }, &meta)),
            }
        })
    }
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Events(count) => Answer::turns(move || published(count)),
        Case::Layers(_) => Answer::Cannot("it has no layers"),
        Case::Building => Answer::Cannot("it is built once in a process"),
        _ => Answer::Cannot("a handler gives no reply"),
    }
}
