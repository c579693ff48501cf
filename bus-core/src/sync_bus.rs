//! The synchronous bus: dispatch is a function call on the caller's thread.

use std::sync::Arc;

use crate::{
    builder::Builder,
    dispatch::Entry,
    error::{BatchError, CloseError, DispatchError, ExecuteError, Failure, PublishError, SendError},
    flavor::Flavor,
    handle::BusHandle,
    layer::{self, Around, Dispatched, Explanation, Layer, LayerFailure},
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

/// The synchronous bus: handlers are plain functions, and a dispatch is a call of one on the caller's thread.
///
/// It needs no async runtime. It is `Send + Sync`, any number of threads may dispatch at once, and cloning it costs one
/// reference count. It never changes after it is built.
///
/// ```
/// use linkbus::{Command, Event, Query, SyncBus, Task};
/// # #[derive(Query)]
/// # #[query(reply = u32)]
/// # struct Double(u32);
/// # #[derive(Command)]
/// # struct Open;
/// # #[derive(Event)]
/// # struct Opened;
/// # #[derive(Task)]
/// # struct Sweep(u32);
///
/// let bus = SyncBus::empty() // or `builder()`, for all `#[handler]`s of the program
///     .query(|query: Double| query.0 * 2)
///     .command(|_: Open| ())
///     .subscribe(|_: &Opened| println!("come in"))
///     .task(|task: Sweep| println!("room {}", task.0))
///     .build()?;
///
/// assert_eq!(bus.send(Double(21))?, 42);
/// bus.execute(Open)?;
/// bus.publish(Opened)?;
/// bus.dispatch_many([Sweep(1), Sweep(2)])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SyncBus {
    core: Arc<Core<SyncBus>>,
    /// Where in a tracked run it is, if it is one that a handler was given there.
    #[cfg(feature = "testing")]
    edge: Option<Arc<Edge>>,
}

impl SyncBus {
    /// A bus of everything that was linked into the program.
    pub fn builder() -> Builder<SyncBus> {
        Builder::everything()
    }

    /// A bus of nothing but what is then registered by hand, or taken from modules.
    pub fn empty() -> Builder<SyncBus> {
        Builder::nothing()
    }

    /// Sends `query` to its handler and returns the reply.
    ///
    /// # Errors
    /// [`SendError::Handler`] with the handler's own error. A panic of the handler unwinds into the caller.
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn send<Q: Query>(&self, query: Q) -> Result<Q::Reply, SendError<Q::Error>> {
        self.to_handler(query, Origin::of_caller())
    }

    /// Has `command` executed by its handler.
    ///
    /// # Errors
    /// [`ExecuteError::Handler`] with the handler's own error. A panic of the handler unwinds into the caller.
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn execute<C: Command>(&self, command: C) -> Result<(), ExecuteError<C::Error>> {
        self.to_handler(command, Origin::of_caller())
    }

    /// Has `task` done by its handler.
    ///
    /// # Errors
    /// [`DispatchError::Handler`] with the handler's own error. A panic of the handler unwinds into the caller.
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn dispatch<T: Task>(&self, task: T) -> Result<(), DispatchError<T::Error>> {
        self.to_handler(task, Origin::of_caller())
    }

    /// Calls every subscriber of `event`, one after the other, in subscription order.
    ///
    /// A subscriber that fails or panics does not keep the others from running. No subscriber is no error.
    ///
    /// # Errors
    /// [`PublishError`] with one entry per subscriber that failed, in subscription order.
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn publish<E: Event>(&self, event: E) -> Result<(), PublishError> {
        self.to_subscribers(event, Origin::of_caller())
    }

    #[inline]
    pub(crate) fn to_handler<M: OneHandler>(&self, message: M, origin: Origin) -> Dispatched<M> {
        #[cfg(feature = "testing")]
        if let Some(leg) = Leg::begin(self.edge.as_ref(), M::FACTS, origin) {
            let bus = self.at(leg.edge());
            return leg.run::<M>(|| bus.hand_over(message, origin));
        }
        self.hand_over(message, origin)
    }

    #[inline]
    fn hand_over<M: OneHandler>(&self, message: M, origin: Origin) -> Dispatched<M> {
        match self.core.table.plain::<M>() {
            Some(handler) if cfg!(feature = "strict-link") => {
                handler.call(self, message).map_err(Failure::into_dispatch)
            }
            Some(handler) => M::Failure::dispatched(handler.call(self, message)),
            None => self.through_layers(message, origin),
        }
    }

    #[inline]
    pub(crate) fn to_subscribers<E: Event>(&self, event: E, origin: Origin) -> Result<(), PublishError> {
        #[cfg(feature = "testing")]
        if let Some(leg) = Leg::begin(self.edge.as_ref(), E::FACTS, origin) {
            let bus = self.at(leg.edge());
            return leg.run::<E>(|| bus.lend(event, origin));
        }
        self.lend(event, origin)
    }

    #[inline]
    fn lend<E: Event>(&self, event: E, origin: Origin) -> Result<(), PublishError> {
        if let Some(layered) = self.core.table.layered_event::<E>() {
            return layer::run(self, layered, event, origin);
        }
        #[cfg(feature = "testing")]
        if let Some(layered) = self.core.stage(E::FACTS) {
            return layer::run(self, &layered, event, origin);
        }
        let subscribers = self.core.table.subscribers(self, &event);
        match publish::in_turn(&subscribers) {
            None => Ok(()),
            Some(round) => publish::outcome(round.failures, E::FACTS, &self.core.wiring),
        }
    }

    /// Dispatches a message that has no plain handler. Out of line, for those that have one.
    #[inline(never)]
    fn through_layers<M: OneHandler>(&self, message: M, origin: Origin) -> Dispatched<M> {
        if let Some(layered) = self.core.table.around::<M>() {
            return layer::run(self, layered, message, origin);
        }
        #[cfg(feature = "testing")]
        if let Some(layered) = self.core.stage(M::FACTS) {
            return layer::run(self, &layered, message, origin);
        }
        Err(M::Failure::by_layer(LayerFailure::NoHandler, M::FACTS))
    }

    /// Executes `commands` one after the other and stops at the first that fails.
    ///
    /// # Errors
    /// [`BatchError`] with the position of that command and its error.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn execute_many<C: Command>(
        &self,
        commands: impl IntoIterator<Item = C>,
    ) -> Result<(), BatchError<ExecuteError<C::Error>>> {
        let origin = Origin::of_caller();
        in_turn(commands, |command| self.to_handler(command, origin))
    }

    /// Publishes `events` one after the other and stops at the first of which a subscriber fails.
    ///
    /// # Errors
    /// [`BatchError`] with the position of that event and its error.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn publish_many<E: Event>(&self, events: impl IntoIterator<Item = E>) -> Result<(), BatchError<PublishError>> {
        let origin = Origin::of_caller();
        in_turn(events, |event| self.to_subscribers(event, origin))
    }

    /// Dispatches `tasks` one after the other and stops at the first that fails.
    ///
    /// # Errors
    /// [`BatchError`] with the position of that task and its error.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn dispatch_many<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = T>,
    ) -> Result<(), BatchError<DispatchError<T::Error>>> {
        let origin = Origin::of_caller();
        in_turn(tasks, |task| self.to_handler(task, origin))
    }

    /// What is wired on this bus, and where it is written.
    pub fn wiring(&self) -> &Wiring {
        &self.core.wiring
    }

    /// The layers around the dispatches of an `M`, from the outside in; `None` if the bus does not know the message.
    pub fn explain<M: Message>(&self) -> Option<&Explanation> {
        self.core.explanation(M::FACTS)
    }

    /// Closes the layers, outermost first, so that each releases what it holds. Further calls do nothing.
    ///
    /// A message that is dispatched afterwards still reaches its handler, through layers that have nothing left to hold.
    ///
    /// # Errors
    /// [`CloseError`] with every layer that failed to close. The others are closed all the same.
    pub fn close(&self) -> Result<(), CloseError> {
        self.core.close()
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
        SyncBus { core: Arc::clone(&self.core), edge: Some(edge) }
    }

    /// A handle from which narrower ones are made. It keeps the bus alive.
    pub fn handle(&self) -> BusHandle<SyncBus> {
        BusHandle::strong(self.clone())
    }
}

fn in_turn<M, E>(
    messages: impl IntoIterator<Item = M>,
    mut one: impl FnMut(M) -> Result<(), E>,
) -> Result<(), BatchError<E>> {
    let mut numbered = messages.into_iter().enumerate();
    numbered.try_for_each(|(completed, message)| one(message).map_err(|error| BatchError { completed, error }))
}

impl Clone for SyncBus {
    #[cfg_attr(feature = "testing", track_caller)]
    fn clone(&self) -> Self {
        #[cfg(feature = "testing")]
        if let Some(edge) = &self.edge {
            edge.cloned(Location::of_caller());
        }
        SyncBus {
            core: Arc::clone(&self.core),
            #[cfg(feature = "testing")]
            edge: self.edge.clone(),
        }
    }
}

impl std::fmt::Debug for SyncBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncBus").field("messages", &self.core.wiring.routes().len()).finish_non_exhaustive()
    }
}

impl Flavor for SyncBus {
    const NAME: &'static str = "SyncBus";
    type Around = dyn Around;

    fn implied_layers() -> Vec<Box<dyn Layer<Self>>> {
        layer::implied::on_sync_bus()
    }

    fn entry(registration: &HandlerRegistration) -> Option<&Entry<Self>> {
        registration.on_sync_bus.as_ref()
    }

    fn core(&self) -> &Arc<Core<Self>> {
        &self.core
    }

    fn from_core(core: Arc<Core<Self>>) -> Self {
        SyncBus {
            core,
            #[cfg(feature = "testing")]
            edge: None,
        }
    }
}
