//! Hub, clients, workers and subscribers that are processes of their own: R9, R11, R14, R27.

#[path = "../../tests/support/crashes.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "it is shared with tests that trace")]
mod crashes;
mod ledger;
mod process;
mod support;

use std::{
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bus_zmq::{HubStats, NoWorker, Zmq, ZmqClient};
use linkbus::{Builder, Bus, DispatchError, Event, Task, transport::Endpoint};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

use self::{
    ledger::{Attempts, Noted},
    process::{Process, end_with_the_test, stop_at_signal},
    support::{Place, soon, until},
};

#[derive(Task, Serialize, Deserialize)]
#[task(name = "processes.Crunch")]
struct Crunch(u64, #[serde(with = "serde_bytes")] Vec<u8>);

#[derive(Event, Serialize, Deserialize)]
#[event(name = "processes.Happened")]
struct Happened(u64, #[serde(with = "serde_bytes")] Vec<u8>);

fn main() -> ExitCode {
    crashes::main(
        child,
        &crashes::tests![
            what_was_sent_survives_a_hub_that_is_killed_and_started_again,
            a_client_that_closes_has_an_answer_for_all_that_it_sent,
            who_joins_late_hears_all_from_then_on,
            what_a_stopped_subscriber_misses_is_what_the_hub_dropped,
            what_is_offered_too_fast_waits_in_the_client,
            what_a_hub_has_no_room_for_is_refused,
            events_that_a_subscriber_does_not_take_are_dropped,
            a_message_of_as_many_parts_as_there_are_is_one_fault,
        ],
    )
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn child(mode: &str, folder: &Path, number: u32) {
    let endpoint = format!("ipc://{}", folder.join("run/bus").display());
    end_with_the_test();
    block_on(async {
        match mode {
            "hub" => hub(endpoint, number).await,
            "worker" => worker(endpoint, folder, number).await,
            "subscriber" => subscriber(endpoint, number).await,
            "client" => client(endpoint, number).await,
            _ => panic!("`{mode}` is no mode"),
        }
    });
}

/// A hub that keeps so many MiB, and nobody for gone soon if they are few; says what it [counted](counts) when it is asked.
async fn hub(endpoint: String, mebibytes: u32) {
    let room = usize::try_from(mebibytes).unwrap() << 20;
    let (policy, heartbeat) = match mebibytes {
        SMALL => (NoWorker::Queue, Duration::from_secs(20)),
        _ => (NoWorker::Reject, Duration::from_secs(1)),
    };
    let hub = Zmq::hub().endpoint(endpoint).queue_bytes(room).event_queue(10_000, room);
    let hub = hub.no_worker(policy).heartbeat(heartbeat).start().unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    println!("ready");
    while terminate.recv().await.is_some() {
        let HubStats { accepted, done, rejected, published, delivered, dropped, .. } = hub.stats();
        println!("{accepted} {done} {rejected} {published} {delivered} {dropped}");
    }
}

/// Notes each task that it begins with.
async fn worker(endpoint: String, folder: &Path, number: u32) {
    let pause = |Crunch(task, _): Crunch| tokio::time::sleep(Duration::from_millis(task % 8));
    let noted = Noted::by(number, folder, |Crunch(task, _)| *task);
    let bus = Bus::empty().replayable().task_async(pause).layer(noted).build().unwrap();
    let worker = Zmq::worker().endpoint(endpoint).connect(Endpoint::new(&bus).unwrap()).unwrap();
    stop_at_signal(worker.handle());
    worker.run().await.unwrap();
}

/// Takes so many events at once; says at the end how many it heard, how many it missed, and how often it was interrupted.
async fn subscriber(endpoint: String, credit: u32) {
    let heard = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&heard);
    let bus = Bus::empty().replayable().subscribe(move |_: &Happened| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let endpoint_here = Endpoint::new(&bus.build().unwrap()).unwrap();
    let worker = Zmq::worker().endpoint(endpoint).event_credit(credit).connect(endpoint_here).unwrap();
    stop_at_signal(worker.handle());
    let stats = worker.run().await.unwrap();
    println!("{} {} {}", heard.load(Ordering::Relaxed), stats.missed_events, stats.interruptions);
}

/// Sends so many tasks at once, and closes when the first is done; says how many were done, and how many refused.
async fn client(endpoint: String, tasks: u32) {
    let client = Zmq::client().endpoint(endpoint).connect().unwrap();
    let bus = sender(&client).await;
    let mut sent = JoinSet::new();
    for task in 0..tasks {
        let bus = bus.clone();
        sent.spawn(async move { bus.dispatch(Crunch(task.into(), vec![])).await });
    }
    let (mut done, mut refused) = (0, 0);
    let mut count = |outcome: Result<(), DispatchError<_>>| match outcome {
        Ok(()) => done += 1,
        Err(DispatchError::ShutDown { .. }) => refused += 1,
        Err(other) => panic!("{other}"),
    };
    count(sent.join_next().await.unwrap().unwrap());
    bus.close().await.unwrap();
    while let Some(outcome) = sent.join_next().await {
        count(outcome.unwrap());
    }
    println!("{done} {refused}");
}

fn messages() -> Builder<Bus> {
    Bus::empty().message::<Crunch>().message::<Happened>()
}

/// A bus that sends, when there is somebody who handles.
async fn sender(client: &ZmqClient) -> Bus {
    soon(client.served(["processes.Crunch"])).await.unwrap();
    messages().transport(client.clone()).build().unwrap()
}

const LARGE: u32 = 256;
const SMALL: u32 = 8;

/// R14. Who is killed when is counted in tasks.
fn what_was_sent_survives_a_hub_that_is_killed_and_started_again() {
    const TASKS: u64 = 3_000;
    const KILLS: u64 = 5;
    let place = Place::new();
    let mut hub = Process::start_ready("hub", &place, LARGE);
    let _workers = [1, 2].map(|number| Process::start_ready("worker", &place, number));
    block_on(async {
        let client = place.client().hub_grace(Duration::from_secs(60)).connect().unwrap();
        let bus = sender(&client).await;
        let mut running = JoinSet::new();
        let (mut sent, mut done, mut killed) = (0, 0, 0);
        while done < TASKS {
            while sent < TASKS && running.len() < 200 {
                let bus = bus.clone();
                running.spawn(async move { bus.dispatch(Crunch(sent, vec![])).await });
                sent += 1;
            }
            soon(running.join_next()).await.unwrap().unwrap().expect("no task is lost");
            done += 1;
            if killed < KILLS && done * (KILLS + 1) / TASKS > killed {
                killed += 1;
                hub.kill();
                hub = Process::start_ready("hub", &place, LARGE);
            }
        }
        let attempts = Attempts::read(place.folder().parent().unwrap());
        println!("{killed} hubs killed, {} tasks done, {} begun again", attempts.tasks(), attempts.repeated());
        assert_eq!((attempts.tasks(), killed), (TASKS, KILLS));
        assert!(attempts.repeated() > 0, "the hubs had something when they were killed");
        assert_eq!(attempts.first_twice(), [0; 0], "whatever is begun again says so");
    });
}

/// R27.
fn a_client_that_closes_has_an_answer_for_all_that_it_sent() {
    const TASKS: u32 = 500;
    let place = Place::new();
    let _hub = Process::start_ready("hub", &place, LARGE);
    let _worker = Process::start_ready("worker", &place, 1);
    let mut client = Process::start("client", &place, TASKS);
    let [done, refused] = client.numbers();
    assert!(client.wait().success());
    assert_eq!(done + refused, u64::from(TASKS));
    assert_eq!(Attempts::read(place.folder().parent().unwrap()).tasks(), done);
}

/// Publishes as many events, one after the other.
async fn publish(bus: &Bus, events: u64) {
    for number in 0..events {
        soon(bus.publish(Happened(number, vec![]))).await.unwrap();
    }
}

/// Tells a subscriber to end; gives what it says then.
fn end(subscriber: &mut Process) -> [u64; 3] {
    subscriber.signal(Signal::TERM);
    assert_eq!(subscriber.line(), "stopping");
    let numbers = subscriber.numbers();
    assert!(subscriber.wait().success());
    numbers
}

/// R27.
fn who_joins_late_hears_all_from_then_on() {
    const EVENTS: u64 = 1_000;
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let publisher = messages().transport(Zmq::client().join(&hub).unwrap()).build().unwrap();
    block_on(async {
        let mut early = Process::start_ready("subscriber", &place, 64);
        publish(&publisher, EVENTS).await;
        let mut late = Process::start_ready("subscriber", &place, 64);
        publish(&publisher, EVENTS).await;
        until(|| hub.stats().delivered == 3 * EVENTS).await;
        assert_eq!(end(&mut early), [2 * EVENTS, 0, 0]);
        assert_eq!(end(&mut late), [EVENTS, 0, 0]);
        assert_eq!(hub.stats().dropped, 0);
    });
}

/// R27.
fn what_a_stopped_subscriber_misses_is_what_the_hub_dropped() {
    const EVENTS: u64 = 1_000;
    let place = Place::new();
    // So rarely that nobody is taken for gone.
    let hub = place.hub().heartbeat(Duration::from_secs(20)).event_queue(10, 1 << 20).start().unwrap();
    let publisher = messages().transport(Zmq::client().join(&hub).unwrap()).build().unwrap();
    block_on(async {
        let mut subscriber = Process::start_ready("subscriber", &place, 32);
        subscriber.stop();
        publish(&publisher, EVENTS).await;
        // What it has credit for, and what waits, is there.
        let dropped = EVENTS - 32 - 10;
        until(|| hub.stats().dropped == dropped).await;
        subscriber.signal(Signal::CONT);
        until(|| hub.stats().delivered == EVENTS - dropped).await;
        // It says which events it has missed with the next one.
        publish(&publisher, 1).await;
        until(|| hub.stats().delivered == EVENTS - dropped + 1).await;
        assert_eq!(end(&mut subscriber), [EVENTS - dropped + 1, dropped, 0]);
    });
}

/// Asks a hub what it accepted, had done and rejected, and what events it published, delivered and dropped.
fn counts(hub: &mut Process) -> [u64; 6] {
    hub.signal(Signal::TERM);
    hub.numbers()
}

/// What is offered, 64 KiB each: many times what a hub has room for.
const OFFERED: u64 = 2_000;

/// How many of them it has room for.
const ROOM: u64 = (SMALL as u64) << 4;

/// The bytes of one.
fn bulk() -> Vec<u8> {
    vec![7; 64 << 10]
}

/// Offers as many tasks as fast as it can; gives how many were done, and how many refused, when that is enough.
async fn offer(client: ZmqClient, is_enough: impl Fn(u64, u64) -> bool) -> (u64, u64) {
    let bus = messages().transport(client).build().unwrap();
    let mut offers = JoinSet::new();
    for task in 0..OFFERED {
        let bus = bus.clone();
        offers.spawn(async move { bus.dispatch(Crunch(task, bulk())).await });
    }
    let (mut done, mut refused) = (0, 0);
    while !is_enough(done, refused) {
        match soon(offers.join_next()).await.unwrap().unwrap() {
            Ok(()) => done += 1,
            Err(DispatchError::Overloaded { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    (done, refused)
}

/// How much memory a hub has taken since it had so much; what was offered waits in another process.
fn assert_bounded(hub: &Process, before: u64, policy: &str) {
    let grown = hub.peak_memory() - before;
    println!("{policy}: {} MiB were offered, {} KiB more were used", OFFERED >> 4, grown >> 10);
    assert!(grown <= (u64::from(SMALL) << 20) + (16 << 20), "{grown} bytes");
}

/// R9. A client that has no more in flight than the hub has room for.
fn what_is_offered_too_fast_waits_in_the_client() {
    let place = Place::new();
    let mut hub = Process::start_ready("hub", &place, SMALL);
    let _worker = Process::start_ready("worker", &place, 1);
    let before = hub.peak_memory();
    block_on(async {
        let client = place.client().in_flight(100).connect().unwrap();
        soon(client.served(["processes.Crunch"])).await.unwrap();
        assert_eq!(offer(client, |done, refused| done + refused == OFFERED).await, (OFFERED, 0));
        let counts = counted(&mut hub, |[_, done, ..]| *done >= OFFERED).await;
        assert_eq!(counts, [OFFERED, OFFERED, 0, 0, 0, 0]);
    });
    assert_bounded(&hub, before, "wait");
}

/// R9. What is not refused waits for a worker that does not come.
fn what_a_hub_has_no_room_for_is_refused() {
    let place = Place::new();
    let mut hub = Process::start_ready("hub", &place, SMALL);
    let before = hub.peak_memory();
    block_on(async {
        let client = place.client().in_flight(200).connect().unwrap();
        soon(client.ready()).await.unwrap();
        let (done, _) = offer(client, |_, refused| refused == OFFERED - ROOM + 1).await;
        assert_eq!(done, 0);
        // Each takes a little more than its body, so that one less has room.
        let refused = OFFERED - ROOM + 1;
        let [accepted, done, rejected, ..] = counted(&mut hub, |[_, _, rejected, ..]| *rejected >= refused).await;
        assert_eq!((accepted, done, rejected), (OFFERED, 0, refused));
    });
    assert_bounded(&hub, before, "refuse");
}

/// R9.
fn events_that_a_subscriber_does_not_take_are_dropped() {
    let place = Place::new();
    let mut hub = Process::start_ready("hub", &place, SMALL);
    let mut subscriber = Process::start_ready("subscriber", &place, 32);
    subscriber.stop();
    let before = hub.peak_memory();
    block_on(async {
        let client = place.client().connect().unwrap();
        soon(client.ready()).await.unwrap();
        let bus = messages().transport(client).build().unwrap();
        for number in 0..OFFERED {
            soon(bus.publish(Happened(number, bulk()))).await.unwrap();
        }
        subscriber.signal(Signal::CONT);
        none_waits(&mut hub, OFFERED).await;
        // It says which events it has missed with the next one.
        soon(bus.publish(Happened(OFFERED, vec![]))).await.unwrap();
        none_waits(&mut hub, OFFERED + 1).await;
    });
    let [heard, missed, interruptions] = end(&mut subscriber);
    assert_bounded(&hub, before, "drop");
    let [.., delivered, dropped] = counts(&mut hub);
    assert_eq!((delivered, dropped, interruptions), (heard, missed, 0));
    assert!(heard <= 32 + ROOM + 1, "{heard}");
}

/// What the hub has counted, once that is all: it answers first, and counts then.
async fn counted(hub: &mut Process, is_all: impl Fn(&[u64; 6]) -> bool) -> [u64; 6] {
    soon(async {
        loop {
            let counts = counts(hub);
            if is_all(&counts) {
                return counts;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
}

/// Waits until of so many events each is delivered or dropped.
async fn none_waits(hub: &mut Process, events: u64) {
    counted(hub, |[.., published, delivered, dropped]| *published == events && delivered + dropped == events).await;
}

/// R11. ZeroMQ collects all parts of a message before it is seen; what they have in bytes is all that they take.
fn a_message_of_as_many_parts_as_there_are_is_one_fault() {
    const PARTS: usize = 65_536;
    let place = Place::new();
    let hub = Process::start_ready("hub", &place, LARGE);
    let _worker = Process::start_ready("worker", &place, 1);
    let before = hub.peak_memory();
    let context = zmq::Context::new();
    let stranger = context.socket(zmq::DEALER).unwrap();
    stranger.set_linger(0).unwrap();
    stranger.connect(&place.endpoint()).unwrap();
    stranger.send_multipart(std::iter::repeat_n(&b"part"[..], PARTS), 0).unwrap();
    // It is answered, so that what it sent before has arrived.
    stranger.send(&b"\0\0\0\x02\x02\x01"[..], 0).unwrap();
    stranger.set_rcvtimeo(60_000).unwrap();
    stranger.recv_bytes(0).expect("an answer");
    let grown = hub.peak_memory() - before;
    println!("{PARTS} parts took {} KiB", grown >> 10);
    assert!(grown <= 32 << 20, "{grown} bytes");
    block_on(async {
        let client = place.client().connect().unwrap();
        let bus = sender(&client).await;
        soon(bus.dispatch(Crunch(1, vec![]))).await.unwrap();
    });
}
