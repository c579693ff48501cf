//! Static facts about a handler and the ways to call one.

mod bound;
mod closure;
mod outcome;

use std::{any::TypeId, fmt, future::Future, time::Duration};

pub(crate) use self::{
    bound::{Bound, Running, call, call_inside, may_enter, notify, run_inside},
    closure::ByHand,
};
pub use self::{
    bound::{BoxFuture, Outcome},
    outcome::IntoOutcome,
};
use crate::{
    bus::Bus,
    dispatch::{AsyncCall, Symbol, SyncCall},
    message::{Location, Message, MessageFacts},
};

/// A dependency that a handler asks for: a parameter `&T`, given to the bus with `.provide(..)`.
#[derive(Clone, Copy)]
pub struct Need {
    identity: fn() -> TypeId,
    name: fn() -> &'static str,
}

impl Need {
    #[doc(hidden)]
    pub const fn of<T: ?Sized + 'static>() -> Self {
        Need { identity: TypeId::of::<T>, name: std::any::type_name::<T> }
    }

    /// The type that is asked for.
    pub fn type_id(&self) -> TypeId {
        (self.identity)()
    }

    /// The type's name with its path: `users::UserStore`, `dyn mail::Mailer`.
    pub fn type_name(&self) -> &'static str {
        (self.name)()
    }
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

/// What is known about a handler without calling it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HandlerFacts {
    /// The function: `place_order`, `Users::rename`; the closure's type for one registered by hand.
    pub name: &'static str,
    /// The doc comment of the function, without the comment marks.
    pub docs: &'static str,
    /// Where the function is written, or where the closure was registered.
    pub location: Location,
    /// The message that it serves.
    pub message: &'static MessageFacts,
    /// Whether it is an `async fn`, or a closure that returns a future.
    pub is_async: bool,
    /// What it asks for besides the message, the bus and the context.
    pub needs: &'static [Need],
    /// Whether it takes its message by value, so that a message that is lent to it is copied.
    pub by_value: bool,
    /// What it says about the layers around it: `#[handler(retry(..), timeout = "..")]`.
    pub settings: HandlerSettings,
    /// Whether it is in another process. Then this is the transport that the message goes through, and the place where the
    /// bus was given it.
    pub is_remote: bool,
}

/// What a handler says about the layers around it, and about what it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HandlerSettings {
    /// `timeout = "2s"`.
    pub timeout: Option<Duration>,
    /// `retry(..)`.
    pub retry: Option<RetrySettings>,
    /// `sends(GetUser, OrderPlaced)`: the messages that it says it sends. Nothing holds it to that but a
    /// test with [`assert_exhaustive`](https://docs.rs/linkbus/latest/linkbus/testing/struct.Fake.html#method.assert_exhaustive).
    pub sends: &'static [&'static MessageFacts],
}

/// What a handler says about being tried again; what it does not say is left to the bus.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RetrySettings {
    /// `max = 5`: how many attempts, the first included.
    pub max: Option<u32>,
    /// `base = "50ms"`: the delay before the first retry; each further one is twice the one before, or what the bus has
    /// set for the [factor](crate::layer::Retry::factor).
    pub base: Option<Duration>,
    /// `cap = "1s"`: no delay is longer.
    pub cap: Option<Duration>,
}

impl HandlerSettings {
    #[doc(hidden)]
    pub const NONE: HandlerSettings = HandlerSettings { timeout: None, retry: None, sends: &[] };

    #[doc(hidden)]
    #[must_use]
    pub const fn with_timeout(self, timeout: Duration) -> Self {
        HandlerSettings { timeout: Some(timeout), ..self }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_sends(self, sends: &'static [&'static MessageFacts]) -> Self {
        HandlerSettings { sends, ..self }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_retry(self, max: Option<u32>, base: Option<Duration>, cap: Option<Duration>) -> Self {
        HandlerSettings { retry: Some(RetrySettings { max, base, cap }), ..self }
    }
}

impl HandlerFacts {
    #[doc(hidden)]
    pub const fn new(
        name: &'static str,
        docs: &'static str,
        location: Location,
        message: &'static MessageFacts,
        is_async: bool,
        needs: &'static [Need],
        by_value: bool,
    ) -> Self {
        let settings = HandlerSettings::NONE;
        HandlerFacts { name, docs, location, message, is_async, needs, by_value, settings, is_remote: false }
    }

    /// A handler in another process, for those who are here.
    #[cfg(feature = "transport")]
    pub(crate) fn remote(transport: &'static str, location: Location, message: &'static MessageFacts) -> Self {
        HandlerFacts { is_remote: true, ..HandlerFacts::new(transport, "", location, message, true, &[], false) }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with(self, settings: HandlerSettings) -> Self {
        HandlerFacts { settings, ..self }
    }

    /// Whether it was registered on the builder rather than collected.
    pub(crate) fn is_by_hand(&self) -> bool {
        self.location.module.is_empty()
    }
}

/// A message on its way into a handler: handed over, or lent to several.
#[doc(hidden)]
pub enum Delivered<'a, M> {
    Owned(M),
    Shared(&'a M),
}

impl<M: Message> Delivered<'_, M> {
    /// For a handler that takes `&M`.
    #[inline]
    pub fn by_ref(&self) -> &M {
        match self {
            Delivered::Owned(message) => message,
            Delivered::Shared(message) => message,
        }
    }

    /// For a handler that takes `M`: a lent message is copied.
    ///
    /// # Panics
    /// If the message is lent and is not `Clone`: a subscriber of such an event does not compile, see `by_value_fits`.
    #[inline]
    pub fn by_value(self) -> M {
        match self {
            Delivered::Owned(message) => message,
            Delivered::Shared(message) => M::CLONE.expect("checked when the handler was compiled")(message),
        }
    }
}

/// Whether a handler may take `M` by value: an event is shared by its subscribers, so each needs a copy.
#[doc(hidden)]
pub const fn by_value_fits<M: Message>() -> bool {
    M::FACTS.kind.has_one_handler() || M::CLONE.is_some()
}

/// Whether a handler may take `M` by value while others want it afterwards. Of an event another check says so.
#[doc(hidden)]
pub const fn can_be_lent<M: Message>() -> bool {
    !M::FACTS.kind.has_one_handler() || M::CLONE.is_some()
}

/// A handler that is an ordinary function. Implemented by `#[handler]`.
#[doc(hidden)]
pub trait SyncHandler<M: Message>: Sized + 'static {
    /// What it asked for, resolved.
    type Needs: Send + Sync + 'static;
    /// The bus that it asks for; `AnyBus` if it does not ask.
    type Bus;
    /// Whether it has a way to dispatch: the bus, or a dependency that might hold one.
    const MAY_DISPATCH: bool;
    /// Whether it asks for its context.
    const WANTS_CONTEXT: bool;
    /// The name that the linker knows it by, with the feature `strict-link`.
    const SYMBOL: Option<Symbol<SyncCall<M>, Self>> = None;

    fn call(needs: &Self::Needs, bus: &Self::Bus, message: Delivered<'_, M>) -> Result<M::Reply, M::Error>;
}

/// A handler that is an `async fn`. Implemented by `#[handler]`.
#[doc(hidden)]
pub trait AsyncHandler<M: Message>: Sized + 'static {
    /// What it asked for, resolved.
    type Needs: Send + Sync + 'static;
    /// Whether it has a way to dispatch: the bus, or a dependency that might hold one.
    const MAY_DISPATCH: bool;
    /// Whether it asks for its context.
    const WANTS_CONTEXT: bool;
    /// The name that the linker knows it by, with the feature `strict-link`.
    const SYMBOL: Option<Symbol<AsyncCall<M>, Self>> = None;

    fn call<'a>(
        needs: &'a Self::Needs,
        bus: &'a Bus,
        message: Delivered<'a, M>,
    ) -> impl Future<Output = Result<M::Reply, M::Error>> + Send + 'a;
}
