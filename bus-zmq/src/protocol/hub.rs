//! The hub: gives what clients send to the workers that serve it.

mod leases;
mod leaving;
mod options;
mod peer_id;
mod peers;
mod routes;
mod subscription;

use std::{collections::HashMap, sync::Arc, time::Duration};

use linkbus::Kind;

pub use self::{
    options::{HubOptions, HubStats, NoWorker},
    peer_id::PeerId,
};
use self::{
    peers::{Offered, Peer, Peers, Word},
    routes::{Name, Routes, Waiting},
};
use super::{Content, Frame, Head, Hello, Malformed, Numbered, Reject, Welcome};

/// The hub: gives what clients send to the workers that serve it, and sees to it that each message has an answer.
///
/// ```
/// use bus_zmq::protocol::{Frame, Hello, Hub, HubOptions, PeerId};
/// use std::time::Duration;
///
/// let mut hub = Hub::new([7; 16], HubOptions::default());
/// let peer = PeerId::new(b"anna");
/// hub.receive(&peer, Frame::Hello(Hello { session: 1, ..Hello::default() }), Duration::ZERO);
/// let (to, frame) = hub.take_outbox().remove(0);
/// assert!(to == peer && matches!(frame, Frame::Welcome(welcome) if welcome.session == 1));
/// ```
pub struct Hub {
    id: [u8; 16],
    options: HubOptions,
    peers: Peers,
    routes: Routes,
    /// Who gets which event.
    topics: HashMap<Arc<str>, Vec<PeerId>>,
    /// What is with workers, by lease.
    leases: Numbered<u64, (Waiting, PeerId)>,
    last_lease: u64,
    last_tick: Duration,
    last_heartbeat: Duration,
    is_closing: bool,
    stats: HubStats,
}

impl Hub {
    /// A hub without peers; `id` tells this run of it apart from others.
    pub fn new(id: [u8; 16], options: HubOptions) -> Self {
        Hub {
            id,
            options,
            peers: Peers::default(),
            routes: Routes::default(),
            topics: HashMap::new(),
            leases: Numbered::default(),
            last_lease: 0,
            last_tick: Duration::ZERO,
            last_heartbeat: Duration::ZERO,
            is_closing: false,
            stats: HubStats::default(),
        }
    }

    /// What is to be sent since this was last asked, in this order.
    pub fn take_outbox(&mut self) -> Vec<(PeerId, Frame)> {
        self.peers.take_outbox()
    }

    /// What it counted, and what is there now.
    pub fn stats(&self) -> HubStats {
        HubStats {
            peers: self.peers.len(),
            queued: self.routes.queued(),
            leased: self.leases.len(),
            bytes: self.routes.bytes(),
            unfinished_events: self.peers.unfinished_events(),
            ..self.stats
        }
    }

    /// Whether this peer has a session.
    pub(crate) fn knows(&self, peer: &PeerId) -> bool {
        self.peers.get(peer).is_some()
    }

    /// What it allows.
    pub fn options(&self) -> &HubOptions {
        &self.options
    }

    /// Notes a frame that arrived.
    pub fn receive(&mut self, peer: &PeerId, frame: Frame, now: Duration) {
        if let Frame::Hello(hello) = frame {
            return self.welcome(peer, hello, now);
        }
        let Some(word) = self.peers.hear(peer, frame.is_counted(), now) else {
            let is_answer = matches!(frame, Frame::Done { .. } | Frame::Failed { .. } | Frame::Return { .. });
            self.stats.stale += u64::from(is_answer);
            return self.peers.send_stranger(peer, Frame::Who);
        };
        self.hear(peer, frame, now);
        if word == Word::First {
            self.serve(peer, now);
        }
    }

    /// Does what a peer says that is welcome.
    fn hear(&mut self, peer: &PeerId, frame: Frame, now: Duration) {
        match frame {
            Frame::Request { sequence, head, content } => self.request(peer, sequence, &head, content, now),
            Frame::Done { id, body } => {
                self.settle(peer, id, now, |sequence| Frame::Done { id: sequence, body }, |stats| &mut stats.done);
            }
            Frame::Failed { id, error } => {
                self.settle(peer, id, now, |sequence| Frame::Failed { id: sequence, error }, |stats| &mut stats.failed);
            }
            Frame::Return { lease } => self.take_back(peer, lease, now),
            Frame::Credit { events } => self.stats.delivered += self.peers.add_event_credit(peer, events),
            Frame::Heartbeat { frames, .. } if !self.peers.has_received(peer, frames) => {
                self.lose(peer, now);
                self.peers.send_stranger(peer, Frame::Who);
            }
            Frame::Goodbye => self.say_goodbye(peer, now),
            _ => {}
        }
    }

    /// Notes bytes that are no frame. They are answered.
    pub fn receive_malformed(&mut self, peer: &PeerId, malformed: Malformed, now: Duration) {
        self.stats.malformed += 1;
        let word = self.peers.hear(peer, true, now);
        if malformed == Malformed::Unknown {
            let frame = Frame::Reject { id: 0, why: Reject::Unknown };
            if word.is_some() {
                self.peers.send(peer, frame);
            } else {
                self.peers.send_stranger(peer, frame);
            }
        }
        if word == Some(Word::First) {
            self.serve(peer, now);
        }
    }

    /// Notes that a connection is no more.
    pub fn lose(&mut self, peer: &PeerId, now: Duration) {
        if self.forget(peer, now) {
            self.stats.gone += 1;
        }
    }

    /// Notes the time: says that it is there, and finds out who is not.
    pub fn tick(&mut self, now: Duration) {
        let pause = now.saturating_sub(self.last_tick);
        self.last_tick = now;
        if pause >= self.options.heartbeat {
            self.peers.forgive_silence(now);
        }
        for peer in self.peers.silent(now, self.options.heartbeat) {
            self.lose(&peer, now);
        }
        let expired = self.routes.take_where(|waiting| waiting.is_expired(now));
        self.reject_all(&expired, Reject::Expired);
        let vacant = self.routes.expire(now, &self.options);
        self.reject_all(&vacant, Reject::NoHandler);
        if now.saturating_sub(self.last_heartbeat) >= self.options.heartbeat {
            self.last_heartbeat = now;
            self.peers.send_heartbeats();
        }
    }

    /// Takes nothing more, and gives nothing more to workers. What they have goes on.
    pub fn close(&mut self) {
        self.is_closing = true;
        let waiting = self.routes.take_where(|_| true);
        self.reject_all(&waiting, Reject::Closing);
    }

    /// Whether no worker has anything.
    pub fn is_idle(&self) -> bool {
        self.leases.is_empty()
    }

    /// Gives up what workers still have, and tells everybody.
    pub fn end(&mut self) {
        let mut leases: Vec<_> = self.leases.drain().collect();
        leases.sort_unstable_by_key(|(lease, _)| *lease);
        for (_, (waiting, _)) in leases {
            self.reject(&waiting, Reject::WorkerGone);
        }
        for peer in self.peers.ids() {
            self.peers.send(&peer, Frame::Goodbye);
        }
    }

    /// A session begins; what the peer had in another one is given up. Of what it had sent, it will send again what it wants.
    fn welcome(&mut self, peer: &PeerId, hello: Hello, now: Duration) {
        self.forget(peer, now);
        let void = self.routes.take_where(|waiting| waiting.from == *peer);
        self.drop_all(&void);
        if let Some(why) = self.refusal(&hello) {
            return self.peers.send_stranger(peer, Frame::Reject { id: 0, why });
        }
        let session = hello.session;
        let Peer { serves, hears, .. } = self.peers.add(peer, hello, now);
        let (serves, hears) = (serves.clone(), hears.clone());
        self.routes.add_worker(peer, &serves);
        for name in hears {
            self.topics.entry(name).or_default().push(peer.clone());
        }
        let welcome = Welcome {
            session,
            hub: self.id,
            heartbeat: self.options.heartbeat,
            max_frame: u32::try_from(self.options.max_frame).unwrap_or(u32::MAX),
            routes: self.routes.served(),
        };
        self.peers.send(peer, Frame::Welcome(welcome));
        if !serves.is_empty() {
            self.tell_routes();
        }
    }

    /// Why a peer is not taken, if it is not.
    fn refusal(&self, hello: &Hello) -> Option<Reject> {
        let served =
            hello.serves.iter().filter(|served| served.kind != Kind::Event).map(|served| Name::new(&served.name));
        if self.is_closing {
            Some(Reject::Closing)
        } else if self.peers.has_room_for(hello, &self.options) && self.routes.has_room_for(served, &self.options) {
            None
        } else {
            Some(Reject::Overloaded)
        }
    }

    fn tell_routes(&mut self) {
        let routes = self.routes.served();
        for client in self.peers.clients() {
            self.peers.send(&client, Frame::Routes(routes.clone()));
        }
    }

    fn request(&mut self, peer: &PeerId, sequence: u64, head: &Head, content: Content, now: Duration) {
        if content.len() > self.options.max_frame {
            return self.refuse(peer, sequence, head, Reject::TooLarge);
        }
        if self.is_closing {
            return self.refuse(peer, sequence, head, Reject::Closing);
        }
        if head.kind == Kind::Event {
            return self.publish(peer, sequence, &head.name, &content);
        }
        match self.routes.admit(head, content.len(), now, &self.options) {
            Err(why) => self.refuse(peer, sequence, head, why),
            Ok(name) => {
                self.stats.accepted += 1;
                self.routes.push_back(Waiting {
                    from: peer.clone(),
                    sequence,
                    kind: head.kind,
                    name: name.clone(),
                    deadline: head.time_left.map(|left| now.saturating_add(left)),
                    attempt: head.attempt.saturating_sub(1),
                    content,
                });
                self.hand_out(&name, now);
            }
        }
    }

    /// Answers what was not accepted.
    fn refuse(&mut self, peer: &PeerId, sequence: u64, head: &Head, why: Reject) {
        if head.kind != Kind::Event {
            self.stats.accepted += 1;
            self.stats.rejected += 1;
        }
        let why = why.after(head.attempt.saturating_sub(1));
        self.peers.send(peer, Frame::Reject { id: sequence, why });
    }

    fn publish(&mut self, peer: &PeerId, sequence: u64, name: &str, content: &Content) {
        self.stats.published += 1;
        for subscriber in self.topics.get(name).map_or(&[][..], Vec::as_slice) {
            match self.peers.offer_event(subscriber, content, &self.options) {
                Offered::Sent => self.stats.delivered += 1,
                Offered::Waiting => {}
                Offered::Dropped => self.stats.dropped += 1,
            }
        }
        self.peers.send(peer, Frame::Done { id: sequence, body: Vec::new() });
    }

    fn reject_all(&mut self, all: &[Waiting], why: Reject) {
        for waiting in all {
            self.reject(waiting, why);
        }
    }

    fn reject(&mut self, waiting: &Waiting, why: Reject) {
        self.stats.rejected += 1;
        self.routes.release(waiting);
        let why = why.after(waiting.attempt);
        self.answer(&waiting.from, Frame::Reject { id: waiting.sequence, why });
    }

    /// Drops what nobody waits for any more.
    fn drop_all(&mut self, all: &[Waiting]) {
        self.stats.abandoned += all.len() as u64;
        for waiting in all {
            self.routes.release(waiting);
        }
    }

    fn answer(&mut self, client: &PeerId, frame: Frame) {
        if !self.peers.send(client, frame) {
            self.stats.unclaimed += 1;
        }
    }
}
