//! Two buses with a transport between them.

use std::{future::Future, time::SystemTime};

use linkbus::{
    BatchError, Bus, CloseError, Command, DispatchError, Event, ExecuteError, PublishError, Query, SendError, Task,
    Wiring,
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

    async fn dispatch_at<T: Task>(&self, due: SystemTime, task: T) -> Result<(), DispatchError<T::Error>> {
        self.here.dispatch_at(due, task).await
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

    async fn execute_many<C: Command>(
        &self,
        commands: impl IntoIterator<Item = C, IntoIter: Send> + Send,
    ) -> Result<(), BatchError<ExecuteError<C::Error>>> {
        self.here.execute_many(commands).await
    }

    async fn publish_many<E: Event>(
        &self,
        events: impl IntoIterator<Item = E, IntoIter: Send> + Send,
    ) -> Result<(), BatchError<PublishError>> {
        self.here.publish_many(events).await
    }

    async fn dispatch_many<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = T, IntoIter: Send> + Send,
    ) -> Result<(), BatchError<DispatchError<T::Error>>> {
        self.here.dispatch_many(tasks).await
    }
}
