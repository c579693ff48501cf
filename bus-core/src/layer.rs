//! What stands around a dispatch: layers, from the outermost to the handler.

mod chain;
mod concurrency;
mod counts;
pub mod dead_letter;
mod detached;
mod direct;
mod dispatch;
mod explain;
pub(crate) mod implied;
pub mod inbox;
mod latency;
#[cfg(feature = "metrics")]
mod metrics;
mod next;
mod notes;
mod on;
mod only;
mod outcome;
mod payload;
mod per_thread;
mod retry;
mod revived;
mod shape;
mod site;
mod spans;
mod timeout;
#[cfg(feature = "tower")]
pub mod tower;
mod trace;
mod watch;

#[cfg(feature = "metrics")]
pub use self::metrics::Metrics;
#[cfg(feature = "transport")]
pub(crate) use self::next::run_later;
#[cfg(feature = "testing")]
pub(crate) use self::site::InsideRetry;
pub use self::{
    chain::Link,
    concurrency::{Concurrency, ConcurrencyStats},
    counts::{Counts, CountsSnapshot, MessageCounts, SubscriberCounts},
    dead_letter::DeadLetters,
    dispatch::Dispatch,
    explain::{ExplainedLayer, Explanation, Source, Value},
    inbox::{Inbox, InboxCounts},
    latency::{Latency, LatencyError, LatencyPercentiles, LatencyStats, SeparationSignal, SlowDispatch},
    next::{AsyncNext, Next},
    on::{On, OnAsync, TypedAsyncNext, TypedNext, on, on_async},
    only::{AsOnly, Only, Selected, Selection, only},
    outcome::{Failed, Outcome, Reason},
    payload::Dispatched,
    retry::{Jitter, Retry, RetryBudget},
    shape::{AsAround, AsAsyncAround, AsObserver, IntoLayer},
    site::Site,
    spans::Tracer,
    timeout::{Timeout, TimeoutCounts},
    trace::Trace,
};
pub(crate) use self::{
    chain::{Chain, Layered, Linked, Stack},
    next::{run, run_async, run_at_once},
    payload::{Again, ErasedPayload, Particulars, Payload},
    revived::Ready,
    site::{Build, InsideTimeout, InsideTower, Refusal},
    timeout::{SubscriberLimit, SubscriberLimits},
};
#[doc(hidden)]
pub use self::{
    outcome::LayerFailure,
    payload::{Revive, Revived, revive},
};

use std::{any::TypeId, future::Future};

use crate::{error::AnyError, flavor::Flavor, handler::BoxFuture, message::MessageFacts};

/// Sees every dispatch start and end. One implementation serves both buses.
///
/// It is there to watch: it cannot keep the inner layers and the handler from running, and a panic in it is logged and goes no
/// further. `end` runs exactly once for every dispatch that was started, whether it succeeds, fails, panics or is dropped.
///
/// What it is given lets it do more than watch, and that does what it says: [`Dispatch::replace`] in `start` has the handler get
/// another message, [`Dispatch::finish`] and [`Dispatch::refuse`] in `end` give the caller another outcome, which the observers
/// outside see. An outcome that is set in `start` is gone when the handler has its own. A layer that is to change something
/// is better an [`Around`], where that is expected.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use linkbus::{Command, SyncBus, layer::{Dispatch, Observer}};
/// # #[derive(Command)]
/// # struct Pay;
///
/// static IN_FLIGHT: AtomicU64 = AtomicU64::new(0);
///
/// struct Gauge;
///
/// impl Observer for Gauge {
///     fn start(&self, _: &mut Dispatch<'_>) {
///         IN_FLIGHT.fetch_add(1, Ordering::Relaxed);
///     }
///     fn end(&self, _: &mut Dispatch<'_>) {
///         IN_FLIGHT.fetch_sub(1, Ordering::Relaxed);
///     }
/// }
///
/// let seen = || IN_FLIGHT.load(Ordering::Relaxed);
/// let bus = SyncBus::empty().command(move |_: Pay| assert_eq!(seen(), 1)).layer(Gauge).build().unwrap();
/// bus.execute(Pay).unwrap();
/// assert_eq!(seen(), 0);
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Called before the inner layers and the handler.
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        let _ = dispatch;
    }

    /// Called after them; [`Dispatch::outcome`] says what became of it.
    fn end(&self, dispatch: &mut Dispatch<'_>);

    /// Whether it uses [`Dispatch::elapsed`]. If no observer of a place in the chain does, the clock is not read there.
    fn reads_clock(&self) -> bool {
        false
    }
}

/// Wraps a dispatch on a [`SyncBus`](crate::SyncBus): may answer in its place, change the message or the outcome, or call
/// what is inside several times: [`Next::run`] says when there is a message for that.
///
/// ```
/// use linkbus::{Command, SyncBus, layer::{Around, Dispatch, Done, Next}};
/// # #[derive(Command)]
/// # struct Pay;
///
/// struct ReadOnly(bool);
///
/// impl Around for ReadOnly {
///     fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
///         if self.0 { dispatch.refuse("the shop is read-only") } else { next.run(dispatch) }
///     }
/// }
///
/// let bus = SyncBus::empty().command(|_: Pay| ()).layer(ReadOnly(true)).build().unwrap();
/// assert!(bus.execute(Pay).unwrap_err().to_string().contains("refused"));
/// ```
pub trait Around: Send + Sync + 'static {
    /// Runs the inner layers and the handler with `next`, or does not.
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done;
}

/// Wraps a dispatch on a [`Bus`](crate::Bus), as [`Around`] does on a `SyncBus`.
///
/// One that calls what is inside again is the link of a [`Layer`] that asks for the message to be kept: the handler may take
/// it by value.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use linkbus::{Bus, Command, layer::{AsyncAround, AsyncNext, Dispatch, Done, Layer, Link, Site}};
/// # #[derive(Command, Clone)]
/// # struct Pay { cents: u64 }
///
/// struct Twice;
///
/// impl AsyncAround for Twice {
///     async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
///         next.run(dispatch).await;
///         next.run(dispatch).await
///     }
/// }
///
/// struct AllTwice;
///
/// impl Layer<Bus> for AllTwice {
///     fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
///         site.keep_message();
///         Some(Link::async_around(Twice))
///     }
/// }
///
/// static PAID: AtomicU64 = AtomicU64::new(0);
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let pay = |pay: Pay| {
///     PAID.fetch_add(pay.cents, Ordering::Relaxed);
/// };
/// let bus = Bus::empty().command(pay).layer(AllTwice).build().unwrap();
/// bus.execute(Pay { cents: 50 }).await.unwrap();
/// assert_eq!(PAID.load(Ordering::Relaxed), 100);
/// # }
/// ```
pub trait AsyncAround: Send + Sync + 'static {
    /// Runs the inner layers and the handler with `next`, or does not.
    fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> impl Future<Output = Done> + Send;
}

/// The dispatch has an outcome: given by whatever makes one, and returned by an [`Around`] or an [`AsyncAround`].
#[derive(Debug)]
pub struct Done(());

/// Something that is put around the messages of a bus, with its own say in which, made for each when the bus is built.
///
/// [`Observer`]s, [`Around`]s and [`AsyncAround`]s are layers of all messages without it. Implement it to have a state for
/// each message, to read what the handler says about itself, or to tell [`explain`](crate::Bus::explain) about values.
///
/// ```
/// use linkbus::{Flavor, Kind, Query, SyncBus, layer::{Dispatch, Layer, Link, Observer, Site}};
/// # #[derive(Query)]
/// # #[query(reply = u32)]
/// # struct Count;
///
/// /// Prints what changes something, each line with a mark.
/// struct Print { mark: char }
///
/// struct PrintOne { mark: char, what: &'static str }
///
/// impl Observer for PrintOne {
///     fn end(&self, _: &mut Dispatch<'_>) {
///         println!("{} {}", self.mark, self.what);
///     }
/// }
///
/// impl<B: Flavor> Layer<B> for Print {
///     fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
///         if site.message().kind == Kind::Query {
///             return site.leave_out("queries change nothing");
///         }
///         site.value("mark", self.mark);
///         Some(Link::observer(PrintOne { mark: self.mark, what: site.message().name }))
///     }
/// }
/// # let bus = SyncBus::empty().query(|_: Count| 1).layer(Print { mark: '>' }).build().unwrap();
/// # println!("{}", bus.explain::<Count>().unwrap());
/// # assert!(bus.explain::<Count>().unwrap().to_string().contains("queries change nothing"));
/// ```
pub trait Layer<B: Flavor>: Send + Sync + 'static {
    /// Its link in the chain of one message; `None` if it does not apply, best with
    /// [`Site::leave_out`], which says why.
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>>;

    /// What it is called in [`explain`](crate::Bus::explain): the type's name without its path.
    fn name(&self) -> &str {
        crate::message::last_segment(std::any::type_name::<Self>())
    }

    /// Whether it may have a link for `message`: asked about the layers inside another one, before they are linked.
    ///
    /// The innermost time-out around a message follows its handler's `timeout`, so a time-out in a layer of one's own is
    /// right about the messages it is not for. Default: for all.
    fn is_for(&self, message: &'static MessageFacts) -> bool {
        let _ = message;
        true
    }

    /// Which layer it is, for the others: that which `only` is put around.
    #[doc(hidden)]
    fn identity(&self) -> TypeId {
        TypeId::of::<Self>()
    }

    /// Releases what it holds. Called once, by the `close` of the bus, outermost layer first.
    ///
    /// # Errors
    /// What went wrong; the layers inside are closed all the same.
    fn close(&self) -> Result<(), AnyError> {
        Ok(())
    }
}

/// An [`AsyncAround`] behind a pointer.
#[doc(hidden)]
#[allow(missing_docs, reason = "not public")]
pub trait ErasedAsyncAround: Send + Sync {
    fn call<'a>(&'a self, dispatch: &'a mut Dispatch<'_>, next: AsyncNext<'a>) -> BoxFuture<'a, Done>;
}

impl<A: AsyncAround> ErasedAsyncAround for A {
    fn call<'a>(&'a self, dispatch: &'a mut Dispatch<'_>, next: AsyncNext<'a>) -> BoxFuture<'a, Done> {
        Box::pin(AsyncAround::call(self, dispatch, next))
    }
}
