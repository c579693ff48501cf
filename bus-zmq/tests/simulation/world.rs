//! A hub, clients and workers, the connections between them, and what happens to them.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hasher as _},
    ops::Range,
    time::Duration,
};

use bus_zmq::protocol::{
    Call, Calls, Content, Frame, Hello, Hub, HubOptions, HubStats, Job, NoWorker, PeerId, Served, Session, Work, frames,
};
use linkbus::Kind;

use crate::ledger::{Ledger, Summary};

/// One step of the clock.
const STEP: Duration = Duration::from_millis(20);
/// How long messages are sent and things go wrong, and how long it takes then until nothing is left.
const STORM: u32 = 600;
const CALM: u32 = 800;
/// How long it takes at most until who is awake notices that the hub says nothing: four heartbeats, and what was on its way.
const NOTICED: Duration = Duration::from_millis(4_200);

/// What goes wrong: once in so many steps, for each; 0 is never.
#[derive(Clone, Copy)]
pub(crate) struct Faults {
    kill: u32,
    sleep: u32,
    cut: u32,
    /// What a peer says stays on the way, so that it piles up.
    hold: u32,
    restart: u32,
    hush: u32,
}

impl Faults {
    pub(crate) const NONE: Faults = Faults { kill: 0, sleep: 0, cut: 0, hold: 0, restart: 0, hush: 0 };
    pub(crate) const ALL: Faults = Faults { kill: 150, sleep: 150, cut: 200, hold: 300, restart: 400, hush: 400 };
}

enum Role {
    Client(Calls<u64>),
    Worker(Worker),
}

struct Worker {
    work: Work,
    busy: Vec<Busy>,
    heard: u64,
}

/// What a worker is at.
struct Busy {
    job: Job,
    /// Some it gives back.
    is_begun: bool,
    until: Duration,
}

struct Peer {
    role: Role,
    /// Stopped until then, as by SIGSTOP.
    asleep_until: Duration,
    to_hub: Line,
    from_hub: Line,
}

/// Frames on their way, in order, and when each arrives.
#[derive(Default)]
struct Line {
    frames: VecDeque<(Duration, Vec<u8>)>,
    held_until: Duration,
}

impl Line {
    fn send(&mut self, frame: &Frame, at: Duration) {
        let at = self.frames.back().map_or(at, |(last, _)| at.max(*last));
        let mut bytes = Vec::new();
        frame.append_to(&mut bytes);
        self.frames.push_back((at, bytes));
    }

    fn receive(&mut self, now: Duration) -> Option<Frame> {
        self.frames.front().filter(|(at, _)| *at <= now && self.held_until <= now)?;
        let (_, bytes) = self.frames.pop_front()?;
        let frame = frames(&bytes).next()?.expect("one frame");
        Some(Frame::from_bytes(frame).expect("what was written can be read"))
    }
}

pub(crate) struct World {
    random: fastrand::Rng,
    faults: Faults,
    now: Duration,
    hub: Hub,
    /// Between these times it is stopped, as by SIGSTOP.
    hub_sleeps: Range<Duration>,
    /// Of the runs of the hub before.
    past: Summary,
    peers: BTreeMap<PeerId, Peer>,
    last_peer: u64,
    last_message: u64,
    ledger: Ledger,
    trace: DefaultHasher,
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        let mut world = World {
            random: fastrand::Rng::with_seed(seed),
            faults,
            now: Duration::ZERO,
            hub: hub(0),
            hub_sleeps: Duration::ZERO..Duration::ZERO,
            past: Summary::default(),
            peers: BTreeMap::new(),
            last_peer: 0,
            last_message: 0,
            ledger: Ledger::default(),
            trace: DefaultHasher::new(),
        };
        for _ in 0..2 {
            world.add(Role::Client(Calls::new(Duration::from_secs(1_000))));
        }
        for _ in 0..3 {
            world.add_worker();
        }
        world
    }

    /// A storm, and the calm in which everything comes to its end.
    pub(crate) fn run(&mut self) {
        for step in 0..STORM + CALM {
            if step < STORM {
                self.send_some();
                self.break_something();
            }
            self.step();
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.trace.finish()
    }

    /// What must be so when everything has come to its end.
    pub(crate) fn check(&self, context: &str) -> Summary {
        let stats = self.hub.stats();
        assert_eq!((stats.queued, stats.leased, stats.bytes), (0, 0, 0), "{context}: {stats:?}");
        let mut summary = self.ledger.check(context);
        summary.stale += self.past.stale + stats.stale;
        summary.requeued += self.past.requeued + stats.requeued;
        for peer in self.peers.values() {
            let Role::Worker(worker) = &peer.role else { continue };
            let stats = worker.work.stats();
            summary.interruptions += stats.interruptions;
            summary.missed_events += stats.missed_events;
            if stats.interruptions == 0 && self.faults.kill == 0 {
                assert_eq!(worker.heard + stats.missed_events, self.ledger.events(), "{context}: {stats:?}");
            }
        }
        summary
    }

    fn add(&mut self, role: Role) {
        self.last_peer += 1;
        let id = PeerId::new(&self.last_peer.to_be_bytes());
        let peer = Peer { role, asleep_until: Duration::ZERO, to_hub: Line::default(), from_hub: Line::default() };
        self.peers.insert(id, peer);
    }

    fn add_worker(&mut self) {
        let served = |(kind, name): (Kind, &str)| Served { kind, name: name.to_owned().into() };
        let handles = [(Kind::Query, "ask"), (Kind::Command, "do"), (Kind::Task, "work"), (Kind::Event, "happened")];
        let hello = Hello { session: 0, credit: 3, events: 4, serves: handles.map(served).to_vec() };
        self.add(Role::Worker(Worker { work: Work::new(hello), busy: Vec::new(), heard: 0 }));
    }

    fn send_some(&mut self) {
        // Nobody misses the first event: all are connected then.
        if self.now < Duration::from_secs(1) || self.random.u32(..3) > 0 {
            return;
        }
        let clients: Vec<_> =
            self.peers.iter().filter(|(_, peer)| matches!(peer.role, Role::Client(_))).map(|(id, _)| id).collect();
        let client = clients[self.random.usize(..clients.len())].clone();
        let (kind, name) =
            [(Kind::Query, "ask"), (Kind::Command, "do"), (Kind::Task, "work"), (Kind::Event, "happened")]
                [self.random.usize(..4)];
        self.last_message += 1;
        let content = Content::new(b"", &self.last_message.to_be_bytes());
        let limit =
            matches!(kind, Kind::Query | Kind::Task).then(|| Duration::from_millis(self.random.u64(200..6_000)));
        let call = Call { kind, name: name.to_owned().into(), content, limit, waited: Duration::ZERO };
        self.ledger.send(self.last_message, kind);
        let (number, now) = (self.last_message, self.now);
        self.act(&client, |peer, out| {
            if let Role::Client(calls) = &mut peer.role {
                calls.call(call, number, now, out);
            }
        });
    }

    fn break_something(&mut self) {
        let Faults { kill, sleep, cut, hold, restart, hush } = self.faults;
        let ids: Vec<_> = self.peers.keys().cloned().collect();
        let any = ids[self.random.usize(..ids.len())].clone();
        let mut happens = |rate: u32| rate > 0 && self.random.u32(..rate) == 0;
        let [kill, sleep, cut, hold, restart, hush] = [kill, sleep, cut, hold, restart, hush].map(&mut happens);
        if kill && matches!(self.peers[&any].role, Role::Worker(_)) {
            self.peers.remove(&any);
            // The hub sees that a socket is closed, or hears nothing any more.
            if self.random.bool() {
                self.hub.lose(&any, self.now);
            }
            self.add_worker();
        } else if sleep {
            let pause = Duration::from_millis(self.random.u64(100..7_000));
            self.peers.get_mut(&any).unwrap().asleep_until = self.now + pause;
        } else if cut {
            let peer = self.peers.get_mut(&any).unwrap();
            let (to_hub, from_hub) = (self.random.bool(), self.random.bool());
            peer.to_hub.frames.truncate(if to_hub { 0 } else { usize::MAX });
            peer.from_hub.frames.truncate(if from_hub { 0 } else { usize::MAX });
        } else if hold {
            let pause = Duration::from_millis(self.random.u64(100..7_000));
            self.peers.get_mut(&any).unwrap().to_hub.held_until = self.now + pause;
        } else if restart {
            self.restart_hub();
        } else if hush && !self.hub_sleeps.contains(&self.now) {
            self.hub_sleeps = self.now..self.now + Duration::from_millis(self.random.u64(100..9_000));
        }
    }

    /// The hub is killed, or closes and says goodbye, and there is another one.
    fn restart_hub(&mut self) {
        let stats = self.hub.stats();
        self.past += Summary { stale: stats.stale, requeued: stats.requeued, ..Summary::default() };
        self.hub = hub(self.random.u8(..));
        self.hub_sleeps = self.now..self.now;
        let (is_closed, now) = (self.random.bool(), self.now);
        for peer in self.peers.values_mut() {
            peer.to_hub.frames.clear();
            peer.from_hub.frames.clear();
            if is_closed {
                peer.from_hub.send(&Frame::Goodbye, now);
            }
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        if !self.hub_sleeps.contains(&self.now) {
            self.step_hub();
        }
        let ids: Vec<_> = self.peers.keys().cloned().collect();
        for id in &ids {
            self.step_peer(id);
        }
    }

    fn step_hub(&mut self) {
        let ids: Vec<_> = self.peers.keys().cloned().collect();
        for id in &ids {
            while let Some(frame) = self.peers.get_mut(id).and_then(|peer| peer.to_hub.receive(self.now)) {
                self.note(id, &frame);
                self.hub.receive(id, frame, self.now);
            }
        }
        self.hub.tick(self.now);
        balance(self.hub.stats());
        for (id, frame) in self.hub.take_outbox() {
            let at = self.now + self.delay();
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.from_hub.send(&frame, at);
            }
        }
    }

    fn step_peer(&mut self, id: &PeerId) {
        if self.peers[id].asleep_until > self.now {
            return;
        }
        let now = self.now;
        while let Some(frame) = self.peers.get_mut(id).and_then(|peer| peer.from_hub.receive(now)) {
            self.note(id, &frame);
            self.act(id, |peer, out| peer.role.receive(frame, now, out));
        }
        self.act(id, |peer, out| peer.role.tick(now, out));
        self.check_session(id);
        let peer = self.peers.get_mut(id).unwrap();
        match &mut peer.role {
            Role::Client(calls) => {
                for (number, outcome) in calls.take_over() {
                    self.ledger.end(number, outcome);
                }
            }
            Role::Worker(worker) => {
                for job in worker.work.take_jobs() {
                    let is_begun = self.random.u32(..17) > 0;
                    match job.lease {
                        Some(_) if is_begun => self.ledger.begin(number(&job), job.attempt),
                        Some(_) => {}
                        None => worker.heard += 1,
                    }
                    let until = now + Duration::from_millis(self.random.u64(0..400));
                    worker.busy.push(Busy { job, is_begun, until });
                }
            }
        }
    }

    /// Who is awake and hears nothing of the hub for long has no session.
    fn check_session(&self, id: &PeerId) {
        let peer = &self.peers[id];
        let silent_since = self.hub_sleeps.start.max(peer.asleep_until);
        if self.hub_sleeps.contains(&self.now) && self.now > silent_since + NOTICED {
            assert!(!peer.role.session().is_welcome(), "{id:?} does not notice that its hub is silent");
        }
    }

    /// Lets a peer do something, and sends what it wants sent.
    fn act(&mut self, id: &PeerId, what: impl FnOnce(&mut Peer, &mut Vec<Frame>)) {
        let at = self.now + self.delay();
        let peer = self.peers.get_mut(id).unwrap();
        let mut out = Vec::new();
        what(peer, &mut out);
        for frame in out {
            peer.to_hub.send(&frame, at);
        }
    }

    fn delay(&mut self) -> Duration {
        Duration::from_millis(self.random.u64(0..60))
    }

    fn note(&mut self, id: &PeerId, frame: &Frame) {
        let mut bytes = id.bytes().to_vec();
        frame.append_to(&mut bytes);
        self.trace.write_u128(self.now.as_millis());
        self.trace.write(&bytes);
    }
}

impl Role {
    fn session(&self) -> &Session {
        match self {
            Role::Client(calls) => calls.session(),
            Role::Worker(worker) => worker.work.session(),
        }
    }

    fn receive(&mut self, frame: Frame, now: Duration, out: &mut Vec<Frame>) {
        match self {
            Role::Client(calls) => calls.receive(frame, now, out),
            Role::Worker(worker) => worker.work.receive(frame, now, out),
        }
    }

    fn tick(&mut self, now: Duration, out: &mut Vec<Frame>) {
        match self {
            Role::Client(calls) => calls.tick(now, out),
            Role::Worker(worker) => worker.tick(now, out),
        }
    }
}

impl Worker {
    fn tick(&mut self, now: Duration, out: &mut Vec<Frame>) {
        self.work.tick(now, out);
        let (done, busy) = std::mem::take(&mut self.busy).into_iter().partition(|busy| busy.until <= now);
        self.busy = busy;
        for Busy { job, is_begun, .. } in done {
            let number = number(&job);
            match job.lease {
                None => self.work.finish_event(out),
                Some(lease) if !is_begun => self.work.give_back(lease, out),
                Some(lease) if number.is_multiple_of(13) => self.work.failed(lease, (*b"no").into(), out),
                Some(lease) => self.work.done(lease, number.to_be_bytes().into(), out),
            }
        }
    }
}

fn number(job: &Job) -> u64 {
    u64::from_be_bytes(job.content.body().try_into().unwrap())
}

fn hub(run: u8) -> Hub {
    let mut options = HubOptions::default();
    options.no_worker = NoWorker::Queue;
    options.max_attempts = 1_000;
    options.event_messages = 5;
    Hub::new([run; 16], options)
}

/// Nothing disappears within the hub.
fn balance(stats: HubStats) {
    let over = stats.done + stats.failed + stats.rejected + stats.abandoned;
    assert_eq!(stats.accepted, over + (stats.queued + stats.leased) as u64, "{stats:?}");
}
