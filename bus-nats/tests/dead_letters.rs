//! Dead letters on the server, listed and replayed as those of a store of this process.

mod support;

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use bus_nats::{Nats, NatsConfig, NatsDeadLetters, Redelivery};
use linkbus::{
    Bus, Command, Event, Kind, Uuid,
    layer::{
        Reason,
        dead_letter::{Body, DeadLetterStore, Filter, Replay, ReplayResult, Skipped, StoreError},
    },
};
use serde::{Deserialize, Serialize};

use self::support::{Running, Server, client, kept, plain, soon, until};

/// Its id is written differently in formats for people and in others.
#[derive(Command, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(name = "shop.Charge", error = io::Error)]
struct Charge {
    #[bus(key)]
    order: u32,
    id: Uuid,
}

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(name = "shop.Ship")]
struct Ship(u32);

#[derive(Event, Clone, Serialize, Deserialize)]
#[event(name = "shop:Measured")]
struct Measured(u32);

fn charge(order: u32) -> Charge {
    Charge { order, id: Uuid::from_u128(order.into()) }
}

async fn sender(config: &NatsConfig) -> Bus {
    let bus = Bus::empty().message::<Charge>().message::<Ship>().message::<Measured>();
    bus.transport(client(config).await).replayable().build().unwrap()
}

fn hasty(server: &Server) -> NatsConfig {
    server.config().redelivery(Redelivery::new().max_attempts(2).base(Duration::from_millis(1)))
}

async fn letters(config: &NatsConfig) -> NatsDeadLetters {
    Nats::dead_letters(config).await.unwrap()
}

fn declines(_: Charge) -> io::Result<()> {
    Err(io::Error::other("the card is declined"))
}

/// Has charges fail until they are dead letters.
async fn bury(config: &NatsConfig, orders: impl IntoIterator<Item = u32>) {
    let worker = Running::start(config, Bus::empty().command(declines)).await;
    let (bus, mut dead) = (sender(config).await, 0);
    for order in orders {
        bus.execute(charge(order)).await.unwrap();
        dead += 1;
        until(|| worker.handle.stats().dead_lettered == dead).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_letter_says_what_was_given_up_and_why() {
    for server in Server::each() {
        let config = hasty(&server);
        let before = SystemTime::now();
        bury(&config, [17]).await;
        let letters = letters(&config).await;
        let [letter] = letters.list(&Filter::any(), 10).unwrap().try_into().unwrap();
        assert_eq!((&*letter.message, letter.kind, letter.attempts), ("shop.Charge", Kind::Command, 2));
        assert_eq!((letter.error.reason, letter.replays), (Reason::Handler, 0));
        assert_eq!(letter.error.text.as_deref(), Some("the card is declined"));
        assert_eq!(*letter.read::<Charge>().unwrap(), charge(17));
        assert!((before..=SystemTime::now()).contains(&letter.at), "{:?}", letter.at);
    }
}

#[tokio::test]
async fn letters_are_listed_oldest_first_by_what_they_are_about() {
    for server in Server::each() {
        let config = hasty(&server);
        bury(&config, 0..5).await;
        let plain = plain(&server).await;
        plain.publish("linkbus.cmd.shop.Ship", "no number".into()).await.unwrap();
        plain.flush().await.unwrap();
        let worker = Running::start(&config, Bus::empty().command(|_: Ship| ())).await;
        until(|| worker.handle.stats().dead_lettered == 1).await;
        worker.stop().await;
        let letters = letters(&config).await;
        let orders = |filter: &Filter| -> Vec<u32> {
            let found = letters.ids(filter).unwrap().into_iter().map(|id| letters.get(id).unwrap().unwrap());
            found.map(|letter| letter.read::<Charge>().unwrap().order).collect()
        };
        assert_eq!(orders(&Filter::of::<Charge>()), [0, 1, 2, 3, 4]);
        assert_eq!(orders(&Filter::any().reason(Reason::Handler).until(SystemTime::now())), [0, 1, 2, 3, 4]);
        assert_eq!(letters.ids(&Filter::of::<Ship>().reason(Reason::Refused)).unwrap().len(), 1);
        assert!(letters.ids(&Filter::any().since(SystemTime::now())).unwrap().is_empty());
        assert_eq!(letters.count().unwrap(), 6);
    }
}

#[tokio::test]
async fn a_letter_that_was_deleted_is_gone_and_no_other() {
    for server in Server::each() {
        let config = hasty(&server);
        bury(&config, 0..3).await;
        let letters = letters(&config).await;
        let ids = letters.ids(&Filter::any()).unwrap();
        letters.note_replay(ids[1]).unwrap();
        assert_eq!((letters.delete(ids[1]).unwrap(), letters.delete(ids[1]).unwrap()), (true, false));
        assert!(letters.get(ids[1]).unwrap().is_none());
        assert_eq!(letters.ids(&Filter::any()).unwrap(), [ids[0], ids[2]]);
        assert_eq!(kept(&server, "linkbus_dead").await, 2, "notes of its replays are gone with it");
        // At the place of a letter, and of another time.
        let stranger = Uuid::from_u128(ids[0].as_u128() ^ (1 << 100));
        for id in [stranger, Uuid::nil(), Uuid::max()] {
            assert!(letters.get(id).unwrap().is_none() && !letters.delete(id).unwrap(), "{id}");
            letters.note_replay(id).unwrap();
        }
        assert_eq!(letters.count().unwrap(), 2);
    }
}

/// The server keeps one of two messages with the same id: what is put back has another.
#[tokio::test]
async fn what_is_replayed_through_a_client_is_handled_by_a_worker() {
    for server in Server::each() {
        let config = hasty(&server);
        bury(&config, [1, 2]).await;
        let letters = letters(&config).await;
        let bus = sender(&config).await;
        let dry = Replay::new(&letters, &bus).dry_run().all(&Filter::any()).await.unwrap();
        assert_eq!((dry.letters.len(), letters.count().unwrap()), (2, 2));
        let handled = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&handled);
        let takes = move |charge: Charge| {
            noted.lock().unwrap().push(charge);
            Ok::<_, io::Error>(())
        };
        let worker = Running::start(&config, Bus::empty().command(takes)).await;
        let report = Replay::new(&letters, &bus).all(&Filter::of::<Charge>()).await.unwrap();
        assert_eq!((report.handled(), letters.count().unwrap()), (2, 0));
        until(|| worker.handle.stats().handled == 2).await;
        worker.stop().await;
        let mut handled = handled.lock().unwrap();
        handled.sort_by_key(|charge| charge.order);
        assert_eq!(*handled, [charge(1), charge(2)]);
    }
}

#[tokio::test]
async fn what_fails_again_here_keeps_its_letter_and_is_counted() {
    for server in Server::each() {
        let config = hasty(&server);
        bury(&config, [7]).await;
        let letters = letters(&config).await;
        let broken = Bus::empty().command(declines).replayable().build().unwrap();
        let before = letters.list(&Filter::any(), 1).unwrap().remove(0);
        for replays in 1..=2 {
            let replayed = Replay::new(&letters, &broken).one(before.id).await.unwrap();
            assert!(matches!(replayed.result, ReplayResult::Failed(_)), "{replayed:?}");
            assert_eq!(letters.get(before.id).unwrap().unwrap().replays, replays);
        }
        assert_eq!(letters.count().unwrap(), 1, "a note is no letter");
        let mended = Bus::empty().command(|_: Charge| Ok::<_, io::Error>(())).replayable().build().unwrap();
        assert_eq!(Replay::new(&letters, &mended).all(&Filter::any()).await.unwrap().handled(), 1);
        assert_eq!(kept(&server, "linkbus_dead").await, 0);
    }
}

#[tokio::test]
async fn behind_a_letter_that_fails_again_those_of_its_key_wait_and_no_others() {
    for server in Server::each() {
        let config = hasty(&server);
        bury(&config, [1, 2, 1]).await;
        let letters = letters(&config).await;
        let fails = |charge: Charge| if charge.order == 1 { declines(charge) } else { Ok(()) };
        let bus = Bus::empty().command(fails).replayable().build().unwrap();
        let report = Replay::new(&letters, &bus).all(&Filter::any()).await.unwrap();
        let results: Vec<_> = report.letters.iter().map(|letter| &letter.result).collect();
        let is_as_expected = matches!(
            results[..],
            [ReplayResult::Failed(_), ReplayResult::Handled, ReplayResult::Skipped(Skipped::Behind { .. })]
        );
        assert!(is_as_expected, "{results:?}");
        assert_eq!(letters.count().unwrap(), 2);
    }
}

#[tokio::test]
async fn an_event_is_replayed_to_the_group_that_gave_it_up_and_to_no_other() {
    for server in Server::each() {
        let (billing, sales) = (hasty(&server).group("billing"), hasty(&server).group("sales"));
        let heard = Arc::new(AtomicUsize::new(0));
        let subscriber = || {
            let heard = Arc::clone(&heard);
            move |_: &Measured| {
                heard.fetch_add(1, Relaxed);
            }
        };
        let other = Running::start(&sales, Bus::empty().subscribe(subscriber())).await;
        let fails = |_: &Measured| Err::<(), _>(io::Error::other("the scale is broken"));
        let worker = Running::start(&billing, Bus::empty().subscribe(fails)).await;
        sender(&billing).await.publish(Measured(4)).await.unwrap();
        until(|| worker.handle.stats().dead_lettered == 1 && heard.load(Relaxed) == 1).await;
        worker.stop().await;

        assert_eq!(letters(&sales).await.count().unwrap(), 0, "it is a letter of another group");
        let letters = letters(&billing).await;
        let sends =
            Bus::empty().subscribe(subscriber()).transport(client(&billing).await).replayable().build().unwrap();
        let report = Replay::new(&letters, &sends).all(&Filter::of::<Measured>()).await.unwrap();
        assert_eq!((report.handled(), heard.load(Relaxed)), (1, 2));
        assert_eq!(kept(&server, "linkbus_evt").await, 1, "it was not published again");
        soon(other.idle()).await;
        other.stop().await;
        assert_eq!(heard.load(Relaxed), 2);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_listed_and_left_where_it_is() {
    for server in Server::each() {
        let config = hasty(&server);
        let worker = Running::start(&config, Bus::empty().command(|_: Ship| ())).await;
        let plain = plain(&server).await;
        for (header, value) in [("ce-id", "seven"), ("content-type", "text/csv"), ("ce-type", "shop.Ship")] {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert(header, value);
            plain.publish_with_headers("linkbus.cmd.shop.Ship", headers, "{}".into()).await.unwrap();
        }
        plain.flush().await.unwrap();
        until(|| worker.handle.stats().dead_lettered == 3).await;
        worker.stop().await;
        let letters = letters(&config).await;
        let bus = Bus::empty().command(|_: Ship| ()).replayable().build().unwrap();
        let report = Replay::new(&letters, &bus).all(&Filter::of::<Ship>()).await.unwrap();
        let is_unreadable = |result: &ReplayResult| matches!(result, ReplayResult::Skipped(Skipped::Unreadable(_)));
        assert!(report.letters.iter().all(|letter| is_unreadable(&letter.result)), "{report:?}");
        assert_eq!(letters.count().unwrap(), 3);
        let bodies: Vec<_> = letters.list(&Filter::any(), 10).unwrap().into_iter().map(|letter| letter.body).collect();
        let is_withheld = bodies.iter().filter(|body| matches!(body, Body::Withheld(_))).count();
        assert_eq!((bodies.len(), is_withheld), (3, 2), "{bodies:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_closed_says_so_and_takes_no_letters_before() {
    for server in Server::each() {
        let config = hasty(&server);
        bury(&config, [1]).await;
        let letters = letters(&config).await;
        let letter = letters.list(&Filter::any(), 1).unwrap().remove(0);
        let refused = letters.append(letter.clone()).unwrap_err();
        assert!(refused.to_string().contains("FileStore"), "{refused}");
        letters.close().unwrap();
        letters.close().unwrap();
        assert!(matches!(letters.get(letter.id), Err(StoreError::Closed)));
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_error_and_no_empty_store() {
    for mut server in Server::each() {
        let config = hasty(&server);
        bury(&config, [1]).await;
        let letters = letters(&config).await;
        server.kill();
        assert!(matches!(letters.count(), Err(StoreError::Other(_))));
    }
}
