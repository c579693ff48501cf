//! Messages with a key: in order, whatever becomes of them and of their workers.

mod support;

use std::{
    collections::{BTreeMap, HashSet},
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_nats::jetstream;
use bus_nats::{Begin, NatsConfig, Redelivery};
use futures_util::TryStreamExt as _;
use linkbus::{AnyError, Builder, Bus, Command, Event, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;

use self::support::{Attempts, Gate, Running, Server, client, kept, plain, soon, until};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Ship", error = io::Error)]
struct Ship {
    #[bus(key)]
    order: u32,
    step: u32,
}

#[derive(Task, Serialize, Deserialize)]
#[task(name = "shop.Pack", error = io::Error)]
struct Pack {
    #[bus(key)]
    order: u32,
    step: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "shop.Shipped")]
struct Shipped {
    #[bus(key)]
    order: u32,
    step: u32,
}

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Charge")]
struct Charge {
    #[bus(key, secret)]
    card: String,
}

/// One of a few keys; a message without an order has none.
#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Note")]
struct Note {
    #[bus(key)]
    order: Option<u32>,
}

async fn sender(config: &NatsConfig) -> Bus {
    let known = Bus::empty().message::<Ship>().message::<Pack>().message::<Shipped>().message::<Charge>();
    known.message::<Note>().transport(client(config).await).build().unwrap()
}

fn quick(server: &Server) -> NatsConfig {
    server.config().redelivery(Redelivery::new().base(Duration::from_millis(10)).max_attempts(100))
}

/// What became of each order: steps are numbered from 0, and begin when the one before them was done.
#[derive(Clone, Default)]
struct Steps(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The step that was begun last of each order.
    last: BTreeMap<u32, u32>,
    /// Steps that failed already.
    failed: HashSet<(u32, u32)>,
    done: HashSet<(u32, u32)>,
    wrong: Vec<String>,
}

impl Steps {
    /// A step, which fails the first time if it is the third one or the sixth and so on.
    async fn take(&self, order: u32, step: u32) -> Result<(), io::Error> {
        self.begin(order, step);
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(u64::from(step % 2))).await;
        let mut state = self.0.lock().unwrap();
        if step % 3 == 2 && state.failed.insert((order, step)) {
            return Err(io::Error::other("not yet"));
        }
        state.done.insert((order, step));
        Ok(())
    }

    fn begin(&self, order: u32, step: u32) {
        let mut state = self.0.lock().unwrap();
        let is_right = match state.last.get(&order) {
            None => step == 0,
            Some(last) => step == *last || (step == last + 1 && state.done.contains(&(order, *last))),
        };
        if !is_right {
            let wrong = format!("step {step} of {order} behind {:?}", state.last.get(&order));
            state.wrong.push(wrong);
        }
        state.last.insert(order, step);
    }

    /// How many steps were done, if all were in order.
    fn done(&self) -> usize {
        let state = self.0.lock().unwrap();
        assert!(state.wrong.is_empty(), "{:?}", state.wrong);
        state.done.len()
    }

    fn handlers(&self) -> Builder<Bus> {
        let [ships, packs, hears] = [(); 3].map(|()| self.clone());
        Bus::empty()
            .command_async(move |ship: Ship| {
                let ships = ships.clone();
                async move { ships.take(ship.order, ship.step).await }
            })
            .task_async(move |pack: Pack| {
                let packs = packs.clone();
                async move { packs.take(pack.order, pack.step).await }
            })
            .subscribe_async(move |shipped: &Shipped| {
                let (hears, order, step) = (hears.clone(), shipped.order, shipped.step);
                async move { hears.take(order, step).await.map_err(AnyError::from) }
            })
    }
}

const ORDERS: u32 = 12;
const STEPS: u32 = 15;

/// Sends all steps of all orders, and has them handled by workers that are ended where they stand, while others take their place.
async fn keeps_the_order(config: &NatsConfig, send: impl AsyncFn(&Bus, u32, u32)) {
    let steps = Steps::default();
    let config = config.clone().ack_wait(Duration::from_secs(2)).concurrency(8).prefetch(8).begin(Begin::First);
    let bus = sender(&config).await;
    for step in 0..STEPS {
        for order in 0..ORDERS {
            send(&bus, order, step).await;
        }
    }
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(Running::start(&config, steps.handlers()).await);
    }
    for part in 1..4 {
        until(|| steps.done() >= (ORDERS * STEPS * part / 4) as usize).await;
        workers.remove(0).abort();
        workers.push(Running::start(&config, steps.handlers()).await);
    }
    until(|| steps.done() == (ORDERS * STEPS) as usize).await;
    for worker in workers {
        worker.stop().await;
    }
    steps.done();
}

#[tokio::test]
async fn commands_of_a_key_are_in_order_though_handlers_fail_and_workers_end() {
    for server in Server::each() {
        let send = async |bus: &Bus, order, step| bus.execute(Ship { order, step }).await.unwrap();
        keeps_the_order(&quick(&server), send).await;
        assert_eq!(kept(&server, "linkbus_dead").await, 0);
    }
}

#[tokio::test]
async fn tasks_of_a_key_are_in_order_though_handlers_fail_and_workers_end() {
    for server in Server::each() {
        let send = async |bus: &Bus, order, step| bus.dispatch(Pack { order, step }).await.unwrap();
        keeps_the_order(&quick(&server), send).await;
        assert_eq!(kept(&server, "linkbus_dead").await, 0);
    }
}

#[tokio::test]
async fn events_of_a_key_are_in_order_though_handlers_fail_and_workers_end() {
    for server in Server::each() {
        let send = async |bus: &Bus, order, step| bus.publish(Shipped { order, step }).await.unwrap();
        keeps_the_order(&quick(&server), send).await;
        assert_eq!(kept(&server, "linkbus_dead").await, 0);
    }
}

#[tokio::test]
async fn keys_do_not_wait_for_each_other_and_neither_do_messages_without_one() {
    for server in Server::each() {
        let config = quick(&server);
        let all = Arc::new(Barrier::new(8));
        let meets = Bus::empty().command_async(move |_: Note| {
            let all = Arc::clone(&all);
            async move {
                all.wait().await;
            }
        });
        let worker = Running::start(&config, meets).await;
        let bus = sender(&config).await;
        for order in 0..5 {
            bus.execute(Note { order: Some(order) }).await.unwrap();
        }
        for _ in 0..3 {
            bus.execute(Note { order: None }).await.unwrap();
        }
        until(|| worker.handle.stats().handled == 8).await;
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_poisoned_key_holds_up_no_other_however_many_are_behind_it() {
    for server in Server::each() {
        let hour = Duration::from_secs(3600);
        let config = quick(&server).redelivery(Redelivery::new().base(hour).cap(hour)).concurrency(4).prefetch(8);
        let (followers, others) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (behind, seen) = (Arc::clone(&followers), Arc::clone(&others));
        let handles = Bus::empty().command(move |ship: Ship| match (ship.order, ship.step) {
            (0, 0) => Err(io::Error::other("poison")),
            (0, _) => {
                behind.fetch_add(1, Relaxed);
                Ok(())
            }
            (order, step) => {
                seen.lock().unwrap().push((order, step));
                Ok(())
            }
        });
        let bus = sender(&config).await;
        for step in 0..=500 {
            bus.execute(Ship { order: 0, step }).await.unwrap();
        }
        for step in 0..3 {
            for order in 1..=100 {
                bus.execute(Ship { order, step }).await.unwrap();
            }
        }
        let worker = Running::start(&config, handles).await;
        until(|| others.lock().unwrap().len() == 300).await;
        let others = others.lock().unwrap().clone();
        for order in 1..=100 {
            let steps: Vec<_> = others.iter().filter(|(of, _)| *of == order).map(|(_, step)| *step).collect();
            assert_eq!(steps, [0, 1, 2], "of {order}");
        }
        let stats = worker.stop().await;
        assert_eq!((followers.load(Relaxed), stats.dead_lettered), (0, 0));
        assert!(stats.postponed > 0, "there was room for no more than some of them");
    }
}

#[tokio::test]
async fn behind_a_dead_letter_the_key_goes_on() {
    for server in Server::each() {
        let config = quick(&server).redelivery(Redelivery::new().base(Duration::from_millis(10)).max_attempts(3));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let handles = Bus::empty().command(move |ship: Ship| {
            noted.lock().unwrap().push(ship.step);
            if ship.step == 0 { Err(io::Error::other("poison")) } else { Ok(()) }
        });
        let worker = Running::start(&config, handles).await;
        let bus = sender(&config).await;
        for step in 0..30 {
            bus.execute(Ship { order: 7, step }).await.unwrap();
        }
        until(|| worker.handle.stats().handled == 29).await;
        let stats = worker.stop().await;
        assert_eq!((stats.dead_lettered, stats.failed), (1, 2));
        assert_eq!(*seen.lock().unwrap(), [0, 0].into_iter().chain(0..30).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn who_waits_loses_no_attempt() {
    for server in Server::each() {
        let config = quick(&server).ack_wait(Duration::from_millis(300)).redelivery(Redelivery::new().max_attempts(2));
        let (began, gate) = (Attempts::default(), Gate::new());
        let hangs = Bus::empty().command_async(move |_: Ship| {
            let pass = gate.pass();
            async move {
                pass.await;
                Ok::<_, io::Error>(())
            }
        });
        let gone = Running::start(&config, hangs.layer(began.clone())).await;
        let bus = sender(&config).await;
        for step in 0..5 {
            bus.execute(Ship { order: 7, step }).await.unwrap();
        }
        until(|| !began.0.lock().unwrap().is_empty()).await;
        soon(async { while gone.handle.lag().await.unwrap()[0].under_way < 5 {} }).await;
        gone.abort();
        let attempts = Attempts::default();
        let takes = Bus::empty().command(|_: Ship| Ok::<_, io::Error>(())).layer(attempts.clone());
        let other = Running::start(&config, takes).await;
        until(|| other.handle.stats().handled == 5).await;
        assert_eq!(*attempts.0.lock().unwrap(), [2, 1, 1, 1, 1]);
        assert_eq!(other.stop().await.dead_lettered, 0);
    }
}

#[tokio::test]
async fn a_secret_key_is_in_no_subject() {
    for server in Server::each() {
        let config = quick(&server);
        let bus = sender(&config).await;
        bus.execute(Charge { card: "s3cr3t".into() }).await.unwrap();
        bus.execute(Note { order: Some(17) }).await.unwrap();
        let jetstream = jetstream::new(plain(&server).await);
        let subjects = async |stream: &str| {
            let stream = jetstream.get_stream(stream).await.unwrap();
            let counts: Vec<(String, usize)> =
                stream.info_with_subjects(">").await.unwrap().try_collect().await.unwrap();
            counts.into_iter().map(|(subject, _)| subject).collect::<Vec<_>>()
        };
        let mut sent = subjects("linkbus_cmd").await;
        sent.sort();
        let secret = "=sha256-4e738ca5563c06cfd0018299933d58db";
        assert_eq!(sent, [format!("linkbus.cmd.shop.Charge.=key.{secret}"), "linkbus.cmd.shop.Note.=key.17".into()]);
        let worker = Running::start(&config, Bus::empty().command(|_: Charge| ())).await;
        until(|| worker.handle.stats().handled == 1).await;
        worker.stop().await;
        assert_eq!(subjects("linkbus_order").await, [format!("linkbus.order.shop_Charge=key.{secret}")]);
    }
}

/// Hears events, and notes their steps.
fn hears() -> (Builder<Bus>, Arc<Mutex<Vec<u32>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&heard);
    (Bus::empty().subscribe(move |shipped: &Shipped| noted.lock().unwrap().push(shipped.step)), heard)
}

#[tokio::test]
async fn an_event_does_not_wait_for_those_that_were_before_its_group() {
    for server in Server::each() {
        let config = quick(&server);
        let bus = sender(&config).await;
        for step in 0..3 {
            bus.publish(Shipped { order: 7, step }).await.unwrap();
        }
        let (subscribes, steps) = hears();
        let worker = Running::start(&config, subscribes).await;
        for step in 3..6 {
            bus.publish(Shipped { order: 7, step }).await.unwrap();
        }
        until(|| worker.handle.stats().handled == 3).await;
        worker.stop().await;
        assert_eq!(*steps.lock().unwrap(), [3, 4, 5]);
    }
}

#[tokio::test]
async fn a_consumer_that_is_made_anew_hears_all_again() {
    for server in Server::each() {
        let config = quick(&server).begin(Begin::First);
        let bus = sender(&config).await;
        for step in 0..5 {
            bus.publish(Shipped { order: 7, step }).await.unwrap();
        }
        for _ in 0..2 {
            let (subscribes, steps) = hears();
            let worker = Running::start(&config, subscribes).await;
            until(|| worker.handle.stats().handled == 5).await;
            worker.stop().await;
            assert_eq!(*steps.lock().unwrap(), [0, 1, 2, 3, 4]);
            let stream = jetstream::new(plain(&server).await).get_stream("linkbus_evt").await.unwrap();
            stream.delete_consumer("shop_Shipped=key@linkbus").await.unwrap();
        }
    }
}
