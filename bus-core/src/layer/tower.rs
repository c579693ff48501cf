//! Any layer of the crate [`tower`](https://docs.rs/tower) around the dispatches of a [`Bus`]: rate limits,
//! load shedding, buffers and what else there is. Needs the feature `tower`.
//!
//! [`Tower`] is the layer; the other types are what tower services see of a dispatch.

mod link;
mod passage;

use std::{
    any::type_name,
    error::Error,
    sync::{Arc, OnceLock},
};

use tokio::sync::Mutex;

use self::link::Gated;
pub use self::passage::{Crossing, Inside, Passage, Passed, Unsuccessful};
use super::{InsideTower, Layer, Link, Site};
use crate::bus::Bus;

type BoxError = Box<dyn Error + Send + Sync>;

/// Whether an error is of a certain type.
type Recognise = fn(&(dyn Error + 'static)) -> bool;

/// A service that tower layers made of [`Inside`]: anything that takes [`Passage`]s and answers [`Passed`].
///
/// It is implemented for all of them, and for nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be put around a dispatch",
    label = "expected a tower service that takes `Passage` and answers `Passed`",
    note = "the tower layer has to leave request and response as they are, its error must convert into a boxed error, and its service and future must be `Send`"
)]
pub trait TowerService:
    tower_service::Service<Passage, Response = Passed, Error: Into<BoxError>, Future: Send> + Send + 'static
{
}

impl<S> TowerService for S where
    S: tower_service::Service<Passage, Response = Passed, Error: Into<BoxError>, Future: Send> + Send + 'static
{
}

/// Puts a tower layer, or a whole `tower::ServiceBuilder`, around the dispatches of a [`Bus`].
///
/// The tower layer decides whether and when a dispatch begins, and may give it up while it is under way: then it is
/// dropped. It sees [which](Passage) dispatch it is, but not the message and not the reply, and a dispatch that came to its
/// end keeps its outcome, whatever the tower layer makes of it.
///
/// A dispatch that is not let in, or given up, fails with `Refused`, whose source is the error of the tower layer; with
/// `Overloaded`, if [`overloaded_by`](Self::overloaded_by) names that error.
///
/// ```
/// use std::time::Duration;
/// use linkbus::{Bus, Command, ExecuteError, layer::tower::Tower};
/// use tower::{ServiceBuilder, load_shed::error::Overloaded};
///
/// #[derive(Command)]
/// struct Mail;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// // Two a second; what is too much is refused at once.
/// let limit = ServiceBuilder::new().load_shed().rate_limit(2, Duration::from_secs(1));
/// let bus = Bus::empty()
///     .command(|_: Mail| ())
///     .layer(Tower::of_bus(limit).overloaded_by::<Overloaded>())
///     .build()
///     .unwrap();
/// bus.execute(Mail).await.unwrap();
/// bus.execute(Mail).await.unwrap();
/// assert!(matches!(bus.execute(Mail).await, Err(ExecuteError::Overloaded { .. })));
/// # }
/// ```
pub struct Tower<L: tower_layer::Layer<Inside>> {
    layer: L,
    scope: Scope<L::Service>,
    is_overload: Vec<Recognise>,
    at_ingress: bool,
    only_admits: bool,
}

/// For whom a service is.
enum Scope<S> {
    /// Made when the first message is linked.
    Bus(OnceLock<Arc<Mutex<S>>>),
    Message,
}

impl<L: tower_layer::Layer<Inside, Service: TowerService> + Send + Sync + 'static> Tower<L> {
    /// One service for all messages together: a rate limit is one of the bus.
    ///
    /// It is made when the bus is built, so a layer that spawns a task, like tower's buffer, needs a runtime there.
    pub fn of_bus(layer: L) -> Self {
        let scope = Scope::Bus(OnceLock::new());
        Tower { layer, scope, is_overload: Vec::new(), at_ingress: false, only_admits: false }
    }

    /// A service for each message: a rate limit is one of each.
    ///
    /// ```
    /// use std::time::Duration;
    /// use linkbus::{Bus, layer::tower::Tower};
    /// use tower::limit::RateLimitLayer;
    ///
    /// let limit = RateLimitLayer::new(100, Duration::from_secs(1));
    /// Bus::empty().layer(Tower::per_message(limit)).build().unwrap();
    /// ```
    pub fn per_message(layer: L) -> Self {
        Tower { scope: Scope::Message, ..Tower::of_bus(layer) }
    }

    /// A dispatch that the tower layer turns away with an `E`, or with an error that an `E` caused, fails with `Overloaded`.
    ///
    /// Without it, such a dispatch fails with `Refused`. The example of [`Tower`] uses it.
    #[must_use]
    pub fn overloaded_by<E: Error + 'static>(mut self) -> Self {
        self.is_overload.push(<dyn Error>::is::<E>);
        self
    }

    /// What is dispatched from inside a handler goes past the tower layer. Default: it goes through it too.
    ///
    /// For layers that limit what is in flight: without it a handler that dispatches waits for the place that it has itself.
    ///
    /// ```
    /// use linkbus::{Bus, layer::tower::Tower};
    /// use tower::limit::ConcurrencyLimitLayer;
    ///
    /// Bus::empty().layer(Tower::of_bus(ConcurrencyLimitLayer::new(10)).at_ingress()).build().unwrap();
    /// ```
    #[must_use]
    pub fn at_ingress(self) -> Self {
        Tower { at_ingress: true, ..self }
    }

    /// Says that the tower layer decides about what comes in and never gives up what it has let in, as a rate limit, load
    /// shed or a concurrency limit. Default: it may, as a time-out does.
    ///
    /// [`DeadLetters`](crate::layer::DeadLetters) are refused inside a tower layer that may: they take what is given up
    /// from outside for the decision of the caller, and the message would be lost without a letter.
    ///
    /// ```
    /// use std::time::Duration;
    /// use linkbus::{Bus, layer::{DeadLetters, tower::Tower}};
    /// use tower::limit::RateLimitLayer;
    ///
    /// let limit = RateLimitLayer::new(100, Duration::from_secs(1));
    /// Bus::empty().layer(Tower::of_bus(limit).only_admits()).layer(DeadLetters::in_memory()).build().unwrap();
    /// ```
    #[must_use]
    pub fn only_admits(self) -> Self {
        Tower { only_admits: true, ..self }
    }

    fn make(&self) -> Arc<Mutex<L::Service>> {
        Arc::new(Mutex::new(self.layer.layer(Inside::new())))
    }
}

impl<L: tower_layer::Layer<Inside, Service: TowerService> + Send + Sync + 'static> Layer<Bus> for Tower<L> {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        let (service, of) = match &self.scope {
            Scope::Bus(service) => (Arc::clone(service.get_or_init(|| self.make())), "the bus"),
            Scope::Message => (self.make(), "each message"),
        };
        site.value("layer", type_name::<L>());
        site.value("one for", of);
        if self.at_ingress {
            site.value("from inside handlers", "goes past");
        }
        if self.only_admits {
            site.value("what it let in", "stays");
        } else {
            site.mark::<InsideTower>();
        }
        let is_overload = self.is_overload.as_slice().into();
        Some(Link::async_around(Gated { service, is_overload, at_ingress: self.at_ingress }))
    }

    fn name(&self) -> &'static str {
        "Tower"
    }
}
