//! Clients and workers by themselves: when they take their hub for gone, and what they do then.

use std::time::Duration;

use bus_zmq::protocol::{Call, Calls, Content, Frame, Hello, Outcome, Reject, Served, Welcome, Work};
use linkbus::Kind;

const BEAT: Duration = Duration::from_secs(1);

fn welcome(session: u32) -> Frame {
    Frame::Welcome(Welcome { session, hub: [1; 16], heartbeat: BEAT, max_frame: 100, routes: vec![] })
}

/// A client that is welcome.
fn calls() -> Calls<&'static str> {
    let mut calls = Calls::new(60 * BEAT);
    calls.tick(BEAT, &mut Vec::new());
    calls.receive(welcome(1), BEAT, &mut Vec::new());
    assert!(calls.session().is_welcome());
    calls
}

/// A worker that is welcome.
fn work() -> Work {
    let serves = vec![Served { kind: Kind::Command, name: "do".into() }];
    let mut work = Work::new(Hello { credit: 1, serves, ..Hello::default() });
    work.tick(BEAT, &mut Vec::new());
    work.receive(welcome(1), BEAT, &mut Vec::new());
    assert!(work.session().is_welcome());
    work
}

fn call(kind: Kind, size: usize) -> Call {
    Call { kind, name: "do".into(), content: Content::new(b"", &vec![7; size]), limit: None, waited: Duration::ZERO }
}

/// What is said in each of the seconds after the first, in which nothing is heard.
fn said_in_silence(seconds: u32, mut tick: impl FnMut(Duration, &mut Vec<Frame>)) -> Vec<Frame> {
    let mut said = Vec::new();
    (2..2 + seconds).for_each(|second| tick(second * BEAT, &mut said));
    said
}

fn hello_of(frame: Option<&Frame>) -> u32 {
    let Some(Frame::Hello(hello)) = frame else { panic!("no hello: {frame:?}") };
    hello.session
}

#[test]
fn a_hub_that_is_silent_for_three_heartbeats_is_gone() {
    let (mut calls, mut work) = (calls(), work());
    let said = said_in_silence(2, |now, out| calls.tick(now, out));
    assert!(matches!(said[..], [Frame::Heartbeat { .. }, Frame::Heartbeat { .. }]), "{said:?}");
    let said = said_in_silence(3, |now, out| work.tick(now, out));
    assert_eq!(hello_of(said.last()), 2);
    calls.tick(4 * BEAT, &mut Vec::new());
    assert!(!calls.session().is_welcome() && !work.session().is_welcome());
}

#[test]
fn who_was_not_awake_does_not_take_the_hub_for_gone() {
    let mut calls = calls();
    let mut said = Vec::new();
    calls.tick(60 * BEAT, &mut said);
    assert!(matches!(said[..], [Frame::Heartbeat { .. }]), "{said:?}");
}

#[test]
fn a_hub_that_says_goodbye_is_gone_at_once_and_is_asked_again_later() {
    let (mut calls, mut work) = (calls(), work());
    let mut said = Vec::new();
    calls.receive(Frame::Goodbye, BEAT, &mut said);
    work.receive(Frame::Goodbye, BEAT, &mut said);
    assert!(!calls.session().is_welcome() && !work.session().is_welcome());
    assert_eq!(said, []);
    calls.tick(2 * BEAT, &mut said);
    assert_eq!(hello_of(said.last()), 2);
}

#[test]
fn a_hub_that_refused_is_forgotten_when_it_is_gone() {
    let mut calls = Calls::<()>::new(60 * BEAT);
    calls.tick(BEAT, &mut Vec::new());
    calls.receive(Frame::Reject { id: 0, why: Reject::Closing }, BEAT, &mut Vec::new());
    said_in_silence(2, |now, out| calls.tick(now, out));
    assert_eq!(calls.session().refused(), Some(Reject::Closing));
    calls.tick(4 * BEAT, &mut Vec::new());
    assert_eq!(calls.session().refused(), None);
}

#[test]
fn who_leaves_waits_for_no_hub_that_is_gone() {
    let (mut calls, mut work) = (calls(), work());
    let (mut silent, mut out) = (self::calls(), Vec::new());
    silent.leave(&mut out);
    assert!(!silent.has_left(), "it may still answer");
    said_in_silence(3, |now, out| silent.tick(now, out));
    calls.receive(Frame::Goodbye, BEAT, &mut out);
    work.receive(Frame::Goodbye, BEAT, &mut out);
    out.clear();
    calls.leave(&mut out);
    work.leave(&mut out);
    assert!(silent.has_left() && calls.has_left() && work.has_left());
    assert_eq!(out, []);
}

#[test]
fn nothing_is_sent_to_a_hub_that_is_gone_but_hellos() {
    let mut calls = calls();
    said_in_silence(3, |now, out| calls.tick(now, out));
    let mut said = Vec::new();
    for _ in 0..100 {
        calls.call(call(Kind::Query, 50), "query", 4 * BEAT, &mut said);
    }
    calls.tick(5 * BEAT, &mut said);
    assert_eq!((said.len(), hello_of(said.first())), (1, 3));
}

#[test]
fn what_is_larger_than_the_hub_takes_is_not_sent_when_that_is_found_out_later() {
    let mut calls = Calls::new(60 * BEAT);
    let mut said = Vec::new();
    calls.tick(BEAT, &mut said);
    calls.call(call(Kind::Command, 200), "large", BEAT, &mut said);
    calls.receive(welcome(1), BEAT, &mut said);
    assert_eq!(calls.take_over(), [("large", Outcome::TooLarge(100))]);
    assert!(!said.iter().any(|frame| matches!(frame, Frame::Request { .. })), "{said:?}");
}
