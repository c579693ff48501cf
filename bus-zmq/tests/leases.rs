//! What a worker has, and what it may answer.

use std::time::Duration;

use bus_zmq::protocol::{Content, Frame, Hello, Lease, Welcome, Work};

const NOW: Duration = Duration::ZERO;

/// Begins the next session of the worker.
fn begin(work: &mut Work) {
    let mut out = Vec::new();
    work.receive(Frame::Who, NOW, &mut out);
    work.tick(NOW, &mut out);
    let Some(Frame::Hello(hello)) = out.first() else { panic!("{out:?}") };
    let heartbeat = Duration::from_secs(1);
    let welcome = Welcome { session: hello.session, hub: [1; 16], heartbeat, max_frame: 1 << 20, routes: Vec::new() };
    work.receive(Frame::Welcome(welcome), NOW, &mut out);
}

/// The lease of a job that the hub gives, which has this number.
fn take(work: &mut Work, lease: u64) -> Lease {
    let frame = Frame::Work { lease, attempt: 1, content: Content::new(b"", b"") };
    work.receive(frame, NOW, &mut Vec::new());
    work.take_jobs().remove(0).lease.unwrap()
}

#[test]
fn a_job_is_answered_once() {
    let (mut work, mut out) = (Work::new(Hello::default()), Vec::new());
    begin(&mut work);
    let lease = take(&mut work, 5);
    work.done(lease, vec![7], &mut out);
    assert_eq!(std::mem::take(&mut out), [Frame::Done { id: 5, body: vec![7] }]);
    work.done(lease, vec![8], &mut out);
    assert_eq!((out, work.stats().answered, work.stats().stale), (vec![], 1, 1));
}

#[test]
fn what_was_taken_in_an_earlier_session_is_not_answered_in_place_of_another_with_its_number() {
    let (mut work, mut out) = (Work::new(Hello::default()), Vec::new());
    begin(&mut work);
    let earlier = take(&mut work, 5);
    begin(&mut work);
    let lease = take(&mut work, 5);
    work.done(earlier, vec![7], &mut out);
    assert_eq!((std::mem::take(&mut out), work.stats().stale), (vec![], 1));
    work.done(lease, vec![8], &mut out);
    assert_eq!(out, [Frame::Done { id: 5, body: vec![8] }]);
}
