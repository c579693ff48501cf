//! A worker by itself: what it says to its hub, and when it has left.

use std::time::Duration;

use bus_zmq::protocol::{Content, Frame, Hello, Reject, Welcome, Work};

const NOW: Duration = Duration::from_secs(1);

/// A worker that takes four events at once, and is welcome.
fn work() -> Work {
    let mut work = Work::new(Hello { events: 4, ..Hello::default() });
    let mut out = Vec::new();
    work.tick(NOW, &mut out);
    assert!(matches!(out[..], [Frame::Hello(Hello { session: 1, .. })]), "{out:?}");
    assert_eq!(hear(&mut work, welcome(1)), [Frame::Heartbeat { frames: 0, events: 0 }], "the hub waits for that");
    work
}

fn welcome(session: u32) -> Frame {
    let heartbeat = Duration::from_secs(1);
    Frame::Welcome(Welcome { session, hub: [1; 16], heartbeat, max_frame: 100, routes: vec![] })
}

/// What it says to this.
fn hear(work: &mut Work, frame: Frame) -> Vec<Frame> {
    let mut out = Vec::new();
    work.receive(frame, NOW, &mut out);
    out
}

fn hear_event(work: &mut Work, number: u64) {
    assert_eq!(hear(work, Frame::Event { number, content: Content::new(b"", b"") }), []);
    assert_eq!(work.take_jobs().len(), 1);
}

/// What it says when it is done with an event.
fn finish_event(work: &mut Work) -> Vec<Frame> {
    let mut out = Vec::new();
    work.finish_event(&mut out);
    out
}

fn leave(work: &mut Work) {
    let mut out = Vec::new();
    work.leave(&mut out);
    assert_eq!(out, [Frame::Goodbye]);
}

#[test]
fn a_worker_that_leaves_is_done_with_its_events_first_and_says_nothing_after_goodbye() {
    let mut work = work();
    hear_event(&mut work, 1);
    leave(&mut work);
    hear(&mut work, Frame::Goodbye);
    assert!(!work.has_left());
    let mut out = Vec::new();
    work.tick(60 * NOW, &mut out);
    assert_eq!((out, finish_event(&mut work)), (vec![], vec![]));
    assert!(work.has_left());
}

#[test]
fn a_worker_that_gives_up_waits_for_no_event() {
    let mut work = work();
    hear_event(&mut work, 1);
    leave(&mut work);
    hear(&mut work, Frame::Goodbye);
    let mut out = Vec::new();
    work.leave(&mut out);
    assert_eq!(out, [], "there is nobody to tell");
    assert!(work.has_left());
    finish_event(&mut work);
}

#[test]
fn an_event_of_an_earlier_session_gives_no_credit_in_this_one() {
    let mut work = work();
    hear_event(&mut work, 1);
    hear_event(&mut work, 2);
    assert!(matches!(hear(&mut work, Frame::Who)[..], [Frame::Hello(Hello { session: 2, .. })]));
    hear(&mut work, welcome(2));
    hear_event(&mut work, 1);
    assert_eq!([finish_event(&mut work), finish_event(&mut work)], [[], []]);
    assert_eq!(finish_event(&mut work), [Frame::Credit { events: 1 }]);
}

#[test]
fn a_frame_that_the_hub_does_not_know_ends_no_session() {
    let mut work = work();
    assert_eq!(hear(&mut work, Frame::Reject { id: 0, why: Reject::Unknown }), []);
    assert_eq!(work.session().refused(), None);
    assert_eq!(hear(&mut work, Frame::Heartbeat { frames: 1, events: 0 }), [], "it was counted");
    assert!(work.session().is_welcome());
}

#[test]
fn a_hello_that_the_hub_refuses_is_refused() {
    let mut work = Work::new(Hello::default());
    work.tick(NOW, &mut Vec::new());
    hear(&mut work, Frame::Reject { id: 0, why: Reject::Overloaded });
    assert_eq!(work.session().refused(), Some(Reject::Overloaded));
    hear(&mut work, welcome(1));
    assert_eq!(work.session().refused(), None);
}
