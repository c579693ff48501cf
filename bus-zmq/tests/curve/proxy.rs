//! Somebody on the way, who reads along.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use bus_zmq::Zmq;
use linkbus::Bus;

use super::{
    scene::{Do, Repeat, Scene, Secrets, free_port, sender},
    support::{run, soon},
};

/// What nobody may read.
const CANARY: &str = "a canary that sings in clear";

/// Passes bytes on to a port, in both directions, and keeps them.
pub(crate) struct Proxy {
    port: u16,
    /// From the client, and to it.
    seen: [Arc<Mutex<Vec<u8>>>; 2],
}

impl Proxy {
    pub(crate) fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy { port: listener.local_addr().unwrap().port(), seen: Default::default() };
        let [there, back] = proxy.seen.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                pass(client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&there));
                pass(server, client, Arc::clone(&back));
            }
        });
        proxy
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// What the client sent.
    pub(crate) fn sent(&self) -> Vec<u8> {
        self.seen[0].lock().unwrap().clone()
    }

    /// Whether it is in what went there, and in what came back.
    fn has_seen(&self, text: &str) -> [bool; 2] {
        self.seen.each_ref().map(|seen| {
            let seen = seen.lock().unwrap();
            seen.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, seen: Arc<Mutex<Vec<u8>>>) {
    thread::spawn(move || {
        let mut bytes = [0; 8192];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            seen.lock().unwrap().extend_from_slice(&bytes[..count]);
            if to.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}

#[tokio::test]
async fn who_reads_along_sees_no_plain_text() {
    let secrets = Secrets::new();
    let proxy = Proxy::before(secrets.port);
    let scene = Scene::with(secrets, |client| client.endpoint(proxy.endpoint())).await;
    for times in [1, 1_000] {
        soon(scene.bus.send(Repeat(CANARY.to_owned(), times))).await.unwrap();
    }
    assert_eq!(proxy.has_seen(CANARY), [false; 2]);
    assert_eq!(proxy.has_seen("curve.Repeat"), [false; 2]);
    assert_eq!(proxy.has_seen("CURVE"), [true; 2], "it read along");
}

/// That the test above can fail.
#[tokio::test]
async fn without_keys_all_is_plain() {
    let port = free_port();
    let endpoint = format!("tcp://127.0.0.1:{port}");
    let proxy = Proxy::before(port);
    let _hub = Zmq::hub().endpoint(&endpoint).start().unwrap();
    let repeat = Bus::empty().replayable().query(|Repeat(text, times): Repeat| text.repeat(times));
    let (worker, _) = run(Zmq::worker().endpoint(&endpoint), repeat);
    soon(worker.ready()).await.unwrap();
    let bus = sender(Zmq::client().endpoint(proxy.endpoint())).await;
    soon(bus.send(Repeat(CANARY.to_owned(), 1))).await.unwrap();
    assert_eq!(proxy.has_seen(CANARY), [true; 2]);
}

#[tokio::test]
async fn what_was_recorded_on_the_way_cannot_be_sent_again() {
    let secrets = Secrets::new();
    let proxy = Proxy::before(secrets.port);
    let scene = Scene::with(secrets, |client| client.endpoint(proxy.endpoint())).await;
    soon(scene.bus.execute(Do(1))).await.unwrap();
    let recorded = proxy.sent();
    let replayed = tokio::task::spawn_blocking({
        let port = scene.secrets.port;
        move || replay(port, &recorded)
    });
    soon(replayed).await.unwrap();
    scene.honest_is_served().await;
    assert_eq!((scene.handled(), scene.hub.stats().peers), (2, 2));
}

/// Sends these bytes, and reads until the other side gives up.
fn replay(port: u16, bytes: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // It may give up before it has read all.
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut Vec::new());
}

#[tokio::test]
async fn a_hub_does_not_answer_bytes_that_are_no_handshake() {
    let scene = Scene::new().await;
    let port = scene.secrets.port;
    let garbage = tokio::task::spawn_blocking(move || {
        for garbage in [&[0; 100][..], &[0xff; 100], b"GET / HTTP/1.1\r\n\r\n"] {
            replay(port, garbage);
        }
    });
    soon(garbage).await.unwrap();
    scene.honest_is_served().await;
}
