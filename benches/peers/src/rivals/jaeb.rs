//! jaeb: an event bus with retries and dead letters.

use jaeb::{EventBus, HandlerResult, SyncEventHandler};

use crate::{
    case::Case,
    peer::{Answer, Peer},
    span::Span,
    work::{awaits, hear, one_thread},
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

fn published(subscribers: usize) -> impl FnMut(u64) -> Span {
    let runtime = one_thread();
    let bus = runtime.block_on(bus(subscribers));
    awaits!(runtime, |turn| bus.publish(Heard(turn)))
}

fn answer(case: Case) -> Answer {
    match case {
        Case::Events(count) => Answer::turns(move || published(count)),
        Case::Layers(_) => Answer::NotAsked("it has them, around events; the case is a message with a reply"),
        Case::Building => {
            Answer::turns(|| awaits!(one_thread(), |turn| async { bus(1).await.publish(Heard(turn)).await }))
        }
        _ => Answer::Cannot("a listener gives no reply"),
    }
}
