//! Two sides with a postman between them: the form that a transport has, without one.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use linkbus::{
    Bus, CloseError, Command, DispatchError, Event, ExecuteError, Message, PublishError, Query, SendError, Task,
    Wiring,
    roles::{AsyncMessageBus, AsyncMessageDispatcher, AsyncQueryDispatcher},
};
use linkbus_conformance::{Subject, messages};
use tokio::{sync::mpsc, task::JoinHandle};

type Letter = Pin<Box<dyn Future<Output = ()> + Send>>;

/// There is no post any more.
struct Closed;

/// How many letters are under way before a dispatch waits.
const ROOM: usize = 8;

/// What is posted is accepted, and handled on the other side, one letter after the other.
pub(crate) struct Posted {
    there: Bus,
    post: Mutex<Option<mpsc::Sender<Letter>>>,
    postman: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Posted {
    pub(crate) fn to(there: Bus) -> Self {
        let (post, mut letters) = mpsc::channel::<Letter>(ROOM);
        let postman = tokio::spawn(async move {
            while let Some(letter) = letters.recv().await {
                // A handler that panics takes nothing but its own task with it.
                let _ = tokio::spawn(letter).await;
            }
        });
        assert!(knows_all_of(&there), "`messages::MODULE` has all messages that can leave the process");
        Posted { there, post: Mutex::new(Some(post)), postman: Some(postman).into() }
    }

    fn knows<M: Message>(&self) -> bool {
        self.there.wiring().route::<M>().is_some()
    }

    /// Waits for room.
    async fn post(&self, letter: impl Future<Output = ()> + Send + 'static) -> Result<(), Closed> {
        let post = self.post.lock().unwrap_or_else(PoisonError::into_inner).clone();
        post.ok_or(Closed)?.send(Box::pin(letter)).await.map_err(|_| Closed)
    }
}

/// Whether the side that dispatches, which has no handlers, knows what the other side handles.
fn knows_all_of(there: &Bus) -> bool {
    let here = Bus::empty().modules([messages::MODULE]).partial().build().unwrap();
    let known = here.wiring().routes();
    there.wiring().routes().iter().all(|route| known.iter().any(|known| known.message == route.message))
}

impl Subject for Posted {
    type Host = Bus;

    async fn dispatch_at<T: Task>(&self, due: SystemTime, task: T) -> Result<(), DispatchError<T::Error>> {
        let (there, wait) = (self.there.clone(), due.duration_since(SystemTime::now()).unwrap_or_default());
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            there.dispatch(task).await
        });
        Ok(())
    }

    async fn close(&self) -> Result<(), CloseError> {
        drop(self.post.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(postman) = self.postman.lock().await.take() {
            postman.await.expect("the postman does not panic");
        }
        self.there.close().await
    }
}

impl AsyncMessageBus for Posted {
    fn wiring(&self) -> &Wiring {
        self.there.wiring()
    }
}

impl AsyncQueryDispatcher for Posted {
    async fn send<Q: Query>(&self, query: Q) -> Result<Q::Reply, SendError<Q::Error>> {
        let there = self.there.clone();
        let answer = tokio::spawn(async move { there.send(query).await }).await;
        answer.unwrap_or_else(|panic| Err(SendError::Panicked { message: Q::FACTS.name, panic: panic.to_string() }))
    }
}

impl AsyncMessageDispatcher for Posted {
    async fn execute<C: Command>(&self, command: C) -> Result<(), ExecuteError<C::Error>> {
        let (there, message) = (self.there.clone(), C::FACTS.name);
        if !self.knows::<C>() {
            return Err(ExecuteError::NoHandler { message });
        }
        let posted = self.post(async move { drop(there.execute(command).await) }).await;
        posted.map_err(|Closed| ExecuteError::ShutDown { message })
    }

    async fn publish<E: Event>(&self, event: E) -> Result<(), PublishError> {
        let (there, message) = (self.there.clone(), E::FACTS.name);
        let posted = self.post(async move { drop(there.publish(event).await) }).await;
        posted.map_err(|Closed| PublishError::ShutDown { message })
    }

    async fn dispatch<T: Task>(&self, task: T) -> Result<(), DispatchError<T::Error>> {
        let (there, message) = (self.there.clone(), T::FACTS.name);
        if !self.knows::<T>() {
            return Err(DispatchError::NoHandler { message });
        }
        let posted = self.post(async move { drop(there.dispatch(task).await) }).await;
        posted.map_err(|Closed| DispatchError::ShutDown { message })
    }
}
