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
    hub_with(|_| ())
}

fn hub_with(change: impl FnOnce(&mut HubOptions)) -> Hub {
    let mut options = HubOptions::default();
    change(&mut options);
    let mut hub = Hub::new([1; 16], options);
    hub.receive(&peer("anna"), Frame::Hello(Hello { session: 2, ..Hello::default() }), SECOND);
    hub.take_outbox();
    hub
}

fn send(hub: &mut Hub, kind: Kind, attempt: u32) -> Vec<(PeerId, Frame)> {
    send_within(hub, None, kind, attempt)
}

fn send_within(hub: &mut Hub, time_left: Option<Duration>, kind: Kind, attempt: u32) -> Vec<(PeerId, Frame)> {
    let head = Head { kind, attempt, time_left, name: "do".into() };
    hub.receive(&peer("anna"), Frame::Request { sequence: 7, head, content: Content::new(b"", b"") }, SECOND);
    hub.take_outbox()
}

/// What the hub says to what a worker says.
fn say(hub: &mut Hub, frame: Frame) -> Vec<(PeerId, Frame)> {
    hub.receive(&peer("will"), frame, SECOND);
    hub.take_outbox()
}

fn hello(session: u32, kind: Kind) -> Frame {
    let serves = vec![Served { kind, name: "do".into() }];
    Frame::Hello(Hello { session, credit: 1, events: 0, serves })
}

const HEARTBEAT: Frame = Frame::Heartbeat { frames: 0, events: 0 };

fn work(attempt: u32) -> (PeerId, Frame) {
    (peer("will"), Frame::Work { lease: 1, attempt, content: Content::new(b"", b"") })
}

fn refused() -> (PeerId, Frame) {
    rejected(Reject::NoHandler)
}

fn rejected(why: Reject) -> (PeerId, Frame) {
    (peer("anna"), Frame::Reject { id: 7, why })
}

#[test]
fn what_another_hub_had_taken_waits_for_a_worker_and_what_is_new_does_not() {
    let mut hub = hub();
    assert_eq!(send(&mut hub, Kind::Command, 1), [refused()]);
    assert_eq!(send(&mut hub, Kind::Query, 2), [rejected(Reject::WorkerGone)]);
    assert_eq!(send(&mut hub, Kind::Command, 2), []);
    say(&mut hub, hello(5, Kind::Command));
    assert_eq!(say(&mut hub, HEARTBEAT), [work(2)]);
}

#[test]
fn what_another_hub_had_taken_does_not_wait_for_ever() {
    let mut hub = hub();
    send(&mut hub, Kind::Task, 2);
    let grace = HubOptions::default().worker_grace;
    hub.tick(grace);
    assert!(!hub.take_outbox().iter().any(|(_, frame)| matches!(frame, Frame::Reject { .. })));
    hub.tick(SECOND + grace);
    assert!(hub.take_outbox().contains(&rejected(Reject::WorkerGone)));
}

#[test]
fn what_another_hub_had_taken_may_have_been_handled_whyever_it_is_given_up() {
    let mut hub = hub();
    send_within(&mut hub, Some(SECOND), Kind::Command, 2);
    hub.tick(2 * SECOND);
    assert!(hub.take_outbox().contains(&rejected(Reject::WorkerGone)), "its deadline is over");
    send(&mut hub, Kind::Command, 2);
    hub.close();
    assert_eq!(hub.take_outbox(), [rejected(Reject::WorkerGone)], "closing");
}

#[test]
fn what_another_hub_had_taken_may_have_been_handled_whyever_it_is_refused() {
    let mut hub = hub_with(|options| options.queue_messages = 0);
    assert_eq!(send(&mut hub, Kind::Command, 2), [rejected(Reject::WorkerGone)], "no room");
    let mut hub = hub_with(|options| options.max_frame = 3);
    assert_eq!(send(&mut hub, Kind::Task, 2), [rejected(Reject::WorkerGone)], "too large");
    hub.close();
    assert_eq!(send(&mut hub, Kind::Command, 2), [rejected(Reject::WorkerGone)], "closing");
    assert_eq!(send(&mut hub, Kind::Command, 1), [rejected(Reject::TooLarge)], "nobody had it");
}

#[test]
fn hellos_that_piled_up_before_the_hub_are_no_attempts() {
    let mut hub = hub();
    send(&mut hub, Kind::Command, 2);
    for session in 1..=8 {
        let said = say(&mut hub, hello(session, Kind::Command));
        assert!(!said.iter().any(|(_, frame)| matches!(frame, Frame::Work { .. })), "{said:?}");
    }
    assert_eq!(say(&mut hub, HEARTBEAT), [work(2)]);
}

#[test]
fn a_worker_that_does_not_answer_its_welcome_is_gone() {
    let mut hub = hub();
    say(&mut hub, hello(1, Kind::Query));
    assert_eq!(send(&mut hub, Kind::Query, 1), []);
    for now in [2, 3, 4, 5, 6, 7].map(|halves| SECOND / 2 * halves) {
        hub.receive(&peer("anna"), Frame::Heartbeat { frames: 1, events: 0 }, now);
        hub.tick(now);
    }
    assert!(!hub.take_outbox().contains(&refused()));
    hub.tick(4 * SECOND);
    assert!(hub.take_outbox().contains(&refused()));
}
