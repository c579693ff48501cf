//! Events between buses over sockets: who is ready misses none that is not counted.

mod log;
mod support;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use bus_zmq::HubStats;
use linkbus::{Builder, Bus, Event, transport::Endpoint};
use serde::{Deserialize, Serialize};

use self::{
    log::log,
    support::{Gate, Place, run, soon, until},
};

#[derive(Event, Serialize, Deserialize)]
#[event(name = "numbers.Stored")]
struct Stored(u64);

/// A bus that publishes.
fn publisher(place: &Place) -> Bus {
    Bus::empty().message::<Stored>().transport(place.client().connect().unwrap()).build().unwrap()
}

/// A bus that is done with an event when the gate opens.
fn behind(gate: &Gate) -> Builder<Bus> {
    let entrance = gate.clone();
    Bus::empty().replayable().subscribe_async(move |_: &Stored| entrance.pass())
}

#[tokio::test]
async fn a_subscriber_that_is_ready_gets_every_event() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let subscriber = Bus::empty().replayable().subscribe(move |stored: &Stored| log.lock().unwrap().push(stored.0));
    let (worker, _) = run(place.worker().event_credit(10), subscriber);
    soon(worker.ready()).await.unwrap();
    let bus = publisher(&place);
    for number in 0..1_000 {
        soon(bus.publish(Stored(number))).await.unwrap();
    }
    until(|| heard.lock().unwrap().len() == 1_000).await;
    heard.lock().unwrap().sort_unstable();
    assert_eq!(*heard.lock().unwrap(), (0..1_000).collect::<Vec<_>>());
    assert_eq!((worker.stats().missed_events, hub.stats().published, hub.stats().dropped), (0, 1_000, 0));
}

#[tokio::test]
async fn events_that_a_slow_subscriber_misses_are_counted_and_logged_on_both_sides() {
    let (log, place) = (log(), Place::new());
    let hub = place.hub().event_queue(5, 1 << 20).start().unwrap();
    let gate = Gate::new();
    let (worker, _) = run(place.worker().event_credit(4), behind(&gate));
    soon(worker.ready()).await.unwrap();
    let bus = publisher(&place);
    for number in 0..20 {
        soon(bus.publish(Stored(number))).await.unwrap();
    }
    // Four are handled and five wait.
    until(|| hub.stats().dropped == 11 && gate.arrived() == 4).await;
    gate.open();
    until(|| gate.arrived() == 9).await;
    until(|| worker.stats().missed_events == 11).await;
    until(|| !log.lines(&["WARN", "a hub dropped events", "all=11"]).is_empty()).await;
    until(|| !log.lines(&["WARN", "a worker missed events", "all=11"]).is_empty()).await;
}

#[tokio::test]
async fn a_process_that_publishes_and_subscribes_hears_its_event_once() {
    let place = Place::new();
    let _hub = place.hub().start().unwrap();
    let heard = Arc::new(AtomicUsize::new(0));
    let subscriber = |heard: &Arc<AtomicUsize>| {
        let heard = Arc::clone(heard);
        Bus::empty().replayable().subscribe(move |_: &Stored| {
            heard.fetch_add(1, Ordering::Relaxed);
        })
    };
    let client = place.client().connect().unwrap();
    let bus = subscriber(&heard).transport(client).build().unwrap();
    let worker = place.worker().connect(Endpoint::new(&bus).unwrap()).unwrap();
    let handle = worker.handle();
    tokio::spawn(worker.run());
    let elsewhere = Arc::new(AtomicUsize::new(0));
    let (other, _) = run(place.worker(), subscriber(&elsewhere));
    soon(handle.ready()).await.unwrap();
    soon(other.ready()).await.unwrap();
    for _ in 0..10 {
        soon(bus.publish(Stored(1))).await.unwrap();
    }
    until(|| elsewhere.load(Ordering::Relaxed) == 10 && handle.stats().taken == 10).await;
    handle.stop();
    assert_eq!(heard.load(Ordering::Relaxed), 10);
}

#[tokio::test]
async fn a_hub_is_idle_only_when_subscribers_are_done_with_their_events() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let gate = Gate::new();
    let (worker, _) = run(place.worker().event_credit(1), behind(&gate));
    soon(worker.ready()).await.unwrap();
    let bus = publisher(&place);
    for number in 0..2 {
        soon(bus.publish(Stored(number))).await.unwrap();
    }
    until(|| gate.arrived() == 1).await;
    assert_eq!((hub.stats().unfinished_events, hub.stats().is_idle()), (2, false));
    gate.open();
    assert_eq!(soon(hub.wait_for(HubStats::is_idle)).await.unwrap().unfinished_events, 0);
    assert_eq!(gate.arrived(), 2);
}

#[tokio::test]
async fn what_a_subscriber_had_when_it_left_is_not_waited_for() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let gate = Gate::new();
    let (worker, running) = run(place.worker().event_credit(1), behind(&gate));
    soon(worker.ready()).await.unwrap();
    soon(publisher(&place).publish(Stored(1))).await.unwrap();
    until(|| gate.arrived() == 1).await;
    running.abort();
    assert!(soon(hub.wait_for(HubStats::is_idle)).await.is_some());
}
