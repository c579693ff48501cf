//! More than there is room for, in the smallest queues: R8, R9.

mod support;

use std::{
    collections::VecDeque,
    pin::{Pin, pin},
    time::Duration,
};

use bus_zmq::{
    HubStats, Zmq,
    protocol::{Frame, Hello, Welcome, frames},
};
use linkbus::{
    Bus, Command, ExecuteError, Query, SendError,
    transport::{Envelope, Parcel, Transport as _, Undelivered},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use self::support::{Gate, Place, run, soon, until};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "overload.Do")]
struct Do(Vec<u8>);

#[derive(Query, Serialize, Deserialize)]
#[query(reply = (), name = "overload.Ask")]
struct Ask;

/// Longer than a test may take.
const LONG: Duration = Duration::from_secs(600);

/// A bus that handles one at a time, each when the gate opens.
fn behind(gate: &Gate) -> linkbus::Builder<Bus> {
    let entrance = gate.clone();
    Bus::empty().replayable().command_async(move |_: Do| entrance.pass())
}

async fn sender(client: bus_zmq::ClientBuilder) -> Bus {
    let client = client.connect().unwrap();
    soon(client.served(["overload.Do"])).await.unwrap();
    Bus::empty().message::<Do>().message::<Ask>().transport(client).build().unwrap()
}

/// Polls it once; it is not over then.
fn begin<F: Future>(future: &mut Pin<&mut F>) {
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut task).is_pending());
}

/// A hub that says only what it is told to.
struct SilentHub {
    socket: zmq::Socket,
    endpoint: String,
    heard: VecDeque<Frame>,
    client: Vec<u8>,
}

impl SilentHub {
    fn new() -> Self {
        let socket = zmq::Context::new().socket(zmq::ROUTER).unwrap();
        socket.set_rcvtimeo(60_000).unwrap();
        socket.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = socket.get_last_endpoint().unwrap().unwrap();
        SilentHub { socket, endpoint, heard: VecDeque::new(), client: Vec::new() }
    }

    fn say(&self, frame: &Frame) {
        let mut bytes = Vec::new();
        frame.append_to(&mut bytes);
        self.socket.send_multipart([&self.client, &bytes], 0).unwrap();
    }

    fn hear(&mut self) -> Frame {
        while self.heard.is_empty() {
            let [client, message] = &self.socket.recv_multipart(0).unwrap()[..] else { panic!("not one part") };
            self.client.clone_from(client);
            self.heard.extend(frames(message).map(|frame| Frame::from_bytes(frame.unwrap()).unwrap()));
        }
        self.heard.pop_front().unwrap()
    }

    fn welcome(&mut self) {
        let Frame::Hello(Hello { session, .. }) = self.hear() else { panic!("no hello") };
        self.say(&Frame::Welcome(Welcome {
            session,
            hub: [1; 16],
            heartbeat: LONG,
            max_frame: 1 << 20,
            routes: vec![],
        }));
        assert!(matches!(self.hear(), Frame::Heartbeat { .. }));
    }

    fn request(&mut self) -> (u64, Option<Duration>) {
        let Frame::Request { sequence, head, .. } = self.hear() else { panic!("no request") };
        (sequence, head.time_left)
    }
}

/// R8. A program that waits with `select!` for one thing and then for another does not poll the first one meanwhile.
#[tokio::test]
async fn who_is_not_polled_takes_no_room_from_others() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let gate = Gate::new();
    let _worker = run(place.worker().credit(1), behind(&gate));
    let bus = sender(place.client().in_flight(1)).await;
    let mut under_way = pin!(bus.execute(Do(vec![])));
    begin(&mut under_way);
    let mut waits_for_room = pin!(bus.execute(Do(vec![])));
    begin(&mut waits_for_room);
    gate.open();
    until(|| hub.stats().done == 1).await;
    // Neither of the two is polled, and there is room for one.
    soon(bus.execute(Do(vec![]))).await.unwrap();
    soon(under_way).await.unwrap();
    soon(waits_for_room).await.unwrap();
}

#[tokio::test]
async fn who_gives_up_waiting_for_room_leaves_it_to_others() {
    let place = Place::new();
    let _hub = place.hub().start().unwrap();
    let gate = Gate::new();
    let _worker = run(place.worker(), behind(&gate));
    let bus = sender(place.client().in_flight(1)).await;
    {
        let mut under_way = pin!(bus.execute(Do(vec![])));
        begin(&mut under_way);
        let mut waits_for_room = pin!(bus.execute(Do(vec![])));
        begin(&mut waits_for_room);
    }
    gate.open();
    soon(bus.execute(Do(vec![]))).await.unwrap();
    assert_eq!(gate.arrived(), 2);
}

#[tokio::test]
async fn a_query_that_waits_for_room_times_out_as_one_that_waits_for_an_answer() {
    let place = Place::new();
    let _hub = place.hub().start().unwrap();
    let gate = Gate::new();
    let _worker = run(place.worker(), behind(&gate));
    let bus = sender(place.client().in_flight(1).query_timeout(Duration::from_millis(50))).await;
    let mut under_way = pin!(bus.execute(Do(vec![])));
    begin(&mut under_way);
    let error = soon(bus.send(Ask)).await.unwrap_err();
    assert!(matches!(error, SendError::TimedOut { .. }), "{error:?}");
    gate.open();
    soon(under_way).await.unwrap();
}

#[tokio::test]
async fn what_waited_for_room_has_less_time_for_its_answer() {
    let mut hub = SilentHub::new();
    let client = Zmq::client().endpoint(&hub.endpoint).in_flight(1).query_timeout(LONG).connect().unwrap();
    hub.welcome();
    let bus = Bus::empty().message::<Do>().message::<Ask>().transport(client).build().unwrap();
    let (mut under_way, mut waits_for_room) = (pin!(bus.execute(Do(vec![]))), pin!(bus.send(Ask)));
    begin(&mut under_way);
    let (sequence, _) = hub.request();
    begin(&mut waits_for_room);
    // Nothing is waited for but that time goes by.
    let waited = Duration::from_millis(20);
    tokio::time::sleep(waited).await;
    hub.say(&Frame::Done { id: sequence, body: vec![] });
    soon(under_way).await.unwrap();
    begin(&mut waits_for_room);
    let (_, time_left) = hub.request();
    assert!(time_left.unwrap() + waited <= LONG, "{time_left:?}");
}

#[tokio::test]
async fn no_more_bytes_are_under_way_than_allowed_and_what_is_smaller_finds_room() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let gate = Gate::new();
    let _worker = run(place.worker(), behind(&gate));
    let bus = sender(place.client().in_flight_bytes(10 << 10)).await;
    let [mut first, mut second, mut large] = [(); 3].map(|()| Box::pin(bus.execute(Do(vec![7; 4 << 10]))));
    let mut small = pin!(bus.execute(Do(vec![])));
    begin(&mut first.as_mut());
    begin(&mut second.as_mut());
    begin(&mut large.as_mut());
    begin(&mut small);
    until(|| hub.stats().accepted == 3).await;
    assert!(hub.stats().bytes < 10 << 10, "{:?}", hub.stats());
    gate.open();
    let (first, second, large, small) = soon(async { tokio::join!(first, second, large, small) }).await;
    for outcome in [first, second, large, small] {
        outcome.unwrap();
    }
    assert_eq!(hub.stats().accepted, 4);
}

#[tokio::test]
async fn what_is_larger_than_all_room_is_sent_alone() {
    let place = Place::new();
    let _hub = place.hub().start().unwrap();
    let gate = Gate::new();
    let _worker = run(place.worker(), behind(&gate));
    let bus = sender(place.client().in_flight_bytes(0)).await;
    gate.open();
    let large = || bus.execute(Do(vec![7; 4 << 10]));
    let (first, second) = soon(async { tokio::join!(large(), large()) }).await;
    first.unwrap();
    second.unwrap();
}

#[tokio::test]
async fn who_waits_for_room_is_told_when_the_client_closes() {
    let place = Place::new();
    let client = place.client().in_flight(1).close_within(Duration::ZERO).connect().unwrap();
    let bus = Bus::empty().message::<Do>().transport(client.clone()).build().unwrap();
    let (mut waits_for_a_hub, mut waits_for_room) = (pin!(bus.execute(Do(vec![]))), pin!(bus.execute(Do(vec![]))));
    begin(&mut waits_for_a_hub);
    begin(&mut waits_for_room);
    soon(client.close()).await.unwrap();
    let error = soon(waits_for_room).await.unwrap_err();
    assert!(matches!(error, ExecuteError::ShutDown { .. }), "{error:?}");
}

#[tokio::test]
async fn a_client_that_closes_without_an_end_waits_for_what_is_under_way() {
    let place = Place::new();
    let hub = place.hub().start().unwrap();
    let gate = Gate::new();
    let _worker = run(place.worker(), behind(&gate));
    let bus = sender(place.client().close_within(Duration::MAX)).await;
    let mut under_way = pin!(bus.execute(Do(vec![])));
    begin(&mut under_way);
    until(|| hub.stats().leased == 1).await;
    let mut closing = pin!(bus.close());
    begin(&mut closing);
    gate.open();
    soon(closing).await.unwrap();
    soon(under_way).await.unwrap();
}

/// R9. What is offered is either handled or refused, and never more than allowed is there.
#[tokio::test]
async fn of_what_a_slow_worker_is_offered_each_is_handled_or_refused_and_no_more_is_kept_than_allowed() {
    const OFFERED: u64 = 5_000;
    const ROOM: usize = 256 << 10;
    let place = Place::new();
    let hub = place.hub().queue_bytes(ROOM).start().unwrap();
    let gate = Gate::new();
    let _worker = run(place.worker().credit(4), behind(&gate));
    let bus = sender(place.client()).await;
    let mut offers = JoinSet::new();
    for _ in 0..OFFERED {
        let bus = bus.clone();
        offers.spawn(async move { bus.execute(Do(vec![7; 1 << 10])).await });
    }
    until(|| hub.stats().accepted == OFFERED).await;
    let HubStats { bytes, queued, leased, rejected, .. } = hub.stats();
    assert!(bytes <= ROOM && bytes > ROOM - (2 << 10), "as full as it may be: {bytes}");
    assert_eq!(leased, 4);
    let (mut handled, mut refused) = (0, 0);
    gate.open();
    while let Some(outcome) = soon(offers.join_next()).await {
        match outcome.unwrap() {
            Ok(()) => handled += 1,
            Err(ExecuteError::Overloaded { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((handled, refused), ((queued + leased) as u64, rejected));
    assert_eq!(handled + refused, OFFERED);
    assert_eq!(gate.arrived() as u64, handled);
    until(|| (hub.stats().done, hub.stats().bytes) == (handled, 0)).await;
}

#[tokio::test]
async fn a_name_that_fits_into_no_frame_does_not_leave_the_process() {
    let place = Place::new();
    let _hub = place.hub().start().unwrap();
    let client = place.client().connect().unwrap();
    soon(client.ready()).await.unwrap();
    let refused = |size: usize| {
        let mut envelope = Envelope::of::<Do>();
        envelope.name = "x".repeat(size).into();
        soon(client.carry(Parcel { envelope, body: vec![] }))
    };
    let error = refused(65_536).await.unwrap_err();
    assert!(matches!(error, Undelivered::TooLarge { size: 65_536, limit: 65_535 }), "{error:?}");
    let error = refused(65_535).await.unwrap_err();
    assert!(matches!(error, Undelivered::NoHandler), "{error:?}");
}
