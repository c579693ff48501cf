//! Narrow interfaces: a function that takes `&impl QueryDispatcher` can send queries and nothing else.
//!
//! Dispatching and registering are apart: what dispatches has no way to register. A `#[handler]` may take its bus as
//! `&impl AsyncQueryDispatcher` and the like, and a test may give it anything else that has the role.
//!
//! ```
//! use linkbus::{AnyError, Query, SyncBus, roles::{HandlerRegistry, QueryDispatcher, QueryRegistry}};
//!
//! #[derive(Query)]
//! #[query(reply = u32)]
//! struct PriceOf(&'static str);
//!
//! // Sends queries, and can do nothing else with what it is given.
//! fn total(queries: &impl QueryDispatcher) -> Result<u32, AnyError> {
//!     Ok(queries.send(PriceOf("tea"))? + queries.send(PriceOf("milk"))?)
//! }
//!
//! // Registers handlers, and cannot dispatch: there is no bus yet.
//! fn register<R: QueryRegistry + HandlerRegistry>(registry: R) -> R {
//!     registry.query(|query: PriceOf| query.0.len() as u32)
//! }
//!
//! let bus = register(SyncBus::empty()).build().unwrap();
//! assert_eq!(total(&bus).unwrap(), 7);
//! ```

use std::future::Future;

use crate::{
    builder::Builder,
    bus::{Bus, in_turn},
    error::{BatchError, DispatchError, ExecuteError, PublishError, SendError},
    flavor::Flavor,
    handle::QueryHandle,
    handler::IntoOutcome,
    message::{Command, Event, Query, Task},
    sync_bus::SyncBus,
    wiring::Wiring,
};

/// What can `send` queries.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot send queries",
    label = "expected a bus, or a handle, that can",
    note = "`SyncBus` has the roles without `Async` in their names, `Bus` those with it"
)]
pub trait QueryDispatcher {
    /// See [`SyncBus::send`].
    #[cfg_attr(feature = "testing", track_caller)]
    fn send<Q: Query>(&self, query: Q) -> Result<Q::Reply, SendError<Q::Error>>;
}

/// What can `execute` commands, `publish` events and `dispatch` tasks.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot execute commands, publish events and dispatch tasks",
    label = "expected a bus, or a handle, that can",
    note = "`SyncBus` has the roles without `Async` in their names, `Bus` those with it"
)]
pub trait MessageDispatcher {
    /// See [`SyncBus::execute`].
    #[cfg_attr(feature = "testing", track_caller)]
    fn execute<C: Command>(&self, command: C) -> Result<(), ExecuteError<C::Error>>;
    /// See [`SyncBus::publish`].
    #[cfg_attr(feature = "testing", track_caller)]
    fn publish<E: Event>(&self, event: E) -> Result<(), PublishError>;
    /// See [`SyncBus::dispatch`].
    #[cfg_attr(feature = "testing", track_caller)]
    fn dispatch<T: Task>(&self, task: T) -> Result<(), DispatchError<T::Error>>;
}

/// A whole synchronous bus: both dispatchers, and what is wired.
pub trait MessageBus: QueryDispatcher + MessageDispatcher {
    /// See [`SyncBus::wiring`].
    fn wiring(&self) -> &Wiring;
}

/// What can `send` queries, asynchronously.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot send queries asynchronously",
    label = "expected a bus, or a handle, that can",
    note = "`SyncBus` has the roles without `Async` in their names, `Bus` those with it"
)]
pub trait AsyncQueryDispatcher: Sync {
    /// See [`Bus::send`].
    #[cfg_attr(feature = "testing", track_caller)]
    fn send<Q: Query>(&self, query: Q) -> impl Future<Output = Result<Q::Reply, SendError<Q::Error>>> + Send;
}

/// What can `execute` commands, `publish` events and `dispatch` tasks, asynchronously.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot execute commands, publish events and dispatch tasks asynchronously",
    label = "expected a bus, or a handle, that can",
    note = "`SyncBus` has the roles without `Async` in their names, `Bus` those with it"
)]
pub trait AsyncMessageDispatcher: Sync {
    /// See [`Bus::execute`].
    #[cfg_attr(feature = "testing", track_caller)]
    fn execute<C: Command>(&self, command: C) -> impl Future<Output = Result<(), ExecuteError<C::Error>>> + Send;
    /// See [`Bus::publish`].
    #[cfg_attr(feature = "testing", track_caller)]
    fn publish<E: Event>(&self, event: E) -> impl Future<Output = Result<(), PublishError>> + Send;
    /// See [`Bus::dispatch`].
    #[cfg_attr(feature = "testing", track_caller)]
    fn dispatch<T: Task>(&self, task: T) -> impl Future<Output = Result<(), DispatchError<T::Error>>> + Send;

    /// See [`Bus::execute_many`]. Unless it is written otherwise, each is given to [`execute`](Self::execute).
    #[cfg_attr(feature = "testing", track_caller)]
    fn execute_many<C: Command>(
        &self,
        commands: impl IntoIterator<Item = C, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<ExecuteError<C::Error>>>> + Send {
        in_turn(commands.into_iter(), |command| self.execute(command))
    }

    /// See [`Bus::publish_many`]. Unless it is written otherwise, each is given to [`publish`](Self::publish).
    #[cfg_attr(feature = "testing", track_caller)]
    fn publish_many<E: Event>(
        &self,
        events: impl IntoIterator<Item = E, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<PublishError>>> + Send {
        in_turn(events.into_iter(), |event| self.publish(event))
    }

    /// See [`Bus::dispatch_many`]. Unless it is written otherwise, each is given to [`dispatch`](Self::dispatch).
    #[cfg_attr(feature = "testing", track_caller)]
    fn dispatch_many<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = T, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<DispatchError<T::Error>>>> + Send {
        in_turn(tasks.into_iter(), |task| self.dispatch(task))
    }
}

/// A whole asynchronous bus: both dispatchers, and what is wired.
pub trait AsyncMessageBus: AsyncQueryDispatcher + AsyncMessageDispatcher {
    /// See [`Bus::wiring`].
    fn wiring(&self) -> &Wiring;
}

/// Where handlers of queries are registered: a [`Builder`].
pub trait QueryRegistry: Sized {
    /// See [`Builder::query`].
    #[must_use]
    fn query<Q: Query, O>(self, handler: impl Fn(Q) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<Q::Reply, Q::Error> + 'static;
}

/// Where handlers of commands and tasks and subscribers of events are registered: a [`Builder`].
pub trait HandlerRegistry: Sized {
    /// See [`Builder::command`].
    #[must_use]
    fn command<C: Command, O>(self, handler: impl Fn(C) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), C::Error> + 'static;
    /// See [`Builder::subscribe`].
    #[must_use]
    fn subscribe<E: Event, O>(self, subscriber: impl Fn(&E) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), E::Error> + 'static;
    /// See [`Builder::task`].
    #[must_use]
    fn task<T: Task, O>(self, handler: impl Fn(T) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), T::Error> + 'static;
}

/// Where asynchronous handlers of queries are registered too: a [`Builder`] of a [`Bus`].
pub trait AsyncQueryRegistry: QueryRegistry {
    /// See [`Builder::query_async`].
    #[must_use]
    fn query_async<Q: Query, O>(self, handler: impl Fn(Q) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<Q::Reply, Q::Error>> + Send + 'static;
}

/// Where asynchronous handlers of commands, events and tasks are registered too: a [`Builder`] of a [`Bus`].
pub trait AsyncHandlerRegistry: HandlerRegistry {
    /// See [`Builder::command_async`].
    #[must_use]
    fn command_async<C: Command, O>(self, handler: impl Fn(C) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), C::Error>> + Send + 'static;
    /// See [`Builder::subscribe_async`].
    #[must_use]
    fn subscribe_async<E: Event, O>(self, subscriber: impl Fn(&E) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), E::Error>> + Send + 'static;
    /// See [`Builder::task_async`].
    #[must_use]
    fn task_async<T: Task, O>(self, handler: impl Fn(T) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), T::Error>> + Send + 'static;
}

impl QueryDispatcher for SyncBus {
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    fn send<Q: Query>(&self, query: Q) -> Result<Q::Reply, SendError<Q::Error>> {
        SyncBus::send(self, query)
    }
}

impl MessageDispatcher for SyncBus {
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    fn execute<C: Command>(&self, command: C) -> Result<(), ExecuteError<C::Error>> {
        SyncBus::execute(self, command)
    }

    #[cfg_attr(feature = "testing", track_caller)]
    fn publish<E: Event>(&self, event: E) -> Result<(), PublishError> {
        SyncBus::publish(self, event)
    }

    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    fn dispatch<T: Task>(&self, task: T) -> Result<(), DispatchError<T::Error>> {
        SyncBus::dispatch(self, task)
    }
}

impl MessageBus for SyncBus {
    fn wiring(&self) -> &Wiring {
        SyncBus::wiring(self)
    }
}

impl QueryDispatcher for QueryHandle<SyncBus> {
    #[cfg_attr(feature = "testing", track_caller)]
    fn send<Q: Query>(&self, query: Q) -> Result<Q::Reply, SendError<Q::Error>> {
        QueryHandle::<SyncBus>::send(self, query)
    }
}

impl AsyncQueryDispatcher for Bus {
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    fn send<Q: Query>(&self, query: Q) -> impl Future<Output = Result<Q::Reply, SendError<Q::Error>>> + Send {
        Bus::send(self, query)
    }
}

impl AsyncMessageDispatcher for Bus {
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    fn execute<C: Command>(&self, command: C) -> impl Future<Output = Result<(), ExecuteError<C::Error>>> + Send {
        Bus::execute(self, command)
    }

    #[cfg_attr(feature = "testing", track_caller)]
    fn publish<E: Event>(&self, event: E) -> impl Future<Output = Result<(), PublishError>> + Send {
        Bus::publish(self, event)
    }

    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    fn dispatch<T: Task>(&self, task: T) -> impl Future<Output = Result<(), DispatchError<T::Error>>> + Send {
        Bus::dispatch(self, task)
    }

    #[cfg_attr(feature = "testing", track_caller)]
    fn execute_many<C: Command>(
        &self,
        commands: impl IntoIterator<Item = C, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<ExecuteError<C::Error>>>> + Send {
        Bus::execute_many(self, commands)
    }

    #[cfg_attr(feature = "testing", track_caller)]
    fn publish_many<E: Event>(
        &self,
        events: impl IntoIterator<Item = E, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<PublishError>>> + Send {
        Bus::publish_many(self, events)
    }

    #[cfg_attr(feature = "testing", track_caller)]
    fn dispatch_many<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = T, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<DispatchError<T::Error>>>> + Send {
        Bus::dispatch_many(self, tasks)
    }
}

impl AsyncMessageBus for Bus {
    fn wiring(&self) -> &Wiring {
        Bus::wiring(self)
    }
}

impl AsyncQueryDispatcher for QueryHandle<Bus> {
    #[cfg_attr(feature = "testing", track_caller)]
    fn send<Q: Query>(&self, query: Q) -> impl Future<Output = Result<Q::Reply, SendError<Q::Error>>> + Send {
        QueryHandle::<Bus>::send(self, query)
    }
}

impl<B: Flavor> QueryRegistry for Builder<B> {
    #[track_caller]
    fn query<Q: Query, O>(self, handler: impl Fn(Q) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<Q::Reply, Q::Error> + 'static,
    {
        Builder::query(self, handler)
    }
}

impl<B: Flavor> HandlerRegistry for Builder<B> {
    #[track_caller]
    fn command<C: Command, O>(self, handler: impl Fn(C) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), C::Error> + 'static,
    {
        Builder::command(self, handler)
    }

    #[track_caller]
    fn subscribe<E: Event, O>(self, subscriber: impl Fn(&E) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), E::Error> + 'static,
    {
        Builder::subscribe(self, subscriber)
    }

    #[track_caller]
    fn task<T: Task, O>(self, handler: impl Fn(T) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), T::Error> + 'static,
    {
        Builder::task(self, handler)
    }
}

impl AsyncQueryRegistry for Builder<Bus> {
    #[track_caller]
    fn query_async<Q: Query, O>(self, handler: impl Fn(Q) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<Q::Reply, Q::Error>> + Send + 'static,
    {
        Builder::query_async(self, handler)
    }
}

impl AsyncHandlerRegistry for Builder<Bus> {
    #[track_caller]
    fn command_async<C: Command, O>(self, handler: impl Fn(C) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), C::Error>> + Send + 'static,
    {
        Builder::command_async(self, handler)
    }

    #[track_caller]
    fn subscribe_async<E: Event, O>(self, subscriber: impl Fn(&E) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), E::Error>> + Send + 'static,
    {
        Builder::subscribe_async(self, subscriber)
    }

    #[track_caller]
    fn task_async<T: Task, O>(self, handler: impl Fn(T) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), T::Error>> + Send + 'static,
    {
        Builder::task_async(self, handler)
    }
}
