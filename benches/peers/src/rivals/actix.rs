//! actix: actors, each on a thread of its own system.

use actix::{Actor, Arbiter, Context, Handler, Message, ResponseFuture, System};

use crate::{
    case::Case,
    peer::{Answer, Peer},
    work::{YieldOnce, add, on_tasks, threads, timed_awaits},
};

pub(crate) const PEER: Peer =
    Peer { name: "actix 0.13 send", gives: "actors: state without locks, a bounded mailbox, supervision", answer };

struct Adder;

impl Actor for Adder {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "u64")]
struct Add(u64, u64);

impl Handler<Add> for Adder {
    type Result = u64;

    fn handle(&mut self, message: Add, _: &mut Context<Self>) -> u64 {
        add(message.0, message.1)
    }
}

#[derive(Message)]
#[rtype(result = "u64")]
struct AddAfterYield(u64, u64);

impl Handler<AddAfterYield> for Adder {
    type Result = ResponseFuture<u64>;

    fn handle(&mut self, message: AddAfterYield, _: &mut Context<Self>) -> ResponseFuture<u64> {
        Box::pin(async move {
            YieldOnce::default().await;
            add(message.0, message.1)
        })
    }
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("who asks an actor has to wait"),
        Case::Async => Answer::turns(|turns| {
            System::new().block_on(async {
                let adder = Adder.start();
                timed_awaits!(turns, |turn| adder.send(Add(turn, 1)))
            })
        }),
        Case::AsyncYield => Answer::turns(|turns| {
            System::new().block_on(async {
                let adder = Adder.start();
                timed_awaits!(turns, |turn| adder.send(AddAfterYield(turn, 1)))
            })
        }),
        Case::Events(_) => Answer::Cannot("a message goes to one actor; a broker is a crate of its own"),
        Case::Layers(_) => Answer::Cannot("nothing can be put around a handler"),
        Case::Callers(callers) => Answer::turns(move |turns| {
            let _system = System::new();
            let arbiter = Arbiter::new();
            let adder = Adder::start_in_arbiter(&arbiter.handle(), |_| Adder);
            let took = on_tasks(&threads(callers), callers, || {
                let adder = adder.clone();
                async move { timed_awaits!(turns, |turn| adder.send(Add(turn, 1))) }
            });
            arbiter.stop();
            took
        }),
        Case::Types(_) => Answer::Cannot("not asked: a mailbox looks nothing up by type"),
        Case::ColdStart => Answer::turns(|turns| {
            System::new()
                .block_on(async { timed_awaits!(turns, |turn| async { Adder.start().send(Add(turn, 1)).await }) })
        }),
    }
}
