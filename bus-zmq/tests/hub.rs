//! The hub by itself: what it says to whom, and when.

use std::time::Duration;

use bus_zmq::protocol::{Content, Frame, Head, Hello, Hub, HubOptions, Malformed, NoWorker, PeerId, Reject, Served};
use linkbus::Kind;

/// A hub, and who speaks to it.
struct Scene {
    hub: Hub,
    now: Duration,
}

fn peer(name: &str) -> PeerId {
    PeerId::new(name.as_bytes())
}

fn content(size: usize) -> Content {
    Content::new(b"", &vec![7; size])
}

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().into()
}

impl Scene {
    fn new(change: impl FnOnce(&mut HubOptions)) -> Self {
        let mut options = HubOptions::default();
        change(&mut options);
        Scene { hub: Hub::new([1; 16], options), now: Duration::ZERO }
    }

    /// What the hub says to this one frame.
    fn say(&mut self, name: &str, frame: Frame) -> Vec<(String, Frame)> {
        self.hub.receive(&peer(name), frame, self.now);
        self.said()
    }

    fn said(&mut self) -> Vec<(String, Frame)> {
        let said = self.hub.take_outbox();
        said.into_iter().map(|(id, frame)| (String::from_utf8(id.bytes().to_vec()).unwrap(), frame)).collect()
    }

    /// Time passes, in which the hub is awake and these are heard.
    fn pass(&mut self, time: Duration, alive: &[&str]) -> Vec<(String, Frame)> {
        let mut said = Vec::new();
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(250);
            for name in alive {
                // It counts nothing, and belongs to nobody.
                self.hub.receive(&peer(name), Frame::Who, self.now);
            }
            self.hub.tick(self.now);
            said.extend(self.said());
        }
        said.retain(|(_, frame)| !matches!(frame, Frame::Heartbeat { .. }));
        said
    }

    fn client(&mut self, name: &str) {
        self.say(name, Frame::Hello(Hello { session: 1, ..Hello::default() }));
    }

    fn worker(&mut self, name: &str, credit: u32, served: &[(Kind, &str)]) -> Vec<(String, Frame)> {
        let served = served.iter().map(|(kind, name)| Served { kind: *kind, name: (*name).to_owned().into() });
        let hello = Hello { session: 1, credit, events: 2, serves: served.collect() };
        let mut said = self.say(name, Frame::Hello(hello));
        said.extend(self.say(name, Frame::Heartbeat { frames: 0, events: 0 }));
        said.retain(|(_, frame)| !matches!(frame, Frame::Welcome(_) | Frame::Routes(_)));
        said
    }

    fn request(&mut self, client: &str, sequence: u64, kind: Kind, name: &str) -> Vec<(String, Frame)> {
        self.say(client, request(sequence, kind, name, None))
    }
}

fn request(sequence: u64, kind: Kind, name: &str, time_left: Option<Duration>) -> Frame {
    let head = Head { kind, attempt: 1, time_left, name: name.to_owned().into() };
    Frame::Request { sequence, head, content: content(8) }
}

fn to(name: &str, frame: Frame) -> Vec<(String, Frame)> {
    vec![(name.to_owned(), frame)]
}

fn work(lease: u64, attempt: u32) -> Frame {
    Frame::Work { lease, attempt, content: content(8) }
}

fn reject(id: u64, why: Reject) -> Frame {
    Frame::Reject { id, why }
}

const DO: &[(Kind, &str)] = &[(Kind::Command, "do")];
const ASK: &[(Kind, &str)] = &[(Kind::Query, "ask")];
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_message_goes_to_a_worker_and_its_answer_back() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, DO);
    assert_eq!(scene.request("anna", 5, Kind::Command, "do"), to("will", work(1, 1)));
    let done = Frame::Done { id: 1, body: bytes("") };
    assert_eq!(scene.say("will", done), to("anna", Frame::Done { id: 5, body: bytes("") }));
    scene.request("anna", 6, Kind::Command, "do");
    let failed = Frame::Failed { id: 2, error: bytes("no") };
    assert_eq!(scene.say("will", failed), to("anna", Frame::Failed { id: 6, error: bytes("no") }));
}

#[test]
fn a_worker_has_no_more_than_its_credit_and_the_rest_waits_in_order() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 2, DO);
    scene.request("anna", 1, Kind::Command, "do");
    scene.request("anna", 2, Kind::Command, "do");
    assert_eq!(scene.request("anna", 3, Kind::Command, "do"), []);
    assert_eq!(scene.request("anna", 4, Kind::Command, "do"), []);
    let said = scene.say("will", Frame::Done { id: 2, body: bytes("") });
    assert_eq!(said[1], ("will".to_owned(), work(3, 1)));
    assert_eq!((scene.hub.stats().queued, scene.hub.stats().leased), (1, 2));
}

#[test]
fn what_nobody_serves_is_refused_at_once() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, DO);
    assert_eq!(scene.request("anna", 1, Kind::Query, "ask"), to("anna", reject(1, Reject::NoHandler)));
    assert_eq!(scene.request("anna", 2, Kind::Task, "work"), to("anna", reject(2, Reject::NoHandler)));
}

#[test]
fn what_nobody_serves_yet_waits_if_that_is_wanted_unless_it_is_a_query() {
    let mut scene = Scene::new(|options| options.no_worker = NoWorker::Queue);
    scene.client("anna");
    assert_eq!(scene.request("anna", 1, Kind::Query, "do"), to("anna", reject(1, Reject::NoHandler)));
    assert_eq!(scene.request("anna", 2, Kind::Command, "do"), []);
    assert_eq!(scene.pass(60 * SECOND, &["anna"]), []);
    assert_eq!(scene.worker("will", 1, DO), to("will", work(1, 1)));
}

#[test]
fn commands_wait_for_a_worker_that_may_come_back_and_queries_do_not() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, &[(Kind::Command, "do"), (Kind::Query, "ask")]);
    scene.request("anna", 1, Kind::Command, "do");
    scene.request("anna", 2, Kind::Command, "do");
    scene.request("anna", 3, Kind::Query, "ask");
    scene.hub.lose(&peer("will"), scene.now);
    let said = scene.said();
    assert!(said.contains(&("anna".to_owned(), reject(3, Reject::NoHandler))), "{said:?}");
    assert_eq!(scene.request("anna", 4, Kind::Command, "do"), []);
    assert_eq!(scene.pass(9 * SECOND, &["anna"]), []);
    let said = scene.pass(2 * SECOND, &["anna"]);
    // A worker had the first one.
    let why = [(1, Reject::WorkerGone), (2, Reject::NoHandler), (4, Reject::NoHandler)];
    assert_eq!(said, why.map(|(id, why)| ("anna".to_owned(), reject(id, why))));
}

#[test]
fn the_work_of_a_silent_worker_goes_to_another_and_its_late_answer_is_passed_over() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, DO);
    scene.request("anna", 1, Kind::Command, "do");
    scene.worker("wanda", 1, DO);
    let said = scene.pass(3 * SECOND, &["anna", "wanda"]);
    assert!(said.contains(&("wanda".to_owned(), work(2, 2))), "{said:?}");
    assert_eq!(scene.say("will", Frame::Done { id: 1, body: bytes("") }), to("will", Frame::Who));
    scene.worker("will", 1, DO);
    assert_eq!(scene.say("will", Frame::Done { id: 1, body: bytes("") }), [], "an old lease");
    assert_eq!(scene.say("will", Frame::Done { id: 2, body: bytes("") }), [], "the lease of another");
    assert_eq!(scene.hub.stats().stale, 3);
    let done = scene.say("wanda", Frame::Done { id: 2, body: bytes("") });
    assert_eq!(done, to("anna", Frame::Done { id: 1, body: bytes("") }));
}

#[test]
fn a_query_is_not_given_to_a_second_worker() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, ASK);
    scene.worker("wanda", 1, ASK);
    assert_eq!(scene.request("anna", 1, Kind::Query, "ask"), to("wanda", work(1, 1)));
    scene.hub.lose(&peer("wanda"), scene.now);
    assert!(scene.said().contains(&("anna".to_owned(), reject(1, Reject::WorkerGone))));
}

#[test]
fn what_ends_each_worker_is_not_given_to_another() {
    let mut scene = Scene::new(|options| options.max_attempts = 3);
    scene.client("anna");
    scene.worker("will", 1, DO);
    scene.request("anna", 1, Kind::Command, "do");
    for attempt in 1..=3 {
        scene.hub.lose(&peer("will"), scene.now);
        let said = scene.said();
        let is_over = said.contains(&("anna".to_owned(), reject(1, Reject::Poisonous)));
        assert_eq!(is_over, attempt == 3, "{said:?}");
        scene.worker("will", 1, DO);
    }
    assert_eq!(scene.hub.stats().requeued, 2);
}

#[test]
fn what_a_worker_gives_back_was_no_attempt() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, DO);
    scene.request("anna", 1, Kind::Command, "do");
    scene.worker("wanda", 1, DO);
    assert_eq!(scene.say("will", Frame::Return { lease: 1 }), to("wanda", work(2, 1)));
}

#[test]
fn a_worker_that_says_goodbye_gets_nothing_more_and_is_let_go_when_it_is_done() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 2, DO);
    scene.request("anna", 1, Kind::Command, "do");
    let said = scene.say("will", Frame::Goodbye);
    assert_eq!(said, to("anna", Frame::Routes(vec![])));
    assert_eq!(scene.request("anna", 2, Kind::Command, "do"), []);
    let said = scene.say("will", Frame::Done { id: 1, body: bytes("") });
    assert_eq!(said[1], ("will".to_owned(), Frame::Goodbye));
    assert_eq!((scene.hub.stats().peers, scene.hub.stats().gone), (1, 0));
}

#[test]
fn a_second_goodbye_gives_up_what_is_left() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, DO);
    scene.request("anna", 1, Kind::Command, "do");
    scene.worker("wanda", 1, DO);
    scene.say("will", Frame::Goodbye);
    let said = scene.say("will", Frame::Goodbye);
    assert_eq!(said, [to("wanda", work(2, 2)), to("will", Frame::Goodbye)].concat());
}

#[test]
fn what_came_after_its_deadline_is_not_begun() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, DO);
    scene.request("anna", 1, Kind::Command, "do");
    assert_eq!(scene.say("anna", request(2, Kind::Command, "do", Some(SECOND))), []);
    assert_eq!(scene.pass(2 * SECOND, &["anna", "will"]), to("anna", reject(2, Reject::Expired)));
    let said = scene.say("anna", request(3, Kind::Command, "do", Some(Duration::ZERO)));
    assert_eq!(said, []);
    let said = scene.say("will", Frame::Done { id: 1, body: bytes("") });
    assert_eq!(said[1..], to("anna", reject(3, Reject::Expired)));
}

#[test]
fn queues_are_bounded_in_number_and_in_bytes_and_both_are_given_free() {
    let mut scene = Scene::new(|options| options.queue_messages = 2);
    scene.client("anna");
    scene.worker("will", 1, DO);
    for sequence in 1..=3 {
        scene.request("anna", sequence, Kind::Command, "do");
    }
    assert_eq!(scene.request("anna", 4, Kind::Command, "do"), to("anna", reject(4, Reject::Overloaded)));
    scene.say("will", Frame::Done { id: 1, body: bytes("") });
    assert_eq!(scene.request("anna", 5, Kind::Command, "do"), []);

    let mut scene = Scene::new(|options| options.queue_bytes = 3 * (content(8).len() + 128));
    scene.client("anna");
    scene.worker("will", 1, DO);
    for sequence in 1..=3 {
        scene.request("anna", sequence, Kind::Command, "do");
    }
    assert_eq!(scene.request("anna", 4, Kind::Command, "do"), to("anna", reject(4, Reject::Overloaded)));
    scene.say("will", Frame::Failed { id: 1, error: bytes("") });
    assert_eq!(scene.request("anna", 5, Kind::Command, "do"), []);
}

#[test]
fn the_queries_of_a_client_that_is_gone_are_dropped_and_its_commands_are_not() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, &[(Kind::Command, "do"), (Kind::Query, "ask")]);
    scene.request("anna", 1, Kind::Command, "do");
    scene.request("anna", 2, Kind::Query, "ask");
    scene.request("anna", 3, Kind::Command, "do");
    scene.hub.lose(&peer("anna"), scene.now);
    assert_eq!((scene.hub.stats().abandoned, scene.hub.stats().queued), (1, 1));
    assert_eq!(scene.say("will", Frame::Done { id: 1, body: bytes("") }), to("will", work(2, 1)));
    assert_eq!(scene.hub.stats().unclaimed, 1);
}

#[test]
fn a_peer_of_which_frames_were_lost_has_to_begin_again() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, DO);
    assert_eq!(scene.say("anna", Frame::Heartbeat { frames: 0, events: 0 }), []);
    assert_eq!(scene.say("anna", Frame::Heartbeat { frames: 1, events: 0 }), to("anna", Frame::Who));
    assert_eq!(scene.request("anna", 2, Kind::Command, "do"), to("anna", Frame::Who));
}

#[test]
fn a_hub_that_was_stopped_itself_does_not_take_its_peers_for_gone() {
    let mut scene = Scene::new(|_| ());
    scene.worker("will", 1, DO);
    scene.pass(SECOND, &["will"]);
    scene.now += 60 * SECOND;
    scene.hub.tick(scene.now);
    assert_eq!(scene.hub.stats().gone, 0);
    scene.pass(3 * SECOND, &[]);
    assert_eq!(scene.hub.stats().gone, 1);
}

#[test]
fn an_event_goes_to_each_subscriber_as_far_as_its_credit_and_waits_then() {
    let mut scene = Scene::new(|options| options.event_messages = 1);
    scene.client("anna");
    scene.worker("will", 0, &[(Kind::Event, "happened")]);
    scene.worker("wanda", 0, &[(Kind::Event, "other")]);
    for sequence in 1..=2 {
        let said = scene.request("anna", sequence, Kind::Event, "happened");
        assert_eq!(said[0], ("will".to_owned(), Frame::Event { number: sequence, content: content(8) }));
        assert_eq!(said[1], ("anna".to_owned(), Frame::Done { id: sequence, body: bytes("") }));
    }
    // The third one waits, and the fourth one is dropped.
    scene.request("anna", 3, Kind::Event, "happened");
    scene.request("anna", 4, Kind::Event, "happened");
    let said = scene.say("will", Frame::Credit { events: 2 });
    assert_eq!(said, to("will", Frame::Event { number: 3, content: content(8) }));
    let said = scene.request("anna", 5, Kind::Event, "happened");
    assert_eq!(said[0], ("will".to_owned(), Frame::Event { number: 5, content: content(8) }));
    assert_eq!((scene.hub.stats().delivered, scene.hub.stats().dropped), (4, 1));
}

#[test]
fn a_closing_hub_refuses_what_waits_and_lets_workers_finish() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, DO);
    scene.request("anna", 1, Kind::Command, "do");
    scene.request("anna", 2, Kind::Command, "do");
    scene.hub.close();
    assert_eq!(scene.said(), to("anna", reject(2, Reject::Closing)));
    assert_eq!(scene.request("anna", 3, Kind::Command, "do"), to("anna", reject(3, Reject::Closing)));
    assert!(!scene.hub.is_idle());
    scene.say("will", Frame::Done { id: 1, body: bytes("") });
    assert!(scene.hub.is_idle());
    scene.hub.end();
    assert_eq!(scene.said(), [to("anna", Frame::Goodbye), to("will", Frame::Goodbye)].concat());
}

#[test]
fn what_cannot_be_read_is_counted_and_an_unknown_version_is_answered() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.hub.receive_malformed(&peer("anna"), Malformed::Unknown, scene.now);
    scene.hub.receive_malformed(&peer("anna"), Malformed::Unreadable, scene.now);
    scene.hub.receive_malformed(&peer("nobody"), Malformed::Unknown, scene.now);
    assert_eq!(
        scene.said(),
        [to("anna", reject(0, Reject::Unknown)), to("nobody", reject(0, Reject::Unknown))].concat()
    );
    assert_eq!(scene.hub.stats().malformed, 3);
}

#[test]
fn there_are_no_more_peers_than_allowed() {
    let mut scene = Scene::new(|options| options.peers = 1);
    scene.client("anna");
    let said = scene.say("otto", Frame::Hello(Hello { session: 1, ..Hello::default() }));
    assert_eq!(said, to("otto", reject(0, Reject::Overloaded)));
    assert_eq!(scene.request("otto", 1, Kind::Command, "do"), to("otto", Frame::Who));
}

#[test]
fn names_take_turns_so_that_none_waits_for_another() {
    let mut scene = Scene::new(|_| ());
    scene.client("anna");
    scene.worker("will", 1, &[(Kind::Command, "do"), (Kind::Task, "work")]);
    for sequence in 1..=4 {
        scene.request("anna", sequence, Kind::Command, "do");
    }
    scene.request("anna", 9, Kind::Task, "work");
    let mut order = Vec::new();
    for lease in 1..=5 {
        let said = scene.say("will", Frame::Done { id: lease, body: bytes("") });
        order.extend(
            said.iter().filter_map(|(_, frame)| if let Frame::Done { id, .. } = frame { Some(*id) } else { None }),
        );
    }
    assert_eq!(order, [1, 2, 9, 3, 4]);
}
