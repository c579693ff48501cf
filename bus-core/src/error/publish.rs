use std::{error::Error, fmt, slice};

use super::{AnyError, Failure, RecursionLimit};
use crate::handler::HandlerFacts;

/// What became of one subscriber that did not succeed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SubscriberFailure {
    /// The subscriber failed: its own error, boxed, because subscribers of one event need not share a type.
    Handler(AnyError),
    /// The subscriber panicked: the text of the panic. Not part of `Display`: it may hold what the event held.
    Panicked(String),
    /// Dispatches were nested too deep, so the subscriber was not called.
    RecursionLimit(RecursionLimit),
}

impl Failure<AnyError> for SubscriberFailure {
    fn handler(error: AnyError) -> Self {
        SubscriberFailure::Handler(error)
    }

    #[cold]
    fn recursion(limit: RecursionLimit) -> Self {
        SubscriberFailure::RecursionLimit(limit)
    }
}

/// One subscriber that did not succeed.
#[derive(Debug)]
#[non_exhaustive]
pub struct SubscriberError {
    /// Which subscriber.
    pub subscriber: Box<HandlerFacts>,
    /// What became of it.
    pub failure: SubscriberFailure,
}

impl SubscriberError {
    /// The subscriber's own error, if it is an `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match &self.failure {
            SubscriberFailure::Handler(error) => error.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for SubscriberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HandlerFacts { name, message, .. } = &*self.subscriber;
        match self.failure {
            SubscriberFailure::Handler(_) => write!(f, "subscriber `{name}` of event `{}` failed", message.name),
            SubscriberFailure::Panicked(_) => write!(f, "subscriber `{name}` of event `{}` panicked", message.name),
            SubscriberFailure::RecursionLimit(_) => {
                write!(f, "subscriber `{name}` of event `{}` was not called", message.name)
            }
        }
    }
}

impl Error for SubscriberError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.failure {
            SubscriberFailure::Handler(error) => Some(error.as_error()),
            SubscriberFailure::RecursionLimit(limit) => Some(limit),
            SubscriberFailure::Panicked(_) => None,
        }
    }
}

/// Why `publish` did not succeed for everyone. Subscribers that are not named here did.
///
/// ```
/// use linkbus::{Event, PublishError, SubscriberFailure, SyncBus};
///
/// #[derive(Event)]
/// struct Alarm;
///
/// let bus = SyncBus::empty()
///     .subscribe(|_: &Alarm| Err::<(), _>(std::fmt::Error))
///     .subscribe(|_: &Alarm| ())
///     .subscribe(|_: &Alarm| if true { panic!("on fire") })
///     .build()
///     .unwrap();
///
/// let error = bus.publish(Alarm).unwrap_err();
/// assert!(matches!(error, PublishError::Several { .. }));
/// let [first, last] = error.failures() else { unreachable!() };
/// assert!(first.downcast_ref::<std::fmt::Error>().is_some());
/// assert!(matches!(&last.failure, SubscriberFailure::Panicked(text) if text == "on fire"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// One subscriber failed: its failure, as it is.
    Subscriber(SubscriberError),
    /// Several subscribers failed, in subscription order.
    Several {
        /// The wire name of the event.
        message: &'static str,
        /// Two or more failures.
        failures: Vec<SubscriberError>,
    },
    /// The bus is gone.
    ShutDown {
        /// The wire name of the event.
        message: &'static str,
    },
    /// A transport that the event is routed to failed.
    Transport {
        /// The wire name of the event.
        message: &'static str,
        /// What the transport says.
        source: AnyError,
    },
}

impl PublishError {
    /// The result of a publish in which these subscribers failed.
    pub(crate) fn from_failures(message: &'static str, mut failures: Vec<SubscriberError>) -> Result<(), PublishError> {
        match failures.len() {
            0 => Ok(()),
            1 => Err(PublishError::Subscriber(failures.remove(0))),
            _ => Err(PublishError::Several { message, failures }),
        }
    }

    /// The subscribers that failed, in subscription order; empty if it was the bus or a transport that failed.
    pub fn failures(&self) -> &[SubscriberError] {
        match self {
            PublishError::Subscriber(error) => slice::from_ref(error),
            PublishError::Several { failures, .. } => failures,
            PublishError::ShutDown { .. } | PublishError::Transport { .. } => &[],
        }
    }

    /// Whether publishing again may succeed, as far as the bus can tell.
    ///
    /// True only for a transport failure: publishing again would run the subscribers that succeeded once more.
    pub fn is_retryable(&self) -> bool {
        matches!(self, PublishError::Transport { .. })
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::Subscriber(error) => error.fmt(f),
            PublishError::Several { message, failures } => {
                write!(f, "{} subscribers of event `{message}` failed:", failures.len())?;
                failures.iter().enumerate().try_for_each(|(place, failure)| {
                    let separator = if place == 0 { " " } else { "; " };
                    write!(f, "{separator}`{}`", failure.subscriber.name)?;
                    match failure.source() {
                        Some(cause) => write!(f, ": {cause}"),
                        None => f.write_str(": panicked"),
                    }
                })
            }
            PublishError::ShutDown { message } => {
                write!(f, "the bus is shut down, so event `{message}` was not published")
            }
            PublishError::Transport { message, .. } => write!(f, "the transport of event `{message}` failed"),
        }
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PublishError::Subscriber(error) => error.source(),
            // A chain has room for one; `Display` has them all.
            PublishError::Several { failures, .. } => failures.first().map(|first| first as &(dyn Error + 'static)),
            PublishError::ShutDown { .. } => None,
            PublishError::Transport { source, .. } => Some(source.as_error()),
        }
    }
}
