//! This library, with both of its buses.

mod handlers;
#[cfg(feature = "many")]
mod many;

use linkbus::{
    Builder, Bus, Module, SyncBus,
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, Next},
};

use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{awaits, on_threads, one_thread, ready, timed, timed_awaits},
};
use handlers::{Add, AddAfterYield, AddLater, HeardByOne, HeardByTen, HeardByThree};

/// With the feature of the same name, a dispatch calls its handler by the linker's name.
const NAMES: [&str; 3] = if cfg!(feature = "strict") {
    ["linkbus SyncBus, strict-link", "linkbus Bus, strict-link, plain fn", "linkbus Bus, strict-link, async fn"]
} else {
    ["linkbus SyncBus", "linkbus Bus, plain fn", "linkbus Bus, async fn"]
};

const GIVES: &str = "modules that do not know each other, wired by the linker and checked at the start; layers";

pub(crate) const SYNC: Peer = Peer { name: NAMES[0], gives: GIVES, answer: answer_sync };
pub(crate) const PLAIN: Peer = Peer { name: NAMES[1], gives: GIVES, answer: answer_plain };
pub(crate) const ASYNC: Peer = Peer { name: NAMES[2], gives: GIVES, answer: answer_async };

/// A layer that does nothing.
struct Through;

impl Around for Through {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        next.run(dispatch)
    }
}

impl AsyncAround for Through {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        next.run(dispatch).await
    }
}

fn sync_bus(module: Module, layers: usize) -> SyncBus {
    let bus = (0..layers).fold(SyncBus::empty().modules([module]), |bus: Builder<SyncBus>, _| bus.layer(Through));
    bus.build().expect("the handlers fit together")
}

fn bus(module: Module, layers: usize) -> Bus {
    let bus = (0..layers).fold(Bus::empty().modules([module]), |bus: Builder<Bus>, _| bus.layer(Through));
    bus.build().expect("the handlers fit together")
}

fn sent(turns: u64, bus: &SyncBus) -> Span {
    timed(turns, |turn| bus.send(Add(turn, 1)))
}

fn answer_sync(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::turns(|| {
            let bus = sync_bus(handlers::FEW, 0);
            move |turns| sent(turns, &bus)
        }),
        Case::Async | Case::AsyncYield => Answer::Cannot("it is the synchronous bus"),
        Case::Events(count) => Answer::turns(move || {
            let bus = sync_bus(handlers::FEW, 0);
            move |turns| match count {
                1 => timed(turns, |turn| bus.publish(HeardByOne(turn))),
                3 => timed(turns, |turn| bus.publish(HeardByThree(turn))),
                _ => timed(turns, |turn| bus.publish(HeardByTen(turn))),
            }
        }),
        Case::Layers(layers) => Answer::turns(move || {
            let bus = sync_bus(handlers::FEW, layers);
            move |turns| sent(turns, &bus)
        }),
        Case::Callers(callers) => Answer::turns(move || {
            let bus = sync_bus(handlers::FEW, 0);
            move |turns| on_threads(callers, || sent(turns, &bus))
        }),
        #[cfg(feature = "many")]
        Case::Types(types) => Answer::turns(move || many::on_sync_bus(types)),
        #[cfg(not(feature = "many"))]
        Case::Types(_) => Answer::TOO_MANY,
        Case::Building => Answer::turns(|| |turns| timed(turns, |turn| sync_bus(handlers::FEW, 0).send(Add(turn, 1)))),
    }
}

fn sent_to_plain(turns: u64, bus: &Bus) -> Span {
    one_thread().block_on(async { timed_awaits!(turns, |turn| bus.send(Add(turn, 1))) })
}

fn answer_plain(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("its sends are futures"),
        Case::Async => Answer::turns(|| {
            let bus = bus(handlers::FEW, 0);
            move |turns| sent_to_plain(turns, &bus)
        }),
        Case::AsyncYield => Answer::Cannot("a plain function cannot yield"),
        Case::Events(count) => Answer::turns(move || {
            let (bus, runtime) = (bus(handlers::FEW, 0), one_thread());
            move |turns| {
                runtime.block_on(async {
                    match count {
                        1 => timed_awaits!(turns, |turn| bus.publish(HeardByOne(turn))),
                        3 => timed_awaits!(turns, |turn| bus.publish(HeardByThree(turn))),
                        _ => timed_awaits!(turns, |turn| bus.publish(HeardByTen(turn))),
                    }
                })
            }
        }),
        Case::Layers(layers) => Answer::turns(move || {
            let bus = bus(handlers::FEW, layers);
            move |turns| sent_to_plain(turns, &bus)
        }),
        Case::Callers(callers) => Answer::turns(move || {
            let bus = bus(handlers::FEW, 0);
            move |turns| on_threads(callers, || sent_to_plain(turns, &bus))
        }),
        #[cfg(feature = "many")]
        Case::Types(types) => Answer::turns(move || many::on_bus(types)),
        #[cfg(not(feature = "many"))]
        Case::Types(_) => Answer::TOO_MANY,
        Case::Building => {
            Answer::turns(|| |turns| timed(turns, |turn| ready(bus(handlers::FEW, 0).send(Add(turn, 1)))))
        }
    }
}

fn sent_later(turns: u64, bus: &Bus) -> Span {
    one_thread().block_on(async { timed_awaits!(turns, |turn| bus.send(AddLater(turn, 1))) })
}

fn answer_async(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("its sends are futures"),
        Case::Async => Answer::turns(|| {
            let bus = bus(handlers::FEW_ASYNC, 0);
            move |turns| sent_later(turns, &bus)
        }),
        Case::AsyncYield => Answer::turns(|| {
            let bus = bus(handlers::FEW_ASYNC, 0);
            awaits!(one_thread(), |turn| bus.send(AddAfterYield(turn, 1)))
        }),
        Case::Events(_) => Answer::NotAsked("its subscribers are plain functions, in the line above"),
        Case::Layers(layers) => Answer::turns(move || {
            let bus = bus(handlers::FEW_ASYNC, layers);
            move |turns| sent_later(turns, &bus)
        }),
        Case::Callers(callers) => Answer::turns(move || {
            let bus = bus(handlers::FEW_ASYNC, 0);
            move |turns| on_threads(callers, || sent_later(turns, &bus))
        }),
        Case::Types(_) => Answer::NotAsked("the types are of plain functions, in the line above"),
        Case::Building => {
            Answer::turns(|| |turns| timed(turns, |turn| ready(bus(handlers::FEW_ASYNC, 0).send(AddLater(turn, 1)))))
        }
    }
}
