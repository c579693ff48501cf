//! What 100,000 dispatches take while they wait, counted in bytes. The program has one test: the heap is that of all threads.

#[path = "support/live.rs"]
mod live;

use std::{
    future::Future,
    hint::black_box,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use linkbus::{Bus, Query};

const PENDING: usize = 100_000;

/// The future of a `send` at most, for 8 bytes of message and 8 of reply.
const SEND: usize = 80;
/// What is boxed of the handler at most: its own future, with the message in it.
const HANDLER: usize = 64;

#[derive(Query)]
#[query(reply = u64)]
struct Never(u64);

mod waiting {
    #[linkbus::handler]
    async fn wait(query: super::Never) -> u64 {
        std::future::pending::<()>().await;
        query.0
    }

    linkbus::module!(handlers: [wait]);
}

fn taken<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = live::bytes();
    let result = work();
    (result, usize::try_from(live::bytes() - before).expect("nothing is given back"))
}

fn start<F: Future>(future: &mut Pin<Box<F>>) {
    assert!(matches!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
}

#[test]
fn a_hundred_thousand_pending_sends_take_no_more_than_152_bytes_each_and_leave_nothing() {
    let bus = Bus::empty().modules([waiting::MODULE]).build().unwrap();
    let before = live::bytes();

    let (mut sends, of_futures) =
        taken(|| (0..PENDING).map(|n| Box::pin(bus.send(Never(n as u64)))).collect::<Vec<_>>());
    let ((), of_handlers) = taken(|| sends.iter_mut().for_each(start));
    assert!(of_futures <= PENDING * (SEND + size_of::<usize>()), "{of_futures} bytes, with the list that has them");
    assert!(of_handlers <= PENDING * HANDLER, "{of_handlers} bytes");

    drop(black_box(sends));
    assert_eq!(live::bytes(), before);
}
