//! The thread of a hub over a socket that does what a test wants.

use std::{collections::VecDeque, os::fd::BorrowedFd};

use super::{
    super::{role::Busy, wake::has_rung},
    *,
};
use crate::protocol::{Frame, Hello, Malformed};

/// What a socket is given, and what became of it.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Scripted>>);

#[derive(Default)]
struct Scripted {
    arrives: VecDeque<Frame>,
    /// How often it takes nothing.
    full: u32,
    sent: Vec<u8>,
    /// Whether the bell rang before it slept, each time.
    rang: Vec<bool>,
}

/// All that arrives is of this one.
fn anna() -> PeerId {
    PeerId::new(b"anna")
}

fn bytes(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.append_to(&mut bytes);
    bytes
}

impl Script {
    fn with<T>(&self, look: impl FnOnce(&mut Scripted) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// Begins a hub on such a socket.
    fn start(&self, options: HubOptions) -> HubPort {
        let socket = Socket { script: self.clone(), message: Vec::new() };
        let address = Address::parse("tcp://127.0.0.1:1", false).unwrap();
        serve(&[address], |_| Ok(socket), [1; 16], options).unwrap()
    }
}

struct Socket {
    script: Script,
    message: Vec<u8>,
}

impl Router for Socket {
    fn bind(&mut self, endpoint: &str) -> io::Result<String> {
        Ok(endpoint.to_owned())
    }

    fn receive(&mut self) -> Option<(PeerId, Result<&[u8], Malformed>)> {
        self.message = bytes(&self.script.with(|script| script.arrives.pop_front())?);
        Some((anna(), Ok(&self.message)))
    }

    fn send(&mut self, _: &PeerId, message: &[u8]) -> Result<(), Unsent> {
        self.script.with(|script| {
            if script.full > 0 {
                script.full -= 1;
                return Err(Unsent::Full);
            }
            script.sent.extend_from_slice(message);
            Ok(())
        })
    }

    fn sleep(&mut self, bell: BorrowedFd<'_>, _: Duration) -> bool {
        self.script.with(|script| script.rang.push(has_rung(bell)));
        // It looks again at once.
        true
    }
}

fn hello() -> Frame {
    Frame::Hello(Hello { session: 1, ..Hello::default() })
}

async fn close(hub: &HubPort) {
    hub.ask_to_close(Duration::ZERO);
    hub.closed().await;
}

#[tokio::test]
async fn what_is_asked_for_just_before_it_sleeps_wakes_it() {
    let script = Script::default();
    let hub = script.start(HubOptions::default());
    hub.join([7; 16], Busy);
    let give_up = Instant::now() + Duration::from_secs(60);
    while !script.with(|script| script.rang.ends_with(&[true; 100])) {
        assert!(Instant::now() < give_up, "it sleeps on");
        tokio::task::yield_now().await;
    }
    close(&hub).await;
}

#[tokio::test]
async fn what_a_hub_says_last_is_said_again_to_who_takes_nothing_at_first() {
    let script = Script::default();
    script.with(|script| script.arrives.push_back(hello()));
    let hub = script.start(HubOptions::default());
    hub.wait_for(|stats| stats.peers == 1).await.unwrap();
    script.with(|script| script.full = 5);
    close(&hub).await;
    assert_eq!(script.with(|script| script.full), 0);
    assert!(script.with(|script| script.sent.ends_with(&bytes(&Frame::Goodbye))));
}

#[tokio::test]
async fn without_bounds_who_takes_nothing_at_first_is_not_given_up() {
    let script = Script::default();
    script.with(|script| {
        script.arrives.push_back(hello());
        script.full = 5;
    });
    let bounds = HubOptions { queue_bytes: usize::MAX, event_bytes: usize::MAX, ..HubOptions::default() };
    let hub = script.start(bounds);
    hub.wait_for(|stats| stats.peers == 1).await.unwrap();
    close(&hub).await;
    assert_eq!(hub.stats().gone, 0);
    assert!(script.with(|script| script.sent.ends_with(&bytes(&Frame::Goodbye))));
}
