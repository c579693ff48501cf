//! Peers that leave, or are gone.

use std::time::Duration;

use linkbus::Kind;

use super::{Hub, PeerId};
use crate::protocol::{Frame, Reject};

impl Hub {
    /// The peer takes nothing more; if it says so again, it gives up what it has.
    pub(super) fn say_goodbye(&mut self, id: &PeerId, now: Duration) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        if std::mem::replace(&mut peer.is_leaving, true) {
            self.retract_all(id, now);
        } else {
            self.withdraw(id, now);
        }
        self.let_go(id, now);
    }

    /// Lets a leaving peer go, if it has nothing any more.
    pub(super) fn let_go(&mut self, id: &PeerId, now: Duration) {
        if self.peers.get(id).is_some_and(|peer| peer.is_leaving && !peer.has_leases()) {
            self.peers.send(id, Frame::Goodbye);
            self.forget(id, now);
        }
    }

    /// Nothing is known of a peer any more; whether it was.
    pub(super) fn forget(&mut self, id: &PeerId, now: Duration) -> bool {
        if self.peers.get(id).is_none() {
            return false;
        }
        self.withdraw(id, now);
        self.retract_all(id, now);
        if let Some((_, missed)) = self.peers.remove(id) {
            self.stats.dropped += missed;
        }
        let queries = self.routes.take_where(|waiting| waiting.kind == Kind::Query && waiting.from == *id);
        self.drop_all(&queries);
        true
    }

    /// Nothing goes to this peer any more.
    pub(super) fn withdraw(&mut self, id: &PeerId, now: Duration) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        peer.is_leaving = true;
        let (serves, hears) = (std::mem::take(&mut peer.serves), std::mem::take(&mut peer.hears));
        for name in hears {
            self.topics.entry(name).or_default().retain(|other| other != id);
        }
        self.topics.retain(|_, subscribers| !subscribers.is_empty());
        if !serves.is_empty() {
            let unserved = self.routes.remove_worker(id, &serves, now);
            self.reject_all(&unserved, Reject::NoHandler);
            self.tell_routes();
        }
    }

    pub(super) fn retract_all(&mut self, id: &PeerId, now: Duration) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        // The last one first, as each goes before all others.
        for lease in peer.end_leases() {
            if let Some((waiting, _)) = self.leases.remove(&lease) {
                self.retract(waiting, now);
            }
        }
    }
}
