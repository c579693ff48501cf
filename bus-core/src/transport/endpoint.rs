//! Where messages arrive.

use std::{collections::HashMap, error::Error, fmt, sync::Arc, time::SystemTime};

use tracing::Instrument as _;

use super::{Answer, Codec, Envelope, Json, MessagePack, Parcel, RemoteError, codec, via::Propagator};
use crate::{
    bus::Bus,
    caught::caught,
    context::Context,
    depth,
    error::RecursionLimit,
    flavor::Flavor,
    layer::{Outcome, Ready, Reason},
    message::{Kind, MessageFacts},
    wiring::Route,
};

/// Where messages arrive: dispatches on a bus what other processes send.
///
/// It serves every message that has a handler on the bus and implements serde, and passes on every event that has
/// subscribers there. [`MessagePack`] and [`Json`] are understood without being asked for. The bus has to be
/// [`replayable`](crate::Builder::replayable), so that messages without layers can be reached too.
///
/// The example of [`Transport`](super::Transport) uses it.
#[derive(Clone)]
pub struct Endpoint {
    bus: Bus,
    codecs: Vec<Arc<dyn Codec>>,
    propagator: Option<Arc<dyn Propagator>>,
    /// The messages that are handled here, and what is missing for them to be served.
    handled: HashMap<&'static str, (&'static MessageFacts, Option<&'static str>)>,
}

/// The bus cannot be reached from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotServable {
    /// The wire names of the messages that have no layers around them.
    pub messages: Vec<&'static str>,
}

impl fmt::Display for NotServable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the bus cannot serve {}: write `.replayable()` on its builder, which lets messages without layers be \
             reached from outside",
            self.messages.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        )
    }
}

impl Error for NotServable {}

impl Endpoint {
    /// Serves what `bus` handles.
    ///
    /// # Errors
    /// [`NotServable`] if there are messages that cannot be reached from outside.
    pub fn new(bus: &Bus) -> Result<Self, NotServable> {
        let core = bus.core();
        let handled = core.wiring.routes().iter().filter(|route| has_handler(route));
        let unreachable =
            handled.clone().map(|route| route.message).filter(|facts| core.table.layered(facts).is_none());
        let messages: Vec<_> = unreachable.map(|message| message.name).collect();
        if !messages.is_empty() {
            return Err(NotServable { messages });
        }
        let handled = handled.map(|Route { message, .. }| (message.name, (*message, missing(message)))).collect();
        let codecs: Vec<Arc<dyn Codec>> = vec![Arc::new(MessagePack), Arc::new(Json)];
        Ok(Endpoint { bus: bus.clone(), codecs, propagator: None, handled })
    }

    /// Understands one more format, or another one in the place of one with the same media type.
    #[must_use]
    pub fn codec(mut self, codec: impl Codec) -> Self {
        self.codecs.insert(0, Arc::new(codec));
        self
    }

    /// Dispatches each message in a span that continues the trace of its sender.
    #[must_use]
    pub fn propagate(self, propagator: impl Propagator) -> Self {
        Endpoint { propagator: Some(Arc::new(propagator)), ..self }
    }

    /// The bus that serves.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// The messages that are served: what a worker tells its transport, by wire name.
    pub fn serves(&self) -> impl Iterator<Item = &'static MessageFacts> {
        self.handled.values().filter(|(_, missing)| missing.is_none()).map(|(message, _)| *message)
    }

    /// The messages that are handled and not served, and what is missing.
    pub fn does_not_serve(&self) -> impl Iterator<Item = (&'static MessageFacts, &'static str)> {
        self.handled.values().filter_map(|(message, missing)| Some((*message, (*missing)?)))
    }

    /// Dispatches a message that arrived; gives what is to go back. It is always answered, whatever is wrong with it.
    ///
    /// An event is not sent on to the transports of this bus, and one that this bus published is not handled again: its
    /// subscribers had it then. A message whose deadline is over is not begun. A panic is an answer, too, whoever panics: the
    /// handler, or what reads the message or writes the reply.
    pub async fn deliver(&self, parcel: Parcel) -> Answer {
        let Some(span) = caught(|| self.span(&parcel.envelope)) else { return panicked(&parcel) };
        // Boxed, because a circle of messages within one process has this on its stack once for each level.
        let delivery = Box::pin(self.deliver_within(&parcel));
        match span {
            Some(span) => delivery.instrument(span).await,
            None => delivery.await,
        }
    }

    /// What the delivery is in, where the sender's trace goes on.
    fn span(&self, envelope: &Envelope) -> Option<tracing::Span> {
        let propagator = self.propagator.as_ref()?;
        let span = tracing::info_span!(target: "linkbus", "receive", messaging.destination.name = %envelope.name);
        propagator.extract(envelope, &span);
        Some(span)
    }

    async fn deliver_within(&self, parcel: &Parcel) -> Answer {
        if parcel.envelope.kind == Kind::Event && self.is_own(&parcel.envelope) {
            return Answer::Done(Vec::new());
        }
        let (codec, mut ready) = match caught(|| self.open(parcel)) {
            Some(Ok(opened)) => opened,
            Some(Err(error)) => return Answer::Failed(Box::new(error)),
            None => return panicked(parcel),
        };
        let is_panic = depth::from_outside(parcel.envelope.depth, ready.dispatch(&self.bus)).await;
        let answered = caught(move || {
            let answer = answer(&ready, is_panic, codec);
            drop(ready);
            answer
        });
        answered.unwrap_or_else(|| panicked(parcel))
    }

    /// Whether this bus sent the message.
    fn is_own(&self, envelope: &Envelope) -> bool {
        self.bus.core().vias.iter().any(|via| via.source == envelope.source)
    }

    /// The message of the parcel in front of its layers, and its format.
    fn open(&self, parcel: &Parcel) -> Result<(&dyn Codec, Ready<'_, Bus>), RemoteError> {
        let Parcel { envelope, body } = parcel;
        let refused = |text| RemoteError::new(Reason::Refused, text);
        let name = &*envelope.name;
        let message = match self.handled.get(name) {
            None => {
                return Err(RemoteError::new(Reason::NoHandler, format!("no handler for `{name}` in this process")));
            }
            Some((_, Some(missing))) => return Err(refused(format!("`{name}` is not served: {missing}"))),
            Some((message, None)) => *message,
        };
        if message.kind != envelope.kind {
            return Err(refused(format!("`{name}` is a {} here, and came as a {}", message.kind, envelope.kind)));
        }
        let too_deep = |limit: RecursionLimit| RemoteError::new(Reason::RecursionLimit, limit.to_string());
        depth::admit(message, envelope.depth, self.bus.core().table.limit()).map_err(too_deep)?;
        let left = envelope.deadline.and_then(|_| envelope.time_left(SystemTime::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(RemoteError::new(Reason::NotStarted, format!("`{name}` came after its deadline")));
        }
        let asked = |codec: &&Arc<dyn Codec>| codec.content_type() == envelope.content_type;
        let codec = self.codecs.iter().find(asked);
        let codec =
            codec.ok_or_else(|| refused(format!("`{}` is no format that is known here", envelope.content_type)))?;
        let revive = message.revive.expect("only messages that can be read are served");
        let revived = codec::read(&**codec, body, revive);
        let revived = revived.map_err(|error| refused(format!("the body of `{name}` cannot be read: {error}")))?;
        let layered = self.bus.core().table.layered(message).expect("looked at by `new`");
        let mut payload = revived.0;
        payload.set_care(layered.care);
        let particulars = payload.particulars_mut();
        particulars.is_foreign = true;
        particulars.attempt = envelope.attempt;
        particulars.context = Some(Context::of_envelope(message, envelope));
        particulars.deadline = left.map(|left| layered.clock.now() + left);
        Ok((&**codec, Ready { layered, payload }))
    }
}

/// Whether somebody handles it here.
fn has_handler(route: &Route) -> bool {
    route.handlers.iter().any(|handler| !handler.is_remote)
}

/// What the message lacks to be served.
fn missing(message: &MessageFacts) -> Option<&'static str> {
    if !message.abilities.deserialize {
        return Some("it is not `serde::Deserialize`");
    }
    let has_reply = message.kind != Kind::Query || message.abilities.serialize_reply;
    (!has_reply).then_some("its reply is not `serde::Serialize`")
}

/// What goes back if a panic was not the handler's.
fn panicked(parcel: &Parcel) -> Answer {
    let text = format!("what reads `{0}` or writes the answer to `{0}` panicked", parcel.envelope.name);
    Answer::Failed(Box::new(RemoteError::new(Reason::Panicked, text)))
}

/// What goes back for a dispatch that is over.
fn answer(ready: &Ready<'_, Bus>, is_panic: bool, codec: &dyn Codec) -> Answer {
    let message = ready.payload.facts();
    let error = match ready.payload.outcome() {
        _ if is_panic => RemoteError::new(Reason::Panicked, format!("the handler of `{}` panicked", message.name)),
        Outcome::Failed(failed) => {
            let written = ready.payload.serialize_error().and_then(|error| codec::write(codec, error).ok());
            RemoteError::of(failed, message.error_name(), written)
        }
        _ => match ready.payload.serialize_reply().map(|reply| codec::write(codec, reply)).transpose() {
            Ok(reply) => return Answer::Done(reply.unwrap_or_default()),
            Err(error) => {
                let text = format!("the reply to `{}` cannot be written: {error}", message.name);
                RemoteError::new(Reason::Refused, text)
            }
        },
    };
    Answer::Failed(Box::new(error))
}
