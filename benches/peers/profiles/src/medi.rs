//! The handlers of the benches of linkbus, as medi-rs has them.

use std::{
    convert::Infallible,
    future::Future,
    hint::black_box,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use linkbus_benches::messages::{self, Offset};
use medi_rs::{MediCommand, medi_handler, medi_module, mediator};

/// Its sends, by their names.
pub(crate) const WORKS: &[(&str, fn(u64))] =
    &[("medi-rs, async fn, leaf", leaf), ("medi-rs, async fn, dependency", dependent)];

#[derive(MediCommand)]
#[medi_command(return_type = u64)]
struct Leaf(u64);

#[medi_handler]
async fn handle(message: Leaf) -> Result<u64, Infallible> {
    Ok(messages::leaf(&messages::Leaf(message.0)))
}

#[derive(MediCommand)]
#[medi_command(return_type = u64)]
struct Dependent(u64);

#[medi_handler]
async fn handle_dependent(offset: Arc<Offset>, message: Dependent) -> Result<u64, Infallible> {
    Ok(messages::dependent(&messages::Dependent(message.0), &offset))
}

medi_module! {
    manifest sends;
    resources { offset: Arc<Offset>; }
    commands {
        Leaf => handle;
        Dependent => handle_dependent;
    }
}

mediator! {
    struct Mediator {
        event_queue_capacity: 1;
        event_workers: 1;
        modules: [sends];
    }
}

fn mediator() -> Mediator {
    black_box(Mediator::builder().offset(Arc::new(Offset(3))).build())
}

fn leaf(turns: u64) {
    let mediator = &mediator();
    repeat(turns, async |turn| mediator.send(Leaf(turn)).await);
}

fn dependent(turns: u64) {
    let mediator = &mediator();
    repeat(turns, async |turn| mediator.send(Dependent(turn)).await);
}

/// As the cases of linkbus are repeated: one future awaits all of them, and the caller takes the value out.
fn repeat(turns: u64, send: impl AsyncFn(u64) -> Result<u64, Infallible>) {
    run(async {
        for turn in 0..turns {
            let Ok(reply) = send(black_box(turn)).await;
            black_box(reply);
        }
    });
}

fn run(future: impl Future<Output = ()>) {
    let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(()), "nothing here waits");
}
