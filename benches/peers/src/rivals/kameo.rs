//! kameo: actors.

use kameo::{
    Actor,
    actor::Spawn,
    message::{Context, Message},
};

use crate::{
    case::Case,
    peer::{Answer, Peer},
    work::{YieldOnce, add, on_tasks, one_thread, threads, timed_awaits},
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

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("who asks an actor has to wait"),
        Case::Async => Answer::turns(|turns| {
            one_thread().block_on(async {
                let adder = Adder::spawn(Adder);
                timed_awaits!(turns, |turn| async { adder.ask(Add(turn, 1)).await })
            })
        }),
        Case::AsyncYield => Answer::turns(|turns| {
            one_thread().block_on(async {
                let adder = Adder::spawn(Adder);
                timed_awaits!(turns, |turn| async { adder.ask(AddAfterYield(turn, 1)).await })
            })
        }),
        Case::Events(_) => Answer::Cannot("a message goes to one actor"),
        Case::Layers(_) => Answer::Cannot("nothing can be put around a handler"),
        Case::Callers(callers) => Answer::turns(move |turns| {
            let runtime = threads(callers);
            let adder = runtime.block_on(async { Adder::spawn(Adder) });
            on_tasks(&runtime, callers, || {
                let adder = adder.clone();
                async move { timed_awaits!(turns, |turn| async { adder.ask(Add(turn, 1)).await }) }
            })
        }),
        Case::Types(_) => Answer::Cannot("not asked: a mailbox looks nothing up by type"),
        Case::ColdStart => Answer::turns(|turns| {
            one_thread()
                .block_on(async { timed_awaits!(turns, |turn| async { Adder::spawn(Adder).ask(Add(turn, 1)).await }) })
        }),
    }
}
