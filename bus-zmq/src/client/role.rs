//! What a client does in its thread.

use std::{sync::Arc, time::Duration};

use tokio::sync::{oneshot, watch};

use super::{alarms::Alarms, answers::Answers, room::Taken};
use crate::{
    io::{Inbox, LockedOut, Role},
    protocol::{Call, Calls, Frame, Malformed, Outcome, Reject},
};

/// What a program asks of its client.
#[derive(Debug)]
pub(super) enum Ask {
    Call(Call, Waiter),
    /// Ring, after this time.
    Wake(Duration, oneshot::Sender<()>),
    /// Finish, within this time.
    Leave(Duration),
}

/// Who waits for an answer.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) answer: oneshot::Sender<Outcome>,
    /// As long as it waits, it is one of those in flight.
    pub(super) _room: Taken,
}

/// What is known of the hub.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Link {
    #[default]
    Connecting,
    Ready(Vec<String>),
    Refused(Reject),
    LockedOut(LockedOut),
    /// No hub was there for too long.
    Alone,
    /// The client is closed.
    Over,
}

/// A client in its thread.
pub(super) struct ClientRole {
    calls: Calls<Waiter>,
    inbox: Arc<Inbox<Ask>>,
    answers: Arc<Answers>,
    alarms: Alarms,
    asked: Vec<Ask>,
    link: watch::Sender<Link>,
    grace: Duration,
    now: Duration,
    leave_by: Option<Duration>,
    locked_out: Option<LockedOut>,
}

impl ClientRole {
    pub(super) fn new(
        inbox: Arc<Inbox<Ask>>,
        answers: Arc<Answers>,
        link: watch::Sender<Link>,
        grace: Duration,
    ) -> Self {
        ClientRole {
            calls: Calls::new(grace),
            inbox,
            answers,
            alarms: Alarms::default(),
            asked: Vec::new(),
            link,
            grace,
            now: Duration::ZERO,
            leave_by: None,
            locked_out: None,
        }
    }

    fn link(&self) -> Link {
        let session = self.calls.session();
        match (session.refused(), self.locked_out) {
            _ if session.is_welcome() => Link::Ready(self.calls.routes().to_vec()),
            (Some(why), _) => Link::Refused(why),
            (None, Some(why)) => Link::LockedOut(why),
            _ if self.now >= self.grace => Link::Alone,
            _ => Link::Connecting,
        }
    }

    fn tell_link(&self) {
        let is_told = match &*self.link.borrow() {
            Link::Ready(routes) => self.calls.session().is_welcome() && routes == self.calls.routes(),
            link => *link == self.link(),
        };
        if !is_told {
            self.link.send_replace(self.link());
        }
    }

    fn answer(&mut self) {
        let over = self.calls.take_over();
        if !over.is_empty() {
            self.answers.add(over);
            self.answers.give_out();
        }
    }
}

impl Role for ClientRole {
    fn work(&mut self, now: Duration, out: &mut Vec<Frame>) {
        self.now = now;
        let mut asked = std::mem::take(&mut self.asked);
        self.inbox.take(&mut asked);
        for ask in asked.drain(..) {
            match ask {
                Ask::Call(call, waiter) => self.calls.call(call, waiter, now, out),
                Ask::Wake(after, alarm) => self.alarms.set(now.saturating_add(after), alarm),
                Ask::Leave(within) => {
                    let leave_by = now.saturating_add(within);
                    self.leave_by = Some(self.leave_by.map_or(leave_by, |before| before.min(leave_by)));
                    self.calls.leave(out);
                }
            }
        }
        self.asked = asked;
        self.calls.tick(now, out);
        self.alarms.ring(now);
    }

    fn receive(&mut self, frame: Result<Frame, Malformed>, now: Duration, out: &mut Vec<Frame>) {
        match frame {
            Ok(frame) => self.calls.receive(frame, now, out),
            Err(_) => self.calls.receive_malformed(),
        }
    }

    fn lock_out(&mut self, why: Option<LockedOut>) {
        self.locked_out = why;
    }

    fn report(&mut self) {
        self.answer();
        self.tell_link();
    }

    fn is_quiet(&self) -> bool {
        self.inbox.is_empty()
    }

    fn next_work(&self) -> Duration {
        self.leave_by.into_iter().chain([self.alarms.next()]).fold(self.calls.next_tick(), Duration::min)
    }

    fn is_over(&self) -> bool {
        self.calls.has_left() || self.leave_by.is_some_and(|leave_by| self.now >= leave_by)
    }

    fn end(&mut self) {
        self.calls.abandon();
        self.answer();
        for ask in self.inbox.close() {
            if let Ask::Call(_, waiter) = ask {
                let _ = waiter.answer.send(Outcome::Closed);
            }
        }
        self.link.send_replace(Link::Over);
    }
}
