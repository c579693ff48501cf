//! Two buses with a transport between them.

use std::future::Future;

use linkbus::{
    Bus, CloseError, Command, DispatchError, Event, ExecuteError, PublishError, Query, SendError, Task, Wiring,
    roles::{AsyncMessageBus, AsyncMessageDispatcher, AsyncQueryDispatcher},
    transport::Transport,
};

use crate::{
    messages::{self, AskNobody, NobodysWork, TellNobody},
    subject::Subject,
};

/// What serves the side that handles: a worker, and what it needs.
pub trait Serving: Send + Sync + 'static {
    /// Ends it, after the side that dispatches was closed and before the side that handles is. Further calls do nothing.
    fn end(&self) -> impl Future<Output = ()> + Send;
}

/// A bus that dispatches, and one that handles, as two processes would have them: a [`Subject`] for a transport.
pub struct Split<S> {
    here: Bus,
    there: Bus,
    serving: S,
}

impl<S: Serving> Split<S> {
    /// Puts a bus that sends through `client` in front of `there`, which `serving` serves.
    ///
    /// # Panics
    /// If that bus cannot be built.
    pub fn new(there: Bus, serving: S, client: impl Transport) -> Self {
        // It is the other side that knows of nobody, and not this one.
        let known = Bus::empty().message::<AskNobody>().message::<TellNobody>().message::<NobodysWork>();
        let here = known.modules([messages::MODULE]).transport(client).build();
        Split { here: here.expect("the messages of the suite are known"), there, serving }
    }
}

impl<S: Serving> Subject for Split<S> {
    type Host = Bus;

    async fn close(&self) -> Result<(), CloseError> {
        self.here.close().await?;
        self.serving.end().await;
        self.there.close().await
    }
}

impl<S: Serving> AsyncMessageBus for Split<S> {
    fn wiring(&self) -> &Wiring {
        self.there.wiring()
    }
}

impl<S: Serving> AsyncQueryDispatcher for Split<S> {
    async fn send<Q: Query>(&self, query: Q) -> Result<Q::Reply, SendError<Q::Error>> {
        self.here.send(query).await
    }
}

impl<S: Serving> AsyncMessageDispatcher for Split<S> {
    async fn execute<C: Command>(&self, command: C) -> Result<(), ExecuteError<C::Error>> {
        self.here.execute(command).await
    }

    async fn publish<E: Event>(&self, event: E) -> Result<(), PublishError> {
        self.here.publish(event).await
    }

    async fn dispatch<T: Task>(&self, task: T) -> Result<(), DispatchError<T::Error>> {
        self.here.dispatch(task).await
    }
}
