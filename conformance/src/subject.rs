//! What the suite is run on.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

#[cfg(feature = "testing")]
use linkbus::testing::{FakeBus, Journal, SyncFakeBus};
use linkbus::{
    BatchError, Bus, CloseError, Command, DispatchError, Event, ExecuteError, PublishError, Query, SendError, SyncBus,
    Task, Wiring,
    roles::{AsyncMessageBus, AsyncMessageDispatcher, AsyncQueryDispatcher},
};

use crate::handlers::Host;

/// A bus under test: it dispatches, and has or reaches the handlers that the suite wired.
///
/// A transport's is a pair of buses. Its constructor is given the builder of the side that handles, builds that, and the side
/// that dispatches beside it; the roles are those of the side that dispatches, and [`wiring`](AsyncMessageBus::wiring) is that
/// of the side that handles. It holds both.
///
/// A synchronous bus goes into [`Blocking`].
pub trait Subject: AsyncMessageBus + Send + 'static {
    /// On which of the two buses the handlers are.
    type Host: Host;

    /// How long the suite waits for what has to happen before it says that it does not.
    const DEADLINE: Duration = Duration::from_secs(20);

    /// Closes all of it.
    fn close(&self) -> impl Future<Output = Result<(), CloseError>> + Send;

    /// Has `task` done when it is due, if its [`Features`](crate::Features) say that it can.
    fn dispatch_at<T: Task>(
        &self,
        due: SystemTime,
        task: T,
    ) -> impl Future<Output = Result<(), DispatchError<T::Error>>> + Send {
        let _ = (due, task);
        async { Err(DispatchError::Refused { message: T::FACTS.name, source: "it keeps nothing for later".into() }) }
    }

    /// Where it notes what was dispatched, if its [`Features`](crate::Features) say that it does.
    #[cfg(feature = "testing")]
    fn journal(&self) -> Option<&Journal> {
        None
    }
}

impl Subject for Bus {
    type Host = Bus;

    async fn close(&self) -> Result<(), CloseError> {
        Bus::close(self).await
    }
}

#[cfg(feature = "testing")]
impl Subject for FakeBus {
    type Host = Bus;

    async fn close(&self) -> Result<(), CloseError> {
        self.bus().close().await
    }

    fn journal(&self) -> Option<&Journal> {
        Some(self)
    }
}

/// A synchronous bus, or what has one: what [`Blocking`] makes a [`Subject`] of.
pub trait HasSyncBus: Send + Sync + 'static {
    /// The bus.
    fn bus(&self) -> &SyncBus;

    /// As [`Subject::journal`].
    #[cfg(feature = "testing")]
    fn journal(&self) -> Option<&Journal> {
        None
    }
}

impl HasSyncBus for SyncBus {
    fn bus(&self) -> &SyncBus {
        self
    }
}

#[cfg(feature = "testing")]
impl HasSyncBus for SyncFakeBus {
    fn bus(&self) -> &SyncBus {
        SyncFakeBus::bus(self)
    }

    fn journal(&self) -> Option<&Journal> {
        Some(self)
    }
}

/// A synchronous bus as a [`Subject`]: each dispatch is over when it is first polled.
pub struct Blocking<S = SyncBus>(pub S);

impl<S: HasSyncBus> Subject for Blocking<S> {
    type Host = SyncBus;

    async fn close(&self) -> Result<(), CloseError> {
        self.0.bus().close()
    }

    #[cfg(feature = "testing")]
    fn journal(&self) -> Option<&Journal> {
        self.0.journal()
    }
}

impl<S: HasSyncBus> AsyncMessageBus for Blocking<S> {
    fn wiring(&self) -> &Wiring {
        self.0.bus().wiring()
    }
}

impl<S: HasSyncBus> AsyncQueryDispatcher for Blocking<S> {
    async fn send<Q: Query>(&self, query: Q) -> Result<Q::Reply, SendError<Q::Error>> {
        self.0.bus().send(query)
    }
}

impl<S: HasSyncBus> AsyncMessageDispatcher for Blocking<S> {
    async fn execute<C: Command>(&self, command: C) -> Result<(), ExecuteError<C::Error>> {
        self.0.bus().execute(command)
    }

    async fn publish<E: Event>(&self, event: E) -> Result<(), PublishError> {
        self.0.bus().publish(event)
    }

    async fn dispatch<T: Task>(&self, task: T) -> Result<(), DispatchError<T::Error>> {
        self.0.bus().dispatch(task)
    }

    async fn execute_many<C: Command>(
        &self,
        commands: impl IntoIterator<Item = C, IntoIter: Send> + Send,
    ) -> Result<(), BatchError<ExecuteError<C::Error>>> {
        self.0.bus().execute_many(commands)
    }

    async fn publish_many<E: Event>(
        &self,
        events: impl IntoIterator<Item = E, IntoIter: Send> + Send,
    ) -> Result<(), BatchError<PublishError>> {
        self.0.bus().publish_many(events)
    }

    async fn dispatch_many<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = T, IntoIter: Send> + Send,
    ) -> Result<(), BatchError<DispatchError<T::Error>>> {
        self.0.bus().dispatch_many(tasks)
    }
}
