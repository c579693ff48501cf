//! Counters in the program itself, for those who have no metrics system.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

use super::{Dispatch, Layer, Link, Observer, Outcome, Reason, Site, outcome::Failed, per_thread::PerThread};
use crate::{
    flavor::Flavor,
    handler::HandlerFacts,
    message::{Message, MessageFacts},
};

/// Counts what succeeded, what failed and what is under way, for each message, to be read by the program itself.
///
/// Keep a clone and ask it: all clones count together. It counts what passes through its place in the chain, so outside a
/// retry whole dispatches and inside one every attempt. A counter that was given to several buses sums them.
///
/// No lock is taken in a dispatch, and threads do not wait for each other: each has counters of its own, which are summed when
/// they are read. Who reads after a dispatch has returned finds it in the sums. In memory they are 128 bytes for each thread
/// that counts the same message, and as many for each subscriber of an event; from 64 threads on (on small machines: from twice
/// as many as it has processors, rounded up to a power of two) they share them.
///
/// ```
/// use linkbus::{Command, SyncBus, layer::Counts};
///
/// #[derive(Command)]
/// struct Pay { cents: u64 }
/// #[derive(Command)]
/// struct Refund;
///
/// let counts = Counts::new();
/// let bus = SyncBus::empty()
///     .command(|pay: Pay| if pay.cents > 0 { Ok(()) } else { Err("nothing to pay") })
///     .layer(counts.clone())
///     .build()
///     .unwrap();
/// bus.execute(Pay { cents: 5 }).unwrap();
/// bus.execute(Pay { cents: 0 }).unwrap_err();
///
/// let snapshot = counts.snapshot();
/// assert_eq!((snapshot.total_processed(), snapshot.total_failed()), (1, 1));
/// assert_eq!(snapshot.of::<Pay>().unwrap().failed, 1);
/// assert!(snapshot.of::<Refund>().is_none()); // not on this bus: that is not zero
/// ```
#[derive(Clone, Default)]
pub struct Counts {
    tallies: Arc<Mutex<Vec<Arc<Tally>>>>,
}

/// What one chain counts.
struct Tally {
    message: &'static MessageFacts,
    dispatches: PerThread<Dispatches>,
    /// Of an event.
    subscribers: Vec<SubscriberTally>,
}

struct SubscriberTally {
    facts: HandlerFacts,
    ended: PerThread<Ended>,
}

/// Those that one thread saw begin or end.
#[derive(Default)]
struct Dispatches {
    /// Below zero where more ended than began: a future may begin on one thread and end on another.
    in_flight: AtomicI64,
    ended: Ended,
}

#[derive(Default)]
struct Ended {
    processed: AtomicU64,
    failed: AtomicU64,
}

/// What [`Counts`] had counted at one time. The numbers are read one after the other, while dispatches go on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CountsSnapshot {
    /// When it was made, by the system's clock.
    pub collected_at: SystemTime,
    /// Every message that the layer is around, idle or not, by wire name.
    pub messages: Vec<MessageCounts>,
}

/// What was counted of one message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MessageCounts {
    /// The message.
    pub message: &'static MessageFacts,
    /// How many dispatches succeeded; an event: with all subscribers.
    pub processed: u64,
    /// How many came to anything else: an error, a panic, or they were dropped.
    pub failed: u64,
    /// How many have started and not ended. One that ends on another thread than it began on, while this is read, may be
    /// missing here.
    pub in_flight: u64,
    /// The subscribers of an event, in subscription order; empty for the other kinds.
    pub subscribers: Vec<SubscriberCounts>,
}

/// What was counted of one subscriber of an event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SubscriberCounts {
    /// The subscriber.
    pub subscriber: HandlerFacts,
    /// How often it succeeded.
    pub processed: u64,
    /// How often it failed. A publication that never came to the subscribers, or was dropped on the way, is not counted
    /// here: what became of each is not known.
    pub failed: u64,
}

impl Counts {
    /// Counters at zero.
    #[must_use]
    pub fn new() -> Self {
        Counts::default()
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> CountsSnapshot {
        let mut messages = Vec::<MessageCounts>::new();
        for tally in self.tallies().iter() {
            match messages.iter_mut().find(|counts| counts.message == tally.message) {
                Some(counts) => counts.add(tally.read()),
                None => messages.push(tally.read()),
            }
        }
        messages.sort_by_key(|counts| counts.message.name);
        CountsSnapshot { collected_at: SystemTime::now(), messages }
    }

    /// Sets what succeeded and what failed back to zero. What is in flight stays.
    pub fn reset(&self) {
        for tally in self.tallies().iter() {
            let subscribers = tally.subscribers.iter().flat_map(|one| one.ended.iter());
            tally.ended().chain(subscribers).for_each(Ended::reset);
        }
    }

    /// Locked while a bus is built, and while somebody reads.
    fn tallies(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Tally>>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CountsSnapshot {
    /// What was counted of `M`; `None` if the layer is not around it, which is not the same as zero.
    pub fn of<M: Message>(&self) -> Option<&MessageCounts> {
        self.messages.iter().find(|counts| counts.message == M::FACTS)
    }

    /// How many dispatches succeeded, of all messages.
    pub fn total_processed(&self) -> u64 {
        self.sum(|counts| counts.processed)
    }

    /// How many dispatches failed, of all messages.
    pub fn total_failed(&self) -> u64 {
        self.sum(|counts| counts.failed)
    }

    /// How many dispatches are under way, of all messages.
    pub fn total_in_flight(&self) -> u64 {
        self.sum(|counts| counts.in_flight)
    }

    fn sum(&self, count: impl Fn(&MessageCounts) -> u64) -> u64 {
        self.messages.iter().map(count).fold(0, u64::saturating_add)
    }
}

impl MessageCounts {
    /// Adds those of another bus.
    fn add(&mut self, other: MessageCounts) {
        self.processed = self.processed.saturating_add(other.processed);
        self.failed = self.failed.saturating_add(other.failed);
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
        self.subscribers.extend(other.subscribers);
    }
}

impl Tally {
    fn new(site: &Site<'_>) -> Self {
        let handlers = if site.message().kind.has_one_handler() { &[] } else { site.handlers() };
        let of_one = |facts: &HandlerFacts| SubscriberTally { facts: *facts, ended: PerThread::default() };
        let subscribers = handlers.iter().map(of_one).collect();
        Tally { message: site.message(), dispatches: PerThread::default(), subscribers }
    }

    fn read(&self) -> MessageCounts {
        MessageCounts {
            message: self.message,
            processed: sum(self.ended(), |ended| &ended.processed),
            failed: sum(self.ended(), |ended| &ended.failed),
            in_flight: in_flight(self.dispatches.iter().map(|dispatches| dispatches.in_flight.load(Relaxed))),
            subscribers: self.subscribers.iter().map(SubscriberTally::read).collect(),
        }
    }

    fn ended(&self) -> impl Iterator<Item = &Ended> {
        self.dispatches.iter().map(|dispatches| &dispatches.ended)
    }

    /// Those that the dispatch is for, all of them or the one in the place `only`, each with its place.
    fn called(&self, only: Option<usize>) -> impl Iterator<Item = (usize, &SubscriberTally)> {
        self.subscribers.iter().enumerate().filter(move |(place, _)| only.is_none_or(|only| only == *place))
    }

    fn failed(&self, failed: Option<Failed<'_>>, only: Option<usize>) {
        self.dispatches.mine().ended.count(false);
        let Some(failed) = failed.filter(|failed| failed.reason() == Reason::Handler) else { return };
        let mut failures = failed.subscribers().iter().peekable();
        for (place, subscriber) in self.called(only) {
            // Both are in subscription order.
            let has_failed = failures.next_if(|failure| failure.place == place).is_some();
            subscriber.ended.mine().count(!has_failed);
        }
    }
}

impl SubscriberTally {
    fn read(&self) -> SubscriberCounts {
        SubscriberCounts {
            subscriber: self.facts,
            processed: sum(self.ended.iter(), |ended| &ended.processed),
            failed: sum(self.ended.iter(), |ended| &ended.failed),
        }
    }
}

impl Ended {
    fn count(&self, has_succeeded: bool) {
        let counter = if has_succeeded { &self.processed } else { &self.failed };
        counter.fetch_add(1, Relaxed);
    }

    fn reset(&self) {
        self.processed.store(0, Relaxed);
        self.failed.store(0, Relaxed);
    }
}

fn sum<'a>(of_threads: impl Iterator<Item = &'a Ended>, counter: impl Fn(&Ended) -> &AtomicU64) -> u64 {
    of_threads.map(|ended| counter(ended).load(Relaxed)).fold(0, u64::saturating_add)
}

/// Where a dispatch changes its thread while they are read, its end can be among them and its beginning not.
fn in_flight(of_threads: impl Iterator<Item = i64>) -> u64 {
    of_threads.sum::<i64>().try_into().unwrap_or(0)
}

impl Observer for Arc<Tally> {
    fn start(&self, _: &mut Dispatch<'_>) {
        self.dispatches.mine().in_flight.fetch_add(1, Relaxed);
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        let dispatches = self.dispatches.mine();
        dispatches.in_flight.fetch_sub(1, Relaxed);
        let only = dispatch.particulars().only_subscriber;
        match dispatch.outcome() {
            Outcome::Succeeded => {
                dispatches.ended.count(true);
                self.called(only).for_each(|(_, subscriber)| subscriber.ended.mine().count(true));
            }
            outcome => self.failed(outcome.failed(), only),
        }
    }
}

impl<B: Flavor> Layer<B> for Counts {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        let tally = Arc::new(Tally::new(site));
        self.tallies().push(Arc::clone(&tally));
        Some(Link::observer(tally))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_on_one_thread_and_ended_on_another_is_not_in_flight() {
        assert_eq!(in_flight([3, -2].into_iter()), 1);
    }

    #[test]
    fn fewer_than_none_are_never_in_flight() {
        assert_eq!(in_flight([0, -1].into_iter()), 0);
    }
}
