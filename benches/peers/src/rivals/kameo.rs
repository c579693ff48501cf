//! kameo: actors.

use kameo::{
    Actor,
    actor::{ActorRef, Spawn},
    message::{Context, Message},
};
use tokio::runtime::Runtime;

use super::tasks::{on_tasks, threads};
use crate::{
    case::Case,
    peer::{Answer, Peer},
    work::{YieldOnce, add, awaits, one_thread, timed_awaits},
};

pub(crate) const PEER: Peer =
    Peer { name: "kameo 0.22 ask", gives: "actors: state without locks, a bounded mailbox, supervision", answer };

#[derive(Actor)]
struct Adder;

struct Add(u64, u64);

impl Message<Add> for Adder {
    type Reply = u64;

    async fn handle(&mut self, message: Add, _: &mut Context<Self, u64>) -> u64 {
        add(message.0, message.1)
    }
}

struct AddAfterYield(u64, u64);

impl Message<AddAfterYield> for Adder {
    type Reply = u64;

    async fn handle(&mut self, message: AddAfterYield, _: &mut Context<Self, u64>) -> u64 {
        YieldOnce::default().await;
        add(message.0, message.1)
    }
}

fn adder(runtime: &Runtime) -> ActorRef<Adder> {
    runtime.block_on(async { Adder::spawn(Adder) })
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("who asks an actor has to wait"),
        Case::Async => Answer::turns(|| {
            let runtime = one_thread();
            let adder = adder(&runtime);
            awaits!(runtime, |turn| async { adder.ask(Add(turn, 1)).await })
        }),
        Case::AsyncYield => Answer::turns(|| {
            let runtime = one_thread();
            let adder = adder(&runtime);
            awaits!(runtime, |turn| async { adder.ask(AddAfterYield(turn, 1)).await })
        }),
        Case::Events(_) => Answer::NotAsked("a message goes to one actor; its broker is a crate of its own"),
        Case::Layers(_) => Answer::Cannot("nothing can be put around a handler"),
        Case::Callers(callers) => Answer::turns(move || {
            let runtime = threads(callers);
            let adder = adder(&runtime);
            move |turns| {
                on_tasks(&runtime, callers, || {
                    let adder = adder.clone();
                    async move { timed_awaits!(turns, |turn| async { adder.ask(Add(turn, 1)).await }) }
                })
            }
        }),
        Case::Types(_) => Answer::NotAsked("a mailbox looks nothing up by type"),
        Case::Building => {
            Answer::turns(|| awaits!(one_thread(), |turn| async { Adder::spawn(Adder).ask(Add(turn, 1)).await }))
        }
    }
}
