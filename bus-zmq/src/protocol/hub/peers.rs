//! Who is connected, and what is sent to them.

use std::{collections::HashSet, sync::Arc, time::Duration};

use linkbus::Kind;

use super::{
    HubOptions, PeerId,
    routes::{Name, Waiting},
    subscription::Subscription,
};
use crate::protocol::{Content, Frame, Hello, Numbered, NumberedSet, session::MISSED, take_all};

/// A client or a worker that said hello.
pub(super) struct Peer {
    seen: Duration,
    /// Whether it said something since it is welcome, so that it knows of that. Of one that does not, several hellos may have piled up
    /// on the way: with each of them, work that it was given would be taken away again, as if that had ended it.
    has_spoken: bool,
    sent: u64,
    received: u64,
    credit: usize,
    /// What its names take.
    name_bytes: usize,
    /// The queries, commands and tasks that it serves.
    pub(super) serves: NumberedSet<Name>,
    /// The events that it gets.
    pub(super) hears: HashSet<Arc<str>>,
    leases: NumberedSet<u64>,
    /// The one of them that is at its last attempt.
    suspect: Option<u64>,
    pub(super) is_leaving: bool,
    events: Subscription,
}

impl Peer {
    fn new(hello: Hello, now: Duration) -> Self {
        let name_bytes = name_bytes(&hello);
        let (events, serves): (Vec<_>, Vec<_>) =
            hello.serves.into_iter().partition(|served| served.kind == Kind::Event);
        Peer {
            seen: now,
            has_spoken: false,
            sent: 0,
            received: 0,
            credit: usize::try_from(hello.credit).unwrap_or(usize::MAX),
            name_bytes,
            serves: serves.iter().map(|served| Name::new(&served.name)).collect(),
            hears: events.into_iter().map(|served| served.name.into()).collect(),
            leases: NumberedSet::default(),
            suspect: None,
            is_leaving: false,
            events: Subscription::new(hello.events),
        }
    }

    pub(super) fn is_free(&self) -> bool {
        self.has_spoken && !self.is_leaving && self.leases.len() < self.credit
    }

    /// Whether it may have this message, too. Of those that have ended many workers, or were with one that did, it has one at a time:
    /// if it is gone again, that one is to blame and no other.
    pub(super) fn takes(&self, waiting: &Waiting, options: &HubOptions) -> bool {
        self.is_free() && (self.suspect.is_none() || !waiting.is_suspect(options))
    }

    pub(super) fn has_leases(&self) -> bool {
        !self.leases.is_empty()
    }

    pub(super) fn begin_lease(&mut self, lease: u64, is_suspect: bool) {
        self.leases.insert(lease);
        if is_suspect {
            self.suspect = Some(lease);
        }
    }

    pub(super) fn end_lease(&mut self, lease: u64) {
        self.leases.remove(&lease);
        self.suspect = self.suspect.filter(|suspect| *suspect != lease);
    }

    /// Ends all leases; gives them, the last one first.
    pub(super) fn end_leases(&mut self) -> Vec<u64> {
        self.suspect = None;
        let mut leases: Vec<_> = self.leases.drain().collect();
        leases.sort_unstable_by(|a, b| b.cmp(a));
        leases
    }

    fn is_client(&self) -> bool {
        !self.is_leaving && self.serves.is_empty() && self.hears.is_empty()
    }

    fn is_silent(&self, now: Duration, heartbeat: Duration) -> bool {
        now.saturating_sub(self.seen) >= heartbeat.saturating_mul(MISSED)
    }
}

/// What a name takes beside its bytes.
const NAME: usize = 64;

/// What the names take that a peer serves and subscribes to.
fn name_bytes(hello: &Hello) -> usize {
    hello.serves.iter().map(|served| served.name.len() + NAME).sum()
}

/// Everybody who is connected.
#[derive(Default)]
pub(super) struct Peers {
    known: Numbered<PeerId, Peer>,
    outbox: Vec<(PeerId, Frame)>,
    unfinished_events: u64,
    name_bytes: usize,
}

impl Peers {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Events that wait for subscribers, or that they are not done with.
    pub(super) fn unfinished_events(&self) -> u64 {
        self.unfinished_events
    }

    pub(super) fn get_mut(&mut self, id: &PeerId) -> Option<&mut Peer> {
        self.known.get_mut(id)
    }

    pub(super) fn get(&self, id: &PeerId) -> Option<&Peer> {
        self.known.get(id)
    }

    /// Whether this one may be added, too.
    pub(super) fn has_room_for(&self, hello: &Hello, options: &HubOptions) -> bool {
        self.known.len() < options.peers && self.name_bytes + name_bytes(hello) <= options.name_bytes
    }

    /// Adds somebody who is not known.
    pub(super) fn add(&mut self, id: &PeerId, hello: Hello, now: Duration) -> &Peer {
        self.name_bytes += name_bytes(&hello);
        self.known.entry(id.clone()).insert_entry(Peer::new(hello, now)).into_mut()
    }

    /// Forgets a peer; gives it with how many events it missed by that.
    pub(super) fn remove(&mut self, id: &PeerId) -> Option<(Peer, u64)> {
        let mut peer = self.known.remove(id)?;
        self.unfinished_events -= peer.events.unfinished();
        self.name_bytes -= peer.name_bytes;
        let missed = peer.events.clear();
        Some((peer, missed))
    }

    pub(super) fn silent(&self, now: Duration, heartbeat: Duration) -> Vec<PeerId> {
        let mut silent: Vec<_> =
            self.known.iter().filter(|(_, peer)| peer.is_silent(now, heartbeat)).map(|(id, _)| id.clone()).collect();
        silent.sort();
        silent
    }

    pub(super) fn clients(&self) -> Vec<PeerId> {
        let mut clients: Vec<_> =
            self.known.iter().filter(|(_, peer)| peer.is_client()).map(|(id, _)| id.clone()).collect();
        clients.sort();
        clients
    }

    pub(super) fn ids(&self) -> Vec<PeerId> {
        let mut ids: Vec<_> = self.known.keys().cloned().collect();
        ids.sort();
        ids
    }

    /// As if everybody had just been heard: the hub itself was not there.
    pub(super) fn forgive_silence(&mut self, now: Duration) {
        self.known.values_mut().for_each(|peer| peer.seen = now);
    }

    /// Notes that a peer was heard; `None` if it is not known.
    pub(super) fn hear(&mut self, id: &PeerId, is_counted: bool, now: Duration) -> Option<Word> {
        let peer = self.known.get_mut(id)?;
        peer.seen = now;
        peer.received += u64::from(is_counted);
        Some(if std::mem::replace(&mut peer.has_spoken, true) { Word::Further } else { Word::First })
    }

    /// Whether everything arrived that the peer has sent.
    pub(super) fn has_received(&self, id: &PeerId, frames: u64) -> bool {
        self.known.get(id).is_some_and(|peer| peer.received == frames)
    }

    /// Sends a frame; whether the peer is known.
    pub(super) fn send(&mut self, id: &PeerId, frame: Frame) -> bool {
        let Some(peer) = self.known.get_mut(id) else { return false };
        peer.sent += u64::from(frame.is_counted());
        self.outbox.push((id.clone(), frame));
        true
    }

    /// Sends a frame to somebody who may not be known.
    pub(super) fn send_stranger(&mut self, id: &PeerId, frame: Frame) {
        self.outbox.push((id.clone(), frame));
    }

    pub(super) fn send_heartbeats(&mut self) {
        for id in self.ids() {
            let peer = &self.known[&id];
            let frame = Frame::Heartbeat { frames: peer.sent, events: peer.events.told() };
            self.outbox.push((id, frame));
        }
    }

    /// An event for a subscriber, which gets it now, later or, if too many are waiting, not.
    pub(super) fn offer_event(&mut self, id: &PeerId, content: &Content, options: &HubOptions) -> Offered {
        let Some(peer) = self.known.get_mut(id) else { return Offered::Dropped };
        let Ok(sent) = peer.events.offer(content, options) else { return Offered::Dropped };
        self.unfinished_events += 1;
        match sent {
            Some(frame) => {
                self.send(id, frame);
                Offered::Sent
            }
            None => Offered::Waiting,
        }
    }

    /// A subscriber takes so many events more; gives how many were waiting for that.
    pub(super) fn add_event_credit(&mut self, id: &PeerId, events: u32) -> u64 {
        let Some(peer) = self.known.get_mut(id) else { return 0 };
        let unfinished = peer.events.unfinished();
        let frames = peer.events.add_credit(events);
        self.unfinished_events -= unfinished - peer.events.unfinished();
        let count = frames.len();
        for frame in frames {
            self.send(id, frame);
        }
        count as u64
    }

    pub(super) fn take_outbox(&mut self) -> Vec<(PeerId, Frame)> {
        take_all(&mut self.outbox)
    }
}

/// What a peer says in a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It is welcome, and knows it.
    First,
    Further,
}

/// What became of an event for a subscriber.
pub(super) enum Offered {
    Sent,
    Waiting,
    Dropped,
}
