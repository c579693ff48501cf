//! What is with workers.

use std::time::Duration;

use linkbus::Kind;

use super::{
    Hub, HubStats, PeerId,
    routes::{Name, Waiting},
};
use crate::protocol::{Frame, Reject};

impl Hub {
    /// Gives messages of this name to workers, as long as both are there.
    pub(super) fn hand_out(&mut self, name: &Name, now: Duration) {
        while let Some((waiting, worker)) = self
            .routes
            .pop_for_next(name, |id, waiting| self.peers.get(id).is_some_and(|peer| peer.takes(waiting, &self.options)))
        {
            self.lease(waiting, worker, now);
        }
    }

    /// Gives messages to this worker, as long as it takes them.
    pub(super) fn serve(&mut self, worker: &PeerId, now: Duration) {
        while let Some(peer) = self.peers.get(worker).filter(|peer| peer.is_free()) {
            match self.routes.pop_any(&peer.serves, |waiting| peer.takes(waiting, &self.options)) {
                Some(waiting) => self.lease(waiting, worker.clone(), now),
                None => return,
            }
        }
    }

    /// The attempt is counted before the worker has it: one that ends its worker was one, too.
    pub(super) fn lease(&mut self, mut waiting: Waiting, worker: PeerId, now: Duration) {
        if waiting.is_expired(now) {
            return self.reject(&waiting, Reject::Expired);
        }
        let is_suspect = waiting.is_suspect(&self.options);
        waiting.attempt += 1;
        self.last_lease += 1;
        let lease = self.last_lease;
        let frame = Frame::Work { lease, attempt: waiting.attempt, content: waiting.content.clone() };
        if let Some(peer) = self.peers.get_mut(&worker) {
            peer.begin_lease(lease, is_suspect);
        }
        self.peers.send(&worker, frame);
        self.leases.insert(lease, (waiting, worker));
    }

    /// The message of a lease, if this worker has it.
    pub(super) fn end_lease(&mut self, worker: &PeerId, lease: u64) -> Option<Waiting> {
        if self.leases.get(&lease).is_none_or(|(_, holder)| holder != worker) {
            self.stats.stale += 1;
            return None;
        }
        if let Some(peer) = self.peers.get_mut(worker) {
            peer.end_lease(lease);
        }
        self.leases.remove(&lease).map(|(waiting, _)| waiting)
    }

    pub(super) fn settle(
        &mut self,
        worker: &PeerId,
        lease: u64,
        now: Duration,
        answer: impl FnOnce(u64) -> Frame,
        counter: fn(&mut HubStats) -> &mut u64,
    ) {
        let Some(waiting) = self.end_lease(worker, lease) else { return };
        *counter(&mut self.stats) += 1;
        self.routes.release(&waiting);
        self.answer(&waiting.from, answer(waiting.sequence));
        self.go_on(worker, now);
    }

    /// A worker did not begin with a message, so that this was no attempt.
    pub(super) fn take_back(&mut self, worker: &PeerId, lease: u64, now: Duration) {
        let Some(mut waiting) = self.end_lease(worker, lease) else { return };
        self.stats.returned += 1;
        waiting.attempt -= 1;
        self.wait_again(waiting, now);
        self.go_on(worker, now);
    }

    /// A worker has one message less.
    pub(super) fn go_on(&mut self, worker: &PeerId, now: Duration) {
        self.serve(worker, now);
        self.let_go(worker, now);
    }

    pub(super) fn wait_again(&mut self, waiting: Waiting, now: Duration) {
        if self.is_closing {
            return self.reject(&waiting, Reject::Closing);
        }
        let name = waiting.name.clone();
        self.routes.push_front(waiting);
        self.hand_out(&name, now);
    }

    /// A worker is gone that had this message.
    pub(super) fn retract(&mut self, waiting: Waiting, now: Duration) {
        if waiting.kind == Kind::Query || self.is_closing {
            self.reject(&waiting, Reject::WorkerGone);
        } else if waiting.attempt >= self.options.max_attempts {
            self.reject(&waiting, Reject::Poisonous);
        } else {
            self.stats.requeued += 1;
            self.wait_again(waiting, now);
        }
    }
}
