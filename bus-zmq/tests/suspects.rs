//! Messages whose workers were gone, one after the other, and others that were with them.

use std::time::Duration;

use bus_zmq::protocol::{Content, Frame, Head, Hello, Hub, HubOptions, PeerId, Reject, Served};
use linkbus::Kind;

const NOW: Duration = Duration::ZERO;

/// A hub that gives two workers a message, to which a client has sent two commands.
fn hub() -> Hub {
    let mut options = HubOptions::default();
    options.max_attempts = 2;
    let mut hub = Hub::new([1; 16], options);
    hub.receive(&peer("anna"), Frame::Hello(Hello { session: 1, ..Hello::default() }), NOW);
    begin(&mut hub, "will");
    send(&mut hub, 1);
    send(&mut hub, 2);
    hub
}

fn peer(name: &str) -> PeerId {
    PeerId::new(name.as_bytes())
}

/// A worker says hello; gives the leases that it gets.
fn begin(hub: &mut Hub, worker: &str) -> Vec<u64> {
    let serves = vec![Served { kind: Kind::Command, name: "do".into() }];
    hub.receive(&peer(worker), Frame::Hello(Hello { session: 1, credit: 8, events: 0, serves }), NOW);
    leases_after(hub, worker, Frame::Heartbeat { frames: 0, events: 0 })
}

/// What a worker is given when it says this.
fn leases_after(hub: &mut Hub, worker: &str, frame: Frame) -> Vec<u64> {
    hub.take_outbox();
    hub.receive(&peer(worker), frame, NOW);
    let given = hub.take_outbox().into_iter().filter_map(|(id, frame)| match frame {
        Frame::Work { lease, .. } if id == peer(worker) => Some(lease),
        _ => None,
    });
    given.collect()
}

fn send(hub: &mut Hub, sequence: u64) {
    let head = Head { kind: Kind::Command, attempt: 1, time_left: None, name: "do".into() };
    hub.receive(&peer("anna"), Frame::Request { sequence, head, content: Content::new(b"", b"") }, NOW);
}

#[test]
fn a_worker_has_one_message_at_a_time_that_is_at_its_last_attempt() {
    let mut hub = hub();
    hub.lose(&peer("will"), NOW);
    assert_eq!(begin(&mut hub, "wanda"), [3]);
    assert_eq!(begin(&mut hub, "walt"), [4], "another worker has the other one");
}

#[test]
fn the_next_one_comes_when_the_one_before_is_over() {
    let mut hub = hub();
    hub.lose(&peer("will"), NOW);
    begin(&mut hub, "wanda");
    assert_eq!(leases_after(&mut hub, "wanda", Frame::Done { id: 3, body: vec![] }), [4]);
}

#[test]
fn it_has_what_is_new_beside_it() {
    let mut hub = hub();
    hub.lose(&peer("will"), NOW);
    begin(&mut hub, "wanda");
    leases_after(&mut hub, "wanda", Frame::Done { id: 3, body: vec![] });
    send(&mut hub, 3);
    assert!(hub.take_outbox().iter().any(|(_, frame)| matches!(frame, Frame::Work { lease: 5, .. })));
}

#[test]
fn of_those_that_were_together_one_alone_is_given_up_if_one_alone_is_to_blame() {
    let mut hub = hub();
    hub.lose(&peer("will"), NOW);
    begin(&mut hub, "wanda");
    hub.take_outbox();
    hub.lose(&peer("wanda"), NOW);
    let rejected = |hub: &mut Hub| {
        let said = hub.take_outbox().into_iter();
        said.filter(|(_, frame)| matches!(frame, Frame::Reject { why: Reject::Poisonous, .. })).count()
    };
    assert_eq!(rejected(&mut hub), 1);
    assert_eq!(begin(&mut hub, "walt"), [4]);
    assert_eq!(leases_after(&mut hub, "walt", Frame::Done { id: 4, body: vec![] }), [0; 0]);
    assert!(hub.is_idle());
}

#[test]
fn a_worker_that_gave_all_back_may_have_another_one() {
    let mut hub = hub();
    hub.lose(&peer("will"), NOW);
    begin(&mut hub, "wanda");
    assert_eq!(leases_after(&mut hub, "wanda", Frame::Return { lease: 3 }), [4]);
}
