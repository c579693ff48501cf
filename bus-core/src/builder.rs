//! How a bus is put together; the only place where wiring can fail.

use std::{future::Future, sync::Arc};

use crate::{
    bus::Bus,
    depth::DEFAULT_MAX_DEPTH,
    flavor::Flavor,
    handle::BusHandle,
    handler::{ByHand, IntoOutcome},
    message::{Command, Event, OneHandler, Query, Task},
    registry::{Collected, Module},
    wiring::{Core, Plan, Provision, WiringError},
};

/// Puts a [`Bus`](crate::Bus) or a [`SyncBus`](crate::SyncBus) together.
///
/// `Bus::builder()` starts with everything that was linked into the program, `Bus::empty()` with nothing. Dependencies
/// and handlers are added in any order; [`build`](Self::build) checks the whole and reports everything that is wrong.
#[must_use = "nothing is wired until `build` is called"]
pub struct Builder<B: Flavor> {
    scope: Scope,
    by_hand: Vec<ByHand<B>>,
    replacements: Vec<ByHand<B>>,
    provisions: Vec<Provision<B>>,
    partial: bool,
    max_depth: u32,
}

/// Which part of the registry the bus takes.
enum Scope {
    Everything,
    Modules(Vec<Module>),
}

impl Scope {
    fn collect(&self) -> Collected {
        match self {
            Scope::Everything => Collected::everything(),
            Scope::Modules(modules) => Collected::of(modules),
        }
    }
}

impl<B: Flavor> Builder<B> {
    pub(crate) fn everything() -> Self {
        Builder::with(Scope::Everything)
    }

    pub(crate) fn nothing() -> Self {
        Builder::with(Scope::Modules(Vec::new()))
    }

    fn with(scope: Scope) -> Self {
        Builder {
            scope,
            by_hand: Vec::new(),
            replacements: Vec::new(),
            provisions: Vec::new(),
            partial: false,
            max_depth: DEFAULT_MAX_DEPTH,
        }
    }

    /// Takes these modules instead of everything that was linked. Further calls add to them; what is in several of them
    /// is taken once.
    pub fn modules(mut self, modules: impl IntoIterator<Item = Module>) -> Self {
        let mut taken = match self.scope {
            Scope::Everything => Vec::new(),
            Scope::Modules(taken) => taken,
        };
        taken.extend(modules);
        self.scope = Scope::Modules(taken);
        self
    }

    /// Gives `value` to the handlers that have a parameter `&T`.
    #[track_caller]
    pub fn provide<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.provide_arc(Arc::new(value))
    }

    /// Gives a shared value to the handlers that have a parameter `&T`, where `T` may be a trait object:
    /// `.provide_arc::<dyn Mailer>(Arc::new(Smtp::new()))`.
    #[track_caller]
    pub fn provide_arc<T: ?Sized + Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.provisions.push(Provision::by_user(move |_| value));
        self
    }

    /// Gives a value that needs the bus itself to the handlers that have a parameter `&T`.
    ///
    /// `make` is called once, while the bus is built. The handle that it gets does not keep the bus alive, and works
    /// from when the bus is built.
    #[track_caller]
    pub fn provide_with<T: Send + Sync + 'static>(
        mut self,
        make: impl FnOnce(&BusHandle<B>) -> T + Send + 'static,
    ) -> Self {
        self.provisions.push(Provision::by_user(move |bus| Arc::new(make(bus))));
        self
    }

    /// Registers a handler of a query by hand.
    #[track_caller]
    pub fn query<Q: Query, O>(mut self, handler: impl Fn(Q) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<Q::Reply, Q::Error> + 'static,
    {
        self.by_hand.push(ByHand::handler(handler));
        self
    }

    /// Registers a handler of a command by hand.
    #[track_caller]
    pub fn command<C: Command, O>(mut self, handler: impl Fn(C) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), C::Error> + 'static,
    {
        self.by_hand.push(ByHand::handler(handler));
        self
    }

    /// Registers a subscriber of an event by hand, after those that are there.
    ///
    /// The same closure may be registered several times; it is then called as often.
    #[track_caller]
    pub fn subscribe<E: Event, O>(mut self, subscriber: impl Fn(&E) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), E::Error> + 'static,
    {
        self.by_hand.push(ByHand::subscriber(subscriber));
        self
    }

    /// Registers a handler of a task by hand.
    #[track_caller]
    pub fn task<T: Task, O>(mut self, handler: impl Fn(T) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), T::Error> + 'static,
    {
        self.by_hand.push(ByHand::handler(handler));
        self
    }

    /// Puts a closure in the place of the handler of a query, command or task.
    #[track_caller]
    pub fn replace<M: OneHandler, O>(mut self, handler: impl Fn(M) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<M::Reply, M::Error> + 'static,
    {
        self.replacements.push(ByHand::handler(handler));
        self
    }

    /// Puts a closure in the place of all subscribers of an event.
    #[track_caller]
    pub fn replace_subscribers<E: Event, O>(mut self, subscriber: impl Fn(&E) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), E::Error> + 'static,
    {
        self.replacements.push(ByHand::subscriber(subscriber));
        self
    }

    /// Accepts messages that have no handler: sending one is then a `NoHandler` error.
    ///
    /// For tests of one part, and for a process that serves only some messages.
    pub fn partial(mut self) -> Self {
        self.partial = true;
        self
    }

    /// How deep dispatches may be nested before one is refused: 64 unless set.
    pub fn max_depth(mut self, depth: u32) -> Self {
        self.max_depth = depth;
        self
    }

    /// Checks the wiring and assembles the bus.
    ///
    /// # Errors
    /// [`WiringError`] with every fault that there is.
    pub fn build(self) -> Result<B, WiringError> {
        let takes_everything = matches!(self.scope, Scope::Everything);
        let mut plan = Plan::new(self.scope.collect(), self.by_hand, self.replacements);
        plan.provisions.extend(self.provisions);
        plan.takes_everything = takes_everything;
        plan.partial = self.partial;
        plan.max_depth = self.max_depth;
        let plan = plan.checked()?;
        Ok(B::from_core(Arc::<Core<B>>::new_cyclic(|bus| plan.assemble(bus))))
    }
}

impl Builder<Bus> {
    /// Registers an asynchronous handler of a query by hand: a closure that returns a future.
    #[track_caller]
    pub fn query_async<Q: Query, O>(mut self, handler: impl Fn(Q) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<Q::Reply, Q::Error>> + Send + 'static,
    {
        self.by_hand.push(ByHand::async_handler(handler));
        self
    }

    /// Registers an asynchronous handler of a command by hand: a closure that returns a future.
    #[track_caller]
    pub fn command_async<C: Command, O>(mut self, handler: impl Fn(C) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), C::Error>> + Send + 'static,
    {
        self.by_hand.push(ByHand::async_handler(handler));
        self
    }

    /// Registers an asynchronous subscriber of an event by hand, after those that are there.
    ///
    /// The future cannot borrow from the event: take what it needs out of it first.
    #[track_caller]
    pub fn subscribe_async<E: Event, O>(mut self, subscriber: impl Fn(&E) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), E::Error>> + Send + 'static,
    {
        self.by_hand.push(ByHand::async_subscriber(subscriber));
        self
    }

    /// Registers an asynchronous handler of a task by hand: a closure that returns a future.
    #[track_caller]
    pub fn task_async<T: Task, O>(mut self, handler: impl Fn(T) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), T::Error>> + Send + 'static,
    {
        self.by_hand.push(ByHand::async_handler(handler));
        self
    }

    /// Puts an asynchronous closure in the place of the handler of a query, command or task.
    #[track_caller]
    pub fn replace_async<M: OneHandler, O>(mut self, handler: impl Fn(M) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<M::Reply, M::Error>> + Send + 'static,
    {
        self.replacements.push(ByHand::async_handler(handler));
        self
    }
}
