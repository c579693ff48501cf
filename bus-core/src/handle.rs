//! Handles to a bus that can be kept in a service, each for one capability.

use std::{future::Future, sync::Weak};

use crate::{
    bus::Bus,
    error::{DispatchError, ExecuteError, PublishError, SendError},
    flavor::Flavor,
    message::{Command, Event, Query, Task},
    origin::Origin,
    sync_bus::SyncBus,
    wiring::Core,
};

/// A reference to a bus, from which handles with a single capability are made.
///
/// [`Bus::handle`](crate::Bus::handle) gives one that keeps the bus alive. The one that
/// [`Builder::provide_with`](crate::Builder::provide_with) and handler parameters get does not: a value that the bus
/// owns must not own the bus. When the bus is gone, such a handle answers `ShutDown`.
///
/// ```
/// use linkbus::{Query, QueryHandle, SyncBus};
///
/// #[derive(Query)]
/// #[query(reply = u32)]
/// struct Price(u32);
///
/// /// Can ask for prices, and can do nothing else with the bus.
/// struct Basket {
///     prices: QueryHandle<SyncBus>,
/// }
///
/// let bus = SyncBus::empty().query(|price: Price| price.0 * 2).build().unwrap();
/// let basket = Basket { prices: bus.handle().queries() };
/// assert_eq!(basket.prices.send(Price(21)).unwrap(), 42);
/// ```
#[derive(Debug)]
pub struct BusHandle<B: Flavor = Bus>(Link<B>);

#[derive(Debug)]
enum Link<B: Flavor> {
    Strong(B),
    Weak(WeakCore<B>),
}

struct WeakCore<B: Flavor>(Weak<Core<B>>);

impl<B: Flavor> std::fmt::Debug for WeakCore<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({})", B::NAME)
    }
}

impl<B: Flavor> Clone for BusHandle<B> {
    fn clone(&self) -> Self {
        BusHandle(match &self.0 {
            Link::Strong(bus) => Link::Strong(bus.clone()),
            Link::Weak(core) => Link::Weak(WeakCore(Weak::clone(&core.0))),
        })
    }
}

impl<B: Flavor> BusHandle<B> {
    pub(crate) fn strong(bus: B) -> Self {
        BusHandle(Link::Strong(bus))
    }

    pub(crate) fn weak(core: Weak<Core<B>>) -> Self {
        BusHandle(Link::Weak(WeakCore(core)))
    }

    /// The bus, if it still exists.
    fn bus(&self) -> Option<B> {
        match &self.0 {
            Link::Strong(bus) => Some(bus.clone()),
            Link::Weak(core) => core.0.upgrade().map(B::from_core),
        }
    }

    /// A handle that can only `send` queries.
    pub fn queries(&self) -> QueryHandle<B> {
        QueryHandle(self.clone())
    }

    /// A handle that can only `execute` commands.
    pub fn commands(&self) -> CommandHandle<B> {
        CommandHandle(self.clone())
    }

    /// A handle that can only `publish` events.
    pub fn events(&self) -> EventHandle<B> {
        EventHandle(self.clone())
    }

    /// A handle that can only `dispatch` tasks.
    pub fn tasks(&self) -> TaskHandle<B> {
        TaskHandle(self.clone())
    }
}

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident, $kind:ident, $verb:ident by $to:ident -> $ok:ty, $fail:ident $(<$of:ty>)?) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<B: Flavor = Bus>(BusHandle<B>);

        impl $name<Bus> {
            /// As the method of [`Bus`] of the same name; also `ShutDown` when the bus is gone.
            #[cfg_attr(feature = "testing", track_caller)]
            pub fn $verb<M: $kind>(&self, message: M) -> impl Future<Output = Result<$ok, $fail$(<$of>)?>> + Send {
                let origin = Origin::of_caller();
                async move {
                    match self.0.bus() {
                        Some(bus) => bus.$to(message, origin).await,
                        None => Err($fail::ShutDown { message: M::FACTS.name }),
                    }
                }
            }
        }

        impl $name<SyncBus> {
            /// As the method of [`SyncBus`] of the same name; also `ShutDown` when the bus is gone.
            #[cfg_attr(feature = "testing", track_caller)]
            pub fn $verb<M: $kind>(&self, message: M) -> Result<$ok, $fail$(<$of>)?> {
                let origin = Origin::of_caller();
                match self.0.bus() {
                    Some(bus) => bus.$to(message, origin),
                    None => Err($fail::ShutDown { message: M::FACTS.name }),
                }
            }
        }
    };
}

handle! {
    /// A handle that can only `send` queries. Handlers ask for it with a parameter `&QueryHandle`.
    QueryHandle, Query, send by to_handler -> M::Reply, SendError<M::Error>
}

handle! {
    /// A handle that can only `execute` commands. Handlers ask for it with a parameter `&CommandHandle`.
    CommandHandle, Command, execute by to_handler -> (), ExecuteError<M::Error>
}

handle! {
    /// A handle that can only `publish` events. Handlers ask for it with a parameter `&EventHandle`.
    EventHandle, Event, publish by to_subscribers -> (), PublishError
}

handle! {
    /// A handle that can only `dispatch` tasks. Handlers ask for it with a parameter `&TaskHandle`.
    TaskHandle, Task, dispatch by to_handler -> (), DispatchError<M::Error>
}
