//! A hub that begins when others have gone on for long.

use std::time::Duration;

use bus_zmq::protocol::{Content, Frame, Head, Hello, Hub, HubOptions, PeerId, Reject, Served};
use linkbus::Kind;

const SECOND: Duration = Duration::from_secs(1);

fn peer(name: &str) -> PeerId {
    PeerId::new(name.as_bytes())
}

/// A hub with one client.
fn hub() -> Hub {
    let mut hub = Hub::new([1; 16], HubOptions::default());
    hub.receive(&peer("anna"), Frame::Hello(Hello { session: 2, ..Hello::default() }), SECOND);
    hub.take_outbox();
    hub
}

fn send(hub: &mut Hub, kind: Kind, attempt: u32) -> Vec<(PeerId, Frame)> {
    let head = Head { kind, attempt, time_left: None, name: "do".into() };
    hub.receive(&peer("anna"), Frame::Request { sequence: 7, head, content: Content::new(b"", b"") }, SECOND);
    hub.take_outbox()
}

fn refused() -> (PeerId, Frame) {
    (peer("anna"), Frame::Reject { id: 7, why: Reject::NoHandler })
}

#[test]
fn what_another_hub_had_taken_waits_for_a_worker_and_what_is_new_does_not() {
    let mut hub = hub();
    assert_eq!(send(&mut hub, Kind::Command, 1), [refused()]);
    assert_eq!(send(&mut hub, Kind::Query, 2), [refused()]);
    assert_eq!(send(&mut hub, Kind::Command, 2), []);
    let serves = vec![Served { kind: Kind::Command, name: "do".into() }];
    hub.receive(&peer("will"), Frame::Hello(Hello { session: 5, credit: 1, events: 0, serves }), SECOND);
    hub.receive(&peer("will"), Frame::Heartbeat { frames: 0, events: 0 }, SECOND);
    let work = Frame::Work { lease: 1, attempt: 2, content: Content::new(b"", b"") };
    assert!(hub.take_outbox().contains(&(peer("will"), work)));
}

#[test]
fn what_another_hub_had_taken_does_not_wait_for_ever() {
    let mut hub = hub();
    send(&mut hub, Kind::Task, 2);
    let grace = HubOptions::default().worker_grace;
    hub.tick(grace);
    assert!(!hub.take_outbox().contains(&refused()));
    hub.tick(SECOND + grace);
    assert!(hub.take_outbox().contains(&refused()));
}
