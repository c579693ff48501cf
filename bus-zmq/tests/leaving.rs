//! Workers that lose their hub or are stopped with work in their hands, and what becomes of it.

mod support;

use std::{
    cell::RefCell,
    fs,
    future::poll_fn,
    os::unix::fs::PermissionsExt as _,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use bus_zmq::{
    NoWorker, ZmqWorker,
    protocol::{Content, Frame, Welcome, frames},
};
use linkbus::{
    Bus, Command,
    transport::{Endpoint, Envelope},
};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Runtime, task::JoinSet};

use self::support::{Gate, Place, run, soon, until};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "leaving.Do")]
struct Do;

fn worker(place: &Place, handlers: linkbus::Builder<Bus>) -> ZmqWorker {
    place.worker().connect(Endpoint::new(&handlers.build().unwrap()).unwrap()).unwrap()
}

fn not_here(_: Do) {
    panic!("it is stopped before")
}

fn sender(place: &Place) -> Bus {
    Bus::empty().message::<Do>().transport(place.client().connect().unwrap()).build().unwrap()
}

/// A hub that says what a test wants, to its only worker.
struct Hub {
    socket: zmq::Socket,
    worker: RefCell<Vec<u8>>,
    _context: zmq::Context,
}

impl Hub {
    fn new(place: &Place) -> Self {
        fs::create_dir_all(place.folder()).unwrap();
        fs::set_permissions(place.folder(), fs::Permissions::from_mode(0o700)).unwrap();
        let context = zmq::Context::new();
        let socket = context.socket(zmq::ROUTER).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_rcvtimeo(10_000).unwrap();
        socket.bind(&place.endpoint()).unwrap();
        Hub { socket, worker: RefCell::default(), _context: context }
    }

    /// Waits for a hello; gives the number of its session.
    fn hello(&self) -> u32 {
        loop {
            self.worker.replace(self.socket.recv_bytes(0).expect("a worker"));
            let message = self.socket.recv_bytes(0).unwrap();
            let mut said = frames(&message).map(|frame| Frame::from_bytes(frame.unwrap()).unwrap());
            if let Some(session) =
                said.find_map(|frame| if let Frame::Hello(hello) = frame { Some(hello.session) } else { None })
            {
                return session;
            }
        }
    }

    fn say(&self, frame: &Frame) {
        let mut bytes = Vec::new();
        frame.append_to(&mut bytes);
        self.socket.send(&*self.worker.borrow(), zmq::SNDMORE).unwrap();
        self.socket.send(bytes, 0).unwrap();
    }

    fn welcome(&self, session: u32) {
        let heartbeat = Duration::from_secs(60);
        self.say(&Frame::Welcome(Welcome { session, hub: [1; 16], heartbeat, max_frame: 1 << 20, routes: vec![] }));
    }

    fn give(&self, lease: u64) {
        // `Do` as MessagePack.
        let content = Content::new(&Envelope::of::<Do>().to_bytes(), &[0xc0]);
        self.say(&Frame::Work { lease, attempt: 1, content });
    }
}

#[tokio::test]
async fn a_worker_begins_nothing_that_its_hub_gave_to_others() {
    let (place, begun, (open, gate)) = (Place::new(), Arc::new(AtomicUsize::new(0)), mpsc::channel());
    let hub = Hub::new(&place);
    let (count, gate) = (Arc::clone(&begun), Mutex::new(gate));
    let handlers = Bus::empty().replayable().command(move |_: Do| {
        count.fetch_add(1, Ordering::Relaxed);
        gate.lock().unwrap().recv().unwrap();
    });
    let worker = worker(&place, handlers);
    let handle = worker.handle();
    hub.welcome(hub.hello());
    (1..=3).for_each(|lease| hub.give(lease));
    until(|| handle.stats().taken == 3).await;
    thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(worker.run()).unwrap();
    });
    until(|| begun.load(Ordering::Relaxed) == 1).await;
    hub.say(&Frame::Who);
    hub.welcome(hub.hello());
    until(|| handle.stats().interruptions == 1).await;
    hub.give(1);
    until(|| handle.stats().taken == 4).await;
    (0..4).for_each(|_| open.send(()).unwrap());
    until(|| handle.stats().answered == 1).await;
    assert_eq!(begun.load(Ordering::Relaxed), 2, "the first, and that of the new session");
}

#[tokio::test]
async fn a_worker_that_is_stopped_without_a_hub_finishes_what_it_began() {
    let (place, gate, finished) = (Place::new(), Gate::new(), Arc::new(AtomicUsize::new(0)));
    let hub = Hub::new(&place);
    let (entrance, count) = (gate.clone(), Arc::clone(&finished));
    let handlers = Bus::empty().replayable().command_async(move |_: Do| {
        let (pass, count) = (entrance.pass(), Arc::clone(&count));
        async move {
            pass.await;
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let (handle, over) = run(place.worker().close_within(Duration::MAX), handlers);
    hub.welcome(hub.hello());
    hub.give(1);
    until(|| gate.arrived() == 1).await;
    hub.say(&Frame::Who);
    hub.hello();
    handle.stop();
    // The worker has looked at it when it says hello once more.
    hub.hello();
    gate.open();
    let stats = soon(over).await.unwrap();
    assert_eq!((finished.load(Ordering::Relaxed), stats.stale), (1, 1));
}

#[tokio::test]
async fn what_a_stopped_worker_did_not_begin_is_given_back() {
    let place = Place::new();
    let hub = place.hub().no_worker(NoWorker::Queue).start().unwrap();
    let bus = sender(&place);
    let mut sent = JoinSet::new();
    for _ in 0..2 {
        let bus = bus.clone();
        sent.spawn(async move { bus.execute(Do).await });
    }
    until(|| hub.stats().queued == 2).await;
    let first = worker(&place, Bus::empty().replayable().command(not_here));
    let handle = first.handle();
    until(|| handle.stats().taken == 2).await;
    handle.stop();
    let stats = soon(first.run()).await.unwrap();
    assert_eq!((stats.returned, stats.answered), (2, 0));
    let _second = run(place.worker(), Bus::empty().replayable().command(|_: Do| ()));
    while let Some(outcome) = soon(sent.join_next()).await {
        outcome.unwrap().unwrap();
    }
}

/// Each attempt is counted before the worker has the message; five of them, and it would be given up.
#[tokio::test]
async fn workers_that_are_dropped_before_they_run_use_up_no_attempts() {
    let place = Place::new();
    let hub = place.hub().no_worker(NoWorker::Queue).start().unwrap();
    let bus = sender(&place);
    let sent = tokio::spawn(async move { bus.execute(Do).await });
    until(|| hub.stats().queued == 1).await;
    for _ in 0..6 {
        let worker = worker(&place, Bus::empty().replayable().command(not_here));
        until(|| hub.stats().leased == 1).await;
        drop(worker);
        until(|| hub.stats().leased == 0).await;
    }
    let _worker = run(place.worker(), Bus::empty().replayable().command(|_: Do| ()));
    soon(sent).await.unwrap().unwrap();
}

/// One more thread, on which handlers may block.
struct Hands(Option<Runtime>);

impl Hands {
    fn new() -> Self {
        Hands(Some(tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap()))
    }

    /// What a future spawns, it spawns there.
    fn lend<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        let hands = self.0.as_ref().unwrap().handle().clone();
        let mut future = Box::pin(future);
        poll_fn(move |task| {
            let _there = hands.enter();
            future.as_mut().poll(task)
        })
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        self.0.take().unwrap().shutdown_background();
    }
}

/// A worker that has three jobs, of which a thread has begun with one, and blocks until `open` is used or dropped.
struct Blocked {
    hub: bus_zmq::ZmqHub,
    sent: JoinSet<Result<(), linkbus::ExecuteError<linkbus::AnyError>>>,
    worker: ZmqWorker,
    has_begun: Arc<AtomicUsize>,
    open: mpsc::Sender<()>,
    place: Place,
}

impl Blocked {
    async fn new() -> Self {
        let (place, has_begun, (open, gate)) = (Place::new(), Arc::new(AtomicUsize::new(0)), mpsc::channel());
        let hub = place.hub().no_worker(NoWorker::Queue).start().unwrap();
        let bus = sender(&place);
        let mut sent = JoinSet::new();
        for _ in 0..3 {
            let bus = bus.clone();
            sent.spawn(async move { bus.execute(Do).await });
        }
        until(|| hub.stats().queued == 3).await;
        let (count, gate) = (Arc::clone(&has_begun), Mutex::new(gate));
        let worker = worker(
            &place,
            Bus::empty().replayable().command(move |_: Do| {
                count.fetch_add(1, Ordering::Relaxed);
                let _ = gate.lock().unwrap().recv();
            }),
        );
        let handle = worker.handle();
        until(|| handle.stats().taken == 3).await;
        Blocked { hub, sent, worker, has_begun, open, place }
    }
}

#[tokio::test]
async fn what_is_not_begun_when_a_running_worker_is_dropped_uses_up_no_attempt() {
    let Blocked { hub, mut sent, worker, has_begun, open, place } = Blocked::new().await;
    let hands = Hands::new();
    tokio::select! {
        _ = hands.lend(worker.run()) => panic!("nobody stops it"),
        () = until(|| has_begun.load(Ordering::Relaxed) == 1) => {}
    }
    until(|| hub.stats().leased == 0).await;
    assert_eq!((hub.stats().returned, hub.stats().requeued), (2, 1));
    drop(open);
    let _second = run(place.worker(), Bus::empty().replayable().command(|_: Do| ()));
    while let Some(outcome) = soon(sent.join_next()).await {
        outcome.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_is_not_begun_when_a_worker_is_stopped_does_not_wait_for_what_is() {
    let Blocked { hub, mut sent, worker, has_begun, open, place: _place } = Blocked::new().await;
    let handle = worker.handle();
    let hands = Hands::new();
    let mut running = pin!(hands.lend(worker.run()));
    tokio::select! {
        _ = &mut running => panic!("nobody stops it"),
        () = until(|| has_begun.load(Ordering::Relaxed) == 1) => {}
    }
    handle.stop();
    until(|| hub.stats().returned == 2).await;
    open.send(()).unwrap();
    assert_eq!(soon(running).await.unwrap().answered, 1);
    soon(sent.join_next()).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_time_without_an_end_ends_no_thread() {
    let place = Place::new();
    let hub = place.hub().heartbeat(Duration::MAX).close_within(Duration::MAX).start().unwrap();
    let client = place.client().query_timeout(Duration::MAX).hub_grace(Duration::MAX).close_within(Duration::MAX);
    let (handle, over) = run(place.worker().close_within(Duration::MAX), Bus::empty().replayable().command(|_: Do| ()));
    soon(handle.ready()).await.unwrap();
    let bus = Bus::empty().message::<Do>().transport(client.connect().unwrap()).build().unwrap();
    soon(bus.execute(Do)).await.unwrap();
    soon(bus.close()).await.unwrap();
    handle.stop();
    assert_eq!(soon(over).await.unwrap().answered, 1);
    soon(hub.close()).await;
    assert_eq!(hub.stats().done, 1);
}
