//! How a bus is put together; the only place where wiring can fail.

use std::{future::Future, sync::Arc};

#[cfg(feature = "testing")]
use crate::testing::{Coverage, Double, Spy, Stubs};
#[cfg(feature = "transport")]
use crate::transport::{Carry, Via};
use crate::{
    bus::Bus,
    clock::Clock,
    depth::DEFAULT_MAX_DEPTH,
    flavor::Flavor,
    handle::BusHandle,
    handler::{ByHand, IntoOutcome},
    layer::{Build, IntoLayer, Stack},
    message::{Command, Event, Location, Message, MessageFacts, OneHandler, Query, Task},
    registry::{Collected, Module},
    wiring::{Plan, Provision, WiringError},
};

/// Puts a [`Bus`](crate::Bus) or a [`SyncBus`](crate::SyncBus) together.
///
/// `Bus::builder()` starts with everything that was linked into the program, `Bus::empty()` with nothing. Dependencies
/// and handlers are added in any order; [`build`](Self::build) checks the whole and reports everything that is wrong.
///
/// ```standalone_crate
/// use linkbus::{Event, Query, SyncBus, handler};
///
/// #[derive(Query)]
/// #[query(reply = String)]
/// struct Greeting {
///     name: String,
/// }
///
/// struct Language(&'static str);
///
/// #[handler]
/// fn greeting(query: &Greeting, language: &Language) -> String {
///     format!("{} {}", language.0, query.name)
/// }
///
/// // Everything that is linked, with what its handlers need.
/// let bus = SyncBus::builder().provide(Language("hello")).build().unwrap();
/// assert_eq!(bus.send(Greeting { name: "Ada".into() }).unwrap(), "hello Ada");
///
/// // The same with one handler replaced, for a test.
/// let bus = SyncBus::builder()
///     .provide(Language("hello"))
///     .replace(|query: Greeting| query.name)
///     .build()
///     .unwrap();
/// assert_eq!(bus.send(Greeting { name: "Ada".into() }).unwrap(), "Ada");
/// ```
#[must_use = "nothing is wired until `build` is called"]
pub struct Builder<B: Flavor> {
    scope: Scope,
    by_hand: Vec<ByHand<B>>,
    replacements: Vec<ByHand<B>>,
    provisions: Vec<Provision<B>>,
    partial: bool,
    max_depth: u32,
    stack: Stack<B>,
    clock: Clock,
    is_replayable: bool,
    /// The messages that are known whether or not the scope has them.
    messages: Vec<&'static MessageFacts>,
    #[cfg(feature = "transport")]
    vias: Vec<(Arc<Via>, Location)>,
}

/// Which part of the registry the bus takes.
enum Scope {
    Everything,
    Modules(Vec<(Module, Location)>),
}

impl Scope {
    fn collect(&self) -> Collected {
        match self {
            Scope::Everything => Collected::everything(),
            Scope::Modules(modules) => Collected::of(modules.iter().map(|(module, _)| module)),
        }
    }
}

impl Scope {
    /// The modules that are asked for and have nothing.
    fn empty_modules(&self) -> Vec<(Module, Location)> {
        match self {
            Scope::Everything => Vec::new(),
            Scope::Modules(modules) => modules.iter().filter(|(module, _)| module.is_empty()).copied().collect(),
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
            stack: Stack::default(),
            clock: Clock::default(),
            is_replayable: false,
            messages: Vec::new(),
            #[cfg(feature = "transport")]
            vias: Vec::new(),
        }
    }

    /// Takes these modules instead of everything that was linked. Further calls add to them; what is in several of them
    /// is taken once.
    ///
    /// A module of a crate from which nothing is linked is a fault: the name is wrong, or no code names the crate.
    ///
    /// ```
    /// mod billing {
    ///     use linkbus::{Query, handler};
    ///
    ///     #[derive(Query)]
    ///     #[query(reply = u32)]
    ///     pub struct Balance;
    ///
    ///     #[handler]
    ///     fn balance(_: Balance) -> u32 {
    ///         7
    ///     }
    ///
    ///     linkbus::module!(messages: [Balance], handlers: [balance]);
    /// }
    ///
    /// let bus = linkbus::SyncBus::builder().modules([billing::MODULE]).build().unwrap();
    /// assert_eq!(bus.send(billing::Balance).unwrap(), 7);
    /// ```
    #[track_caller]
    pub fn modules(mut self, modules: impl IntoIterator<Item = Module>) -> Self {
        let mut taken = match self.scope {
            Scope::Everything => Vec::new(),
            Scope::Modules(taken) => taken,
        };
        let place = Location::of_caller();
        taken.extend(modules.into_iter().map(|module| (module, place)));
        self.scope = Scope::Modules(taken);
        self
    }

    /// Gives `value` to the handlers that have a parameter `&T`.
    ///
    /// What no handler asks for is no fault; it is dropped when the bus is built. The example of [`Builder`] uses it.
    #[track_caller]
    pub fn provide<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.provide_arc(Arc::new(value))
    }

    /// Gives a shared value to the handlers that have a parameter `&T`, where `T` may be a trait object:
    /// `.provide_arc::<dyn Mailer>(Arc::new(Smtp::new()))`.
    ///
    /// ```standalone_crate
    /// use linkbus::{Command, SyncBus, handler};
    /// use std::sync::{Arc, Mutex};
    ///
    /// trait Mailer: Send + Sync {
    ///     fn mail(&self, to: &str);
    /// }
    ///
    /// #[derive(Default)]
    /// struct Outbox(Mutex<Vec<String>>);
    ///
    /// impl Mailer for Outbox {
    ///     fn mail(&self, to: &str) {
    ///         self.0.lock().unwrap().push(to.to_owned());
    ///     }
    /// }
    ///
    /// #[derive(Command)]
    /// struct Welcome(&'static str);
    ///
    /// #[handler]
    /// fn welcome(command: Welcome, mailer: &dyn Mailer) {
    ///     mailer.mail(command.0);
    /// }
    ///
    /// let outbox = Arc::new(Outbox::default());
    /// let bus = SyncBus::builder().provide_arc::<dyn Mailer>(outbox.clone()).build().unwrap();
    /// bus.execute(Welcome("ada@example.org")).unwrap();
    /// assert_eq!(*outbox.0.lock().unwrap(), ["ada@example.org"]);
    /// ```
    #[track_caller]
    pub fn provide_arc<T: ?Sized + Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.provisions.push(Provision::by_user(move |_| value));
        self
    }

    /// Gives a value that needs the bus itself to the handlers that have a parameter `&T`.
    ///
    /// `make` is called once, while the bus is built. The handle that it gets does not keep the bus alive, and works
    /// from when the bus is built; before that it answers `ShutDown`.
    ///
    /// ```standalone_crate
    /// use linkbus::{Command, Query, QueryHandle, SyncBus, handlers};
    ///
    /// #[derive(Query)]
    /// #[query(reply = u32)]
    /// struct Stock;
    ///
    /// #[derive(Command)]
    /// struct Order(u32);
    ///
    /// struct Orders {
    ///     queries: QueryHandle<SyncBus>,
    /// }
    ///
    /// #[handlers]
    /// impl Orders {
    ///     #[handler]
    ///     fn order(&self, order: Order) -> Result<(), linkbus::AnyError> {
    ///         let stock = self.queries.send(Stock)?;
    ///         if order.0 > stock { Err("too many".into()) } else { Ok(()) }
    ///     }
    /// }
    ///
    /// let bus = SyncBus::builder()
    ///     .query(|_: Stock| 3)
    ///     .provide_with(|bus| Orders { queries: bus.queries() })
    ///     .build()
    ///     .unwrap();
    /// assert!(bus.execute(Order(3)).is_ok());
    /// assert!(bus.execute(Order(4)).is_err());
    /// ```
    #[track_caller]
    pub fn provide_with<T: Send + Sync + 'static>(
        mut self,
        make: impl FnOnce(&BusHandle<B>) -> T + Send + 'static,
    ) -> Self {
        self.provisions.push(Provision::by_user(move |bus| Arc::new(make(bus))));
        self
    }

    /// Registers a handler of a query by hand.
    ///
    /// The closure has the same choice of results as a `#[handler]`: the reply, or a `Result` of it.
    ///
    /// ```
    /// # use linkbus::{Query, SyncBus};
    /// # #[derive(Query)]
    /// # #[query(reply = u32)]
    /// # struct Double(u32);
    /// let bus = SyncBus::empty().query(|query: Double| query.0 * 2).build().unwrap();
    /// assert_eq!(bus.send(Double(21)).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn query<Q: Query, O>(mut self, handler: impl Fn(Q) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<Q::Reply, Q::Error> + 'static,
    {
        self.by_hand.push(ByHand::handler(handler));
        self
    }

    /// Registers a handler of a command by hand.
    ///
    /// ```
    /// # use linkbus::{Command, SyncBus};
    /// # #[derive(Command)]
    /// # struct SetSpeed(u32);
    /// let bus = SyncBus::empty()
    ///     .command(|command: SetSpeed| if command.0 < 100 { Ok(()) } else { Err("too fast") })
    ///     .build()
    ///     .unwrap();
    /// assert_eq!(bus.execute(SetSpeed(130)).unwrap_err().to_string(), "too fast");
    /// ```
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
    ///
    /// ```
    /// # use linkbus::{Event, SyncBus};
    /// # #[derive(Event)]
    /// # struct Landed;
    /// let bus = SyncBus::empty().subscribe(|_: &Landed| println!("welcome")).build().unwrap();
    /// bus.publish(Landed).unwrap();
    /// ```
    #[track_caller]
    pub fn subscribe<E: Event, O>(mut self, subscriber: impl Fn(&E) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), E::Error> + 'static,
    {
        self.by_hand.push(ByHand::subscriber(subscriber));
        self
    }

    /// Registers a handler of a task by hand.
    ///
    /// ```
    /// # use linkbus::{SyncBus, Task};
    /// # #[derive(Task)]
    /// # struct Render(u32);
    /// let bus = SyncBus::empty().task(|task: Render| println!("page {}", task.0)).build().unwrap();
    /// bus.dispatch(Render(1)).unwrap();
    /// ```
    #[track_caller]
    pub fn task<T: Task, O>(mut self, handler: impl Fn(T) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<(), T::Error> + 'static,
    {
        self.by_hand.push(ByHand::handler(handler));
        self
    }

    /// Lets the bus know a message that neither the program nor its modules registered, so that it can be
    /// watched by layers, or carried by a transport, without having a handler here.
    ///
    /// ```
    /// # use linkbus::{Event, SyncBus};
    /// # #[derive(Event)]
    /// # struct Landed;
    /// let bus = SyncBus::empty().message::<Landed>().build().unwrap();
    /// assert!(bus.explain::<Landed>().is_some());
    /// ```
    pub fn message<M: Message>(mut self) -> Self {
        self.messages.push(M::FACTS);
        self
    }

    /// Puts a closure in the place of the handler of a query, command or task.
    ///
    /// That handler's needs are then not asked for. The example of [`Builder`] uses it.
    #[track_caller]
    pub fn replace<M: OneHandler, O>(mut self, handler: impl Fn(M) -> O + Send + Sync + 'static) -> Self
    where
        O: IntoOutcome<M::Reply, M::Error> + 'static,
    {
        self.replacements.push(ByHand::handler(handler));
        self
    }

    /// Puts a closure in the place of all subscribers of an event.
    ///
    /// ```standalone_crate
    /// # use linkbus::{Event, SyncBus, handler};
    /// # #[derive(Event)]
    /// # struct Paid;
    /// #[handler]
    /// fn send_receipt(_: &Paid) {
    ///     panic!("not in a test");
    /// }
    ///
    /// let bus = SyncBus::builder().replace_subscribers(|_: &Paid| ()).build().unwrap();
    /// bus.publish(Paid).unwrap();
    /// ```
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
    ///
    /// ```standalone_crate
    /// # use linkbus::{Query, SendError, SyncBus};
    /// # #[derive(Query)]
    /// # #[query(reply = u32)]
    /// # struct Remote;
    /// let bus = SyncBus::builder().partial().build().unwrap();
    /// assert!(matches!(bus.send(Remote), Err(SendError::NoHandler { .. })));
    /// ```
    pub fn partial(mut self) -> Self {
        self.partial = true;
        self
    }

    /// How deep dispatches may be nested before one is refused: 64 unless set.
    ///
    /// The example of [`RecursionLimit`](crate::RecursionLimit) uses it.
    pub fn max_depth(mut self, depth: u32) -> Self {
        self.max_depth = depth;
        self
    }

    /// Puts a layer inside those that are there, around every message that it applies to: the first one is the outermost.
    ///
    /// It takes a [`Layer`](crate::layer::Layer), an [`Observer`](crate::layer::Observer), on a `SyncBus` an
    /// [`Around`](crate::layer::Around), and on a `Bus` an [`AsyncAround`](crate::layer::AsyncAround).
    /// [`explain`](crate::Bus::explain) shows what comes of it.
    #[track_caller]
    pub fn layer<S, L: IntoLayer<B, S>>(mut self, layer: L) -> Self {
        self.stack.push(layer.into_layer(), Location::of_caller());
        self
    }

    /// The time that the layers go by, in the place of the system's: for tests, see [`clock`](crate::clock).
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Lets recordings and dead letters be replayed into messages without layers, too.
    ///
    /// What has a layer around it can always be replayed. For what has none this costs each dispatch what an empty chain
    /// does: the README has the figure of one observer.
    ///
    /// ```
    /// # use linkbus::{Command, SyncBus, recording::Replay};
    /// # #[derive(Command, serde::Serialize, serde::Deserialize)]
    /// # struct Pay;
    /// let bus = SyncBus::empty().command(|_: Pay| ()).replayable().build().unwrap();
    /// let report = Replay::new(&bus).run([]);
    /// assert!(report.is_same());
    /// ```
    pub fn replayable(mut self) -> Self {
        self.is_replayable = true;
        self
    }

    /// Checks the wiring and assembles the bus.
    ///
    /// # Errors
    /// [`WiringError`] with every fault that there is.
    ///
    /// ```standalone_crate
    /// # use linkbus::{Query, SyncBus};
    /// #[derive(Query)]
    /// #[query(reply = u32)]
    /// struct Forgotten;
    ///
    /// let error = SyncBus::builder().build().unwrap_err();
    /// assert_eq!(error.faults()[0].code(), "BUS002");
    /// println!("{error}");
    /// ```
    pub fn build(self) -> Result<B, WiringError> {
        let build = Build { clock: self.clock.clone(), is_replayable: self.is_replayable, has_double: false };
        self.plan(&build).assembled()
    }

    /// The bus with a spy around everything, and with stubs for what has no handler.
    #[cfg(feature = "testing")]
    pub(crate) fn build_with_double(mut self, spy: Spy, stubs: Arc<Stubs>) -> Result<B, WiringError> {
        self.stack.push_outermost(spy, Location::of_caller());
        let build = Build { clock: self.clock.clone(), is_replayable: self.is_replayable, has_double: true };
        let mut plan = self.partial().plan(&build);
        plan.double = Some(Double::new(stubs, build));
        plan.assembled()
    }

    /// Everything put together, not checked.
    fn plan(self, build: &Build) -> Plan<B> {
        let takes_everything = matches!(self.scope, Scope::Everything);
        let empty_modules = self.scope.empty_modules();
        let mut collected = self.scope.collect();
        collected.messages.extend(self.messages);
        let mut plan = Plan::new(collected, self.by_hand, self.replacements);
        plan.provisions.extend(self.provisions);
        plan.takes_everything = takes_everything;
        plan.empty_modules = empty_modules;
        plan.partial = self.partial;
        plan.max_depth = self.max_depth;
        #[cfg(feature = "transport")]
        {
            plan.vias = self.vias;
        }
        plan.link(self.stack, build);
        #[cfg(feature = "testing")]
        Coverage::save_of_process();
        plan
    }
}

impl Builder<Bus> {
    /// Sends what has no handler here to other processes, and events as well: through a
    /// [`Transport`](crate::transport::Transport), or a [`Via`](crate::transport::Via) that says which messages go through it.
    ///
    /// A message that is carried needs no handler here. Several transports are asked in the order of the calls.
    #[cfg(feature = "transport")]
    #[track_caller]
    pub fn transport(mut self, via: impl Into<Via>) -> Self {
        let via = Arc::new(via.into());
        let location = Location::of_caller();
        self.stack.push_innermost(Carry::new(Arc::clone(&via)), location);
        self.vias.push((via, location));
        self
    }

    /// Registers an asynchronous handler of a query by hand: a closure that returns a future.
    ///
    /// ```
    /// # use linkbus::{Bus, Query};
    /// # #[derive(Query)]
    /// # #[query(reply = u32)]
    /// # struct Double(u32);
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let bus = Bus::empty().query_async(|query: Double| async move { query.0 * 2 }).build().unwrap();
    /// assert_eq!(bus.send(Double(21)).await.unwrap(), 42);
    /// # }
    /// ```
    #[track_caller]
    pub fn query_async<Q: Query, O>(mut self, handler: impl Fn(Q) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<Q::Reply, Q::Error>> + Send + 'static,
    {
        self.by_hand.push(ByHand::async_handler(handler));
        self
    }

    /// Registers an asynchronous handler of a command by hand: a closure that returns a future.
    ///
    /// Used as [`query_async`](Self::query_async).
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
    ///
    /// ```
    /// # use linkbus::{Bus, Event};
    /// # #[derive(Event)]
    /// # struct Joined { name: String }
    /// let bus = Bus::empty().subscribe_async(|event: &Joined| {
    ///     let name = event.name.clone();
    ///     async move { println!("welcome, {name}") }
    /// });
    /// # bus.build().unwrap();
    /// ```
    #[track_caller]
    pub fn subscribe_async<E: Event, O>(mut self, subscriber: impl Fn(&E) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), E::Error>> + Send + 'static,
    {
        self.by_hand.push(ByHand::async_subscriber(subscriber));
        self
    }

    /// Registers an asynchronous handler of a task by hand: a closure that returns a future.
    ///
    /// Used as [`query_async`](Self::query_async).
    #[track_caller]
    pub fn task_async<T: Task, O>(mut self, handler: impl Fn(T) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<(), T::Error>> + Send + 'static,
    {
        self.by_hand.push(ByHand::async_handler(handler));
        self
    }

    /// Puts an asynchronous closure in the place of the handler of a query, command or task.
    ///
    /// Used as [`replace`](Self::replace), with a closure as for [`query_async`](Self::query_async).
    #[track_caller]
    pub fn replace_async<M: OneHandler, O>(mut self, handler: impl Fn(M) -> O + Send + Sync + 'static) -> Self
    where
        O: Future<Output: IntoOutcome<M::Reply, M::Error>> + Send + 'static,
    {
        self.replacements.push(ByHand::async_handler(handler));
        self
    }
}
