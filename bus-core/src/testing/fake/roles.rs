//! A fake has the roles of the bus that it stands for.

use std::future::Future;

use super::Fake;
use crate::{
    bus::Bus,
    error::{BatchError, DispatchError, ExecuteError, PublishError, SendError},
    flavor::Flavor,
    handler::IntoOutcome,
    message::{Command, Event, Query, Task},
    roles::{
        AsyncHandlerRegistry, AsyncMessageBus, AsyncMessageDispatcher, AsyncQueryDispatcher, AsyncQueryRegistry,
        HandlerRegistry, MessageBus, MessageDispatcher, QueryDispatcher, QueryRegistry,
    },
    sync_bus::SyncBus,
    wiring::Wiring,
};

impl QueryDispatcher for Fake<SyncBus> {
    #[track_caller]
    fn send<Q: Query>(&self, query: Q) -> Result<Q::Reply, SendError<Q::Error>> {
        self.bus.send(query)
    }
}

impl MessageDispatcher for Fake<SyncBus> {
    #[track_caller]
    fn execute<C: Command>(&self, command: C) -> Result<(), ExecuteError<C::Error>> {
        self.bus.execute(command)
    }

    #[track_caller]
    fn publish<E: Event>(&self, event: E) -> Result<(), PublishError> {
        self.bus.publish(event)
    }

    #[track_caller]
    fn dispatch<T: Task>(&self, task: T) -> Result<(), DispatchError<T::Error>> {
        self.bus.dispatch(task)
    }
}

impl MessageBus for Fake<SyncBus> {
    fn wiring(&self) -> &Wiring {
        self.bus.wiring()
    }
}

impl AsyncQueryDispatcher for Fake<Bus> {
    #[track_caller]
    fn send<Q: Query>(&self, query: Q) -> impl Future<Output = Result<Q::Reply, SendError<Q::Error>>> + Send {
        self.bus.send(query)
    }
}

impl AsyncMessageDispatcher for Fake<Bus> {
    #[track_caller]
    fn execute<C: Command>(&self, command: C) -> impl Future<Output = Result<(), ExecuteError<C::Error>>> + Send {
        self.bus.execute(command)
    }

    #[track_caller]
    fn publish<E: Event>(&self, event: E) -> impl Future<Output = Result<(), PublishError>> + Send {
        self.bus.publish(event)
    }

    #[track_caller]
    fn dispatch<T: Task>(&self, task: T) -> impl Future<Output = Result<(), DispatchError<T::Error>>> + Send {
        self.bus.dispatch(task)
    }

    #[track_caller]
    fn execute_many<C: Command>(
        &self,
        commands: impl IntoIterator<Item = C, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<ExecuteError<C::Error>>>> + Send {
        self.bus.execute_many(commands)
    }

    #[track_caller]
    fn publish_many<E: Event>(
        &self,
        events: impl IntoIterator<Item = E, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<PublishError>>> + Send {
        self.bus.publish_many(events)
    }

    #[track_caller]
    fn dispatch_many<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = T, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<DispatchError<T::Error>>>> + Send {
        self.bus.dispatch_many(tasks)
    }
}

impl AsyncMessageBus for Fake<Bus> {
    fn wiring(&self) -> &Wiring {
        self.bus.wiring()
    }
}

/// Registers nothing: what is registered on a fake is never called, so that code which registers can be run against one.
impl<B: Flavor> QueryRegistry for Fake<B> {
    fn query<Q: Query, O>(self, _: impl Fn(Q) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<Q::Reply, Q::Error> + 'static,
    {
        self
    }
}

/// Registers nothing, as the [other](QueryRegistry) registry does.
impl<B: Flavor> HandlerRegistry for Fake<B> {
    fn command<C: Command, O>(self, _: impl Fn(C) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), C::Error> + 'static,
    {
        self
    }

    fn subscribe<E: Event, O>(self, _: impl Fn(&E) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), E::Error> + 'static,
    {
        self
    }

    fn task<T: Task, O>(self, _: impl Fn(T) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), T::Error> + 'static,
    {
        self
    }
}

/// Registers nothing, as the [other](QueryRegistry) registry does.
impl AsyncQueryRegistry for Fake<Bus> {
    fn query_async<Q: Query, O>(self, _: impl Fn(Q) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<Q::Reply, Q::Error>> + Send + 'static,
    {
        self
    }
}

/// Registers nothing, as the [other](QueryRegistry) registry does.
impl AsyncHandlerRegistry for Fake<Bus> {
    fn command_async<C: Command, O>(self, _: impl Fn(C) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), C::Error>> + Send + 'static,
    {
        self
    }

    fn subscribe_async<E: Event, O>(self, _: impl Fn(&E) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), E::Error>> + Send + 'static,
    {
        self
    }

    fn task_async<T: Task, O>(self, _: impl Fn(T) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), T::Error>> + Send + 'static,
    {
        self
    }
}
