//! Following a run to its end.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::{Arc, PoisonError, mpsc},
    task::Poll,
    thread,
    time::Duration,
};

use super::{Run, Scenario, State, Tree, tree::still_open};
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
            /// If the run is not over within its [limit](Self::within): the text names what is still open, and where it comes from.
            #[track_caller]
            pub fn $verb<M: $kind>(self, message: M) -> impl Future<Output = Scenario<$outcome>> + Send {
                let origin = Origin::of_caller();
                async move {
                    let watched = Watched::start(self.caller, self.limit);
                    let outcome = {
                        let bus = self.bus.at(watched.run.edge(0));
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
            /// If the run is not over within its [limit](Self::within): the text names what is still open, and where it comes from.
            #[track_caller]
            pub fn $verb<M: $kind>(self, message: M) -> Scenario<$outcome> {
                let origin = Origin::of_caller();
                let watched = Watched::start(self.caller, self.limit);
                let bus = self.bus.at(watched.run.edge(0));
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
    limit: Duration,
}

impl Watched {
    fn start(caller: Location, limit: Duration) -> Self {
        let run = Run::new(caller);
        let watched = Arc::clone(&run);
        let name = "linkbus-track".to_owned();
        let thread = thread::Builder::new().name(name).spawn(move || watched.expire_after(limit));
        thread.expect("a thread that watches over the run");
        Watched { run, limit }
    }

    /// What `dispatch` comes to.
    async fn until_expired<T>(&self, dispatch: impl Future<Output = T>) -> T {
        let mut dispatch = pin!(dispatch);
        poll_fn(|task| {
            self.run.state().waiting = Some(task.waker().clone());
            let poll = dispatch.as_mut().poll(task);
            if poll.is_pending() {
                self.check();
            }
            poll
        })
        .await
    }

    /// Waits until nothing is open.
    async fn over(&self) {
        poll_fn(|task| {
            let mut state = self.run.state();
            if state.open == 0 {
                return Poll::Ready(());
            }
            state.waiting = Some(task.waker().clone());
            drop(state);
            self.check();
            Poll::Pending
        })
        .await;
    }

    /// As [`over`](Self::over), for a thread.
    fn wait(&self) {
        let state = self.run.state();
        let waiting = |state: &mut State| state.open > 0 && !state.is_expired;
        drop(self.run.ended.wait_while(state, waiting).unwrap_or_else(PoisonError::into_inner));
        self.check();
    }

    /// What `dispatch` comes to, on another thread.
    fn on_a_thread<T: Send + 'static>(&self, dispatch: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, receiver) = mpsc::channel();
        // If nobody waits any more, the outcome is of no use.
        let work = move || _ = sender.send(catch_unwind(AssertUnwindSafe(dispatch)));
        thread::Builder::new().name("linkbus-run".to_owned()).spawn(work).expect("a thread for the run");
        match receiver.recv_timeout(self.limit) {
            Ok(outcome) => outcome.unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => self.fail(),
        }
    }

    fn check(&self) {
        let state = self.run.state();
        let is_late = state.is_expired && state.open > 0;
        drop(state);
        if is_late {
            self.fail();
        }
    }

    fn fail(&self) -> ! {
        let text = still_open(&self.run.state());
        panic!("not over within {:?}: still open are{text}", self.limit);
    }

    fn tree(&self) -> Tree {
        Tree::of(&self.run.state())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.run.finish();
    }
}
