//! Messages of each kind, from one process to another.

mod support;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_nats::HeaderMap;
use bus_nats::{Begin, Hearers, NatsConfig};
use futures_util::StreamExt as _;
use linkbus::{Builder, Bus, Command, Event, ExecuteError, Query, SendError, Task};
use serde::{Deserialize, Serialize};

use self::support::{Gate, Running, Server, client, plain, soon, until};

#[derive(Query, Serialize, Deserialize)]
#[query(reply = u32, name = "shop.Twice")]
struct Twice(u32);

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Ship")]
struct Ship {
    order: u32,
    note: String,
}

#[derive(Task, Serialize, Deserialize)]
#[task(name = "shop.Work")]
struct Work(u32);

/// A name that a subject cannot have.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "shop:Shipped..twice")]
struct Shipped(u32);

/// What handlers were given.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u32>>>);

impl Seen {
    fn note(&self, number: u32) {
        self.0.lock().unwrap().push(number);
    }

    fn numbers(&self) -> Vec<u32> {
        let mut numbers = self.0.lock().unwrap().clone();
        numbers.sort_unstable();
        numbers
    }
}

fn ship(order: u32) -> Ship {
    Ship { order, note: String::new() }
}

async fn sender(config: &NatsConfig) -> Bus {
    let known = Bus::empty().message::<Twice>().message::<Ship>().message::<Work>().message::<Shipped>();
    known.transport(client(config).await).build().unwrap()
}

fn shipping(seen: &Seen) -> Builder<Bus> {
    let seen = seen.clone();
    Bus::empty().command(move |ship: Ship| seen.note(ship.order))
}

fn hearing(seen: &Seen) -> Builder<Bus> {
    let seen = seen.clone();
    Bus::empty().subscribe(move |event: &Shipped| seen.note(event.0))
}

#[tokio::test]
async fn commands_and_tasks_wait_for_a_worker() {
    for server in Server::each() {
        let config = server.config();
        let bus = sender(&config).await;
        bus.execute(ship(1)).await.unwrap();
        bus.dispatch(Work(2)).await.unwrap();
        let seen = Seen::default();
        let works = seen.clone();
        let worker = Running::start(&config, shipping(&seen).task(move |work: Work| works.note(work.0))).await;
        until(|| seen.numbers() == [1, 2]).await;
        let stats = worker.stop().await;
        assert_eq!((stats.handled, stats.redelivered), (2, 0));
    }
}

#[tokio::test]
async fn an_event_is_heard_once_in_each_group() {
    for server in Server::each() {
        let (billing, stock) = (server.config().group("billing"), server.config().group("stock"));
        let (bills, parts) = (Seen::default(), Seen::default());
        let workers = [
            Running::start(&billing, hearing(&bills)).await,
            Running::start(&billing, hearing(&bills)).await,
            Running::start(&stock, hearing(&parts)).await,
        ];
        let bus = sender(&billing).await;
        for number in 0..20 {
            bus.publish(Shipped(number)).await.unwrap();
        }
        for worker in workers {
            soon(worker.idle()).await;
            worker.stop().await;
        }
        assert_eq!(bills.numbers(), (0..20).collect::<Vec<_>>());
        assert_eq!(parts.numbers(), (0..20).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_event_is_heard_by_each_worker_that_wants_it() {
    for server in Server::each() {
        let config = server.config().hearers(Hearers::Each);
        let seen = Seen::default();
        let workers = [Running::start(&config, hearing(&seen)).await, Running::start(&config, hearing(&seen)).await];
        sender(&config).await.publish(Shipped(7)).await.unwrap();
        until(|| seen.numbers() == [7, 7]).await;
        for worker in workers {
            worker.stop().await;
        }
    }
}

#[tokio::test]
async fn a_new_group_hears_what_is_kept_if_it_wants_to() {
    for server in Server::each() {
        let config = server.config();
        let bus = sender(&config).await;
        bus.publish(Shipped(1)).await.unwrap();
        bus.publish(Shipped(2)).await.unwrap();
        let groups =
            [(3, Begin::First, vec![1, 2, 3]), (4, Begin::Sequence(2), vec![2, 3, 4]), (5, Begin::Now, vec![5])];
        for (last, begin, expected) in groups {
            let seen = Seen::default();
            let config = config.clone().group(format!("group{last}")).begin(begin);
            let worker = Running::start(&config, hearing(&seen)).await;
            bus.publish(Shipped(last)).await.unwrap();
            soon(worker.idle()).await;
            assert_eq!(seen.numbers(), expected, "{begin:?}");
            worker.stop().await;
        }
    }
}

#[tokio::test]
async fn two_services_do_not_both_answer_a_query() {
    for server in Server::each() {
        let answered = Arc::new(AtomicUsize::new(0));
        let twice = || {
            let answered = Arc::clone(&answered);
            Bus::empty().query(move |twice: Twice| {
                answered.fetch_add(1, Relaxed);
                twice.0 * 2
            })
        };
        let workers = [
            Running::start(&server.config().group("one"), twice()).await,
            Running::start(&server.config().group("two"), twice()).await,
        ];
        let bus = sender(&server.config()).await;
        for number in 0..20 {
            assert_eq!(bus.send(Twice(number)).await.unwrap(), number * 2);
        }
        for worker in workers {
            worker.stop().await;
        }
        assert_eq!(answered.load(Relaxed), 20);
    }
}

#[tokio::test]
async fn a_query_for_which_there_is_no_room_is_refused_at_once() {
    for server in Server::each() {
        let config = server.config().concurrency(1).query_backlog(0);
        let gate = Gate::new();
        let pass = gate.clone();
        let slow = Bus::empty().query_async(move |twice: Twice| {
            let pass = pass.pass();
            async move {
                pass.await;
                twice.0 * 2
            }
        });
        let worker = Running::start(&config, slow).await;
        let bus = sender(&config).await;
        let (first, second) = (bus.send(Twice(1)), bus.send(Twice(2)));
        let (mut first, mut second) = (Box::pin(first), Box::pin(second));
        let refused = tokio::select! { first = &mut first => first, second = &mut second => second };
        assert!(matches!(refused, Err(SendError::Overloaded { .. })), "{refused:?}");
        gate.open();
        assert_eq!(worker.stop().await.refused, 1);
    }
}

#[tokio::test]
async fn what_is_larger_than_the_server_takes_is_refused_before_it_is_sent() {
    for server in Server::each_with("max_payload: 4096") {
        let bus = sender(&server.config()).await;
        // The body alone would fit.
        let error = bus.execute(Ship { order: 1, note: "n".repeat(3_900) }).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Refused { .. }), "{error:?}");
        assert!(format!("{error:?}").contains("limit: 4096"), "{error:?}");
    }
}

#[tokio::test]
async fn a_plain_client_sends_commands_asks_and_hears_events() {
    for server in Server::each() {
        let seen = Seen::default();
        let worker = Running::start(&server.config(), shipping(&seen).query(|twice: Twice| twice.0 * 2)).await;
        let plain = plain(&server).await;
        let mut events = plain.subscribe("linkbus.evt.>").await.unwrap();
        plain.flush().await.unwrap();

        plain.publish("linkbus.cmd.shop.Ship", r#"{"order":17,"note":""}"#.into()).await.unwrap();
        until(|| seen.numbers() == [17]).await;

        let reply = plain.request("linkbus.q.shop.Twice", "21".into()).await.unwrap();
        assert_eq!(&*reply.payload, b"42");
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", "no id");
        let refused = plain.request_with_headers("linkbus.q.shop.Twice", headers, "21".into()).await.unwrap();
        assert_eq!(refused.headers.unwrap().get("linkbus-failed").unwrap().as_str(), "refused");

        sender(&server.config()).await.publish(Shipped(5)).await.unwrap();
        let event = soon(events.next()).await.unwrap();
        let headers = event.headers.unwrap();
        assert_eq!(event.subject.as_str(), "linkbus.evt.shop=3AShipped.=.twice");
        assert_eq!(headers.get("ce-type").unwrap().as_str(), "shop:Shipped..twice");
        assert_eq!(headers.get("content-type").unwrap().as_str(), "application/msgpack");
        worker.stop().await;
    }
}

#[tokio::test]
async fn who_is_closed_says_so_and_takes_nothing_more() {
    for server in Server::each() {
        let client = client(&server.config()).await;
        let bus = Bus::empty().message::<Ship>().transport(client.clone()).build().unwrap();
        bus.execute(ship(1)).await.unwrap();
        let health = client.health();
        assert!(health.live && health.ready && health.why.is_empty(), "{health:?}");
        assert_eq!(client.published(), 1);
        bus.close().await.unwrap();
        assert!(matches!(bus.execute(ship(2)).await, Err(ExecuteError::ShutDown { .. })));
        let health = client.health();
        assert!(!health.live && !health.ready && health.why == ["it is closed"], "{health:?}");
    }
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_kept_once() {
    for server in Server::each() {
        let seen = Seen::default();
        let plain = plain(&server).await;
        let config = server.config();
        let _streams = client(&config).await;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "01010101-0101-0101-0101-010101010101");
        for _ in 0..3 {
            let body = r#"{"order":1,"note":""}"#;
            plain.publish_with_headers("linkbus.cmd.shop.Ship", headers.clone(), body.into()).await.unwrap();
        }
        plain.flush().await.unwrap();
        let worker = Running::start(&config.ack_wait(Duration::from_secs(1)), shipping(&seen)).await;
        soon(worker.idle()).await;
        assert_eq!(seen.numbers(), [1]);
        worker.stop().await;
    }
}
