//! Buses of one process that speak over sockets, as those of several would.

mod support;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bus_zmq::ZmqClient;
use linkbus::{
    Builder, Bus, Command, ExecuteError, Query, SendError, Task,
    transport::{Endpoint, Json, Transport as _, Via},
};
use serde::{Deserialize, Serialize};

use self::support::{Gate, Place, run, soon, until};

#[derive(Query, Serialize, Deserialize)]
#[query(reply = u64, error = TooMuch, name = "numbers.Twice")]
struct Twice(u64);

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{0} is too much")]
struct TooMuch(u64);

#[derive(Query, Serialize, Deserialize)]
#[query(reply = String, name = "numbers.Repeat")]
struct Repeat(usize);

#[derive(Command, Serialize, Deserialize)]
#[command(name = "numbers.Store")]
struct Store(u64, Vec<u8>);

#[derive(Task, Serialize, Deserialize)]
#[task(name = "numbers.Crunch")]
struct Crunch;

fn twice(Twice(number): Twice) -> Result<u64, TooMuch> {
    number.checked_mul(2).ok_or(TooMuch(number))
}

fn numbers() -> Builder<Bus> {
    Bus::empty().replayable().query(twice)
}

/// A bus that knows the messages and handles none.
fn sender(via: impl Into<Via>) -> Bus {
    let known = Bus::empty().message::<Twice>().message::<Repeat>().message::<Store>().message::<Crunch>();
    known.transport(via).build().unwrap()
}

async fn connect(place: &Place, names: &[&str]) -> (Bus, ZmqClient) {
    let client = place.client().connect().unwrap();
    soon(client.served(names)).await.unwrap();
    (sender(client.clone()), client)
}

#[tokio::test]
async fn a_query_is_answered_by_another_bus_with_its_reply_or_its_own_error() {
    let place = Place::new();
    let _hub = place.hub().start().unwrap();
    let _worker = run(place.worker(), numbers());
    let (bus, client) = connect(&place, &["numbers.Twice"]).await;
    assert_eq!(soon(bus.send(Twice(21))).await.unwrap(), 42);
    let error = soon(bus.send(Twice(u64::MAX))).await.unwrap_err();
    assert!(matches!(error, SendError::Handler(TooMuch(u64::MAX))), "{error:?}");

    let json = sender(Via::new(client).codec(Json));
    assert_eq!(soon(json.send(Twice(21))).await.unwrap(), 42);
}

#[tokio::test]
async fn many_queries_at_once_have_each_its_own_reply() {
    let place = Place::new();
    let _hub = place.hub().start().unwrap();
    let _workers = [run(place.worker(), numbers()), run(place.worker().credit(2), numbers())];
    let (bus, _) = connect(&place, &["numbers.Twice"]).await;
    let queries = (0..500).map(|number| {
        let bus = bus.clone();
        tokio::spawn(async move { (number, bus.send(Twice(number)).await.unwrap()) })
    });
    for query in queries.collect::<Vec<_>>() {
        let (number, reply) = soon(query).await.unwrap();
        assert_eq!(reply, 2 * number);
    }
}

#[tokio::test]
async fn processes_start_in_any_order() {
    let place = Place::new();
    let client = place.client().connect().unwrap();
    let bus = sender(client.clone());
    let early = tokio::spawn({
        let client = client.clone();
        async move { client.ready().await }
    });
    let (worker, _) = run(place.worker(), numbers());
    let _hub = place.hub().start().unwrap();
    soon(early).await.unwrap().unwrap();
    soon(worker.ready()).await.unwrap();
    soon(client.served(["numbers.Twice"])).await.unwrap();
    assert_eq!(soon(bus.send(Twice(1))).await.unwrap(), 2);
}

#[tokio::test]
async fn what_nobody_serves_is_an_error_at_once() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let (bus, _) = connect(&place, &[]).await;
    assert!(matches!(soon(bus.send(Twice(1))).await, Err(SendError::NoHandler { .. })));
    assert!(matches!(soon(bus.execute(Store(1, vec![]))).await, Err(ExecuteError::NoHandler { .. })));
    until(|| hub.stats().rejected == 2).await;
}

#[tokio::test]
async fn two_workers_handle_each_command_and_task_once() {
    let place = Place::new();
    let _hub = place.hub().start().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tasks = Arc::new(AtomicUsize::new(0));
    let bus = || {
        let (seen, tasks) = (Arc::clone(&seen), Arc::clone(&tasks));
        Bus::empty().replayable().command(move |store: Store| seen.lock().unwrap().push(store.0)).task(
            move |_: Crunch| {
                tasks.fetch_add(1, Ordering::Relaxed);
            },
        )
    };
    // The third one has no handler for these, and takes none.
    let (first, second, other) =
        (run(place.worker(), bus()), run(place.worker(), bus()), run(place.worker(), numbers()));
    for (handle, _) in [&first, &second, &other] {
        soon(handle.ready()).await.unwrap();
    }
    let (bus, _) = connect(&place, &["numbers.Store", "numbers.Crunch"]).await;
    for number in 0..200 {
        soon(bus.execute(Store(number, vec![]))).await.unwrap();
        soon(bus.dispatch(Crunch)).await.unwrap();
    }
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!((seen, tasks.load(Ordering::Relaxed)), ((0..200).collect(), 200));
    let stats = [first, second, other].map(|(handle, _)| handle.stats().answered);
    assert_eq!(stats, [200, 200, 0], "the one that was used least recently is next");
}

#[tokio::test]
async fn a_late_reply_is_not_given_to_a_later_query() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let gate = Gate::new();
    let entrance = gate.clone();
    let bus = Bus::empty().replayable().query_async(move |Twice(number): Twice| {
        let late = (number == 1).then(|| entrance.pass());
        async move {
            if let Some(late) = late {
                late.await;
            }
            Ok::<_, TooMuch>(2 * number)
        }
    });
    let _worker = run(place.worker(), bus);
    let client = place.client().query_timeout(Duration::from_millis(50)).connect().unwrap();
    soon(client.served(["numbers.Twice"])).await.unwrap();
    let bus = sender(client);
    let error = soon(bus.send(Twice(1))).await.unwrap_err();
    assert!(matches!(error, SendError::TimedOut { .. }), "{error:?}");
    gate.open();
    until(|| hub.stats().done == 1).await;
    // On a busy machine 50 milliseconds may be too short for this one, too.
    let later = async {
        loop {
            match bus.send(Twice(4)).await {
                Err(SendError::TimedOut { .. }) => {}
                answer => return answer.unwrap(),
            }
        }
    };
    assert_eq!(soon(later).await, 8);
}

#[tokio::test]
async fn what_is_too_large_is_refused_on_its_way_there_and_back() {
    let place = Place::new();
    let _hub = place.hub().max_frame(10_000).start().unwrap();
    let bus = Bus::empty().replayable().query(|repeat: Repeat| "x".repeat(repeat.0)).command(|_: Store| ());
    let _worker = run(place.worker(), bus);
    let (bus, _) = connect(&place, &["numbers.Repeat"]).await;
    let error = soon(bus.execute(Store(1, vec![7; 10_000]))).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Refused { .. }), "{error:?}");
    soon(bus.execute(Store(1, vec![7; 8_000]))).await.unwrap();
    let error = soon(bus.send(Repeat(20_000))).await.unwrap_err();
    assert!(matches!(error, SendError::Refused { .. }), "{error:?}");
    assert_eq!(soon(bus.send(Repeat(9_000))).await.unwrap().len(), 9_000);
}

#[tokio::test]
async fn a_worker_that_is_stopped_finishes_what_it_began_and_gives_back_the_rest() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let gate = Gate::new();
    let entrance = gate.clone();
    let slow = Bus::empty().replayable().command_async(move |_: Store| entrance.pass());
    let (first, over) = run(place.worker().credit(2), slow);
    let (bus, _) = connect(&place, &["numbers.Store"]).await;
    let commands: Vec<_> = (0..6)
        .map(|number| {
            let bus = bus.clone();
            tokio::spawn(async move { bus.execute(Store(number, vec![])).await })
        })
        .collect();
    until(|| gate.arrived() == 2 && hub.stats().queued == 4).await;
    first.stop();
    gate.open();
    let stats = soon(over).await.unwrap();
    assert_eq!((stats.taken, stats.answered), (2, 2));
    let _second = run(place.worker(), Bus::empty().replayable().command(|_: Store| ()));
    for command in commands {
        soon(command).await.unwrap().unwrap();
    }
    assert_eq!((hub.stats().requeued, hub.stats().gone), (0, 0), "it said goodbye");
}

#[tokio::test]
async fn what_a_stopped_worker_does_not_finish_in_time_goes_to_another() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let gate = Gate::new();
    let entrance = gate.clone();
    let stuck = Bus::empty().replayable().command_async(move |_: Store| entrance.pass());
    let (first, over) = run(place.worker().close_within(Duration::from_millis(50)), stuck);
    let (bus, _) = connect(&place, &["numbers.Store"]).await;
    let command = tokio::spawn(async move { bus.execute(Store(1, vec![])).await });
    until(|| gate.arrived() == 1).await;
    first.stop();
    soon(over).await.unwrap();
    let _second = run(place.worker(), Bus::empty().replayable().command(|_: Store| ()));
    soon(command).await.unwrap().unwrap();
    assert_eq!(hub.stats().requeued, 1);
}

#[tokio::test]
async fn closing_waits_for_answers_and_refuses_what_comes_then() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let _worker = run(place.worker(), Bus::empty().replayable().command(|_: Store| ()));
    let (bus, client) = connect(&place, &["numbers.Store"]).await;
    let commands: Vec<_> = (0..100)
        .map(|number| {
            let bus = bus.clone();
            tokio::spawn(async move { bus.execute(Store(number, vec![])).await })
        })
        .collect();
    until(|| hub.stats().accepted > 0).await;
    soon(client.close()).await.unwrap();
    let outcomes: Vec<_> = {
        let mut outcomes = Vec::new();
        for command in commands {
            outcomes.push(soon(command).await.unwrap());
        }
        outcomes
    };
    let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    assert!(
        outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().err())
            .all(|error| matches!(error, ExecuteError::ShutDown { .. }))
    );
    assert_eq!((hub.stats().done, hub.stats().unclaimed), (done, 0));
    soon(client.close()).await.unwrap();
    soon(hub.close()).await;
    soon(hub.close()).await;
    assert_eq!(std::fs::read_dir(place.folder()).unwrap().count(), 0, "no file is left");
}

#[tokio::test]
async fn a_hub_may_have_clients_and_workers_in_its_own_process() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let endpoint = Endpoint::new(&numbers().build().unwrap()).unwrap();
    let worker = bus_zmq::Zmq::worker().join(&hub, endpoint).unwrap();
    let running = tokio::spawn(worker.run());
    let inside = bus_zmq::Zmq::client().join(&hub).unwrap();
    soon(inside.served(["numbers.Twice"])).await.unwrap();
    assert_eq!(soon(sender(inside).send(Twice(2))).await.unwrap(), 4);
    let (outside, _) = connect(&place, &["numbers.Twice"]).await;
    assert_eq!(soon(outside.send(Twice(3))).await.unwrap(), 6);
    soon(hub.close()).await;
    assert_eq!(soon(running).await.unwrap().unwrap().answered, 2);
}

#[tokio::test]
async fn without_a_hub_messages_wait_only_so_long() {
    let place = Place::new();
    let client = place.client().hub_grace(Duration::from_millis(50)).connect().unwrap();
    assert!(soon(client.ready()).await.unwrap_err().to_string().contains("start one with `Zmq::hub()`"));
    let error = soon(sender(client).execute(Store(1, vec![]))).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Transport { .. }), "{error:?}");
}

#[tokio::test]
async fn a_hub_that_is_started_again_is_found_and_gets_what_was_sent_meanwhile() {
    let place = Place::new();
    let hub = place.hub().close_within(Duration::ZERO).start().unwrap();
    let gate = Gate::new();
    let entrance = gate.clone();
    let slow = Bus::empty().replayable().command_async(move |_: Store| entrance.pass()).query(twice);
    let (worker, _) = run(place.worker(), slow);
    let (bus, client) = connect(&place, &["numbers.Twice"]).await;
    soon(hub.close()).await;
    let command = tokio::spawn({
        let bus = bus.clone();
        async move { bus.execute(Store(1, vec![])).await }
    });
    let _hub = place.hub().no_worker(bus_zmq::NoWorker::Queue).start().unwrap();
    gate.open();
    soon(command).await.unwrap().unwrap();
    soon(client.served(["numbers.Twice"])).await.unwrap();
    assert_eq!(soon(bus.send(Twice(2))).await.unwrap(), 4);
    assert_eq!(worker.stats().interruptions, 1);
}
