//! hexeract-mediator: commands, queries and notifications in one process.

#[cfg(feature = "many")]
mod many;

use std::sync::Arc;

use hexeract_core::{
    BoxOutput, HandlerContext, HexeractError, MessageEnvelope, Middleware, Next, Notification, NotificationHandler,
    Query, QueryHandler,
};
use hexeract_mediator::{Mediator, MediatorBuilder};

use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{YieldOnce, add, awaits, hear, on_threads, one_thread, ready, timed, timed_awaits},
};

pub(crate) const PEER: Peer = Peer {
    name: "hexeract-mediator 0.6",
    gives: "a message id, a correlation id and a span for each message; siblings with an outbox and a broker",
    answer,
};

struct Add<const N: usize>(u64, u64);

impl<const N: usize> Query for Add<N> {
    type Output = u64;
}

struct AddAfterYield(u64, u64);

impl Query for AddAfterYield {
    type Output = u64;
}

struct Heard(u64);

impl Notification for Heard {}

struct Handler;

impl<const N: usize> QueryHandler<Add<N>> for Handler {
    type Error = HexeractError;

    async fn handle(&self, query: Add<N>, _: &HandlerContext) -> Result<u64, HexeractError> {
        Ok(add(query.0, query.1))
    }
}

impl QueryHandler<AddAfterYield> for Handler {
    type Error = HexeractError;

    async fn handle(&self, query: AddAfterYield, _: &HandlerContext) -> Result<u64, HexeractError> {
        YieldOnce::default().await;
        Ok(add(query.0, query.1))
    }
}

impl NotificationHandler<Heard> for Handler {
    type Error = HexeractError;

    async fn handle(&self, event: Arc<Heard>, _: &HandlerContext) -> Result<(), HexeractError> {
        hear(event.0);
        Ok(())
    }
}

struct Through;

impl Middleware for Through {
    async fn execute(
        &self,
        envelope: &MessageEnvelope,
        context: &HandlerContext,
        next: Next,
    ) -> Result<BoxOutput, HexeractError> {
        next.run(envelope, context).await
    }
}

fn mediator(layers: usize, subscribers: usize) -> Mediator {
    let mut builder = MediatorBuilder::new()
        .register_query_handler::<Add<0>, _>(Handler)
        .register_query_handler::<AddAfterYield, _>(Handler);
    for _ in 0..layers {
        builder = builder.with_middleware(Through);
    }
    for _ in 0..subscribers {
        builder = builder.register_notification_handler::<Heard, _>(Handler);
    }
    builder.build().expect("the handlers fit together")
}

fn sent(turns: u64, mediator: &Mediator) -> Span {
    one_thread().block_on(async { timed_awaits!(turns, |turn| mediator.query(Add::<0>(turn, 1))) })
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("its handlers are async"),
        Case::Async => Answer::turns(|| {
            let mediator = mediator(0, 0);
            move |turns| sent(turns, &mediator)
        }),
        Case::AsyncYield => Answer::turns(|| {
            let mediator = mediator(0, 0);
            awaits!(one_thread(), |turn| mediator.query(AddAfterYield(turn, 1)))
        }),
        Case::Events(count) => Answer::turns(move || {
            let mediator = mediator(0, count);
            awaits!(one_thread(), |turn| mediator.publish(Heard(turn)))
        }),
        Case::Layers(layers) => Answer::turns(move || {
            let mediator = mediator(layers, 0);
            move |turns| sent(turns, &mediator)
        }),
        Case::Callers(callers) => Answer::turns(move || {
            let mediator = mediator(0, 0);
            move |turns| on_threads(callers, || sent(turns, &mediator))
        }),
        #[cfg(feature = "many")]
        Case::Types(types) => Answer::turns(move || many::turns(types)),
        #[cfg(not(feature = "many"))]
        Case::Types(_) => Answer::TOO_MANY,
        Case::Building => Answer::turns(|| |turns| timed(turns, |turn| ready(mediator(0, 0).query(Add::<0>(turn, 1))))),
    }
}
