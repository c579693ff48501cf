use std::{error::Error, fmt, slice, time::Duration};

use super::{AnyError, DispatchFailure, Failure, RecursionLimit};
use crate::{
    handler::HandlerFacts,
    layer::{LayerFailure, Reason},
    message::MessageFacts,
};

/// What became of one subscriber that did not succeed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SubscriberFailure {
    /// The subscriber failed: its own error, boxed, because subscribers of one event need not share a type.
    Handler(AnyError),
    /// The subscriber panicked: the text of the panic. Not part of `Display`: it may hold what the event held.
    Panicked(String),
    /// The subscriber ran longer than it was given, and was dropped where it waited.
    TimedOut {
        /// How long it was given.
        after: Duration,
    },
    /// Dispatches were nested too deep, so the subscriber was not called.
    RecursionLimit(RecursionLimit),
}

impl Failure<AnyError> for SubscriberFailure {
    type Dispatch = PublishError;

    fn handler(error: AnyError) -> Self {
        SubscriberFailure::Handler(error)
    }

    #[cold]
    fn recursion(limit: RecursionLimit) -> Self {
        SubscriberFailure::RecursionLimit(limit)
    }

    fn into_dispatch(self) -> PublishError {
        unreachable!("a subscriber's failure becomes that of the publication when all have run")
    }

    #[cfg(feature = "testing")]
    fn of_stub(self, stub: HandlerFacts) -> PublishError {
        PublishError::Subscriber(SubscriberError { subscriber: Box::new(stub), place: 0, failure: self })
    }

    #[cfg(feature = "testing")]
    fn of_panic(_: &'static MessageFacts, panic: String) -> Self {
        SubscriberFailure::Panicked(panic)
    }

    fn by_layer(failure: LayerFailure, message: &'static MessageFacts) -> PublishError {
        let message = message.name;
        match failure {
            #[cfg(feature = "transport")]
            LayerFailure::NoHandler => PublishError::Transport { message, source: "nobody takes events there".into() },
            #[cfg(not(feature = "transport"))]
            LayerFailure::NoHandler => unreachable!("an event needs no handler"),
            LayerFailure::RecursionLimit(limit) => PublishError::Refused { message, source: limit.into() },
            LayerFailure::TimedOut(after) => PublishError::TimedOut { message, after },
            LayerFailure::NotStarted(after) => PublishError::NotStarted { message, after },
            LayerFailure::Overloaded => PublishError::Overloaded { message },
            LayerFailure::Refused(source) => PublishError::Refused { message, source },
            #[cfg(feature = "transport")]
            LayerFailure::ShutDown => PublishError::ShutDown { message },
            #[cfg(any(feature = "testing", feature = "transport"))]
            LayerFailure::Transport(source) => PublishError::Transport { message, source },
            #[cfg(feature = "transport")]
            LayerFailure::Remote(error) => PublishError::Transport { message, source: (*error).into() },
            #[cfg(feature = "transport")]
            LayerFailure::Panicked(text) => PublishError::Transport { message, source: text.into() },
        }
    }

    #[cfg(feature = "transport")]
    fn own_error(_: &PublishError) -> Option<&AnyError> {
        None
    }

    fn erased(dispatch: &PublishError) -> &dyn DispatchFailure {
        dispatch
    }
}

/// One subscriber that did not succeed.
#[derive(Debug)]
#[non_exhaustive]
pub struct SubscriberError {
    /// Which subscriber.
    pub subscriber: Box<HandlerFacts>,
    /// Its place among the subscribers of the event, from 0.
    pub place: usize,
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
            SubscriberFailure::TimedOut { after } => {
                write!(f, "subscriber `{name}` of event `{}` exceeded its time-out of {after:?}", message.name)
            }
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
            SubscriberFailure::Panicked(_) | SubscriberFailure::TimedOut { .. } => None,
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
    /// The subscribers, called on a thread of their own, ran longer than they were given. They go on to their end.
    TimedOut {
        /// The wire name of the event.
        message: &'static str,
        /// How long they were given.
        after: Duration,
    },
    /// The time was over before the first subscriber could start, for want of a thread or of room.
    NotStarted {
        /// The wire name of the event.
        message: &'static str,
        /// How long it was given.
        after: Duration,
    },
    /// A limit on what is in flight refused the event: no subscriber was called.
    Overloaded {
        /// The wire name of the event.
        message: &'static str,
    },
    /// A layer or a transport did not let the event through, or a bus with transports does not know it: no subscriber was
    /// called.
    Refused {
        /// The wire name of the event.
        message: &'static str,
        /// Why, and what to do.
        source: AnyError,
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
            _ => &[],
        }
    }

    /// Whether publishing again may succeed, as far as the bus can tell.
    ///
    /// True only where no subscriber was called: publishing again would run those that succeeded once more.
    pub fn is_retryable(&self) -> bool {
        use PublishError::{NotStarted, Overloaded, Transport};
        matches!(self, Transport { .. } | NotStarted { .. } | Overloaded { .. })
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
                    match (&failure.failure, failure.source()) {
                        (SubscriberFailure::TimedOut { after }, _) => write!(f, ": exceeded its time-out of {after:?}"),
                        (_, Some(cause)) => write!(f, ": {cause}"),
                        (_, None) => f.write_str(": panicked"),
                    }
                })
            }
            PublishError::TimedOut { message, after } => {
                write!(f, "the subscribers of event `{message}` exceeded their time-out of {after:?}")
            }
            PublishError::NotStarted { message, after } => {
                write!(f, "no subscriber of event `{message}` could start within {after:?}")
            }
            PublishError::Overloaded { message } => write!(f, "event `{message}` was refused: too many are in flight"),
            PublishError::Refused { message, .. } => write!(f, "event `{message}` was refused"),
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
            PublishError::Refused { source, .. } | PublishError::Transport { source, .. } => Some(source.as_error()),
            _ => None,
        }
    }
}

impl DispatchFailure for PublishError {
    fn reason(&self) -> Reason {
        match self {
            PublishError::Subscriber(_) | PublishError::Several { .. } => Reason::Handler,
            PublishError::TimedOut { .. } => Reason::TimedOut,
            PublishError::NotStarted { .. } => Reason::NotStarted,
            PublishError::Overloaded { .. } => Reason::Overloaded,
            PublishError::Refused { .. } => Reason::Refused,
            PublishError::ShutDown { .. } => Reason::ShutDown,
            PublishError::Transport { .. } => Reason::Transport,
        }
    }

    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }

    fn handler_error(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PublishError::Subscriber(SubscriberError { failure: SubscriberFailure::Handler(error), .. }) => {
                Some(error.as_error())
            }
            _ => None,
        }
    }

    fn is_retryable(&self) -> bool {
        PublishError::is_retryable(self)
    }

    #[cfg(feature = "transport")]
    fn limit(&self) -> Option<Duration> {
        match self {
            PublishError::TimedOut { after, .. } | PublishError::NotStarted { after, .. } => Some(*after),
            _ => None,
        }
    }

    fn subscribers(&self) -> &[SubscriberError] {
        self.failures()
    }
}
