//! One promise, tried on one bus.

use std::{
    any::Any,
    fmt::Debug,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    task::Poll,
    thread,
};

use linkbus::{Builder, Kind};
use tokio::{runtime::Handle, time::timeout};

use crate::{
    features::{Completion, Features},
    handlers,
    ledger::{Deed, Ledger},
    messages::{Fate, Happened, Store, Work},
    subject::Subject,
};

/// A future in a box, which stays on the thread of its test.
pub type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// How a bus under test is made: of a builder with the handlers of the suite.
pub type New<S> = fn(Builder<<S as Subject>::Host>) -> LocalBoxFuture<'static, S>;

/// What is done to find whether a promise is kept: it panics if it is not.
pub type Check<S> = for<'a> fn(&'a Case<S>) -> LocalBoxFuture<'a, ()>;

/// The number of messages that are only sent to see that those before them have arrived.
const FENCE: u64 = u64::MAX;

/// A bus under test that was made for one promise, and what its handlers did.
pub struct Case<S> {
    pub(crate) subject: S,
    pub(crate) features: Features,
    pub(crate) ledger: Ledger,
}

/// Makes a bus and tries a promise on it.
///
/// # Panics
/// If the promise is not kept.
pub fn run<S: Subject>(features: Features, new: New<S>, check: Check<S>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be started").block_on(async {
        let ledger = Ledger::new();
        let subject = new(handlers::wired(&features, &ledger)).await;
        let case = Case { subject, features, ledger };
        timeout(2 * S::DEADLINE, check(&case)).await.expect("a promise is kept in time");
        // What is not closed could keep the runtime from ending.
        let _ = case.subject.close().await;
    });
}

impl<S: Subject> Case<S> {
    fn completion(&self, kind: Kind) -> Completion {
        match kind {
            Kind::Query => Completion::Awaited,
            Kind::Command => self.features.commands,
            Kind::Event => self.features.events,
            Kind::Task => self.features.tasks,
        }
    }

    /// What handlers did so far, without that for fences.
    pub(crate) fn deeds(&self) -> Vec<Deed> {
        let mut deeds = self.ledger.deeds();
        deeds.retain(|deed| !is_fence(deed));
        deeds
    }

    /// After a message of this kind, handlers did so, or do so in time: at once, if the dispatch waits for them.
    pub(crate) async fn sees(&self, kind: Kind, deeds: impl IntoIterator<Item = Deed>) {
        for deed in deeds {
            let is_seen = match self.completion(kind) {
                Completion::Awaited => self.ledger.deeds().contains(&deed),
                Completion::Accepted => self.comes(&deed).await,
            };
            assert!(is_seen, "no handler did this: {deed:?}; what was done: {:?}", self.deeds());
        }
    }

    /// Whether this is done in time.
    pub(crate) async fn comes(&self, deed: &Deed) -> bool {
        let coming = async {
            loop {
                let changed = self.ledger.changed();
                if self.ledger.deeds().contains(deed) {
                    break;
                }
                changed.await;
            }
        };
        timeout(S::DEADLINE, coming).await.is_ok()
    }

    /// What handlers did when all messages of this kind that were sent so far have been handled, as far as can be known.
    pub(crate) async fn settled(&self, kind: Kind) -> Vec<Deed> {
        if self.completion(kind) == Completion::Accepted {
            self.send_fence(kind).await;
            self.sees(kind, fences(kind)).await;
        }
        self.deeds()
    }

    async fn send_fence(&self, kind: Kind) {
        match kind {
            Kind::Query => {}
            Kind::Command => self.store(FENCE).await,
            Kind::Event => accepted(self.subject.publish(Happened::well(FENCE)).await),
            Kind::Task => self.work(FENCE).await,
        }
    }

    /// Has a number stored.
    pub(crate) async fn store(&self, number: u64) {
        accepted(self.subject.execute(Store { number, fate: Fate::Succeeds }).await);
    }

    /// Has a number worked on.
    pub(crate) async fn work(&self, number: u64) {
        accepted(self.subject.dispatch(Work { number, fate: Fate::Succeeds }).await);
    }
}

/// What a dispatch gives that should succeed.
#[track_caller]
pub(crate) fn accepted<T, E: Debug>(outcome: Result<T, E>) -> T {
    outcome.expect("the dispatch succeeds")
}

/// The outcome of a dispatch, or the panic that comes out of it.
pub(crate) async fn caught<T>(dispatch: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut dispatch = pin!(dispatch);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| dispatch.as_mut().poll(context)));
        polled.map_or_else(|panic| Poll::Ready(Err(panic)), |poll| poll.map(Ok))
    })
    .await
}

/// The text of a panic.
pub(crate) fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}

/// Does the work of four senders, each on a thread of its own and with its number, and waits for them.
pub(crate) fn on_four_threads<S: Subject>(_: &Case<S>, work: impl AsyncFn(u64) + Sync) {
    let (runtime, work) = (&Handle::current(), &work);
    thread::scope(|scope| {
        for sender in 0..4 {
            scope.spawn(move || {
                let sending = async { timeout(S::DEADLINE, work(sender)).await };
                runtime.block_on(sending).expect("it is sent in time");
            });
        }
    });
}

/// The numbers without those that came again.
pub(crate) fn firsts(numbers: &[u64]) -> Vec<u64> {
    let new = numbers.iter().enumerate().filter(|(place, number)| !numbers[..*place].contains(number));
    new.map(|(_, number)| *number).collect()
}

fn is_fence(deed: &Deed) -> bool {
    matches!(deed, Deed::Stored(FENCE) | Deed::Worked(FENCE) | Deed::Called(_, FENCE) | Deed::Heard(_, FENCE))
}

/// What is done when a fence was handled.
fn fences(kind: Kind) -> Vec<Deed> {
    match kind {
        Kind::Query => Vec::new(),
        Kind::Command => vec![Deed::Stored(FENCE)],
        Kind::Event => (0..3).map(|subscriber| Deed::Heard(subscriber, FENCE)).collect(),
        Kind::Task => vec![Deed::Worked(FENCE)],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use linkbus::Bus;
    use tokio::{spawn, time::sleep};

    use super::*;
    use crate::features::values::{
        Absent, Accepted, Awaited, Callers, Kept, Moved, Never, Once, Plain, Refused, Typed, Unwind,
    };

    /// A case of a bus that waits for nothing, in virtual time.
    fn in_virtual_time<T>(trial: impl AsyncFnOnce(Case<Bus>) -> T) -> T {
        let features = Features {
            handlers: Plain,
            commands: Accepted,
            events: Accepted,
            tasks: Accepted,
            errors: Typed,
            panics: Unwind,
            passing: Moved,
            thread: Callers,
            delivery: Once,
            order: Kept,
            unhandled: Refused,
            journal: Absent,
            later: Never,
        };
        let subject = Bus::empty().build().unwrap();
        let case = Case { subject, features, ledger: Ledger::new() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(trial(case))
    }

    fn stores_after(delay: Duration) -> impl AsyncFnOnce(Case<Bus>) -> bool {
        async move |case| {
            let ledger = case.ledger.clone();
            let storing = spawn(async move {
                sleep(delay).await;
                ledger.note(Deed::Worked(1));
                ledger.note(Deed::Stored(1));
            });
            let seen = caught(case.sees(Kind::Command, [Deed::Stored(1)])).await;
            storing.abort();
            seen.is_ok()
        }
    }

    #[test]
    fn what_comes_before_the_deadline_is_waited_for() {
        assert!(in_virtual_time(stores_after(Bus::DEADLINE / 2)));
    }

    #[test]
    fn what_comes_behind_the_deadline_did_not_come() {
        assert!(!in_virtual_time(stores_after(Bus::DEADLINE * 2)));
    }

    #[test]
    fn a_dispatch_that_waits_for_its_handler_is_not_waited_for() {
        let is_seen = in_virtual_time(async |mut case| {
            case.features.commands = Awaited;
            stores_after(Duration::from_millis(1))(case).await
        });
        assert!(!is_seen);
    }
}
