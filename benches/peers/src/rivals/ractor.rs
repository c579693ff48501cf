//! ractor: actors as Erlang has them.

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, call};

use super::tasks::{on_tasks, threads};
use crate::{
    case::Case,
    peer::{Answer, Peer},
    work::{YieldOnce, add, awaits, one_thread, timed_awaits},
};

pub(crate) const PEER: Peer =
    Peer { name: "ractor 0.16 call", gives: "actors: state without locks, a mailbox, supervision; clusters", answer };

struct Adder;

enum Ask {
    Add(u64, u64, RpcReplyPort<u64>),
    AddAfterYield(u64, u64, RpcReplyPort<u64>),
}

impl Actor for Adder {
    type Msg = Ask;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Ask>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<Ask>, message: Ask, (): &mut ()) -> Result<(), ActorProcessingErr> {
        match message {
            Ask::Add(left, right, reply) => reply.send(add(left, right))?,
            Ask::AddAfterYield(left, right, reply) => {
                YieldOnce::default().await;
                reply.send(add(left, right))?;
            }
        }
        Ok(())
    }
}

async fn adder() -> ActorRef<Ask> {
    Actor::spawn(None, Adder, ()).await.expect("the actor starts").0
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("who asks an actor has to wait"),
        Case::Async => Answer::turns(|| {
            let runtime = one_thread();
            let adder = runtime.block_on(adder());
            awaits!(runtime, |turn| async { call!(adder, Ask::Add, turn, 1) })
        }),
        Case::AsyncYield => Answer::turns(|| {
            let runtime = one_thread();
            let adder = runtime.block_on(adder());
            awaits!(runtime, |turn| async { call!(adder, Ask::AddAfterYield, turn, 1) })
        }),
        Case::Events(_) => Answer::NotAsked(
            "a message goes to one actor; its `OutputPort` has subscribers, and does not say when they are done",
        ),
        Case::Layers(_) => Answer::Cannot("nothing can be put around a handler"),
        Case::Callers(callers) => Answer::turns(move || {
            let runtime = threads(callers);
            let adder = runtime.block_on(adder());
            move |turns| {
                on_tasks(&runtime, callers, || {
                    let adder = adder.clone();
                    async move { timed_awaits!(turns, |turn| async { call!(adder, Ask::Add, turn, 1) }) }
                })
            }
        }),
        Case::Types(_) => Answer::Cannot("an actor takes one enum"),
        Case::Building => Answer::turns(|| {
            awaits!(one_thread(), |turn| async {
                let adder = adder().await;
                let sum = call!(adder, Ask::Add, turn, 1);
                adder.stop(None);
                sum
            })
        }),
    }
}
