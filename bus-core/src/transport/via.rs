//! Which messages go through a transport, and how they are written.

use std::sync::Arc;

use uuid::Uuid;

use super::{Codec, Completion, Envelope, ErasedTransport, Features, MessagePack, Order, Parcel, Received, Transport};
use crate::{error::AnyError, message::MessageFacts};

/// A transport, which messages go through it, and how they are written.
///
/// A message that has a handler on the bus does not leave it. Of the others each query, command and task goes through the
/// first transport that takes it, and each event through all that do, whether or not it has subscribers here as well.
///
/// ```
/// # use linkbus::{Bus, Command, transport::{Answer, Features, Json, Parcel, Transport, Undelivered, Via}};
/// # #[derive(Command, serde::Serialize, serde::Deserialize)]
/// # #[command(name = "billing.Charge")]
/// # struct Charge;
/// # struct Cluster;
/// # impl Transport for Cluster {
/// #     fn name(&self) -> &'static str { "cluster" }
/// #     fn features(&self) -> Features { Features::default() }
/// #     async fn carry(&self, _: Parcel) -> Result<Answer, Undelivered> { Err(Undelivered::NoHandler) }
/// # }
/// # fn configured() -> Vec<String> { vec!["billing.*".into()] }
/// let names: Vec<String> = configured(); // `billing.*` or `billing.Charge`: a file may say which
/// let bus = Bus::empty()
///     .message::<Charge>()
///     .transport(Via::new(Cluster).only(names).codec(Json))
///     .build()
///     .unwrap();
/// println!("{}", bus.explain::<Charge>().unwrap()); // .. through `cluster` as application/json
/// # assert!(bus.explain::<Charge>().unwrap().to_string().contains("format = application/json"));
/// ```
pub struct Via {
    pub(super) transport: Arc<dyn ErasedTransport>,
    pub(super) codec: Arc<dyn Codec>,
    /// What tells its bus apart from others, in envelopes.
    pub(super) source: Uuid,
    propagator: Option<Arc<dyn Propagator>>,
    only: Option<Vec<String>>,
    except: Vec<String>,
}

impl<T: Transport> From<T> for Via {
    fn from(transport: T) -> Self {
        Via::new(transport)
    }
}

impl Via {
    /// Everything, as [`MessagePack`].
    #[must_use]
    pub fn new(transport: impl Transport) -> Self {
        Via {
            transport: Arc::new(transport),
            codec: Arc::new(MessagePack),
            source: crate::id::new(),
            propagator: None,
            only: None,
            except: Vec::new(),
        }
    }

    /// Only messages with these wire names; a `*` at the end stands for whatever follows. Further calls add to them.
    ///
    /// A name that no message of the bus fits is told to `tracing` as a warning when the bus is built.
    #[must_use]
    pub fn only<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.only.get_or_insert_default().extend(names.into_iter().map(Into::into));
        self
    }

    /// No messages with these wire names, written as for [`only`](Self::only), which it goes before.
    #[must_use]
    pub fn except<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.except.extend(names.into_iter().map(Into::into));
        self
    }

    /// The format of bodies. The other end has to [know it](super::Endpoint::codec).
    #[must_use]
    pub fn codec(self, codec: impl Codec) -> Self {
        Via { codec: Arc::new(codec), ..self }
    }

    /// Sends the trace context of the caller along.
    #[must_use]
    pub fn propagate(self, propagator: impl Propagator) -> Self {
        Via { propagator: Some(Arc::new(propagator)), ..self }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.transport.name()
    }

    pub(crate) fn takes(&self, message: &MessageFacts) -> bool {
        let is_named = |names: &[String]| names.iter().any(|pattern| fits(pattern, message.name));
        self.only.as_deref().is_none_or(is_named) && !is_named(&self.except)
    }

    /// What [`only`](Self::only) was given that is the name of none of these messages.
    pub(crate) fn idle_names(&self, messages: &[&str]) -> impl Iterator<Item = &str> {
        let is_idle = |pattern: &&str| !messages.iter().any(|name| fits(pattern, name));
        self.only.iter().flatten().map(String::as_str).filter(is_idle)
    }

    /// How many messages of a batch may be under way.
    pub(crate) fn batch_window(&self, message: &MessageFacts) -> usize {
        let Features { completion, batch_window, order, .. } = self.transport.features();
        let is_in_order = order == Order::PerKey && message.fields.iter().any(|field| field.key);
        if completion == Completion::Accepted && !is_in_order { batch_window } else { 1 }
    }

    /// Carries a message; gives what comes back.
    pub(super) async fn carry(&self, mut parcel: Parcel) -> Received<'_> {
        if let Some(propagator) = &self.propagator {
            propagator.inject(&mut parcel.envelope);
        }
        let answer = self.transport.carry(parcel).await;
        Received { answer, codec: &*self.codec }
    }

    pub(crate) async fn close(&self) -> Result<(), (String, AnyError)> {
        let closed = self.transport.close().await;
        closed.map_err(|error| (self.transport.name().to_owned(), error))
    }
}

/// Whether `name` is what `pattern` says: itself, or what begins like it up to the `*` at the end.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

/// Takes the trace context of the caller over to the other process, as W3C `traceparent` and `tracestate`.
///
/// `examples/observability` has one for OpenTelemetry.
pub trait Propagator: Send + Sync + 'static {
    /// Puts the context of the current span into the envelope.
    fn inject(&self, envelope: &mut Envelope);

    /// Makes `span`, in which the message is then dispatched, a child of what the envelope says.
    fn extract(&self, envelope: &Envelope, span: &tracing::Span);
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_at_the_end_stands_for_whatever_follows_and_nothing_else_is_special() {
        assert!(fits("billing.Charge", "billing.Charge") && !fits("billing.Charge", "billing.ChargeAll"));
        assert!(fits("billing.*", "billing.Charge") && !fits("billing.*", "billings.Charge"));
        assert!(fits("*", "billing.Charge") && !fits("*.Charge", "billing.Charge"));
    }
}
