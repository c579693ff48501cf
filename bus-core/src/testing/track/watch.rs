//! Following a run to its end.

use std::{
    future::{Future, poll_fn},
    io::{Write as _, stderr},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::{Arc, PoisonError, mpsc},
    task::Poll,
    thread,
    time::Duration,
};

use super::{Edge, Run, Scenario, State, Tree};
use crate::{
    bus::Bus,
    error::{DispatchError, ExecuteError, PublishError, SendError},
    flavor::Flavor,
    message::{Command, Event, Location, Query, Task},
    origin::Origin,
    sync_bus::SyncBus,
};

/// So long a run may take unless something else is said.
const LONGEST: Duration = Duration::from_secs(10);

/// Dispatches one message and waits for everything that it causes. Made by [`Bus::track`] and [`SyncBus::track`].
///
/// A run is over when its dispatches are, and when no clone is left of the bus that its handlers were given: what a handler has
/// spawned with `bus.clone()` belongs to the run, whether it dispatches or only may. That is counted, and there is no time to be
/// waited for. What is dispatched through a handle that a service keeps belongs to the run if it is inside a handler of the run.
///
/// ```
/// use linkbus::{Bus, Command, Event, handler};
///
/// #[derive(Command)]
/// #[command(name = "shop.Buy")]
/// struct Buy;
/// #[derive(Event)]
/// #[event(name = "shop.Bought")]
/// struct Bought;
///
/// #[handler]
/// async fn buy(_: Buy, bus: &Bus) {
///     let bus = bus.clone();
///     tokio::spawn(async move { bus.publish(Bought).await });
/// }
/// linkbus::module!(messages: [Buy], handlers: [buy]);
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let bus = Bus::empty().modules([MODULE]).build().unwrap();
/// let run = bus.track().execute(Buy).await;
/// // The task that the handler has spawned is over, too.
/// run.succeeds().causes::<Bought>(1);
/// # let run = bus.track().execute(Buy).await;
/// println!("{}", run.tree());
/// // execute shop.Buy -> succeeded in 14.1µs, at src/main.rs:24
/// //   publish shop.Bought -> succeeded in 2.0µs, at src/main.rs:14
/// # }
/// ```
#[must_use = "nothing is dispatched yet"]
pub struct Track<B: Flavor> {
    bus: B,
    limit: Duration,
    caller: Location,
}

impl<B: Flavor> Track<B> {
    pub(crate) fn new(bus: &B, caller: Location) -> Self {
        Track { bus: bus.clone(), limit: LONGEST, caller }
    }

    /// How long the run may take: 10 seconds of real time unless set. It does not wait for that; it is what ends a run that never would.
    ///
    /// A run of which something is open after that time has failed, even if it ends later. What is open is then written to
    /// standard error at once, past the test harness, because on a [`Bus`] the test itself may never come to say it: a handler that
    /// blocks its thread, such as a plain `fn` that waits or an `async fn` that computes for ever, cannot be interrupted. On a
    /// [`SyncBus`] the test goes on; the threads that are left behind end with the process.
    pub fn within(self, limit: Duration) -> Self {
        Track { limit, ..self }
    }
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $verb:ident by $to:ident, $kind:ident -> $outcome:ty;)*) => {
        impl Track<Bus> {$(
            $(#[$doc])*
            ///
            /// # Panics
            /// If the run was not over within its [limit](Self::within), as soon as its future is polled again: the text names what was
            /// still open then, and where it comes from.
            #[track_caller]
            pub fn $verb<M: $kind>(self, message: M) -> impl Future<Output = Scenario<$outcome>> + Send {
                let origin = Origin::of_caller();
                async move {
                    let (watched, edge) = Watched::start(self.caller, self.limit);
                    let outcome = {
                        let bus = self.bus.at(edge);
                        watched.until_expired(bus.$to(message, origin)).await
                    };
                    watched.over().await;
                    Scenario::new(outcome, watched.tree())
                }
            }
        )*}

        impl Track<SyncBus> {$(
            $(#[$doc])*
            ///
            /// It is dispatched on a thread of its own, so that one which never returns can be left behind.
            ///
            /// # Panics
            /// If the run was not over within its [limit](Self::within): the text names what was still open then, and where it comes from.
            #[track_caller]
            pub fn $verb<M: $kind>(self, message: M) -> Scenario<$outcome> {
                let origin = Origin::of_caller();
                let (watched, edge) = Watched::start(self.caller, self.limit);
                let bus = self.bus.at(edge);
                let outcome = watched.on_a_thread(move || bus.$to(message, origin));
                watched.wait();
                Scenario::new(outcome, watched.tree())
            }
        )*}
    };
}

verbs! {
    /// Sends a query, and waits for all that it causes.
    send by to_handler, Query -> Result<M::Reply, SendError<M::Error>>;
    /// Executes a command, and waits for all that it causes.
    execute by to_handler, Command -> Result<(), ExecuteError<M::Error>>;
    /// Publishes an event, and waits for all that it causes.
    publish by to_subscribers, Event -> Result<(), PublishError>;
    /// Dispatches a task, and waits for all that it causes.
    dispatch by to_handler, Task -> Result<(), DispatchError<M::Error>>;
}

/// A run that is waited for, and a thread that sees to it that this ends.
struct Watched {
    run: Arc<Run>,
    caller: Location,
    limit: Duration,
}

impl Watched {
    /// A run, and where its stimulus is dispatched.
    fn start(caller: Location, limit: Duration) -> (Self, Arc<Edge>) {
        let watched = Watched { run: Run::new(caller), caller, limit };
        let edge = watched.run.edge(0);
        let run = Arc::clone(&watched.run);
        let watch = move || {
            if let Some(open) = run.expire_after(limit) {
                // Not `eprintln!`, which the test harness keeps until the test is over: this one may never be. Whoever has closed
                // it has no use for it.
                let _ = writeln!(stderr(), "linkbus: {}", not_over(caller, limit, &open));
            }
        };
        let thread = thread::Builder::new().name("linkbus-track".to_owned()).spawn(watch);
        thread.expect("a thread that watches over the run");
        (watched, edge)
    }

    /// What `dispatch` comes to.
    async fn until_expired<T>(&self, dispatch: impl Future<Output = T>) -> T {
        let mut dispatch = pin!(dispatch);
        poll_fn(|task| {
            self.run.state().waiting = Some(task.waker().clone());
            let poll = dispatch.as_mut().poll(task);
            self.check();
            poll
        })
        .await
    }

    /// Waits until nothing is open.
    async fn over(&self) {
        poll_fn(|task| {
            self.check();
            let mut state = self.run.state();
            if state.open == 0 {
                return Poll::Ready(());
            }
            state.waiting = Some(task.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// As [`over`](Self::over), for a thread.
    #[track_caller]
    fn wait(&self) {
        let state = self.run.state();
        let waiting = |state: &mut State| state.open > 0 && state.expired.is_none();
        drop(self.run.ended.wait_while(state, waiting).unwrap_or_else(PoisonError::into_inner));
        self.check();
    }

    /// What `dispatch` comes to, on another thread.
    #[track_caller]
    fn on_a_thread<T: Send + 'static>(&self, dispatch: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, receiver) = mpsc::channel();
        // If nobody waits any more, the outcome is of no use.
        let work = move || _ = sender.send(catch_unwind(AssertUnwindSafe(dispatch)));
        thread::Builder::new().name("linkbus-run".to_owned()).spawn(work).expect("a thread for the run");
        let outcome = if let Ok(outcome) = receiver.recv_timeout(self.limit) {
            outcome
        } else {
            self.wait();
            receiver.recv().expect("a dispatch that is over has an outcome")
        };
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Fails if the run has expired, even if it has ended since.
    #[track_caller]
    fn check(&self) {
        let expired = self.run.state().expired.clone();
        if let Some(open) = expired {
            panic!("{}", not_over(self.caller, self.limit, &open));
        }
    }

    fn tree(&self) -> Tree {
        Tree::of(&self.run.state())
    }
}

fn not_over(caller: Location, limit: Duration, open: &str) -> String {
    format!("the run at {caller} was not over within {limit:?}: still open were{open}")
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.run.finish();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    fn expired() -> (Watched, Arc<Edge>) {
        let (watched, edge) = Watched::start(Location::of_caller(), Duration::ZERO);
        wait_for(&watched);
        (watched, edge)
    }

    fn wait_for(watched: &Watched) {
        while watched.run.state().expired.is_none() {
            thread::yield_now();
        }
    }

    fn text_of(run: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("the run was too long");
        *panic.downcast::<String>().unwrap()
    }

    fn poll(future: impl Future) {
        let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    }

    #[test]
    fn a_run_that_ends_after_its_limit_has_failed() {
        let (watched, edge) = expired();
        drop(edge);
        assert!(text_of(|| watched.wait()).contains(" was not over within 0ns: still open were\n"));
        assert!(text_of(|| poll(watched.over())).contains(" was not over within 0ns: still open were\n"));
    }

    /// Nobody could look while it did.
    #[test]
    fn a_dispatch_that_blocked_for_longer_than_the_limit_has_failed() {
        let (watched, edge) = Watched::start(Location::of_caller(), Duration::ZERO);
        let blocking = async {
            wait_for(&watched);
            drop(edge);
        };
        text_of(|| poll(watched.until_expired(blocking)));
    }

    #[test]
    fn a_run_that_was_over_in_time_may_be_looked_at_late() {
        let (watched, edge) = Watched::start(Location::of_caller(), Duration::from_secs(3600));
        drop(edge);
        assert_eq!(watched.run.expire_after(Duration::ZERO), None);
        watched.wait();
    }
}
