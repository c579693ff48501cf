//! Peers that speak the protocol wrongly, or not at all: R10, R11, T1, T2.

mod stranger;
mod support;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bus_zmq::protocol::{Content, Frame, Head, Reject, Served};
use linkbus::{
    Bus, Command, Kind,
    transport::{Endpoint, RemoteError},
};
use serde::{Deserialize, Serialize};

use self::{
    stranger::Stranger,
    support::{Place, soon, until},
};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "hostile.Do")]
struct Do(u32);

/// A hub with a worker, of which the handled are counted, and a bus that sends to it.
struct Scene {
    place: Place,
    hub: bus_zmq::ZmqHub,
    handled: Arc<AtomicUsize>,
    bus: Bus,
}

impl Scene {
    async fn new() -> Self {
        let place = Place::new();
        let hub = place.hub().start().unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&handled);
        let bus = Bus::empty().replayable().command(move |_: Do| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let worker = place.worker().connect(Endpoint::new(&bus.build().unwrap()).unwrap()).unwrap();
        tokio::spawn(worker.run());
        let client = place.client().connect().unwrap();
        soon(client.served(["hostile.Do"])).await.unwrap();
        let bus = Bus::empty().message::<Do>().transport(client).build().unwrap();
        Scene { place, hub, handled, bus }
    }

    /// Whatever else happens, who keeps to the rules is served.
    async fn honest_is_served(&self) {
        let before = self.handled.load(Ordering::Relaxed);
        soon(self.bus.execute(Do(1))).await.unwrap();
        assert_eq!(self.handled.load(Ordering::Relaxed), before + 1);
    }
}

#[tokio::test]
async fn garbage_is_counted_and_others_are_served() {
    let scene = Scene::new().await;
    let stranger = Stranger::new(&scene.place);
    for garbage in [&b""[..], b"x", b"\xff\xff\xff\xff\x01\x05", b"\0\0\0\x02\x01\x05", b"\0\0\0\x01\x01", &[0; 1_000]]
    {
        stranger.socket.send(garbage, 0).unwrap();
    }
    // A length that is not there; an envelope that is longer than what there is.
    stranger.socket.send(&b"\x7f\xff\xff\xff"[..], 0).unwrap();
    // Of the thousand zeros each four are the length of a frame without bytes; nothing is no frame at all.
    until(|| scene.hub.stats().malformed == 4 + 250 + 1).await;
    scene.honest_is_served().await;
}

#[tokio::test]
async fn another_version_is_answered() {
    let scene = Scene::new().await;
    let stranger = Stranger::new(&scene.place);
    stranger.socket.send(&b"\0\0\0\x02\x02\x01"[..], 0).unwrap();
    assert_eq!(stranger.receive(), Frame::Reject { id: 0, why: Reject::Unknown });
}

#[tokio::test]
async fn a_message_of_many_parts_is_one_fault_and_none_of_its_parts_is_read() {
    let scene = Scene::new().await;
    let stranger = Stranger::new(&scene.place);
    stranger.hello(vec![]);
    let mut hello = Vec::new();
    Frame::Goodbye.append_to(&mut hello);
    stranger.socket.send_multipart(std::iter::repeat_n(hello, 10_000), 0).unwrap();
    until(|| scene.hub.stats().malformed == 1).await;
    assert_eq!(scene.hub.stats().peers, 3, "no goodbye was heard");
    scene.honest_is_served().await;
}

#[tokio::test]
async fn what_is_larger_than_a_message_may_be_is_not_taken_in() {
    let scene = Scene::new().await;
    let stranger = Stranger::new(&scene.place);
    stranger.hello(vec![]);
    stranger.socket.send(vec![0; 64 << 20], 0).unwrap();
    // Its connection is closed, and it has to begin again.
    stranger.send(&Frame::Heartbeat { frames: 1, events: 0 });
    assert_eq!(stranger.receive(), Frame::Who);
    assert_eq!(scene.hub.stats().malformed, 0, "it did not arrive");
    scene.honest_is_served().await;
}

#[tokio::test]
async fn names_that_nobody_serves_reach_no_handler() {
    let scene = Scene::new().await;
    let stranger = Stranger::new(&scene.place);
    stranger.hello(vec![]);
    for number in 0..10_000 {
        let name = format!("hostile.Do{number}");
        let head = Head { kind: Kind::Command, attempt: 1, time_left: None, name: name.into() };
        stranger.send(&Frame::Request { sequence: number, head, content: Content::new(b"", b"") });
    }
    for number in 0..10_000 {
        assert_eq!(stranger.receive(), Frame::Reject { id: number, why: Reject::NoHandler });
    }
    assert_eq!(scene.handled.load(Ordering::Relaxed), 0);
}

// The stranger waits in a thread of its own.
#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_that_cannot_be_read_is_answered_and_not_handled() {
    let scene = Scene::new().await;
    let stranger = Stranger::new(&scene.place);
    stranger.hello(vec![]);
    for envelope in [&b""[..], b"\xc1", b"\x81\xa7version\x02"] {
        let head = Head { kind: Kind::Command, attempt: 1, time_left: None, name: "hostile.Do".into() };
        stranger.send(&Frame::Request { sequence: 1, head, content: Content::new(envelope, b"") });
        let Frame::Failed { id: 1, error } = stranger.receive() else { panic!("an error") };
        let error = RemoteError::from_bytes(&error).unwrap();
        assert!(error.text.contains("envelope"), "{error}");
    }
    assert_eq!(scene.handled.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_stranger_that_answers_for_another_worker_is_passed_over() {
    let scene = Scene::new().await;
    let stranger = Stranger::new(&scene.place);
    stranger.hello(vec![]);
    for lease in 0..1_000 {
        stranger.send(&Frame::Done { id: lease, body: b""[..].into() });
        stranger.send(&Frame::Return { lease });
    }
    until(|| scene.hub.stats().stale == 2_000).await;
    scene.honest_is_served().await;
}

#[tokio::test]
async fn a_peer_that_connects_again_is_heard_although_its_old_connection_is_still_there() {
    let scene = Scene::new().await;
    let before = Stranger::named(&scene.place, b"stranger");
    before.hello(vec![]);
    let after = Stranger::named(&scene.place, b"stranger");
    after.hello(vec![]);
    assert_eq!(scene.hub.stats().peers, 3, "it is the same");
}

// The strangers wait in a thread of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_closes_says_what_becomes_of_what_workers_have_and_goodbye() {
    let place = Place::new();
    let hub = place.hub().close_within(std::time::Duration::ZERO).start().unwrap();
    let (client, worker) = (Stranger::new(&place), Stranger::new(&place));
    client.hello(vec![]);
    worker.hello(vec![Served { kind: Kind::Command, name: "do".into() }]);
    worker.send(&Frame::Heartbeat { frames: 0, events: 0 });
    let head = Head { kind: Kind::Command, attempt: 1, time_left: None, name: "do".into() };
    client.send(&Frame::Request { sequence: 7, head, content: Content::new(b"", b"") });
    assert!(matches!(worker.receive(), Frame::Work { .. }));
    soon(hub.close()).await;
    assert_eq!(client.receive(), Frame::Reject { id: 7, why: Reject::WorkerGone });
    assert_eq!((client.receive(), worker.receive()), (Frame::Goodbye, Frame::Goodbye));
}
