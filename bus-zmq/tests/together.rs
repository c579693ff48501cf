//! What comes together is handled, and answered, together: nobody is held up by that.

mod support;

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use bus_zmq::NoWorker;
use linkbus::{Bus, Command, Query, transport::Endpoint};
use serde::{Deserialize, Serialize};

use self::support::{Gate, Place, run, soon, until};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "together.Wait")]
struct Wait;

#[derive(Command, Serialize, Deserialize)]
#[command(name = "together.Do")]
struct Do;

#[derive(Query, Serialize, Deserialize)]
#[query(reply = u64, name = "together.Ask")]
struct Ask(u64);

fn sender(place: &Place) -> Bus {
    let client = place.client().connect().unwrap();
    Bus::empty().message::<Wait>().message::<Do>().message::<Ask>().transport(client).build().unwrap()
}

#[tokio::test]
async fn a_handler_that_waits_does_not_hold_up_what_came_with_it() {
    let (place, gate, done) = (Place::new(), Gate::new(), Arc::new(AtomicUsize::new(0)));
    let hub = place.hub().no_worker(NoWorker::Queue).start().unwrap();
    let bus = sender(&place);
    let sent = [true, false, false, false].map(|waits| {
        let bus = bus.clone();
        tokio::spawn(async move { if waits { bus.execute(Wait).await } else { bus.execute(Do).await }.unwrap() })
    });
    until(|| hub.stats().queued == sent.len()).await;

    let (waits, counts) = (gate.clone(), Arc::clone(&done));
    let handlers = Bus::empty().replayable().command_async(move |_: Wait| waits.pass()).command(move |_: Do| {
        counts.fetch_add(1, Ordering::Relaxed);
    });
    let (worker, _) = run(place.worker(), handlers);
    until(|| done.load(Ordering::Relaxed) == 3 && worker.stats().answered == 3).await;
    assert_eq!(gate.arrived(), 1);
    gate.open();
    for one in sent {
        soon(one).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_together_is_handled_on_all_threads() {
    let (place, there) = (Place::new(), Arc::new(AtomicUsize::new(0)));
    let hub = place.hub().no_worker(NoWorker::Queue).start().unwrap();
    let bus = sender(&place);
    let sent = [(); 2].map(|()| {
        let bus = bus.clone();
        tokio::spawn(async move { bus.execute(Do).await.unwrap() })
    });
    until(|| hub.stats().queued == sent.len()).await;

    let (count, have_met) = (Arc::clone(&there), Arc::new(AtomicUsize::new(0)));
    let met = Arc::clone(&have_met);
    // Each blocks its thread until the other one is there, too.
    let handlers = Bus::empty().replayable().command(move |_: Do| {
        count.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        while count.load(Ordering::Relaxed) < 2 && begun.elapsed() < Duration::from_secs(20) {
            thread::yield_now();
        }
        met.fetch_add(usize::from(begun.elapsed() < Duration::from_secs(20)), Ordering::Relaxed);
    });
    let _worker = run(place.worker(), handlers);
    for one in sent {
        soon(one).await.unwrap();
    }
    assert_eq!(have_met.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_answer_does_not_wait_for_a_caller_that_looks_elsewhere() {
    let (place, gate) = (Place::new(), Gate::new());
    let _hub = place.hub().no_worker(NoWorker::Queue).start().unwrap();
    let waits = gate.clone();
    let handlers = Bus::empty().replayable().query_async(move |Ask(number): Ask| {
        let pass = waits.pass();
        async move {
            pass.await;
            number
        }
    });
    let (worker, _) = run(place.worker(), handlers);
    soon(worker.ready()).await.unwrap();
    let bus = sender(&place);
    let (mut first, mut second) = (pin!(bus.send(Ask(1))), pin!(bus.send(Ask(2))));
    // Both are begun.
    poll_fn(|task| Poll::Ready(first.as_mut().poll(task).is_pending() && second.as_mut().poll(task).is_pending()))
        .await;
    until(|| gate.arrived() == 2).await;
    gate.open();
    assert_eq!(soon(second).await.unwrap(), 2);
    assert_eq!(soon(first).await.unwrap(), 1);
}

#[tokio::test]
async fn an_answer_does_not_wait_for_a_handler_that_blocks_after_it() {
    let (place, (open, gate)) = (Place::new(), mpsc::channel());
    let hub = place.hub().no_worker(NoWorker::Queue).start().unwrap();
    let bus = sender(&place);
    let blocked = tokio::spawn({
        let bus = bus.clone();
        async move { bus.execute(Wait).await }
    });
    until(|| hub.stats().queued == 1).await;
    let answered = tokio::spawn(async move { bus.execute(Do).await });
    until(|| hub.stats().queued == 2).await;

    // Whichever comes second blocks the only thread of the worker, until the first is answered.
    let (count, gate) = (AtomicUsize::new(0), Mutex::new(gate));
    let block = Arc::new(move || {
        if count.fetch_add(1, Ordering::Relaxed) == 1 {
            gate.lock().unwrap().recv().unwrap();
        }
    });
    let other = Arc::clone(&block);
    let handlers = Bus::empty().replayable().command(move |_: Wait| block()).command(move |_: Do| other());
    let worker = place.worker().connect(Endpoint::new(&handlers.build().unwrap()).unwrap()).unwrap();
    let handle = worker.handle();
    until(|| handle.stats().taken == 2).await;
    thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(worker.run()).unwrap();
    });
    until(|| hub.stats().done == 1).await;
    open.send(()).unwrap();
    soon(blocked).await.unwrap().unwrap();
    soon(answered).await.unwrap().unwrap();
}

/// How many are begun together, and how often that is tried: where each is begun is left to chance.
const TOGETHER: usize = 24;
const TRIALS: usize = 50;

#[test]
fn one_handler_that_blocks_holds_up_none_that_was_begun_before_it() {
    let runtime = |threads| tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let (outside, threads) = (runtime(1).unwrap(), runtime(4).unwrap());
    for trial in 0..TRIALS {
        outside.block_on(block_one(&threads, trial % TOGETHER));
    }
}

/// Runs a worker on these threads, which has one handler that blocks until all others are done.
async fn block_one(threads: &tokio::runtime::Runtime, blocks: usize) {
    let place = Place::new();
    let hub = place.hub().no_worker(NoWorker::Queue).start().unwrap();
    let bus = sender(&place);
    let mut sent = Vec::new();
    for number in 0..TOGETHER {
        let bus = bus.clone();
        sent.push(tokio::spawn(async move {
            if number == blocks { bus.execute(Do).await } else { bus.execute(Wait).await }.unwrap();
        }));
        until(|| hub.stats().queued == sent.len()).await;
    }
    let (done, are_done) = mpsc::channel();
    let are_done = Mutex::new(are_done);
    let handlers = Bus::empty().replayable();
    let handlers = handlers.command_async(move |_: Wait| {
        let done = done.clone();
        async move {
            tokio::task::yield_now().await;
            done.send(()).unwrap();
        }
    });
    let handlers = handlers.command(move |_: Do| {
        let are_done = are_done.lock().unwrap();
        for _ in 1..TOGETHER {
            are_done.recv_timeout(Duration::from_secs(20)).expect("another handler waits for this one");
        }
    });
    let worker = place.worker().connect(Endpoint::new(&handlers.build().unwrap()).unwrap()).unwrap();
    let handle = worker.handle();
    until(|| handle.stats().taken == TOGETHER as u64).await;
    let running = threads.spawn(worker.run());
    for one in sent {
        soon(one).await.unwrap();
    }
    handle.stop();
    soon(running).await.unwrap().unwrap();
}
