//! Messages that no handler gets over, among ten thousand others that all have to be handled: R12.

#[path = "../../tests/support/crashes.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "it is shared with tests that trace")]
mod crashes;
mod ledger;
mod process;
mod support;

use std::{path::Path, process::ExitCode, time::Duration};

use bus_zmq::{Zmq, ZmqClient, ZmqHub};
use linkbus::{
    AnyError, Bus, Command, ExecuteError,
    layer::{Retry, Timeout},
    transport::Endpoint,
};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, JoinSet};

use self::{
    ledger::{Attempts, Noted},
    process::{Process, end_with_the_test, stop_at_signal, was_at_once},
    support::{Place, soon, until},
};

/// How many messages are handled beside those that are not.
const OTHERS: u64 = 10_000;

/// How often a handler is tried that fails, and how many processes a message may end.
const ATTEMPTS: u32 = 5;

#[derive(Clone, Command, Serialize, Deserialize)]
#[command(name = "poison.Order")]
struct Order {
    number: u64,
    ending: Ending,
}

/// What comes of an order.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Ending {
    Done,
    Failure,
    Panic,
    Abort,
    /// None, and it waits for nothing meanwhile.
    Loop,
}

impl Ending {
    /// The order that ends so. Those that are done have higher numbers.
    fn order(self) -> Order {
        Order { number: self as u64, ending: self }
    }
}

/// What workers do not understand.
mod foreign {
    use super::{Command, Deserialize, Serialize};

    #[derive(Command, Serialize, Deserialize)]
    #[command(name = "poison.Order")]
    pub(super) struct Order(pub(super) String);

    #[derive(Command, Serialize, Deserialize)]
    #[command(name = "poison.Unknown")]
    pub(super) struct Unknown;
}

fn main() -> ExitCode {
    crashes::main(
        worker,
        &crashes::tests![
            each_message_that_cannot_be_handled_is_answered_and_all_others_are_handled,
            one_that_loops_has_one_thread_until_its_process_ends_and_is_given_to_no_other,
        ],
    )
}

/// A worker process, which notes each attempt.
fn worker(_: &str, folder: &Path, number: u32) {
    let retry = Retry::new().on_any_error().max_attempts(ATTEMPTS).base(Duration::from_millis(1));
    let noted = Noted::by(number, folder, |order: &Order| order.number);
    let bus = Bus::empty().replayable().command_async(handle).layer(retry).layer(noted).build().unwrap();
    let worker = Zmq::worker().endpoint(format!("ipc://{}", folder.join("run/bus").display()));
    let worker = worker.connect(Endpoint::new(&bus).unwrap()).unwrap();
    end_with_the_test();
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    threads.block_on(async {
        stop_at_signal(worker.handle());
        worker.run().await.unwrap();
    });
}

async fn handle(order: Order) -> Result<(), AnyError> {
    match order.ending {
        Ending::Done => tokio::time::sleep(Duration::from_millis(order.number % 8)).await,
        Ending::Failure => return Err("there is none left".into()),
        Ending::Panic => panic!("there is less than none"),
        Ending::Abort => std::process::abort(),
        Ending::Loop => loop {
            std::hint::spin_loop();
        },
    }
    Ok(())
}

/// A hub, and two workers, of which each that ends is followed by another.
struct Scene {
    place: Place,
    hub: ZmqHub,
    client: ZmqClient,
    bus: Bus,
    workers: Vec<Process>,
    started: u32,
}

impl Scene {
    async fn new() -> Self {
        let place = Place::new();
        let hub = place.hub().start().unwrap();
        let client = Zmq::client().join(&hub).unwrap();
        let bus = Bus::empty().message::<Order>().transport(client.clone()).build().unwrap();
        let mut scene = Scene { place, hub, client, bus, workers: Vec::new(), started: 0 };
        scene.start();
        scene.start();
        soon(scene.client.served(["poison.Order"])).await.unwrap();
        scene
    }

    fn start(&mut self) {
        self.started += 1;
        self.workers.push(Process::start("worker", &self.place, self.started));
    }

    /// Starts a worker in the place of each that is over; gives how many were.
    fn replace(&mut self) -> u32 {
        let before = self.workers.len();
        self.workers.retain_mut(|worker| !worker.is_over());
        let over = before - self.workers.len();
        (0..over).for_each(|_| self.start());
        u32::try_from(over).unwrap()
    }

    fn attempts(&self, ending: Ending) -> Vec<u32> {
        Attempts::read(self.place.folder().parent().unwrap()).of(ending.order().number).to_vec()
    }

    /// What comes of the order that ends so.
    fn execute(&self, ending: Ending) -> JoinHandle<Result<(), ExecuteError<AnyError>>> {
        let bus = self.bus.clone();
        tokio::spawn(async move { bus.execute(ending.order()).await })
    }

    /// Has ten thousand orders done, and as many more as there is time for until it is enough.
    fn others(&self) -> (JoinHandle<u64>, tokio::sync::oneshot::Sender<()>) {
        let bus = self.bus.clone();
        let (enough, mut is_enough) = tokio::sync::oneshot::channel();
        let others = tokio::spawn(async move {
            let (mut sent, mut running) = (0, JoinSet::new());
            while sent < OTHERS || is_enough.try_recv().is_err() {
                sent += 1;
                let (bus, order) = (bus.clone(), Order { number: 100 + sent, ending: Ending::Done });
                running.spawn(async move { bus.execute(order).await });
                if running.len() >= 200 {
                    soon(running.join_next()).await.unwrap().unwrap().expect("it can be handled");
                }
            }
            while let Some(outcome) = soon(running.join_next()).await {
                outcome.unwrap().expect("it can be handled");
            }
            sent
        });
        (others, enough)
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn each_message_that_cannot_be_handled_is_answered_and_all_others_are_handled() {
    block_on(async {
        let mut scene = Scene::new().await;
        let (others, enough) = scene.others();

        let error = soon(scene.execute(Ending::Failure)).await.unwrap().unwrap_err();
        assert!(says(&error, "there is none left"), "{error:?}");
        assert_eq!(scene.attempts(Ending::Failure), [1, 2, 3, 4, 5]);

        let error = soon(scene.execute(Ending::Panic)).await.unwrap().unwrap_err();
        assert!(matches!(error, ExecuteError::Panicked { .. }), "{error:?}");
        assert_eq!(scene.attempts(Ending::Panic), [1], "it would panic again");

        let strange = Bus::empty().message::<foreign::Order>().message::<foreign::Unknown>();
        let strange = strange.transport(scene.client.clone()).build().unwrap();
        let error = soon(strange.execute(foreign::Order("three".into()))).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Refused { .. }) && says(&error, "cannot be read"), "{error:?}");
        let error = soon(strange.execute(foreign::Unknown)).await.unwrap_err();
        assert!(matches!(error, ExecuteError::NoHandler { .. }), "{error:?}");

        let abort = scene.execute(Ending::Abort);
        let mut crashed = 0;
        while !abort.is_finished() {
            crashed += scene.replace();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let error = abort.await.unwrap().unwrap_err();
        assert!(matches!(error, ExecuteError::Transport { .. }) && says(&error, "not tried again"), "{error:?}");
        assert_eq!(scene.attempts(Ending::Abort), [1, 2, 3, 4, 5]);
        until(|| scene.hub.stats().gone == u64::from(ATTEMPTS)).await;
        assert!(crashed <= ATTEMPTS, "{crashed} workers crashed");

        enough.send(()).unwrap();
        let done = soon(others).await.unwrap();
        let stats = scene.hub.stats();
        println!("{done} others done, {stats:?}");
        // The failure, the panic, and what cannot be read; the unknown name, and what ends its process.
        assert_eq!((stats.done, stats.failed, stats.rejected), (done, 3, 2));
    });
}

/// Whether the error or one of its causes says so.
fn says(error: &dyn std::error::Error, text: &str) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.to_string().contains(text))
}

/// Nothing can end a loop that waits for nothing but the end of its process. Its sender need not wait for that.
fn one_that_loops_has_one_thread_until_its_process_ends_and_is_given_to_no_other() {
    block_on(async {
        let mut scene = Scene::new().await;
        let impatient = Bus::empty().message::<Order>().transport(scene.client.clone());
        let impatient = impatient.layer(Timeout::after(Duration::from_secs(2))).build().unwrap();
        let (others, enough) = scene.others();

        let error = soon(impatient.execute(Ending::Loop.order())).await.unwrap_err();
        assert!(matches!(error, ExecuteError::TimedOut { .. }), "{error:?}");
        enough.send(()).unwrap();
        let done = soon(others).await.unwrap();
        assert_eq!(scene.hub.stats().leased, 1, "its worker does what else there is, and still has it");

        for worker in &mut scene.workers {
            assert_eq!(worker.line(), "ready");
            worker.signal(Signal::TERM);
            assert_eq!(worker.line(), "stopping");
        }
        // One ends, as it has nothing; the other one is told again.
        until_ends(&mut scene.workers).await;
        let [looping] = &mut scene.workers[..] else { panic!("one of two is over") };
        looping.signal(Signal::TERM);
        assert!(was_at_once(looping.wait()));
        scene.workers.clear();
        scene.start();
        until(|| scene.hub.stats().leased == 0 && scene.hub.stats().queued == 0).await;
        let stats = scene.hub.stats();
        println!("{done} others done, {stats:?}");
        assert_eq!((stats.done, stats.rejected), (done, 1), "it came to its deadline");
        assert_eq!(scene.attempts(Ending::Loop), [1]);
    });
}

/// Waits until one of the processes is over.
async fn until_ends(workers: &mut Vec<Process>) {
    let before = workers.len();
    soon(async {
        while workers.len() == before {
            workers.retain_mut(|worker| !worker.is_over());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
