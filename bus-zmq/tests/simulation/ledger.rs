//! What was sent, what was done, and what was said about it.

use std::{collections::BTreeMap, ops::AddAssign};

use bus_zmq::protocol::{Outcome, Reject};
use linkbus::Kind;

/// One message.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// The attempts with which workers began, in this order.
    pub(crate) begun: Vec<u32>,
    /// What its sender was told.
    pub(crate) outcomes: Vec<Outcome>,
}

/// All messages by number.
#[derive(Debug, Default)]
pub(crate) struct Ledger(BTreeMap<u64, Entry>);

/// What is in it, as numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) commands: u64,
    pub(crate) queries: u64,
    pub(crate) duplicates: u64,
    pub(crate) lost_queries: u64,
    /// Tasks that may have been handled, or not.
    pub(crate) doubtful: u64,
    pub(crate) stale: u64,
    pub(crate) requeued: u64,
    pub(crate) missed_events: u64,
    pub(crate) interruptions: u64,
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.commands += other.commands;
        self.queries += other.queries;
        self.duplicates += other.duplicates;
        self.lost_queries += other.lost_queries;
        self.doubtful += other.doubtful;
        self.stale += other.stale;
        self.requeued += other.requeued;
        self.missed_events += other.missed_events;
        self.interruptions += other.interruptions;
    }
}

impl Ledger {
    pub(crate) fn send(&mut self, number: u64, kind: Kind) {
        self.0.insert(number, Entry { kind, begun: Vec::new(), outcomes: Vec::new() });
    }

    pub(crate) fn begin(&mut self, number: u64, attempt: u32) {
        self.0.get_mut(&number).expect("nobody handles what was not sent").begun.push(attempt);
    }

    pub(crate) fn end(&mut self, number: u64, outcome: Outcome) {
        self.0.get_mut(&number).expect("only what was sent ends").outcomes.push(outcome);
    }

    pub(crate) fn events(&self) -> u64 {
        self.0.values().filter(|entry| entry.kind == Kind::Event).count() as u64
    }

    /// Looks at each message, and gives what there was.
    pub(crate) fn check(&self, context: &str) -> Summary {
        let mut summary = Summary::default();
        for (number, entry) in &self.0 {
            let context = format!("{context}, message {number}: {entry:?}");
            let [outcome] = &entry.outcomes[..] else { panic!("not one outcome: {context}") };
            if let Outcome::Done(body) = outcome
                && entry.kind != Kind::Event
            {
                assert!(!entry.begun.is_empty(), "done by nobody: {context}");
                assert_eq!(body[..], number.to_be_bytes(), "the reply to another message: {context}");
            }
            match entry.kind {
                Kind::Query => check_query(entry, &context, &mut summary),
                Kind::Command => check_command(entry, &context, &mut summary),
                Kind::Task => check_task(entry, &context, &mut summary),
                Kind::Event => {}
            }
        }
        summary
    }
}

fn check_query(entry: &Entry, context: &str, summary: &mut Summary) {
    summary.queries += 1;
    assert!(entry.begun.len() <= 1, "a query was given to a second worker: {context}");
    let is_lost = match &entry.outcomes[0] {
        Outcome::Done(_) | Outcome::Failed(_) | Outcome::TimedOut(_) => false,
        Outcome::Rejected(Reject::WorkerGone) | Outcome::Lost => true,
        Outcome::Rejected(Reject::NoHandler | Reject::Expired) => {
            assert!(entry.begun.is_empty(), "it was handled: {context}");
            false
        }
        other => panic!("{other:?}: {context}"),
    };
    summary.lost_queries += u64::from(is_lost);
}

fn check_command(entry: &Entry, context: &str, summary: &mut Summary) {
    summary.commands += 1;
    assert!(matches!(entry.outcomes[0], Outcome::Done(_) | Outcome::Failed(_)), "lost: {context}");
    check_attempts(entry, context, summary);
}

/// A command that has a deadline.
fn check_task(entry: &Entry, context: &str, summary: &mut Summary) {
    match &entry.outcomes[0] {
        Outcome::Done(_) | Outcome::Failed(_) | Outcome::TimedOut(_) => {}
        Outcome::Rejected(Reject::Expired) | Outcome::NoHub(_) => {
            assert!(entry.begun.is_empty(), "it was begun: {context}");
        }
        Outcome::Rejected(Reject::WorkerGone) => summary.doubtful += 1,
        other => panic!("{other:?}: {context}"),
    }
    check_attempts(entry, context, summary);
}

fn check_attempts(entry: &Entry, context: &str, summary: &mut Summary) {
    assert!(entry.begun.iter().filter(|attempt| **attempt == 1).count() <= 1, "a duplicate without reason: {context}");
    summary.duplicates += entry.begun.len().saturating_sub(1) as u64;
}
