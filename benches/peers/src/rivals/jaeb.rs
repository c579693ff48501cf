//! jaeb: an event bus with retries and dead letters.

use jaeb::{EventBus, HandlerResult, SyncEventHandler};

use crate::{
    case::Case,
    peer::{Answer, Peer},
    work::{hear, one_thread, timed_awaits},
};

pub(crate) const PEER: Peer = Peer {
    name: "jaeb 0.5, sync listeners",
    gives: "listeners that come and go while the program runs, one event at a time; retries and dead letters",
    answer,
};

#[derive(Clone)]
struct Heard(u64);

struct Listener;

impl SyncEventHandler<Heard> for Listener {
    fn handle(&self, event: &Heard, _: &EventBus) -> HandlerResult {
        hear(event.0);
        Ok(())
    }
}

async fn bus(subscribers: usize) -> EventBus {
    let bus = EventBus::builder().build().await.expect("a bus can be built");
    for _ in 0..subscribers {
        let subscription = bus.subscribe::<Heard, _, _>(Listener).await;
        assert!(subscription.is_ok(), "a listener can be added");
    }
    bus
}

fn published(turns: u64, subscribers: usize) -> std::time::Duration {
    one_thread().block_on(async {
        let bus = bus(subscribers).await;
        timed_awaits!(turns, |turn| bus.publish(Heard(turn)))
    })
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Sync | Case::Async | Case::AsyncYield => Answer::Cannot("a listener gives no reply"),
        Case::Events(count) => Answer::turns(move |turns| published(turns, count)),
        Case::Layers(_) => Answer::Cannot("they are around events only, and a listener gives no reply"),
        Case::Callers(_) | Case::Types(_) => Answer::Cannot("a listener gives no reply"),
        Case::ColdStart => Answer::turns(|turns| {
            one_thread()
                .block_on(async { timed_awaits!(turns, |turn| async { bus(1).await.publish(Heard(turn)).await }) })
        }),
    }
}
