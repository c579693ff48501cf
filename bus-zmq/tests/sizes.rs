//! Lengths from nothing to more than there is, of what is sent and of what is only announced: R11.

mod stranger;
mod support;

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use bus_zmq::{
    ZmqHub,
    protocol::{Content, Frame, Head, Reject},
};
use linkbus::{Bus, Command, Kind};
use serde::{Deserialize, Serialize};

use self::{
    stranger::Stranger,
    support::{Place, run, soon},
};

#[derive(Command, Serialize, Deserialize)]
#[command(name = "sizes.Do")]
struct Do;

/// What a message may have with its envelope, as it is by default.
const MAX_FRAME: u64 = 1 << 20;

/// What one of ZeroMQ may have.
const MAX_MESSAGE: u64 = MAX_FRAME + (128 << 10);

/// Small ones, those around `max`, and those around each power of two below this one.
fn sizes(max: u64, powers: u32) -> BTreeSet<u64> {
    let around = (1..powers).flat_map(|power| [(1 << power) - 1, (1 << power) + 1]);
    around.chain([0, 1, max - 1, max, max + 1]).collect()
}

/// A hub with a worker, and a bus that sends to it.
struct Scene {
    place: Place,
    hub: ZmqHub,
    bus: Bus,
}

impl Scene {
    async fn new() -> Self {
        let place = Place::new();
        let hub = place.hub().start().unwrap();
        run(place.worker(), Bus::empty().replayable().command(|_: Do| ()));
        let client = place.client().connect().unwrap();
        soon(client.served(["sizes.Do"])).await.unwrap();
        let bus = Bus::empty().message::<Do>().transport(client).build().unwrap();
        Scene { place, hub, bus }
    }

    async fn honest_is_served(&self) {
        soon(self.bus.execute(Do)).await.unwrap();
    }
}

/// A connection of ZMTP 3.0 by hand, so that a length can be announced and not kept to.
struct Wire(UnixStream);

impl Wire {
    /// Says hello, as far as ZeroMQ is concerned, and no more.
    fn greet(place: &Place) -> Self {
        let mut stream = UnixStream::connect(place.folder().join("bus")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut greeting = [0; 64];
        (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
        greeting[12..16].copy_from_slice(b"NULL");
        stream.write_all(&greeting).unwrap();
        Wire(stream)
    }

    /// Says what kind of socket it is, and hears that it is welcome.
    fn shake_hands(place: &Place) -> Self {
        let mut wire = Wire::greet(place);
        let ready = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER";
        wire.0.write_all(&[4, u8::try_from(ready.len()).unwrap()]).unwrap();
        wire.0.write_all(ready).unwrap();
        let mut head = [0; 66];
        wire.0.read_exact(&mut head).unwrap();
        wire.0.read_exact(&mut vec![0; head[65].into()]).unwrap();
        wire
    }

    /// Announces a part of so many bytes, of which it sends as few as there may be.
    fn announce(&mut self, bytes: u64) {
        let body = vec![0; usize::try_from(bytes.min(2)).unwrap()];
        let all = [&[2][..], &bytes.to_be_bytes(), &body].concat();
        self.0.write_all(&all).unwrap();
    }

    /// Waits for the other side to close it.
    fn is_closed(&mut self) -> bool {
        let end = self.0.read_to_end(&mut Vec::new());
        end.is_ok() || end.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
    }
}

/// The most bytes of memory that this process had so far.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says so");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Announces each length on a connection of its own that is open until the end, and serves others meanwhile.
async fn announce_all(greet: fn(&Place) -> Wire) {
    let scene = Scene::new().await;
    let before = peak_memory();
    let mut open = Vec::new();
    for bytes in sizes(MAX_MESSAGE, 64).into_iter().chain([u64::MAX]) {
        let mut wire = greet(&scene.place);
        wire.announce(bytes);
        if bytes > MAX_MESSAGE {
            assert!(wire.is_closed(), "{bytes} bytes");
        } else {
            open.push(wire);
        }
        scene.honest_is_served().await;
    }
    let grown = peak_memory() - before;
    println!("{} KiB for {} connections that are open", grown >> 10, open.len());
    assert!(grown <= 16 << 20, "{grown} bytes");
    assert_eq!(scene.hub.stats().peers, 2, "nobody else said hello");
}

#[tokio::test]
async fn a_length_that_is_announced_before_the_handshake_takes_no_memory() {
    announce_all(Wire::greet).await;
}

#[tokio::test]
async fn a_length_that_is_announced_after_the_handshake_takes_no_memory() {
    announce_all(Wire::shake_hands).await;
}

/// A command that nobody serves, of so many bytes with its envelope.
fn request(size: u64) -> Frame {
    let head = Head { kind: Kind::Command, attempt: 1, time_left: None, name: "sizes.Unknown".into() };
    let body = vec![7; usize::try_from(size).unwrap()];
    Frame::Request { sequence: size, head, content: Content::new(b"", &body) }
}

/// The length of its envelope is a part of the content.
const EMPTY: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_each_size_is_answered_before_and_after_hello() {
    let scene = Scene::new().await;
    let (stranger, peer) = (Stranger::new(&scene.place), Stranger::new(&scene.place));
    peer.hello(vec![]);
    for size in sizes(MAX_FRAME - EMPTY, 20) {
        stranger.send(&request(size));
        assert_eq!(stranger.receive(), Frame::Who, "{size} bytes");
        peer.send(&request(size));
        let why = if size + EMPTY > MAX_FRAME { Reject::TooLarge } else { Reject::NoHandler };
        assert_eq!(peer.receive(), Frame::Reject { id: size, why }, "{size} bytes");
        scene.honest_is_served().await;
    }
}
