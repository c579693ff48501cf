//! actix: actors, each on a thread of its own system.

use std::sync::{Arc, Barrier};

use actix::{Actor, Addr, Arbiter, Context, Handler, Message, ResponseFuture, System, SystemRunner};
use tokio::sync::mpsc;

use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{YieldOnce, add, awaits, timed_awaits},
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

/// An actor on the thread that waits for its system.
fn started() -> (SystemRunner, Addr<Adder>) {
    let system = System::new();
    let adder = system.block_on(async { Adder.start() });
    (system, adder)
}

/// One caller is beside the actor, and each of the others on a thread of its own.
fn on_arbiters(system: &SystemRunner, adder: &Addr<Adder>, callers: usize, turns: u64) -> Span {
    let together = Arc::new(Barrier::new(callers));
    let caller = || {
        let (adder, together) = (adder.clone(), Arc::clone(&together));
        async move {
            together.wait();
            timed_awaits!(turns, |turn| adder.send(Add(turn, 1)))
        }
    };
    let others = (1..callers).map(|_| Arbiter::new()).collect::<Vec<_>>();
    let (sender, mut spans) = mpsc::channel(callers);
    for arbiter in &others {
        let (sender, caller) = (sender.clone(), caller());
        arbiter.spawn(async move { sender.send(caller.await).await.expect("somebody waits for it") });
    }
    let spans = system.block_on(async {
        let mut all = vec![caller().await];
        while all.len() < callers {
            all.extend(spans.recv().await);
        }
        all
    });
    for arbiter in others {
        arbiter.stop();
    }
    Span::of_all(&spans)
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("who asks an actor has to wait"),
        Case::Async => Answer::turns(|| {
            let (system, adder) = started();
            awaits!(system, |turn| adder.send(Add(turn, 1)))
        }),
        Case::AsyncYield => Answer::turns(|| {
            let (system, adder) = started();
            awaits!(system, |turn| adder.send(AddAfterYield(turn, 1)))
        }),
        Case::Events(_) => Answer::NotAsked("a message goes to one actor; its broker is a crate of its own"),
        Case::Layers(_) => Answer::Cannot("nothing can be put around a handler"),
        Case::Callers(callers) => Answer::turns(move || {
            let (system, adder) = started();
            move |turns| on_arbiters(&system, &adder, callers, turns)
        }),
        Case::Types(_) => Answer::NotAsked("a mailbox looks nothing up by type"),
        Case::Building => {
            Answer::turns(|| awaits!(System::new(), |turn| async { Adder.start().send(Add(turn, 1)).await }))
        }
    }
}
