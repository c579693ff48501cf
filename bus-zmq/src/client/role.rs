//! What a client does in its thread.

use std::{sync::Arc, time::Duration};

use tokio::sync::{oneshot, watch};

use super::{alarms::Alarms, answers::Answers, room::Taken};
use crate::{
    contact::{Contact, Lookout},
    io::{Inbox, LockedOut, Role},
    protocol::{Call, Calls, Frame, Malformed, Outcome},
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

/// How a client fares.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Link {
    /// It has a hub, at which these names have workers.
    Ready(Vec<String>),
    /// It has none.
    Unready(Contact),
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
    lookout: Lookout,
    now: Duration,
    leave_by: Option<Duration>,
}

impl ClientRole {
    pub(super) fn new(
        inbox: Arc<Inbox<Ask>>,
        answers: Arc<Answers>,
        link: watch::Sender<Link>,
        grace: Duration,
        lookout: Lookout,
    ) -> Self {
        ClientRole {
            calls: Calls::new(grace),
            inbox,
            answers,
            alarms: Alarms::default(),
            asked: Vec::new(),
            link,
            lookout,
            now: Duration::ZERO,
            leave_by: None,
        }
    }

    fn link(&self) -> Link {
        match self.contact() {
            Contact::Welcome => Link::Ready(self.calls.routes().to_vec()),
            contact => Link::Unready(contact),
        }
    }

    fn contact(&self) -> Contact {
        self.lookout.contact(self.calls.session(), self.now)
    }

    fn tell_link(&mut self) {
        self.lookout.report(self.contact());
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
        self.lookout.lock_out(why);
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
