//! This library, with both of its buses.

mod handlers;
#[cfg(feature = "many")]
mod many;

use std::{sync::Arc, time::Duration};

use linkbus::{
    Builder, Bus, Module, SyncBus,
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, Next},
};

use crate::{
    case::Case,
    peer::{Answer, Peer},
    work::{on_tasks, on_threads, one_thread, ready, threads, timed, timed_awaits},
};
use handlers::{Add, AddAfterYield, AddLater, HeardByOne, HeardByTen, HeardByThree};

/// With the feature of the same name, a dispatch calls its handler by the linker's name.
const NAMES: [&str; 2] = if cfg!(feature = "strict") {
    ["linkbus SyncBus, strict-link", "linkbus Bus, strict-link"]
} else {
    ["linkbus SyncBus", "linkbus Bus"]
};

const GIVES: &str = "modules that do not know each other, wired by the linker and checked at the start; layers";

pub(crate) const SYNC: Peer = Peer { name: NAMES[0], gives: GIVES, answer: answer_sync };
pub(crate) const ASYNC: Peer = Peer { name: NAMES[1], gives: GIVES, answer: answer_async };

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

fn sent(turns: u64, bus: &SyncBus) -> Duration {
    timed(turns, |turn| bus.send(Add(turn, 1)))
}

fn answer_sync(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::turns(|turns| sent(turns, &sync_bus(handlers::FEW, 0))),
        Case::Async | Case::AsyncYield => Answer::Cannot("it is the synchronous bus"),
        Case::Events(count) => Answer::turns(move |turns| {
            let bus = sync_bus(handlers::FEW, 0);
            match count {
                1 => timed(turns, |turn| bus.publish(HeardByOne(turn))),
                3 => timed(turns, |turn| bus.publish(HeardByThree(turn))),
                _ => timed(turns, |turn| bus.publish(HeardByTen(turn))),
            }
        }),
        Case::Layers(layers) => Answer::turns(move |turns| sent(turns, &sync_bus(handlers::FEW, layers))),
        Case::Callers(callers) => Answer::turns(move |turns| {
            let bus = sync_bus(handlers::FEW, 0);
            on_threads(callers, || sent(turns, &bus))
        }),
        #[cfg(feature = "many")]
        Case::Types(types) => Answer::turns(move |turns| many::on_sync_bus(turns, types)),
        #[cfg(not(feature = "many"))]
        Case::Types(_) => Answer::TOO_MANY,
        Case::ColdStart => Answer::turns(|turns| timed(turns, |turn| sync_bus(handlers::FEW, 0).send(Add(turn, 1)))),
    }
}

fn answer_async(case: Case) -> Answer {
    match case {
        // To a plain `fn`, awaited: this bus has no other way.
        Case::Sync => Answer::turns(|turns| {
            let bus = bus(handlers::FEW, 0);
            one_thread().block_on(async { timed_awaits!(turns, |turn| bus.send(Add(turn, 1))) })
        }),
        Case::Async => Answer::turns(|turns| {
            let bus = bus(handlers::FEW_ASYNC, 0);
            one_thread().block_on(async { timed_awaits!(turns, |turn| bus.send(AddLater(turn, 1))) })
        }),
        Case::AsyncYield => Answer::turns(|turns| {
            let bus = bus(handlers::FEW_ASYNC, 0);
            one_thread().block_on(async { timed_awaits!(turns, |turn| bus.send(AddAfterYield(turn, 1))) })
        }),
        Case::Events(count) => Answer::turns(move |turns| {
            let bus = bus(handlers::FEW, 0);
            one_thread().block_on(async {
                match count {
                    1 => timed_awaits!(turns, |turn| bus.publish(HeardByOne(turn))),
                    3 => timed_awaits!(turns, |turn| bus.publish(HeardByThree(turn))),
                    _ => timed_awaits!(turns, |turn| bus.publish(HeardByTen(turn))),
                }
            })
        }),
        Case::Layers(layers) => Answer::turns(move |turns| {
            let bus = bus(handlers::FEW_ASYNC, layers);
            one_thread().block_on(async { timed_awaits!(turns, |turn| bus.send(AddLater(turn, 1))) })
        }),
        Case::Callers(callers) => Answer::turns(move |turns| {
            let bus = Arc::new(bus(handlers::FEW_ASYNC, 0));
            on_tasks(&threads(callers), callers, || {
                let bus = Arc::clone(&bus);
                async move { timed_awaits!(turns, |turn| bus.send(AddLater(turn, 1))) }
            })
        }),
        #[cfg(feature = "many")]
        Case::Types(types) => Answer::turns(move |turns| many::on_bus(turns, types)),
        #[cfg(not(feature = "many"))]
        Case::Types(_) => Answer::TOO_MANY,
        Case::ColdStart => Answer::turns(|turns| timed(turns, |turn| ready(bus(handlers::FEW, 0).send(Add(turn, 1))))),
    }
}
