//! What clients and workers say and do when their hub is away: at a wrong address, closed, or not yet there.

mod log;
mod support;

use std::time::Duration;

use bus_zmq::NotReady;
use linkbus::{Bus, Command, Event, ExecuteError, Query};
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;

use self::{
    log::log,
    support::{Gate, Place, run, soon, until},
};

#[derive(Query, Serialize, Deserialize)]
#[query(reply = usize, name = "away.Size")]
struct Size(#[serde(with = "serde_bytes")] Vec<u8>);

#[derive(Query, Serialize, Deserialize)]
#[query(reply = String, name = "away.Repeat")]
struct Repeat(usize);

#[derive(Command, Serialize, Deserialize)]
#[command(name = "away.Do")]
struct Do;

#[derive(Event, Clone, Serialize, Deserialize)]
#[event(name = "away.Happened")]
struct Happened;

const SHORT: Duration = Duration::from_millis(50);
/// Longer than a test may take.
const LONG: Duration = Duration::from_secs(600);

fn known() -> linkbus::Builder<Bus> {
    Bus::empty().message::<Size>().message::<Repeat>().message::<Do>().message::<Happened>()
}

fn handlers() -> linkbus::Builder<Bus> {
    Bus::empty().replayable().query(|size: Size| size.0.len()).query(|repeat: Repeat| "x".repeat(repeat.0))
}

#[tokio::test]
async fn who_looks_for_a_hub_where_none_is_says_so_and_when_it_comes() {
    let (log, place) = (log(), Place::new());
    let client = place.client().hub_grace(SHORT).connect().unwrap();
    let (worker, _running) = run(place.worker().hub_grace(SHORT), handlers());
    for error in [client.served(["away.Size"]).await, client.ready().await, soon(worker.ready()).await] {
        assert!(matches!(error, Err(NotReady::NoHub { .. })), "{error:?}");
    }
    let endpoint = place.endpoint();
    let count = |level, who| log.lines(&[level, who, &endpoint]).len();
    assert_eq!([count("WARN", "a client"), count("WARN", "a worker")], [1, 1]);
    let _hub = place.hub().start().unwrap();
    until(|| count("INFO", "a client") == 1 && count("INFO", "a worker") == 1).await;
    soon(client.served(["away.Size"])).await.unwrap();
    soon(worker.ready()).await.unwrap();
    assert_eq!([count("WARN", "a client"), count("WARN", "a worker")], [1, 1]);
}

#[tokio::test]
async fn when_the_hub_is_closed_nobody_is_ready_and_nobody_waits_for_it() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let client = place.client().hub_grace(SHORT).close_within(LONG).connect().unwrap();
    let (worker, running) = run(place.worker().hub_grace(SHORT).close_within(LONG), handlers());
    soon(client.served(["away.Size"])).await.unwrap();
    let bus = known().transport(client.clone()).build().unwrap();
    soon(hub.close()).await;
    soon(async {
        while client.ready().await.is_ok() || worker.ready().await.is_ok() {
            yield_now().await;
        }
    })
    .await;
    assert!(matches!(soon(client.served(["away.Size"])).await, Err(NotReady::NoHub { .. })));
    soon(bus.close()).await.unwrap();
    worker.stop();
    soon(running).await.unwrap();
}

#[tokio::test]
async fn what_the_hub_allows_reaches_those_who_send_less() {
    let place = Place::new();
    let _hub = place.hub().max_frame(8 << 20).start().unwrap();
    let (worker, _running) = run(place.worker(), handlers());
    let (large, usual) = (place.client().max_frame(8 << 20).connect().unwrap(), place.client().connect().unwrap());
    soon(large.served(["away.Size"])).await.unwrap();
    soon(usual.served(["away.Size"])).await.unwrap();
    let [large, usual] = [large, usual].map(|client| known().transport(client).build().unwrap());
    assert_eq!(soon(large.send(Size(vec![7; 4 << 20]))).await.unwrap(), 4 << 20);
    assert_eq!(soon(usual.send(Repeat(4 << 20))).await.unwrap().len(), 4 << 20);
    assert_eq!(soon(usual.send(Repeat(1))).await.unwrap(), "x");
    assert_eq!(worker.stats().interruptions, 0);
}

#[tokio::test]
async fn room_for_nothing_is_room_for_one() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let hears = handlers().subscribe(|_: &Happened| ());
    let (worker, _running) = run(place.worker().credit(0).event_credit(0), hears);
    let client = place.client().in_flight(0).connect().unwrap();
    soon(client.served(["away.Repeat"])).await.unwrap();
    let bus = known().transport(client).build().unwrap();
    assert_eq!(soon(bus.send(Repeat(3))).await.unwrap(), "xxx");
    soon(bus.publish(Happened)).await.unwrap();
    until(|| worker.stats().taken == 2).await;
    assert_eq!(hub.stats().dropped, 0);
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
struct Full(#[source] std::io::Error);

#[tokio::test]
async fn of_an_event_that_fails_in_a_worker_the_log_has_which_and_why() {
    let (log, place) = (log(), Place::new());
    let _hub = place.hub().start().unwrap();
    let fails = handlers().subscribe(|_: &Happened| Err(Full(std::io::Error::other("no room on sda1"))));
    let (worker, _running) = run(place.worker(), fails);
    soon(worker.ready()).await.unwrap();
    let client = place.client().connect().unwrap();
    soon(client.ready()).await.unwrap();
    soon(known().transport(client).build().unwrap().publish(Happened)).await.unwrap();
    let said = ["WARN", "away.Happened", "id=", "the disk is full", "no room on sda1"];
    until(|| log.lines(&said).len() == 1).await;
}

#[tokio::test]
async fn who_closes_before_an_answer_is_told_what_gave_it_up() {
    let place = Place::new();
    let _hub = place.hub().start().unwrap();
    let entrance = Gate::new();
    let entered = entrance.clone();
    let slow = Bus::empty().replayable().command_async(move |_: Do| entered.pass());
    let _worker = run(place.worker().close_within(SHORT), slow);
    let client = place.client().close_within(SHORT).connect().unwrap();
    soon(client.served(["away.Do"])).await.unwrap();
    let bus = known().transport(client.clone()).build().unwrap();
    let command = tokio::spawn(async move { bus.execute(Do).await });
    until(|| entrance.arrived() == 1).await;
    soon(linkbus::transport::Transport::close(&client)).await.unwrap();
    let error = soon(command).await.unwrap().unwrap_err();
    let ExecuteError::Transport { source, .. } = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("`close_within`"), "{source}");
}
