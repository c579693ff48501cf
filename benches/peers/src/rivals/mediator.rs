//! mediator: a port of `MediatR`.

#[cfg(feature = "many")]
mod many;

use std::time::Duration;

use mediator::{AsyncMediator, DefaultAsyncMediator, DefaultMediator, Event, Mediator, Request};

use crate::{
    case::Case,
    peer::{Answer, Peer},
    work::{YieldOnce, add, hear, threads, timed, timed_awaits},
};

const GIVES: &str = "handlers with state of their own, one call at a time";

pub(crate) const SYNC: Peer = Peer { name: "mediator 0.2", gives: GIVES, answer: answer_sync };
pub(crate) const ASYNC: Peer = Peer { name: "mediator 0.2, async", gives: GIVES, answer: answer_async };

struct Add(u64, u64);
impl Request<u64> for Add {}

struct AddAfterYield(u64, u64);
impl Request<u64> for AddAfterYield {}

#[derive(Clone)]
struct Heard(u64);
impl Event for Heard {}

fn sync(layers: usize, subscribers: usize) -> DefaultMediator {
    let mut builder = DefaultMediator::builder().add_handler_fn(|message: Add| add(message.0, message.1));
    for _ in 0..layers {
        builder = builder.add_interceptor_fn(|message: Add, next: Box<dyn FnOnce(Add) -> u64>| next(message));
    }
    for _ in 0..subscribers {
        builder = builder.subscribe_fn(|event: Heard| hear(event.0));
    }
    builder.build()
}

fn sent(turns: u64, mut mediator: DefaultMediator) -> Duration {
    timed(turns, |turn| mediator.send(Add(turn, 1)))
}

fn answer_sync(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::turns(|turns| sent(turns, sync(0, 0))),
        Case::Async | Case::AsyncYield => Answer::Cannot("it is the synchronous one"),
        Case::Events(count) => Answer::turns(move |turns| {
            let mut mediator = sync(0, count);
            timed(turns, |turn| mediator.publish(Heard(turn)))
        }),
        Case::Layers(layers) => Answer::turns(move |turns| sent(turns, sync(layers, 0))),
        Case::Callers(_) => {
            Answer::Cannot("`send` takes `&mut self`, and a second caller at the same time is an error")
        }
        #[cfg(feature = "many")]
        Case::Types(types) => Answer::turns(move |turns| many::turns(turns, types)),
        #[cfg(not(feature = "many"))]
        Case::Types(_) => Answer::TOO_MANY,
        Case::ColdStart => Answer::turns(|turns| timed(turns, |turn| sync(0, 0).send(Add(turn, 1)))),
    }
}

/// Its builder blocks the thread, which a runtime of one thread does not allow.
fn asynchronous(layers: usize, subscribers: usize) -> DefaultAsyncMediator {
    let mut builder = DefaultAsyncMediator::builder()
        .add_handler_fn(|message: Add| async move { add(message.0, message.1) })
        .add_handler_fn(|message: AddAfterYield| async move {
            YieldOnce::default().await;
            add(message.0, message.1)
        });
    for _ in 0..layers {
        builder = builder.add_interceptor_fn(|message: Add, next| next(message));
    }
    for _ in 0..subscribers {
        builder = builder.subscribe_fn(|event: Heard| async move { hear(event.0) });
    }
    builder.build()
}

fn sent_later(turns: u64, layers: usize) -> Duration {
    threads(1).block_on(async {
        let mut mediator = asynchronous(layers, 0);
        timed_awaits!(turns, |turn| mediator.send(Add(turn, 1)))
    })
}

fn answer_async(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("it is the async one"),
        Case::Async => Answer::turns(|turns| sent_later(turns, 0)),
        Case::AsyncYield => Answer::turns(|turns| {
            threads(1).block_on(async {
                let mut mediator = asynchronous(0, 0);
                timed_awaits!(turns, |turn| mediator.send(AddAfterYield(turn, 1)))
            })
        }),
        Case::Events(count) => Answer::turns(move |turns| {
            threads(1).block_on(async {
                let mut mediator = asynchronous(0, count);
                timed_awaits!(turns, |turn| mediator.publish(Heard(turn)))
            })
        }),
        Case::Layers(layers) => Answer::turns(move |turns| sent_later(turns, layers)),
        Case::Callers(_) => Answer::Cannot("it panics when two sends meet: \"Request handlers are locked\""),
        Case::Types(_) => Answer::Cannot("its types are measured on the synchronous one"),
        Case::ColdStart => Answer::turns(|turns| {
            threads(1)
                .block_on(async { timed_awaits!(turns, |turn| async { asynchronous(0, 0).send(Add(turn, 1)).await }) })
        }),
    }
}
