//! What a worker has to do.

use std::{
    hash::{Hash, Hasher},
    time::Duration,
};

use super::{Content, Frame, Heard, Hello, NumberedSet, Session, take_all};

/// What a worker has a message on. It ends with the session, and no later one is equal to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    session: u32,
    number: u64,
}

/// By its number, as few numbers are those of several sessions.
impl Hash for Lease {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.number);
    }
}

impl Lease {
    /// Whether it ended with a session before this one.
    pub fn is_older_than(self, session: u32) -> bool {
        self.session < session
    }
}

/// Something that a worker has to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// With what it is answered; `None` if it is an event, which is not.
    pub lease: Option<Lease>,
    /// Which attempt it is, counted from 1.
    pub attempt: u32,
    /// Envelope and body.
    pub content: Content,
}

/// What a worker counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkStats {
    /// Messages and events that it took.
    pub taken: u64,
    /// What it answered in time.
    pub answered: u64,
    /// Answers that came after the hub had given the message to another worker, and were not sent.
    pub stale: u64,
    /// What it gave back, because it was closing.
    pub returned: u64,
    /// Events that the hub dropped, because this worker did not keep up.
    pub missed_events: u64,
    /// How often the connection was made anew; events of the time between are not known.
    pub interruptions: u64,
}

/// The work of a worker: what the hub gave it and it has not answered.
#[derive(Debug)]
pub struct Work {
    session: Session,
    window: u32,
    max_frame: usize,
    held: NumberedSet<Lease>,
    jobs: Vec<Job>,
    /// The number of the last event.
    last_event: u64,
    /// Events that were taken and are not done with.
    events: u32,
    /// Those of them that came in an earlier session, for which the hub has given credit already.
    stray_events: u32,
    /// Events that were done with since the hub was told.
    finished: u32,
    hub: Option<[u8; 16]>,
    is_leaving: bool,
    is_let_go: bool,
    stats: WorkStats,
}

impl Work {
    /// A worker that presents itself like this.
    pub fn new(hello: Hello) -> Self {
        Work {
            window: hello.events,
            max_frame: usize::MAX,
            session: Session::new(hello),
            held: NumberedSet::default(),
            jobs: Vec::new(),
            last_event: 0,
            events: 0,
            stray_events: 0,
            finished: 0,
            hub: None,
            is_leaving: false,
            is_let_go: false,
            stats: WorkStats::default(),
        }
    }

    /// The connection.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The most bytes of an answer.
    pub fn max_frame(&self) -> usize {
        self.max_frame
    }

    /// What it counted.
    pub fn stats(&self) -> WorkStats {
        self.stats
    }

    /// What has to be done since this was last asked.
    pub fn take_jobs(&mut self) -> Vec<Job> {
        take_all(&mut self.jobs)
    }

    /// Notes a frame that arrived.
    pub fn receive(&mut self, frame: Frame, now: Duration, out: &mut Vec<Frame>) {
        match self.session.receive(frame, now, out) {
            Some(Heard::Welcome(welcome)) => {
                self.max_frame = usize::try_from(welcome.max_frame).unwrap_or(usize::MAX);
                self.begin_again(welcome.hub);
                if self.is_leaving {
                    self.session.send(Frame::Goodbye, out);
                }
            }
            Some(Heard::Events(last)) => self.skip_to(last),
            Some(Heard::Frame(frame)) => self.hear(frame),
            Some(Heard::Goodbye) => self.is_let_go = self.is_leaving,
            None => {}
        }
    }

    /// Notes bytes that are no frame.
    pub fn receive_malformed(&mut self) {
        self.session.receive_malformed();
    }

    /// Notes the time.
    pub fn tick(&mut self, now: Duration, out: &mut Vec<Frame>) {
        if !self.is_let_go {
            self.session.tick(now, out);
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_tick(&self) -> Duration {
        if self.is_let_go { Duration::MAX } else { self.session.next_tick() }
    }

    /// Answers a job with its reply.
    pub fn done(&mut self, lease: Lease, body: Vec<u8>, out: &mut Vec<Frame>) {
        self.answer(lease, Frame::Done { id: lease.number, body }, out);
    }

    /// Answers a job with its error.
    pub fn failed(&mut self, lease: Lease, error: Vec<u8>, out: &mut Vec<Frame>) {
        self.answer(lease, Frame::Failed { id: lease.number, error }, out);
    }

    /// Gives a job back that was not begun.
    pub fn give_back(&mut self, lease: Lease, out: &mut Vec<Frame>) {
        if self.let_go(lease) {
            self.stats.returned += 1;
            self.session.send(Frame::Return { lease: lease.number }, out);
        }
    }

    /// Notes that an event is done with. The hub is told when a quarter of what may be under way is.
    pub fn finish_event(&mut self, out: &mut Vec<Frame>) {
        self.events = self.events.saturating_sub(1);
        if self.stray_events > 0 {
            self.stray_events -= 1;
            return;
        }
        self.finished += 1;
        if self.finished >= self.window.div_ceil(4) && !self.is_let_go {
            let events = std::mem::take(&mut self.finished);
            self.session.send(Frame::Credit { events }, out);
        }
    }

    /// Takes nothing more. Said again, it gives up what it has.
    pub fn leave(&mut self, out: &mut Vec<Frame>) {
        if std::mem::replace(&mut self.is_leaving, true) {
            self.held.clear();
            self.events = 0;
        }
        self.session.send(Frame::Goodbye, out);
    }

    /// Whether it is done with all that it took, in whatever session.
    pub fn is_done(&self) -> bool {
        self.held.is_empty() && self.events == 0
    }

    /// Whether it is done after [`leave`](Self::leave), and the hub has nothing of this worker any more, or there is none.
    pub fn has_left(&self) -> bool {
        let is_let_go = self.is_let_go || (self.is_leaving && !self.session.is_welcome());
        is_let_go && self.is_done()
    }

    fn hear(&mut self, frame: Frame) {
        match frame {
            Frame::Work { lease, attempt, content } => {
                let lease = Lease { session: self.session.number(), number: lease };
                self.held.insert(lease);
                self.take(Job { lease: Some(lease), attempt, content });
            }
            Frame::Event { number, content } => {
                self.skip_to(number.saturating_sub(1));
                self.last_event = number;
                self.events += 1;
                self.take(Job { lease: None, attempt: 1, content });
            }
            _ => {}
        }
    }

    fn take(&mut self, job: Job) {
        self.stats.taken += 1;
        self.jobs.push(job);
    }

    /// The events up to this number were dropped, if they did not come.
    fn skip_to(&mut self, number: u64) {
        let missed = number.saturating_sub(self.last_event);
        self.stats.missed_events = self.stats.missed_events.saturating_add(missed);
        self.last_event = self.last_event.max(number);
    }

    fn answer(&mut self, lease: Lease, frame: Frame, out: &mut Vec<Frame>) {
        if self.let_go(lease) {
            self.stats.answered += 1;
            self.session.send(frame, out);
        } else {
            self.stats.stale += 1;
        }
    }

    /// Whether the hub still waits for this.
    fn let_go(&mut self, lease: Lease) -> bool {
        self.held.remove(&lease) && lease.session == self.session.number() && self.session.is_welcome()
    }

    /// The hub has taken away what this worker had; what it does not know yet it will not know.
    fn begin_again(&mut self, hub: [u8; 16]) {
        self.stats.interruptions += u64::from(self.hub.is_some());
        self.hub = Some(hub);
        self.stray_events = self.events;
        self.finished = 0;
        self.last_event = 0;
    }
}
