//! What the bus says about a message on its way.

mod usual;

use std::{
    borrow::Cow,
    error::Error,
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Codec, Key, codec};
use crate::{
    context::Context,
    message::{Kind, Message},
};

/// The version of the envelope. A receiver answers one that is higher; it does not guess.
pub const VERSION: u8 = 1;

/// What the bus says about a message on its way. A transport may read it, and sets nothing but [`attempt`](Self::attempt).
///
/// On the wire it is a MessagePack map with these names, without [`key`](Self::key); what is `None` is left out, and names that a receiver does not know
/// are passed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Envelope {
    /// [`VERSION`].
    pub version: u8,
    /// Query, command, event or task: `query` and so on, on the wire.
    #[serde(with = "label")]
    pub kind: Kind,
    /// The wire name of the message.
    pub name: Cow<'static, str>,
    /// The id of the dispatch; each attempt has the same.
    pub id: Uuid,
    /// The id that everything caused by one first dispatch shares.
    pub correlation: Uuid,
    /// The id of the dispatch whose handler sent this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<Uuid>,
    /// The bus that sent it: an event that comes back to it is not handled there again.
    pub source: Uuid,
    /// Counted from 1: a retry of the sender counts it up, and so does a transport that delivers again.
    #[serde(default = "first")]
    pub attempt: u32,
    /// In how many handlers it is nested, those of other processes included: 0, left out on the wire, is in none. Where it is as
    /// much as a bus [allows](crate::Builder::max_depth), the message is refused.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u32,
    /// When the sender gives up, in milliseconds since 1970: nobody has to begin with it afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<u64>,
    /// Not before when it is to be handled, in milliseconds since 1970; `None` is at once. Only transports that
    /// [keep messages for later](super::Features::schedules) are given one, and where it is handled it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<u64>,
    /// The media type of the body.
    #[serde(deserialize_with = "codec::read_content_type")]
    pub content_type: Cow<'static, str>,
    /// W3C trace context of the sender, if a [propagator](super::Via::propagate) gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What belongs to [`traceparent`](Self::traceparent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
    /// What the message is kept in order by, if it has a [key](Key) and the transport promises [`Order::PerKey`](super::Order::PerKey).
    /// It is not on the wire: the transport makes of it what it needs.
    #[serde(skip)]
    pub key: Option<Key>,
}

#[derive(Deserialize)]
struct OnlyVersion {
    version: u8,
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(depth: &u32) -> bool {
    *depth == 0
}

/// A kind by its label.
mod label {
    use serde::{Deserializer, Serializer, de::Error as _};

    use crate::{message::Kind, transport::codec};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.label())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(format: D) -> Result<Kind, D::Error> {
        codec::read_text(format, |label| {
            Kind::from_label(label).ok_or_else(|| D::Error::custom(format_args!("`{label}` is no kind of message")))
        })?
    }
}

impl Envelope {
    /// The envelope of a new dispatch of `M`, for tests and tools: the bus makes its own.
    pub fn of<M: Message>() -> Self {
        Envelope::new(&Context::of_message(M::FACTS), crate::id::new(), None, &super::MessagePack)
    }

    /// The envelope of a message that no bus sent, as a program in another language may send one: with a new id that begins a
    /// correlation of its own, from a source that is no bus, at its first attempt, and in JSON. A transport sets what it knows
    /// better.
    ///
    /// ```
    /// # use linkbus::{Kind, transport::Envelope};
    /// let envelope = Envelope::foreign(Kind::Command, "shop.Ship");
    /// assert_eq!((&*envelope.content_type, envelope.attempt), ("application/json", 1));
    /// assert_eq!(envelope.correlation, envelope.id);
    /// ```
    pub fn foreign(kind: Kind, name: impl Into<Cow<'static, str>>) -> Self {
        let id = crate::id::new();
        Envelope {
            version: VERSION,
            kind,
            name: name.into(),
            id,
            correlation: id,
            causation: None,
            source: Uuid::nil(),
            attempt: first(),
            depth: 0,
            deadline: None,
            due: None,
            content_type: codec::content_type(super::Json.content_type()),
            traceparent: None,
            tracestate: None,
            key: None,
        }
    }

    pub(super) fn new(context: &Context, source: Uuid, deadline: Option<SystemTime>, format: &dyn Codec) -> Self {
        Envelope {
            version: VERSION,
            kind: context.message().kind,
            name: Cow::Borrowed(context.message().name),
            id: context.id(),
            correlation: context.correlation_id(),
            causation: context.causation_id(),
            source,
            attempt: context.attempt(),
            depth: 0,
            deadline: deadline.map(millis),
            due: None,
            content_type: codec::content_type(format.content_type()),
            traceparent: None,
            tracestate: None,
            key: None,
        }
    }

    /// The same for a message that is kept until then, if it is: its sender waits for nothing more.
    pub(super) fn due_at(self, due: Option<SystemTime>) -> Self {
        let Some(due) = due else { return self };
        // Up to the next millisecond: never before.
        let due = due.checked_add(Duration::from_nanos(999_999)).unwrap_or(due);
        Envelope { due: Some(millis(due)), deadline: None, ..self }
    }

    /// The envelope as bytes.
    ///
    /// ```
    /// # use linkbus::{Command, transport::Envelope};
    /// # #[derive(Command)]
    /// # struct Ship;
    /// let envelope = Envelope::of::<Ship>();
    /// assert_eq!(Envelope::from_bytes(&envelope.to_bytes()).unwrap(), envelope);
    /// ```
    ///
    /// # Panics
    /// Never: every envelope can be written.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = codec::room();
        self.append_to(&mut bytes);
        bytes
    }

    /// Appends the envelope to `out`, [as bytes](Self::to_bytes).
    ///
    /// ```
    /// # use linkbus::{Command, transport::Envelope};
    /// # #[derive(Command)]
    /// # struct Ship;
    /// let envelope = Envelope::of::<Ship>();
    /// let mut frame = vec![7];
    /// envelope.append_to(&mut frame);
    /// assert_eq!(frame[1..], envelope.to_bytes());
    /// ```
    ///
    /// # Panics
    /// Never: every envelope can be written.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        if !usual::append(self, out) {
            codec::append_own(self, out);
        }
    }

    /// Reads one. What it takes in memory is bounded by the length of `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] if it is none, or one of a version that this one does not know.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        if let Some(envelope) = usual::read(bytes) {
            return Ok(envelope);
        }
        match codec::read_own::<Envelope>(bytes) {
            Ok(envelope) if envelope.version == VERSION => Ok(envelope),
            Ok(envelope) => Err(Malformed::Version(envelope.version)),
            // A later version may have other names.
            Err(error) => Err(match codec::read_own(bytes) {
                Ok(OnlyVersion { version }) if version != VERSION => Malformed::Version(version),
                _ => Malformed::Unreadable(error.to_string()),
            }),
        }
    }

    /// How much time is left at `now`; `None` if there is no deadline.
    pub fn time_left(&self, now: SystemTime) -> Option<Duration> {
        let deadline = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.deadline?))?;
        Some(deadline.duration_since(now).unwrap_or_default())
    }
}

/// As an envelope has it: in milliseconds since 1970.
fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Bytes that are no envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// They cannot be read; what is wrong with them.
    Unreadable(String),
    /// The envelope has a version that this one does not know.
    Version(u8),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Unreadable(problem) => write!(f, "not an envelope: {problem}"),
            Malformed::Version(version) => {
                write!(f, "an envelope of version {version}, and only version {VERSION} is known here")
            }
        }
    }
}

impl Error for Malformed {}
