//! What became of a dispatch, for those who do not know its types.

use std::{error::Error, fmt, time::Duration};

use crate::{
    depth::RecursionLimit,
    error::{AnyError, DispatchFailure, SubscriberError},
};

/// What became of a dispatch.
///
/// The example of [`Dispatch`](super::Dispatch) uses it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// It is not over.
    Pending,
    /// The handler succeeded, or a layer answered in its place; an event: all subscribers did.
    Succeeded,
    /// It failed.
    Failed(Failed<'a>),
    /// The handler panicked, and the panic unwinds into the caller.
    Panicked,
    /// The caller, or a time-out outside this layer, dropped it before it was over.
    Abandoned,
}

impl<'a> Outcome<'a> {
    /// One word: `pending`, `succeeded`, `panicked`, `abandoned`, or that of [`Reason::label`].
    pub fn label(&self) -> &'static str {
        match self {
            Outcome::Pending => "pending",
            Outcome::Succeeded => "succeeded",
            Outcome::Failed(failed) => failed.reason().label(),
            Outcome::Panicked => "panicked",
            Outcome::Abandoned => "abandoned",
        }
    }

    /// Why it failed, if it did so with an error.
    pub fn failed(&self) -> Option<Failed<'a>> {
        match self {
            Outcome::Failed(failed) => Some(*failed),
            _ => None,
        }
    }
}

/// Why a dispatch failed: a `SendError`, `ExecuteError`, `DispatchError` or `PublishError` whose types are forgotten.
#[derive(Clone, Copy)]
pub struct Failed<'a>(&'a dyn DispatchFailure);

impl<'a> Failed<'a> {
    pub(super) fn of(failure: &'a dyn DispatchFailure) -> Self {
        Failed(failure)
    }

    /// Which variant it is.
    pub fn reason(self) -> Reason {
        self.0.reason()
    }

    /// The error that the caller gets.
    pub fn error(self) -> &'a (dyn Error + 'static) {
        self.0.as_error()
    }

    /// The handler's own error, if that is what it failed with.
    pub fn handler_error(self) -> Option<&'a (dyn Error + 'static)> {
        self.0.handler_error()
    }

    /// The handler's own error, if it is an `E`.
    pub fn downcast_ref<E: Error + 'static>(self) -> Option<&'a E> {
        self.handler_error()?.downcast_ref()
    }

    /// The subscribers of an event that failed, in subscription order; empty for the other kinds.
    pub fn subscribers(self) -> &'a [SubscriberError] {
        self.0.subscribers()
    }

    /// How long it was given, if that was too short.
    #[cfg(feature = "transport")]
    pub(crate) fn limit(self) -> Option<std::time::Duration> {
        self.0.limit()
    }

    /// What the error says of itself, such as [`SendError::is_retryable`](crate::SendError::is_retryable).
    pub fn is_retryable(self) -> bool {
        self.0.is_retryable()
    }
}

impl fmt::Debug for Failed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failed").field(&self.reason()).finish()
    }
}

/// In which way a dispatch failed: the variants of the four errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No handler is wired for the message.
    NoHandler,
    /// The handler failed with its own error; an event: at least one subscriber did not succeed.
    Handler,
    /// The handler ran longer than it was given.
    TimedOut,
    /// The time was over before the handler could start.
    NotStarted,
    /// A limit on what is in flight refused it.
    Overloaded,
    /// A layer did not let it through.
    Refused,
    /// The handler panicked behind a worker or a transport.
    Panicked,
    /// Dispatches were nested too deep.
    RecursionLimit,
    /// The bus is gone.
    ShutDown,
    /// The transport failed.
    Transport,
}

impl Reason {
    /// All of them.
    pub(crate) const ALL: [Self; 10] = [
        Reason::NoHandler,
        Reason::Handler,
        Reason::TimedOut,
        Reason::NotStarted,
        Reason::Overloaded,
        Reason::Refused,
        Reason::Panicked,
        Reason::RecursionLimit,
        Reason::ShutDown,
        Reason::Transport,
    ];

    /// The one with this [label](Self::label).
    ///
    /// ```
    /// use linkbus::layer::Reason;
    ///
    /// assert_eq!(Reason::from_label("timed_out"), Some(Reason::TimedOut));
    /// assert_eq!(Reason::from_label("bored"), None);
    /// ```
    pub fn from_label(label: &str) -> Option<Self> {
        Reason::ALL.into_iter().find(|reason| reason.label() == label)
    }

    /// A word for logs and metric labels, which does not change: `no_handler`, `failed`, `timed_out`, `not_started`,
    /// `overloaded`, `refused`, `panicked`, `recursion_limit`, `shut_down`, `transport`.
    pub const fn label(self) -> &'static str {
        match self {
            Reason::NoHandler => "no_handler",
            Reason::Handler => "failed",
            Reason::TimedOut => "timed_out",
            Reason::NotStarted => "not_started",
            Reason::Overloaded => "overloaded",
            Reason::Refused => "refused",
            Reason::Panicked => "panicked",
            Reason::RecursionLimit => "recursion_limit",
            Reason::ShutDown => "shut_down",
            Reason::Transport => "transport",
        }
    }
}

/// What a layer, or the bus inside the layers, makes a dispatch fail with, whatever its type of error.
#[derive(Debug)]
#[allow(missing_docs, reason = "not public")]
pub enum LayerFailure {
    NoHandler,
    RecursionLimit(RecursionLimit),
    TimedOut(Duration),
    NotStarted(Duration),
    Overloaded,
    Refused(AnyError),
    #[cfg(feature = "transport")]
    Panicked(String),
    #[cfg(feature = "transport")]
    ShutDown,
    #[cfg(any(feature = "testing", feature = "transport"))]
    Transport(AnyError),
    /// The handler failed in another process, with an error that cannot be had here.
    #[cfg(feature = "transport")]
    Remote(Box<crate::transport::RemoteError>),
}
