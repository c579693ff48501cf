//! tokio's channels, used by hand: a task that owns the state, asked over a queue; and a broadcast.

use tokio::sync::{broadcast, mpsc, oneshot};

use super::tasks::{on_tasks, threads};
use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{YieldOnce, add, awaits, hear, one_thread, timed_awaits},
};

pub(crate) const MPSC: Peer = Peer {
    name: "tokio mpsc + oneshot",
    gives: "a bounded queue and a task of its own: state without locks, one message at a time",
    answer: answer_mpsc,
};
pub(crate) const BROADCAST: Peer = Peer {
    name: "tokio broadcast",
    gives: "a bounded queue for each subscriber, who reads when it likes",
    answer: answer_broadcast,
};

/// What a queue holds at most.
const BOUND: usize = 16;

struct Add(u64, u64, oneshot::Sender<u64>);

fn owner(yields: bool) -> mpsc::Sender<Add> {
    let (sender, mut receiver) = mpsc::channel::<Add>(BOUND);
    tokio::spawn(async move {
        while let Some(Add(left, right, reply)) = receiver.recv().await {
            if yields {
                YieldOnce::default().await;
            }
            // Who asked may be gone.
            let _ = reply.send(add(left, right));
        }
    });
    sender
}

async fn ask(owner: &mpsc::Sender<Add>, turn: u64) -> Option<u64> {
    let (reply, answer) = oneshot::channel();
    owner.send(Add(turn, 1, reply)).await.ok()?;
    answer.await.ok()
}

fn asked(yields: bool) -> impl FnMut(u64) -> Span {
    let runtime = one_thread();
    let owner = runtime.block_on(async { owner(yields) });
    awaits!(runtime, |turn| ask(&owner, turn))
}

fn answer_mpsc(case: Case) -> Answer {
    match case {
        Case::Sync => Answer::Cannot("who asks has to wait"),
        Case::Async => Answer::turns(|| asked(false)),
        Case::AsyncYield => Answer::turns(|| asked(true)),
        Case::Events(_) => Answer::Cannot("it has one receiver"),
        Case::Layers(_) => Answer::Cannot("it has no layers"),
        Case::Callers(callers) => Answer::turns(move || {
            let runtime = threads(callers);
            let owner = runtime.block_on(async { owner(false) });
            move |turns| {
                on_tasks(&runtime, callers, || {
                    let owner = owner.clone();
                    async move { timed_awaits!(turns, |turn| ask(&owner, turn)) }
                })
            }
        }),
        Case::Types(_) => Answer::Cannot("a channel takes one type"),
        Case::Building => Answer::turns(|| awaits!(one_thread(), |turn| async { ask(&owner(false), turn).await })),
    }
}

/// Sent and received by one task, which is the least it can take.
fn broadcast(subscribers: usize) -> impl FnMut(u64) -> Span {
    let (sender, _) = broadcast::channel(BOUND);
    let mut receivers: Vec<_> = (0..subscribers).map(|_| sender.subscribe()).collect();
    awaits!(one_thread(), |turn| async {
        let reached = sender.send(turn);
        for receiver in &mut receivers {
            receiver.recv().await.map(hear).expect("it was sent");
        }
        reached
    })
}

fn answer_broadcast(case: Case) -> Answer {
    match case {
        Case::Events(subscribers) => Answer::turns(move || broadcast(subscribers)),
        Case::Layers(_) => Answer::Cannot("it has no layers"),
        Case::Building => Answer::turns(|| {
            awaits!(one_thread(), |turn| async {
                let (sender, mut receiver) = broadcast::channel(BOUND);
                let reached = sender.send(turn);
                receiver.recv().await.map(hear).expect("it was sent");
                reached
            })
        }),
        _ => Answer::Cannot("a receiver gives no reply"),
    }
}
