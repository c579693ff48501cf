//! What a client waits for.

use std::{borrow::Cow, collections::BTreeSet, time::Duration};

use linkbus::Kind;

use super::{Content, Frame, Head, Heard, Hello, Numbered, Reject, Session, take_all};

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    /// Query, command, event or task.
    pub kind: Kind,
    /// The wire name.
    pub name: Cow<'static, str>,
    /// Envelope and body.
    pub content: Content,
    /// How long the answer is waited for; `None` is for ever.
    pub limit: Option<Duration>,
    /// How long it has waited already, before it could be sent: a part of its limit, and of the time without a hub.
    pub waited: Duration,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was handled; the reply, if it was a query.
    Done(Vec<u8>),
    /// Its handler failed: a `RemoteError` as MessagePack.
    Failed(Vec<u8>),
    /// The hub has no answer.
    Rejected(Reject),
    /// It has more bytes than this, which is the most that the hub takes.
    TooLarge(usize),
    /// There was no answer in this time.
    TimedOut(Duration),
    /// The connection broke while it was under way, and it may not be sent again.
    Lost,
    /// The client was closed before there was an answer: it may have been handled.
    GivenUp,
    /// No hub was there in this time: the patience of the client, or the limit of a call that was never sent.
    NoHub(Duration),
    /// The client was closed before.
    Closed,
}

/// The calls of a client, each with somebody who waits, `W`.
///
/// A command or task whose session ended is sent again, as one attempt more. A query or event is not.
#[derive(Debug)]
pub struct Calls<W> {
    session: Session,
    /// How long to go on without a hub.
    patience: Duration,
    alone: Option<Alone>,
    last: u64,
    pending: Numbered<u64, Pending<W>>,
    /// What was not sent yet in this session.
    unsent: BTreeSet<u64>,
    /// No call times out before.
    next_timeout: Duration,
    over: Vec<(W, Outcome)>,
    routes: Vec<String>,
    max_frame: usize,
    leaving: Leaving,
}

/// A time without a hub.
#[derive(Clone, Copy, Debug)]
struct Alone {
    since: Duration,
    /// No call has waited long enough before.
    next_end: Duration,
}

/// How far a client is with leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// Calls are under way.
    Finishing,
    /// The hub was told.
    Said,
    /// And it answered.
    Gone,
}

#[derive(Debug)]
struct Pending<W> {
    call: Call,
    begun: Duration,
    attempt: u32,
    waiter: W,
}

impl<W> Calls<W> {
    /// A client without calls, which gives up those that no hub takes for as long as `patience`.
    pub fn new(patience: Duration) -> Self {
        Calls {
            session: Session::new(Hello::default()),
            patience,
            alone: None,
            last: 0,
            pending: Numbered::default(),
            unsent: BTreeSet::new(),
            next_timeout: Duration::MAX,
            over: Vec::new(),
            routes: Vec::new(),
            max_frame: usize::MAX,
            leaving: Leaving::No,
        }
    }

    /// The connection.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The names that have workers.
    pub fn routes(&self) -> &[String] {
        &self.routes
    }

    /// How many calls have no answer yet.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The calls that are over since this was last asked.
    pub fn take_over(&mut self) -> Vec<(W, Outcome)> {
        take_all(&mut self.over)
    }

    /// Sends a message, or keeps it until there is a hub.
    pub fn call(&mut self, call: Call, waiter: W, now: Duration, out: &mut Vec<Frame>) {
        if self.leaving != Leaving::No {
            return self.over.push((waiter, Outcome::Closed));
        }
        if call.content.len() > self.max_frame {
            return self.over.push((waiter, Outcome::TooLarge(self.max_frame)));
        }
        self.last += 1;
        let sequence = self.last;
        let pending = Pending { begun: now.saturating_sub(call.waited), call, attempt: 0, waiter };
        self.next_timeout = self.next_timeout.min(pending.times_out_at());
        if let Some(alone) = &mut self.alone {
            alone.next_end = alone.next_end.min(pending.ends_at(alone.since, self.patience));
        }
        self.pending.insert(sequence, pending);
        if self.session.is_welcome() {
            self.send(sequence, now, out);
        } else {
            self.unsent.insert(sequence);
        }
    }

    /// Notes a frame that arrived.
    pub fn receive(&mut self, frame: Frame, now: Duration, out: &mut Vec<Frame>) {
        match self.session.receive(frame, now, out) {
            Some(Heard::Welcome(welcome)) => {
                self.routes = welcome.routes;
                self.max_frame = usize::try_from(welcome.max_frame).unwrap_or(usize::MAX);
                self.begin_again(now, out);
            }
            Some(Heard::Frame(frame)) => self.hear(frame),
            Some(Heard::Goodbye) if self.leaving == Leaving::Said => self.leaving = Leaving::Gone,
            Some(Heard::Goodbye | Heard::Events(_)) | None => {}
        }
        self.say_goodbye(out);
    }

    /// Notes bytes that are no frame.
    pub fn receive_malformed(&mut self) {
        self.session.receive_malformed();
    }

    /// Notes the time.
    pub fn tick(&mut self, now: Duration, out: &mut Vec<Frame>) {
        self.session.tick(now, out);
        self.time_out(now);
        self.give_up_alone(now);
        self.say_goodbye(out);
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_tick(&self) -> Duration {
        self.next_timeout.min(self.session.next_tick())
    }

    /// Sends nothing more. What is under way goes on.
    pub fn leave(&mut self, out: &mut Vec<Frame>) {
        if self.leaving == Leaving::No {
            self.leaving = Leaving::Finishing;
        }
        self.say_goodbye(out);
    }

    /// Whether nothing is left to be done after [`leave`](Self::leave).
    pub fn has_left(&self) -> bool {
        let is_alone = self.leaving != Leaving::No && !self.session.is_welcome();
        self.pending.is_empty() && (is_alone || self.leaving == Leaving::Gone)
    }

    /// Ends all calls, as it will not go on.
    pub fn abandon(&mut self) {
        for sequence in self.pending_where(|_, _| true) {
            self.end(sequence, if self.unsent.contains(&sequence) { Outcome::Closed } else { Outcome::GivenUp });
        }
    }

    fn hear(&mut self, frame: Frame) {
        match frame {
            Frame::Done { id, body } => self.end(id, Outcome::Done(body)),
            Frame::Failed { id, error } => self.end(id, Outcome::Failed(error)),
            Frame::Reject { id, why: Reject::TooLarge } => self.end(id, Outcome::TooLarge(self.max_frame)),
            Frame::Reject { id, why } => self.end(id, Outcome::Rejected(why)),
            Frame::Routes(names) => self.routes = names,
            _ => {}
        }
    }

    /// What was sent before gets no answer: it is sent again, or over.
    fn begin_again(&mut self, now: Duration, out: &mut Vec<Frame>) {
        self.alone = None;
        for sequence in self.pending_where(|sequence, _| !self.unsent.contains(&sequence)) {
            match self.pending[&sequence].call.kind {
                Kind::Command | Kind::Task => {
                    self.unsent.insert(sequence);
                }
                Kind::Query | Kind::Event => self.end(sequence, Outcome::Lost),
            }
        }
        self.send_unsent(now, out);
    }

    fn send_unsent(&mut self, now: Duration, out: &mut Vec<Frame>) {
        while self.session.is_welcome()
            && let Some(sequence) = self.unsent.pop_first()
        {
            self.send(sequence, now, out);
        }
    }

    fn send(&mut self, sequence: u64, now: Duration, out: &mut Vec<Frame>) {
        let pending = self.pending.get_mut(&sequence).expect("what is sent is pending");
        // When it was called, what the hub takes may not have been known.
        if pending.call.content.len() > self.max_frame {
            return self.end(sequence, Outcome::TooLarge(self.max_frame));
        }
        pending.attempt += 1;
        let frame = pending.request(sequence, now);
        self.session.send(frame, out);
    }

    fn say_goodbye(&mut self, out: &mut Vec<Frame>) {
        if self.leaving == Leaving::Finishing && self.pending.is_empty() && self.session.is_welcome() {
            self.leaving = Leaving::Said;
            self.session.send(Frame::Goodbye, out);
        }
    }

    fn give_up_alone(&mut self, now: Duration) {
        if self.session.is_alive(now) {
            self.alone = None;
            return;
        }
        let patience = self.patience;
        let alone = self.alone.get_or_insert(Alone { since: now, next_end: now.saturating_add(patience) });
        if now < alone.next_end {
            return;
        }
        let since = alone.since;
        let ends_at = |pending: &Pending<W>| pending.ends_at(since, patience);
        for sequence in self.pending_where(|_, pending| ends_at(pending) <= now) {
            self.end(sequence, Outcome::NoHub(patience));
        }
        let next_end = self.pending.values().map(ends_at).min().unwrap_or(now.saturating_add(patience));
        self.alone = Some(Alone { since, next_end });
    }

    fn time_out(&mut self, now: Duration) {
        if now < self.next_timeout {
            return;
        }
        for sequence in self.pending_where(|_, pending| pending.times_out_at() <= now) {
            let outcome = self.pending[&sequence].timed_out();
            self.end(sequence, outcome);
        }
        self.next_timeout = self.pending.values().map(Pending::times_out_at).min().unwrap_or(Duration::MAX);
    }

    /// The calls that are so, in the order in which they began.
    fn pending_where(&self, is_so: impl Fn(u64, &Pending<W>) -> bool) -> Vec<u64> {
        let mut found: Vec<_> = self
            .pending
            .iter()
            .filter(|(sequence, pending)| is_so(**sequence, pending))
            .map(|(sequence, _)| *sequence)
            .collect();
        found.sort_unstable();
        found
    }

    /// Gives an outcome to who waits, if anybody does.
    fn end(&mut self, sequence: u64, outcome: Outcome) {
        if let Some(pending) = self.pending.remove(&sequence) {
            self.unsent.remove(&sequence);
            self.over.push((pending.waiter, outcome));
        }
    }
}

impl<W> Pending<W> {
    fn times_out_at(&self) -> Duration {
        self.call.limit.map_or(Duration::MAX, |limit| self.begun.saturating_add(limit))
    }

    /// What it is told then. Of what was never sent, nobody was too slow.
    fn timed_out(&self) -> Outcome {
        let limit = self.call.limit.unwrap_or_default();
        if self.attempt == 0 { Outcome::NoHub(limit) } else { Outcome::TimedOut(limit) }
    }

    /// When it has waited long enough, if there is no hub since then.
    fn ends_at(&self, since: Duration, patience: Duration) -> Duration {
        self.begun.max(since).saturating_add(patience)
    }

    fn request(&self, sequence: u64, now: Duration) -> Frame {
        let Call { kind, ref name, ref content, limit, .. } = self.call;
        let time_left = limit.map(|_| self.times_out_at().saturating_sub(now));
        let head = Head { kind, attempt: self.attempt, time_left, name: name.clone() };
        Frame::Request { sequence, head, content: content.clone() }
    }
}
