//! A bus around a bus, which breaks promises that no layer can break.

use std::{
    any::Any,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::{Duration, SystemTime},
};

use linkbus::{
    BatchError, Bus, CloseError, Command, DispatchError, Event, ExecuteError, Message, PublishError, Query, SendError,
    Task, Wiring,
    layer::Layer,
    roles::{AsyncMessageBus, AsyncMessageDispatcher, AsyncQueryDispatcher},
};
use linkbus_conformance::{
    Subject,
    messages::{Fate, Happened, HappenedAgain, Store, Work},
};

/// What it does wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// What is unknown succeeds, or fails with something else; what follows is as it should be.
    Unknown,
    /// What is unknown fails, with the error of something else.
    Misnames,
    /// Each dispatch has a task of its own.
    Spawns,
    /// Of a batch it takes the first message, and panics if there is none.
    Batches,
    /// Where there is nothing to do it does something.
    Restless,
    /// After it is closed, messages are lost, and closing it again fails.
    Closing,
    /// One event is taken for another.
    Confuses,
    /// It says nothing of its wiring.
    Mute,
    /// What is for later is done at once.
    Hasty,
    /// What is for later is not done at all.
    Forgetful,
}

pub(crate) struct Careless {
    bus: Bus,
    fault: Fault,
    empty: Bus,
    is_closed: AtomicBool,
}

/// A layer that cannot be closed.
struct Stubborn;

impl Layer<Bus> for Stubborn {
    fn link(&self, _: &mut linkbus::layer::Site<'_>) -> Option<linkbus::layer::Link<Bus>> {
        None
    }

    fn close(&self) -> Result<(), linkbus::AnyError> {
        Err("it is closed".into())
    }
}

impl Careless {
    pub(crate) fn around(bus: Bus, fault: Fault) -> Self {
        let empty = Bus::empty().layer(Stubborn).build().unwrap();
        Careless { bus, fault, empty, is_closed: AtomicBool::new(false) }
    }

    fn is_unknown<M: Message>(&self) -> bool {
        self.bus.wiring().route::<M>().is_none()
    }

    fn is_lost(&self) -> bool {
        self.fault == Fault::Closing && self.is_closed.load(SeqCst)
    }
}

impl Subject for Careless {
    type Host = Bus;

    const DEADLINE: Duration = Duration::from_secs(2);

    async fn dispatch_at<T: Task>(&self, _: SystemTime, task: T) -> Result<(), DispatchError<T::Error>> {
        if self.fault == Fault::Hasty { self.bus.dispatch(task).await } else { Ok(()) }
    }

    async fn close(&self) -> Result<(), CloseError> {
        let was_closed = self.is_closed.swap(true, SeqCst);
        if was_closed && self.fault == Fault::Closing { self.empty.close().await } else { self.bus.close().await }
    }
}

impl AsyncMessageBus for Careless {
    fn wiring(&self) -> &Wiring {
        if self.fault == Fault::Mute { self.empty.wiring() } else { self.bus.wiring() }
    }
}

impl AsyncQueryDispatcher for Careless {
    async fn send<Q: Query>(&self, query: Q) -> Result<Q::Reply, SendError<Q::Error>> {
        let (bus, message) = (self.bus.clone(), Q::FACTS.name);
        match self.fault {
            Fault::Unknown | Fault::Misnames if self.is_unknown::<Q>() => Err(SendError::ShutDown { message }),
            Fault::Spawns => {
                let reply = tokio::spawn(async move { bus.send(query).await }).await;
                reply.unwrap_or_else(|panic| Err(SendError::Panicked { message, panic: panic.to_string() }))
            }
            _ => bus.send(query).await,
        }
    }
}

impl AsyncMessageDispatcher for Careless {
    async fn execute<C: Command>(&self, command: C) -> Result<(), ExecuteError<C::Error>> {
        let (bus, message) = (self.bus.clone(), C::FACTS.name);
        match self.fault {
            Fault::Unknown if self.is_unknown::<C>() => Ok(()),
            Fault::Misnames if self.is_unknown::<C>() => Err(ExecuteError::ShutDown { message }),
            Fault::Closing if self.is_lost() => Ok(()),
            Fault::Spawns => {
                let outcome = tokio::spawn(async move { bus.execute(command).await }).await;
                outcome.unwrap_or_else(|panic| Err(ExecuteError::Panicked { message, panic: panic.to_string() }))
            }
            _ => bus.execute(command).await,
        }
    }

    async fn publish<E: Event>(&self, event: E) -> Result<(), PublishError> {
        let other = (&event as &dyn Any).downcast_ref::<HappenedAgain>().map(|other| Happened::well(other.number));
        match (self.fault, other) {
            (Fault::Confuses, Some(other)) => self.bus.publish(other).await?,
            (Fault::Unknown, _) if self.is_unknown::<E>() => {
                return Err(PublishError::ShutDown { message: E::FACTS.name });
            }
            _ => {}
        }
        self.bus.publish(event).await
    }

    async fn dispatch<T: Task>(&self, task: T) -> Result<(), DispatchError<T::Error>> {
        let (bus, message) = (self.bus.clone(), T::FACTS.name);
        match self.fault {
            Fault::Unknown if self.is_unknown::<T>() => Ok(()),
            Fault::Misnames if self.is_unknown::<T>() => Err(DispatchError::ShutDown { message }),
            Fault::Spawns => {
                let outcome = tokio::spawn(async move { bus.dispatch(task).await }).await;
                outcome.unwrap_or_else(|panic| Err(DispatchError::Panicked { message, panic: panic.to_string() }))
            }
            _ => bus.dispatch(task).await,
        }
    }

    async fn execute_many<C: Command>(
        &self,
        commands: impl IntoIterator<Item = C, IntoIter: Send> + Send,
    ) -> Result<(), BatchError<ExecuteError<C::Error>>> {
        let commands = self.some_of(commands);
        if self.is_restless(&commands) {
            self.bus.execute(Store { number: 1, fate: Fate::Succeeds }).await.unwrap();
        }
        self.bus.execute_many(commands).await
    }

    async fn publish_many<E: Event>(
        &self,
        events: impl IntoIterator<Item = E, IntoIter: Send> + Send,
    ) -> Result<(), BatchError<PublishError>> {
        self.bus.publish_many(self.some_of(events)).await
    }

    async fn dispatch_many<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = T, IntoIter: Send> + Send,
    ) -> Result<(), BatchError<DispatchError<T::Error>>> {
        let tasks = self.some_of(tasks);
        if self.is_restless(&tasks) {
            self.bus.dispatch(Work { number: 1, fate: Fate::Succeeds }).await.unwrap();
        }
        self.bus.dispatch_many(tasks).await
    }
}

impl Careless {
    fn is_restless<M>(&self, batch: &[M]) -> bool {
        self.fault == Fault::Restless && batch.is_empty()
    }

    /// The batch as it is taken.
    fn some_of<M>(&self, batch: impl IntoIterator<Item = M>) -> Vec<M> {
        let mut batch: Vec<M> = batch.into_iter().collect();
        if self.fault == Fault::Batches {
            assert!(!batch.is_empty(), "nothing to do");
            batch.truncate(1);
        }
        batch
    }
}
