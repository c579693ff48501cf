//! When the calls of a client are over, without an answer.

use std::time::Duration;

use bus_zmq::protocol::{Call, Calls, Content, Frame, Outcome, Welcome};
use linkbus::Kind;

const GRACE: Duration = Duration::from_secs(10);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn call(limit: Option<Duration>) -> Call {
    Call { kind: Kind::Query, name: "ask".into(), content: Content::new(b"", b""), limit, waited: Duration::ZERO }
}

/// A client with a session.
fn welcome() -> Calls<&'static str> {
    let (mut calls, mut out) = (Calls::new(GRACE), Vec::new());
    calls.tick(Duration::ZERO, &mut out);
    let [Frame::Hello(hello)] = &out[..] else { panic!("{out:?}") };
    let welcome =
        Welcome { session: hello.session, hub: [1; 16], heartbeat: GRACE, max_frame: 1 << 20, routes: Vec::new() };
    calls.receive(Frame::Welcome(welcome), Duration::ZERO, &mut out);
    calls
}

#[test]
fn each_call_times_out_when_its_own_time_is_over() {
    let (mut calls, mut out) = (welcome(), Vec::new());
    calls.call(call(Some(seconds(1))), "answered", Duration::ZERO, &mut out);
    calls.call(call(Some(seconds(3))), "late", Duration::ZERO, &mut out);
    calls.call(call(Some(seconds(2))), "early", Duration::ZERO, &mut out);
    calls.call(call(None), "for ever", Duration::ZERO, &mut out);
    calls.receive(Frame::Done { id: 1, body: vec![7] }, Duration::ZERO, &mut out);
    assert_eq!(calls.take_over(), [("answered", Outcome::Done(vec![7]))]);
    calls.tick(seconds(1), &mut out);
    assert_eq!((calls.take_over(), calls.next_tick()), (vec![], seconds(2)));
    calls.tick(seconds(2), &mut out);
    assert_eq!((calls.take_over(), calls.next_tick()), (vec![("early", Outcome::TimedOut(seconds(2)))], seconds(3)));
    calls.tick(seconds(3), &mut out);
    assert_eq!(calls.take_over(), [("late", Outcome::TimedOut(seconds(3)))]);
    assert_eq!(calls.pending(), 1);
}

#[test]
fn without_a_hub_each_call_is_given_up_when_it_has_waited_long_enough() {
    let (mut calls, mut out) = (Calls::new(GRACE), Vec::new());
    calls.call(call(None), "first", Duration::ZERO, &mut out);
    calls.tick(seconds(1), &mut out);
    calls.call(call(None), "second", seconds(4), &mut out);
    calls.tick(seconds(10), &mut out);
    assert_eq!(calls.take_over(), []);
    calls.tick(seconds(11), &mut out);
    assert_eq!(calls.take_over(), [("first", Outcome::NoHub(GRACE))]);
    calls.tick(seconds(13), &mut out);
    assert_eq!(calls.take_over(), []);
    calls.tick(seconds(14), &mut out);
    assert_eq!(calls.take_over(), [("second", Outcome::NoHub(GRACE))]);
}

#[test]
fn a_call_that_found_no_hub_in_its_time_does_not_say_that_its_handler_was_slow() {
    let (mut calls, mut out) = (Calls::new(GRACE), Vec::new());
    calls.call(call(Some(seconds(5))), "query", Duration::ZERO, &mut out);
    calls.tick(seconds(5), &mut out);
    assert_eq!(calls.take_over(), [("query", Outcome::NoHub(seconds(5)))]);
}

#[test]
fn a_command_that_was_sent_and_waits_for_another_hub_may_have_been_handled() {
    let (mut calls, mut out) = (welcome(), Vec::new());
    calls.call(Call { kind: Kind::Command, ..call(Some(seconds(5))) }, "command", Duration::ZERO, &mut out);
    calls.receive(Frame::Goodbye, Duration::ZERO, &mut out);
    calls.tick(seconds(5), &mut out);
    assert_eq!(calls.take_over(), [("command", Outcome::TimedOut(seconds(5)))]);
}

#[test]
fn calls_without_an_end_overflow_nothing() {
    let (mut calls, mut out) = (Calls::new(Duration::MAX), Vec::new());
    calls.call(call(Some(Duration::MAX)), "for ever", seconds(1), &mut out);
    calls.tick(seconds(2), &mut out);
    assert_eq!((calls.take_over(), calls.pending()), (vec![], 1));
}
