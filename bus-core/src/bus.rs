//! The async bus.

mod batch;
mod hand_over;
#[cfg(feature = "transport")]
mod later;

use std::{future::Future, sync::Arc};

pub(crate) use self::batch::in_turn;
use self::hand_over::HandOver;
use crate::{
    builder::Builder,
    dispatch::Entry,
    error::{BatchError, CloseError, DispatchError, ExecuteError, PublishError, SendError},
    flavor::Flavor,
    handle::BusHandle,
    layer::{self, Dispatched, ErasedAsyncAround, Explanation, Layer},
    message::{Command, Event, Message, OneHandler, Query, Task},
    origin::Origin,
    publish,
    registry::HandlerRegistration,
    wiring::{Core, Wiring},
};
#[cfg(feature = "testing")]
use crate::{
    message::Location,
    testing::{Edge, Leg, Track},
};

/// The async bus: handlers are `async fn` or plain `fn`, side by side.
///
/// It works on any async runtime, spawns nothing and starts no timer: a dispatch runs inside the future that the caller
/// polls, and dropping that future drops the handler's. It is `Send + Sync`, any number of tasks may dispatch at once,
/// and cloning it costs one reference count. It never changes after it is built.
///
/// A dispatch borrows the bus, so a spawned task needs a clone of it: `let bus = bus.clone()`.
///
/// ```
/// use linkbus::{Bus, Event, Query};
/// # #[derive(Query)]
/// # #[query(reply = u32)]
/// # struct Double(u32);
/// # #[derive(Event)]
/// # struct Doubled(u32);
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bus = Bus::empty() // or `builder()`, for all `#[handler]`s of the program
///     .query_async(|query: Double| async move { query.0 * 2 })
///     .subscribe(|event: &Doubled| println!("{}", event.0))
///     .build()?;
///
/// let reply = bus.send(Double(21)).await?;
/// let elsewhere = bus.clone();
/// tokio::spawn(async move { elsewhere.publish(Doubled(reply)).await }).await??;
/// # Ok(())
/// # }
/// ```
pub struct Bus {
    core: Arc<Core<Bus>>,
    /// Where in a tracked run it is, if it is one that a handler was given there.
    #[cfg(feature = "testing")]
    edge: Option<Arc<Edge>>,
}

impl Bus {
    /// A bus of everything that was linked into the program.
    pub fn builder() -> Builder<Bus> {
        Builder::everything()
    }

    /// A bus of nothing but what is then registered by hand, or taken from modules.
    pub fn empty() -> Builder<Bus> {
        Builder::nothing()
    }

    /// Sends `query` to its handler and resolves to the reply.
    ///
    /// # Errors
    /// [`SendError::Handler`] with the handler's own error. A panic of the handler unwinds into the caller.
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn send<Q: Query>(&self, query: Q) -> impl Future<Output = Result<Q::Reply, SendError<Q::Error>>> + Send {
        self.to_handler(query, Origin::of_caller())
    }

    /// Has `command` executed by its handler.
    ///
    /// # Errors
    /// [`ExecuteError::Handler`] with the handler's own error. A panic of the handler unwinds into the caller.
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn execute<C: Command>(&self, command: C) -> impl Future<Output = Result<(), ExecuteError<C::Error>>> + Send {
        self.to_handler(command, Origin::of_caller())
    }

    /// Has `task` done by its handler.
    ///
    /// # Errors
    /// [`DispatchError::Handler`] with the handler's own error. A panic of the handler unwinds into the caller.
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn dispatch<T: Task>(&self, task: T) -> impl Future<Output = Result<(), DispatchError<T::Error>>> + Send {
        self.to_handler(task, Origin::of_caller())
    }

    /// Runs every subscriber of `event`: they start in subscription order, and the async ones then run concurrently.
    ///
    /// Resolves when all have finished. A subscriber that fails or panics does not keep the others from running. No
    /// subscriber is no error.
    ///
    /// # Errors
    /// [`PublishError`] with one entry per subscriber that failed, in subscription order. On a bus with a transport
    /// [`PublishError::Refused`] if the bus does not know the event, which would then reach nobody elsewhere either.
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn publish<E: Event>(&self, event: E) -> impl Future<Output = Result<(), PublishError>> + Send {
        self.to_subscribers(event, Origin::of_caller())
    }

    #[cfg(not(feature = "testing"))]
    #[inline]
    pub(crate) fn to_handler<M: OneHandler>(
        &self,
        message: M,
        origin: Origin,
    ) -> impl Future<Output = Dispatched<M>> + Send {
        self.hand_over(message, origin)
    }

    #[cfg(feature = "testing")]
    pub(crate) async fn to_handler<M: OneHandler>(&self, message: M, origin: Origin) -> Dispatched<M> {
        match Leg::begin(self.edge.as_ref(), M::FACTS, origin) {
            Some(leg) => {
                let bus = self.at(leg.edge());
                Box::pin(leg.follow::<M>(bus.hand_over(message, origin))).await
            }
            None => self.hand_over(message, origin).await,
        }
    }

    #[inline]
    fn hand_over<M: OneHandler>(&self, message: M, origin: Origin) -> impl Future<Output = Dispatched<M>> + Send {
        HandOver::new(self, message, origin).run()
    }

    #[cfg(not(feature = "testing"))]
    #[inline]
    pub(crate) fn to_subscribers<E: Event>(
        &self,
        event: E,
        origin: Origin,
    ) -> impl Future<Output = Result<(), PublishError>> + Send {
        self.lend(event, origin)
    }

    #[cfg(feature = "testing")]
    pub(crate) async fn to_subscribers<E: Event>(&self, event: E, origin: Origin) -> Result<(), PublishError> {
        match Leg::begin(self.edge.as_ref(), E::FACTS, origin) {
            Some(leg) => {
                let bus = self.at(leg.edge());
                Box::pin(leg.follow::<E>(bus.lend(event, origin))).await
            }
            None => self.lend(event, origin).await,
        }
    }

    #[inline]
    #[expect(clippy::manual_async_fn, reason = "the future of an `async fn` holds an argument that it lends twice")]
    fn lend<E: Event>(&self, event: E, origin: Origin) -> impl Future<Output = Result<(), PublishError>> + Send {
        async move {
            if let Some(layered) = self.core.table.layered_event::<E>() {
                return layer::run_async(self, layered, event, origin).await;
            }
            #[cfg(feature = "testing")]
            if let Some(layered) = self.core.stage(E::FACTS) {
                return layer::run_async(self, &layered, event, origin).await;
            }
            let subscribers = self.core.table.subscribers(self, &event);
            match publish::in_turn(&subscribers) {
                #[cfg(feature = "transport")]
                None if subscribers.len() == 0 => self.core.unheard(E::FACTS),
                None => Ok(()),
                Some(round) => publish::outcome(round.finish(&subscribers, None).await, E::FACTS, &self.core.wiring),
            }
        }
    }

    /// Executes `commands` one after the other and stops at the first that fails.
    ///
    /// Commands that a transport accepts for a handler elsewhere are sent in order, too, but do not wait for one another: as many are
    /// under way as its `Features::batch_window` allows. Of those behind the one that fails, fewer than that may have been sent.
    /// Commands with a `#[bus(key)]` do wait where the transport keeps the order of keys.
    ///
    /// # Errors
    /// [`BatchError`] with the position of that command and its error.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn execute_many<C: Command>(
        &self,
        commands: impl IntoIterator<Item = C, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<ExecuteError<C::Error>>>> + Send {
        let origin = Origin::of_caller();
        self.batch(commands.into_iter(), move |command| self.to_handler(command, origin))
    }

    /// Publishes `events` one after the other and stops at the first of which a subscriber fails.
    ///
    /// Events without subscribers here need not wait for one another on their way out: as [`execute_many`](Self::execute_many).
    ///
    /// # Errors
    /// [`BatchError`] with the position of that event and its error.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn publish_many<E: Event>(
        &self,
        events: impl IntoIterator<Item = E, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<PublishError>>> + Send {
        let origin = Origin::of_caller();
        self.batch(events.into_iter(), move |event| self.to_subscribers(event, origin))
    }

    /// Dispatches `tasks` one after the other and stops at the first that fails.
    ///
    /// Tasks need not wait for one another where commands need not: see [`execute_many`](Self::execute_many).
    ///
    /// # Errors
    /// [`BatchError`] with the position of that task and its error.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn dispatch_many<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = T, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), BatchError<DispatchError<T::Error>>>> + Send {
        let origin = Origin::of_caller();
        self.batch(tasks.into_iter(), move |task| self.to_handler(task, origin))
    }

    /// What is wired on this bus, and where it is written.
    pub fn wiring(&self) -> &Wiring {
        &self.core.wiring
    }

    /// The layers around the dispatches of an `M`, from the outside in; `None` if the bus does not know the message.
    pub fn explain<M: Message>(&self) -> Option<&Explanation> {
        self.core.explanation(M::FACTS)
    }

    /// Closes the layers, outermost first, and then the transports, so that each releases what it holds. Further calls do
    /// nothing.
    ///
    /// A message that is dispatched afterwards still reaches its handler, through layers that have nothing left to hold.
    ///
    /// # Errors
    /// [`CloseError`] with every layer that failed to close. The others are closed all the same.
    #[cfg_attr(not(feature = "transport"), expect(clippy::unused_async, reason = "only transports are waited for"))]
    pub async fn close(&self) -> Result<(), CloseError> {
        let closed = self.core.close();
        #[cfg(feature = "transport")]
        let closed = crate::transport::close(closed, &self.core.vias).await;
        closed
    }

    /// Follows the next dispatch, and all that it causes, to the end.
    #[cfg(feature = "testing")]
    #[track_caller]
    pub fn track(&self) -> Track<Self> {
        Track::new(self, Location::of_caller())
    }

    /// This bus, at that place in a run.
    #[cfg(feature = "testing")]
    pub(crate) fn at(&self, edge: Arc<Edge>) -> Self {
        Bus { core: Arc::clone(&self.core), edge: Some(edge) }
    }

    /// A handle from which narrower ones are made. It keeps the bus alive.
    pub fn handle(&self) -> BusHandle<Bus> {
        BusHandle::strong(self.clone())
    }
}

impl Clone for Bus {
    #[cfg_attr(feature = "testing", track_caller)]
    fn clone(&self) -> Self {
        #[cfg(feature = "testing")]
        if let Some(edge) = &self.edge {
            edge.cloned(Location::of_caller());
        }
        Bus {
            core: Arc::clone(&self.core),
            #[cfg(feature = "testing")]
            edge: self.edge.clone(),
        }
    }
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("messages", &self.core.wiring.routes().len()).finish_non_exhaustive()
    }
}

impl Flavor for Bus {
    const NAME: &'static str = "Bus";
    type Around = dyn ErasedAsyncAround;

    fn implied_layers() -> Vec<Box<dyn Layer<Self>>> {
        layer::implied::on_bus()
    }

    fn entry(registration: &HandlerRegistration) -> Option<&Entry<Self>> {
        registration.on_bus.as_ref()
    }

    fn core(&self) -> &Arc<Core<Self>> {
        &self.core
    }

    fn from_core(core: Arc<Core<Self>>) -> Self {
        Bus {
            core,
            #[cfg(feature = "testing")]
            edge: None,
        }
    }
}
