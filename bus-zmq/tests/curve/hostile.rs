//! Who has a key and speaks the protocol wrongly: T2.

use std::time::Duration;

use bus_zmq::{
    SecretKey,
    protocol::{Frame, Hello, frames},
};
use omq_tokio::{
    Context, CurveKeypair, CurvePublicKey, CurveSecretKey, Message, Options, SocketType, blocking::Socket,
};

use super::{
    scene::{Scene, Secrets},
    support::until,
};

/// Somebody whose key is allowed, at a socket.
struct Stranger(Socket);

impl Stranger {
    fn new(secrets: &Secrets, key: &SecretKey) -> Self {
        let secret = CurveSecretKey::from_z85(&key.reveal()).unwrap();
        let pair = CurveKeypair { public: secret.derive_public(), secret };
        let hub = CurvePublicKey::from_bytes(secrets.hub.public_key().to_bytes());
        let options = Options::default().curve_client(pair, hub).identity("stranger");
        let socket = Context::new().blocking_socket(SocketType::Dealer, options);
        socket.connect(&*secrets.endpoint()).unwrap();
        Stranger(socket)
    }

    fn say(&self, frame: &Frame) {
        let mut bytes = Vec::new();
        frame.append_to(&mut bytes);
        self.0.send(Message::single(bytes)).unwrap();
    }

    fn hear(&self) -> Frame {
        self.hear_soon(Duration::from_secs(60)).expect("an answer")
    }

    fn hear_soon(&self, limit: Duration) -> Option<Frame> {
        let message = self.0.recv_timeout(limit).ok()?;
        Some(Frame::from_bytes(frames(message.get(0)?).next()?.unwrap()).unwrap())
    }

    /// Whether the hub asks who it is, because it has not got as many frames.
    fn hears_who_after(&self, frames: u64) -> bool {
        self.say(&Frame::Heartbeat { frames, events: 0 });
        matches!(self.hear_soon(Duration::from_millis(100)), Some(Frame::Who))
    }

    fn hello(&self) {
        self.say(&Frame::Hello(Hello { session: 1, credit: 10, events: 10, serves: vec![] }));
        while !matches!(self.hear(), Frame::Welcome(_)) {}
    }
}

#[tokio::test]
async fn nobody_goes_on_as_somebody_with_another_key() {
    let scene = Scene::new().await;
    let first = Stranger::new(&scene.secrets, &scene.secrets.client);
    first.hello();
    // A routing id is in use as long as its connection is there.
    first.0.close().unwrap();
    let second = Stranger::new(&scene.secrets, &scene.secrets.worker);
    second.say(&Frame::Heartbeat { frames: 0, events: 0 });
    assert_eq!(second.hear(), Frame::Who, "the hub does not know it");
}

#[tokio::test]
async fn a_message_of_several_parts_is_one_fault_and_none_of_its_parts_is_read() {
    let scene = Scene::new().await;
    let stranger = Stranger::new(&scene.secrets, &scene.secrets.client);
    stranger.hello();
    let mut goodbye = Vec::new();
    Frame::Goodbye.append_to(&mut goodbye);
    stranger.0.send(Message::multipart(vec![goodbye; 1_000])).unwrap();
    until(|| scene.hub.stats().malformed == 1).await;
    assert_eq!(scene.hub.stats().peers, 3, "no goodbye was heard");
    scene.honest_is_served().await;
}

#[tokio::test]
async fn what_is_larger_than_a_message_may_be_is_not_taken_in() {
    let scene = Scene::new().await;
    let stranger = Stranger::new(&scene.secrets, &scene.secrets.client);
    stranger.hello();
    for message in [Message::single(vec![0; 2 << 20]), Message::multipart(vec![vec![0; 1 << 10]; 2_000])] {
        stranger.0.send(message).unwrap();
        // Its connection is closed, and with it what comes after the message: it has to begin again.
        while !stranger.hears_who_after(1) {}
        stranger.hello();
    }
    assert_eq!(scene.hub.stats().malformed, 0, "it did not arrive");
    scene.honest_is_served().await;
}
