//! mediator: a port of `MediatR`.

#[cfg(feature = "many")]
mod many;

use mediator::{AsyncMediator, DefaultAsyncMediator, DefaultMediator, Event, Mediator, Request};
use tokio::runtime::Runtime;

use super::tasks::threads;
use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{YieldOnce, add, awaits, hear, timed},
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

fn sent(mut mediator: DefaultMediator) -> impl FnMut(u64) -> Span {
    move |turns| timed(turns, |turn| mediator.send(Add(turn, 1)))
}

fn answer_sync(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::turns(|| sent(sync(0, 0))),
        Case::Async | Case::AsyncYield => Answer::Cannot("it is the synchronous one"),
        Case::Events(count) => Answer::turns(move || {
            let mut mediator = sync(0, count);
            move |turns| timed(turns, |turn| mediator.publish(Heard(turn)))
        }),
        Case::Layers(layers) => Answer::turns(move || sent(sync(layers, 0))),
        Case::Callers(1) => Answer::turns(|| sent(sync(0, 0))),
        Case::Callers(_) => {
            Answer::Cannot("`send` takes `&mut self`, and a second caller at the same time is an error")
        }
        #[cfg(feature = "many")]
        Case::Types(types) => Answer::turns(move || many::turns(types)),
        #[cfg(not(feature = "many"))]
        Case::Types(_) => Answer::TOO_MANY,
        Case::Building => Answer::turns(|| |turns| timed(turns, |turn| sync(0, 0).send(Add(turn, 1)))),
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

fn sent_later(layers: usize) -> impl FnMut(u64) -> Span {
    let (runtime, mut mediator) = started(layers, 0);
    awaits!(runtime, |turn| mediator.send(Add(turn, 1)))
}

fn started(layers: usize, subscribers: usize) -> (Runtime, DefaultAsyncMediator) {
    let runtime = threads(1);
    let mediator = runtime.block_on(async { asynchronous(layers, subscribers) });
    (runtime, mediator)
}

fn answer_async(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("it is the async one"),
        Case::Async => Answer::turns(|| sent_later(0)),
        Case::AsyncYield => Answer::turns(|| {
            let (runtime, mut mediator) = started(0, 0);
            awaits!(runtime, |turn| mediator.send(AddAfterYield(turn, 1)))
        }),
        Case::Events(count) => Answer::turns(move || {
            let (runtime, mut mediator) = started(0, count);
            awaits!(runtime, |turn| mediator.publish(Heard(turn)))
        }),
        Case::Layers(layers) => Answer::turns(move || sent_later(layers)),
        Case::Callers(1) => Answer::turns(|| sent_later(0)),
        Case::Callers(_) => Answer::Cannot("it panics when two sends meet: \"Request handlers are locked\""),
        Case::Types(_) => Answer::NotAsked("its types are measured on the synchronous one"),
        Case::Building => {
            Answer::turns(|| awaits!(threads(1), |turn| async { asynchronous(0, 0).send(Add(turn, 1)).await }))
        }
    }
}
