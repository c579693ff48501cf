//! How much a hub keeps: R9, T2.

use std::time::Duration;

use bus_zmq::protocol::{Content, Frame, Head, Hello, Hub, HubOptions, PeerId, Reject, Served};
use linkbus::Kind;

const SECOND: Duration = Duration::from_secs(1);

fn peer(name: &str) -> PeerId {
    PeerId::new(name.as_bytes())
}

/// A hub with one client.
fn hub(change: impl FnOnce(&mut HubOptions)) -> Hub {
    let mut options = HubOptions::default();
    change(&mut options);
    let mut hub = Hub::new([1; 16], options);
    assert!(is_welcome(&mut hub, "anna", vec![]));
    hub
}

/// Commands of so many names, each of so many bytes.
fn names(count: usize, bytes: usize) -> Vec<Served> {
    (0..count).map(|number| Served { kind: Kind::Command, name: format!("{number:0bytes$}").into() }).collect()
}

/// Whether a peer that serves these is taken by the hub, which says nothing that cannot be written.
fn is_welcome(hub: &mut Hub, name: &str, serves: Vec<Served>) -> bool {
    let hello = Hello { session: 1, credit: 1, events: 1, serves };
    hub.receive(&peer(name), Frame::Hello(hello), Duration::ZERO);
    let said = hub.take_outbox();
    for (_, frame) in &said {
        frame.append_to(&mut Vec::new());
    }
    match said.into_iter().find(|(to, _)| *to == peer(name)) {
        Some((_, Frame::Welcome(_))) => true,
        Some((_, Frame::Reject { id: 0, why: Reject::Overloaded })) => false,
        other => panic!("{other:?}"),
    }
}

/// Whether a task is taken that another hub had, of which nobody knows.
fn is_taken(hub: &mut Hub, name: &str) -> bool {
    let head = Head { kind: Kind::Task, attempt: 2, time_left: None, name: name.to_owned().into() };
    let request = Frame::Request { sequence: 1, head, content: Content::new(b"", b"") };
    hub.receive(&peer("anna"), request, Duration::ZERO);
    match &hub.take_outbox()[..] {
        [] => true,
        [(_, Frame::Reject { id: 1, why: Reject::WorkerGone })] => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_may_be_silent_for_ever_is_not_gone() {
    let mut hub = hub(|options| options.heartbeat = Duration::MAX);
    hub.tick(1_000 * SECOND);
    assert_eq!((hub.stats().peers, hub.stats().gone), (1, 0));
}

#[test]
fn messages_without_bytes_are_bounded_in_bytes_too() {
    let mut hub = hub(|options| options.queue_bytes = 3 * (4 + 128));
    assert_eq!([(); 4].map(|()| is_taken(&mut hub, "do")), [true, true, true, false]);
    assert_eq!(hub.stats().bytes, 3 * (4 + 128));
}

#[test]
fn peers_have_no_more_names_than_allowed_and_those_of_who_is_gone_are_free() {
    let mut hub = hub(|options| options.name_bytes = 10 * (20 + 64));
    assert!(is_welcome(&mut hub, "will", names(6, 20)));
    assert!(!is_welcome(&mut hub, "wanda", names(5, 20)));
    assert!(is_welcome(&mut hub, "wanda", names(4, 20)));
    hub.lose(&peer("will"), Duration::ZERO);
    assert!(is_welcome(&mut hub, "otto", names(6, 20)));
}

#[test]
fn events_are_names_as_well() {
    let mut hub = hub(|options| options.name_bytes = 64 + 8);
    let event = |name: &str| vec![Served { kind: Kind::Event, name: name.to_owned().into() }];
    assert!(!is_welcome(&mut hub, "will", event("happened.")));
    assert!(is_welcome(&mut hub, "will", event("happened")));
}

#[test]
fn a_list_of_all_names_can_always_be_sent() {
    for (most, bytes) in [(65_535, 5), (17, 60_000)] {
        let mut hub = hub(|_| ());
        assert!(!is_welcome(&mut hub, "wanda", names(most + 1, bytes)));
        assert!(is_welcome(&mut hub, "will", names(most, bytes)));
        assert!(!is_welcome(&mut hub, "otto", names(1, bytes + 1)), "one name more");
        assert!(is_welcome(&mut hub, "wanda", names(most, bytes)), "no name more");
    }
}

#[test]
fn names_that_nobody_serves_are_bounded_and_forgotten_when_nothing_waits_for_them() {
    let name = |letter: &str| letter.repeat(30_000);
    let mut hub = hub(|options| (options.max_frame, options.worker_grace) = (100, SECOND));
    assert!(is_taken(&mut hub, &name("a")));
    assert!(is_taken(&mut hub, &name("b")));
    assert!(!is_taken(&mut hub, &name("c")));
    hub.tick(SECOND);
    hub.take_outbox();
    assert!(is_taken(&mut hub, &name("c")));
}
