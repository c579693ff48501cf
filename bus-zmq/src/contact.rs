//! What a client or a worker knows of its hub, and says in the log.

use std::{error::Error as _, time::Duration};

use crate::{
    error::NotReady,
    io::LockedOut,
    protocol::{Reject, Session},
};

/// What is known of a hub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Contact {
    #[default]
    Connecting,
    Welcome,
    Refused(Reject),
    LockedOut(LockedOut),
    /// No hub was there for so long.
    Alone(Duration),
}

impl Contact {
    /// What is wrong with the hub at `endpoint`, if anything is.
    pub(crate) fn problem(self, endpoint: &str) -> Option<NotReady> {
        let endpoint = endpoint.to_owned();
        match self {
            Contact::Connecting | Contact::Welcome => None,
            Contact::Refused(source) => Some(NotReady::Refused { endpoint, source }),
            Contact::LockedOut(why) => Some(NotReady::LockedOut { endpoint, problem: why.problem() }),
            Contact::Alone(after) => Some(NotReady::NoHub { endpoint, after }),
        }
    }
}

/// Looks out for the hub of a client or a worker. Each problem is logged once, when it takes the place of another one, too; and so is
/// the end of all.
pub(crate) struct Lookout {
    who: &'static str,
    endpoint: String,
    /// How long a hub may be away.
    grace: Duration,
    locked_out: Option<LockedOut>,
    /// What was logged, if it is not over.
    problem: Option<Contact>,
}

impl Lookout {
    pub(crate) fn new(who: &'static str, endpoint: String, grace: Duration) -> Self {
        Lookout { who, endpoint, grace, locked_out: None, problem: None }
    }

    /// Notes why the hub does not let this process in, or that nothing is known of that.
    pub(crate) fn lock_out(&mut self, why: Option<LockedOut>) {
        self.locked_out = why;
    }

    pub(crate) fn contact(&self, session: &Session, now: Duration) -> Contact {
        match (session.refused(), self.locked_out) {
            _ if session.is_welcome() => Contact::Welcome,
            (Some(why), _) => Contact::Refused(why),
            (None, Some(why)) => Contact::LockedOut(why),
            _ if session.silence(now) >= self.grace => Contact::Alone(self.grace),
            _ => Contact::Connecting,
        }
    }

    /// Logs what has changed.
    pub(crate) fn report(&mut self, contact: Contact) {
        if self.problem == Some(contact) {
            return;
        }
        if let Some(problem) = contact.problem(&self.endpoint) {
            let cause = problem.source().map(tracing::field::display);
            tracing::warn!(target: "linkbus", cause, "a {} has no hub, and goes on asking: {problem}", self.who);
            self.problem = Some(contact);
        } else if contact == Contact::Welcome && self.problem.take().is_some() {
            tracing::info!(target: "linkbus", endpoint = self.endpoint, "a {} has its hub", self.who);
        }
    }
}
