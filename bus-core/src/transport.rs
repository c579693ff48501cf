//! Messages that another process handles: the port that every transport implements.
//!
//! A program is split by configuration, not by code. A bus that is given a transport sends what nobody handles here through
//! it, and its events as well; a process at the other end puts its bus behind an [`Endpoint`], which dispatches what arrives.
//!
//! ```text
//! bus.send(GetUser) -> layers -> Via -> Transport  ~~>  Endpoint -> layers -> handler
//!                      ^ the caller's                               ^ the handler's
//! ```
//!
//! The bus owns the [`Envelope`], a [`Codec`] sees only the body, and a transport only carries both: [`Parcel`]. What arrives
//! is decoded to a type in the registry or answered with what is wrong with it; nothing is dropped. Messages that go in circles over
//! several processes end as those in one do, with [`RecursionLimit`](crate::RecursionLimit): the envelope says how deep they are nested.
//!
//! | what | who has it |
//! |---|---|
//! | one transport for everything, or some names for one and some for another | [`Via`], given to [`Builder::transport`](crate::Builder::transport) |
//! | what a transport promises | [`Features`] |
//! | the body | [`MessagePack`] unless set, [`Json`], or a [`Codec`] of one's own |
//! | what arrives | [`Endpoint`] |
//! | what is kept in order | [`Key`], where the transport promises [`Order::PerKey`] |
//! | errors | [`RemoteError`], or the handler's own error, if it implements serde |

mod carry;
mod codec;
mod endpoint;
mod envelope;
mod features;
mod key;
mod remote_error;
mod via;

use std::{error::Error, fmt, future::Future, sync::Arc, time::Duration};

pub(crate) use self::{carry::Carry, codec::read as read_body, remote_error::Received};
pub use self::{
    codec::{Body, Codec, Json, MessagePack, Target},
    endpoint::{Endpoint, NotServable},
    envelope::{Envelope, Malformed, VERSION},
    features::{Completion, Delivery, Features, Order},
    key::Key,
    remote_error::RemoteError,
    via::{Propagator, Via},
};
use crate::{
    error::{AnyError, CloseError},
    handler::BoxFuture,
};

/// A message on its way: the envelope of the bus, and the body as a codec wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parcel {
    /// What the bus says about the message.
    pub envelope: Envelope,
    /// The message, in the format that the envelope names.
    pub body: Vec<u8>,
}

/// What comes back for a [`Parcel`].
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was handled; for a transport that [completes](Features::completion) early, it was accepted. Of a query this is the
    /// reply, in the format of the parcel; of the other kinds it is empty.
    Done(Vec<u8>),
    /// It was not, or its handler failed.
    Failed(Box<RemoteError>),
}

/// Carries messages to other processes. Few methods: envelope, codecs, routing and errors are the bus's business.
///
/// ```
/// use linkbus::{Bus, Query, transport::{Answer, Endpoint, Features, Parcel, Transport, Undelivered}};
///
/// #[derive(Query, serde::Serialize, serde::Deserialize)]
/// #[query(reply = u32)]
/// struct Twice(u32);
///
/// /// Carries messages to another bus of this process.
/// struct Direct(Endpoint);
///
/// impl Transport for Direct {
///     fn name(&self) -> &'static str {
///         "direct"
///     }
///
///     fn features(&self) -> Features {
///         Features::default()
///     }
///
///     async fn carry(&self, parcel: Parcel) -> Result<Answer, Undelivered> {
///         Ok(self.0.deliver(parcel).await)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let there = Bus::empty().query(|twice: Twice| twice.0 * 2).replayable().build()?;
/// let here = Bus::empty().message::<Twice>().transport(Direct(Endpoint::new(&there)?)).build()?;
/// assert_eq!(here.send(Twice(4)).await?, 8);
/// # Ok(())
/// # }
/// ```
pub trait Transport: Send + Sync + 'static {
    /// What it is called in errors, logs and [`explain`](crate::Bus::explain): `zmq`.
    fn name(&self) -> &'static str;

    /// What it promises.
    fn features(&self) -> Features;

    /// Carries a message, and gives what comes back. An event is done when the transport has taken it.
    ///
    /// Dropping the future gives the answer up; the message may be handled all the same.
    ///
    /// # Errors
    /// [`Undelivered`] if no answer came: whether it was handled is then as the variant says.
    fn carry(&self, parcel: Parcel) -> impl Future<Output = Result<Answer, Undelivered>> + Send;

    /// Releases what it holds, after what was accepted is on its way. Called by the `close` of the bus, behind its layers.
    ///
    /// # Errors
    /// What was not sent, or could not be released.
    fn close(&self) -> impl Future<Output = Result<(), AnyError>> + Send {
        async { Ok(()) }
    }
}

/// Why a transport has no answer for a message.
#[derive(Debug)]
#[non_exhaustive]
pub enum Undelivered {
    /// Nobody serves the message: it was not handled.
    NoHandler,
    /// There was no answer in this time: whether it was handled is not known.
    TimedOut(Duration),
    /// More is under way than the transport allows: it was not handled.
    Overloaded,
    /// The message is larger than the transport carries: it was not handled.
    TooLarge {
        /// Its bytes, with the envelope.
        size: usize,
        /// How many there may be.
        limit: usize,
    },
    /// It cannot be kept until it is due, and was not sent at all: why, and what to do.
    CannotWait(AnyError),
    /// The transport is closed: it was not handled.
    Closed,
    /// The transport failed: whether it was handled is not known.
    Failed(AnyError),
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undelivered::NoHandler => f.write_str("no process serves the message"),
            Undelivered::TimedOut(after) => write!(f, "no answer within {after:?}"),
            Undelivered::Overloaded => f.write_str("too many messages are under way"),
            Undelivered::TooLarge { size, limit } => {
                write!(f, "the message has {size} bytes, and no more than {limit} are carried")
            }
            Undelivered::Closed => f.write_str("the transport is closed"),
            Undelivered::Failed(error) | Undelivered::CannotWait(error) => error.fmt(f),
        }
    }
}

impl Error for Undelivered {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Undelivered::Failed(error) | Undelivered::CannotWait(error) => error.as_error().source(),
            _ => None,
        }
    }
}

/// Closes transports after the layers, and adds what went wrong to what went wrong there.
pub(crate) async fn close(layers: Result<(), CloseError>, vias: &[Arc<Via>]) -> Result<(), CloseError> {
    let mut failures = layers.err().map(|error| error.failures).unwrap_or_default();
    for via in vias {
        failures.extend(via.close().await.err());
    }
    if failures.is_empty() { Ok(()) } else { Err(CloseError { failures }) }
}

/// A [`Transport`] behind a pointer.
pub(crate) trait ErasedTransport: Send + Sync {
    fn name(&self) -> &'static str;
    fn features(&self) -> Features;
    fn carry(&self, parcel: Parcel) -> BoxFuture<'_, Result<Answer, Undelivered>>;
    fn close(&self) -> BoxFuture<'_, Result<(), AnyError>>;
}

impl<T: Transport> ErasedTransport for T {
    fn name(&self) -> &'static str {
        Transport::name(self)
    }

    fn features(&self) -> Features {
        Transport::features(self)
    }

    fn carry(&self, parcel: Parcel) -> BoxFuture<'_, Result<Answer, Undelivered>> {
        Box::pin(Transport::carry(self, parcel))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), AnyError>> {
        Box::pin(Transport::close(self))
    }
}
