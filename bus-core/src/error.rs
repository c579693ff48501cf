//! What a dispatch can fail with: one enum per verb, and the handler's own error kept as it is.

mod any;
mod publish;
pub(crate) mod text;

use std::{error::Error, fmt, time::Duration};

#[cfg(feature = "testing")]
use crate::handler::HandlerFacts;
use crate::{
    layer::{LayerFailure, Reason},
    message::MessageFacts,
};

pub use self::{
    any::AnyError,
    publish::{PublishError, SubscriberError, SubscriberFailure},
};
pub use crate::depth::RecursionLimit;

/// A type that a handler may fail with: any `std::error::Error`, or [`AnyError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a message",
    label = "expected a type that implements `std::error::Error + Send + Sync`",
    note = "derive it with `thiserror`, or leave `error = ..` out: then any error fits"
)]
pub trait HandlerError: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The error as the standard library knows it.
    fn as_error(&self) -> &(dyn Error + 'static);

    /// One that came from another process, if this type can hold any.
    #[doc(hidden)]
    #[cfg(feature = "transport")]
    fn from_remote(error: crate::transport::RemoteError) -> Result<Self, crate::transport::RemoteError>
    where
        Self: Sized,
    {
        Err(error)
    }
}

impl<E: Error + Send + Sync + 'static> HandlerError for E {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl HandlerError for AnyError {
    fn as_error(&self) -> &(dyn Error + 'static) {
        AnyError::as_error(self)
    }

    #[cfg(feature = "transport")]
    fn from_remote(error: crate::transport::RemoteError) -> Result<Self, crate::transport::RemoteError> {
        Ok(error.into())
    }
}

/// How the bus makes the failure of a dispatch, whatever the verb.
#[doc(hidden)]
pub trait Failure<E>: Send + 'static {
    /// What the caller gets: the failure itself, or for an event that of the whole publication.
    type Dispatch: Send + 'static;

    fn handler(error: E) -> Self;
    fn recursion(limit: RecursionLimit) -> Self;
    /// The failure of a message with one handler, as its caller gets it.
    fn into_dispatch(self) -> Self::Dispatch;
    /// The outcome of a handler that was called through a pointer, as the caller gets it: where that is the same, it stays in
    /// memory, without a look at it. A future, and a handler that the linker knows by name, are better off with
    /// [`into_dispatch`](Self::into_dispatch): they have the outcome in registers.
    #[inline]
    fn dispatched<R>(outcome: Result<R, Self>) -> Result<R, Self::Dispatch>
    where
        Self: Sized,
    {
        outcome.map_err(Self::into_dispatch)
    }
    /// The failure of a stub, which stands for this handler.
    #[cfg(feature = "testing")]
    fn of_stub(self, stub: HandlerFacts) -> Self::Dispatch;
    /// The failure of a stub that panicked, where that does not unwind.
    #[cfg(feature = "testing")]
    fn of_panic(message: &'static MessageFacts, panic: String) -> Self;
    /// The handler's own error, if that is what it failed with and the message has one handler.
    #[cfg(feature = "transport")]
    fn own_error(dispatch: &Self::Dispatch) -> Option<&E>;
    // The bounds are here and not on the trait: of a type that is no error, rustc then complains once.
    fn by_layer(failure: LayerFailure, message: &'static MessageFacts) -> Self::Dispatch
    where
        E: HandlerError;
    fn erased(dispatch: &Self::Dispatch) -> &dyn DispatchFailure
    where
        E: HandlerError;
}

/// What a dispatch fails with, whatever the verb, for layers that know no types.
#[doc(hidden)]
pub trait DispatchFailure: Send + 'static {
    fn reason(&self) -> Reason;
    fn as_error(&self) -> &(dyn Error + 'static);
    fn handler_error(&self) -> Option<&(dyn Error + 'static)>;
    fn is_retryable(&self) -> bool;
    /// How long it was given, if that was too short.
    #[cfg(feature = "transport")]
    fn limit(&self) -> Option<Duration>;
    fn subscribers(&self) -> &[SubscriberError];
}

/// What the dispatch of a message with one handler fails with: it keeps events from being such a message.
#[doc(hidden)]
pub trait OneHandlerFailure {}

/// The text of a panic, where it had one.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic value that is not text").to_owned()
}

macro_rules! one_handler_error {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum $name<E> {
            /// No handler is wired for the message on this bus.
            ///
            /// `build()` refuses a message that the bus knows and nobody handles, so this is met on a bus that was asked to
            /// be partial, and on one that was not given the message (`empty`, `modules`).
            NoHandler {
                /// The wire name of the message.
                message: &'static str,
            },
            /// The handler failed: its own error, as it gave it.
            Handler(E),
            /// The handler ran longer than it was given.
            ///
            /// An `async fn` was dropped where it waited; a plain `fn` goes on to its end on its own thread.
            TimedOut {
                /// The wire name of the message.
                message: &'static str,
                /// How long it was given.
                after: Duration,
            },
            /// The time was over before the handler could start, for want of a thread or of room: it has done nothing.
            NotStarted {
                /// The wire name of the message.
                message: &'static str,
                /// How long it was given.
                after: Duration,
            },
            /// A limit on what is in flight refused the message: the handler has done nothing.
            Overloaded {
                /// The wire name of the message.
                message: &'static str,
            },
            /// A layer did not let the message through: the handler has done nothing.
            Refused {
                /// The wire name of the message.
                message: &'static str,
                /// What the layer says.
                source: AnyError,
            },
            /// The handler failed in another process, with an error that cannot be had here: its type does not implement
            /// `serde::Serialize` and `serde::Deserialize`. An [`AnyError`] holds the remote error itself.
            #[cfg(feature = "transport")]
            Remote {
                /// The wire name of the message.
                message: &'static str,
                /// What came from there.
                source: Box<crate::transport::RemoteError>,
            },
            /// The handler panicked behind a worker or a transport.
            ///
            /// A handler that is called in-process unwinds into its caller instead, as a function call would.
            Panicked {
                /// The wire name of the message.
                message: &'static str,
                /// The text of the panic. Not part of `Display`: it may hold what the message held.
                panic: String,
            },
            /// Dispatches were nested too deep.
            RecursionLimit(Box<RecursionLimit>),
            /// The bus is gone.
            ShutDown {
                /// The wire name of the message.
                message: &'static str,
            },
            /// The transport that serves the message failed.
            Transport {
                /// The wire name of the message.
                message: &'static str,
                /// What the transport says.
                source: AnyError,
            },
        }

        impl<E> $name<E> {
            /// Whether the same message may succeed when it is sent again, as far as the bus can tell.
            ///
            /// True for time-outs, refusals of a limit and transport failures. A handler's own error is not known to the
            /// bus: match `Handler` and ask it.
            pub fn is_retryable(&self) -> bool {
                use $name::{NotStarted, Overloaded, TimedOut, Transport};
                #[cfg(feature = "transport")]
                if let Self::Remote { source, .. } = self {
                    return source.is_retryable;
                }
                matches!(self, TimedOut { .. } | NotStarted { .. } | Overloaded { .. } | Transport { .. })
            }

            /// The handler's own error, if that is what this is.
            ///
            /// # Errors
            /// Gives `self` back when it is something else: then the handler was not reached, or its answer was not.
            #[allow(clippy::result_large_err, reason = "what could not be taken apart is given back as it is")]
            pub fn into_handler(self) -> Result<E, Self> {
                match self {
                    Self::Handler(error) => Ok(error),
                    other => Err(other),
                }
            }
        }

        impl<E: Send + 'static> Failure<E> for $name<E> {
            type Dispatch = Self;

            fn handler(error: E) -> Self {
                Self::Handler(error)
            }

            #[cold]
            fn recursion(limit: RecursionLimit) -> Self {
                Self::RecursionLimit(Box::new(limit))
            }

            fn into_dispatch(self) -> Self {
                self
            }

            #[inline]
            fn dispatched<R>(outcome: Result<R, Self>) -> Result<R, Self> {
                outcome
            }

            #[cfg(feature = "testing")]
            fn of_stub(self, _: HandlerFacts) -> Self {
                self
            }

            #[cfg(feature = "transport")]
            fn own_error(dispatch: &Self) -> Option<&E> {
                match dispatch {
                    Self::Handler(error) => Some(error),
                    _ => None,
                }
            }

            #[cfg(feature = "testing")]
            fn of_panic(message: &'static MessageFacts, panic: String) -> Self {
                Self::Panicked { message: message.name, panic }
            }

            fn by_layer(failure: LayerFailure, message: &'static MessageFacts) -> Self
            where
                E: HandlerError,
            {
                let message = message.name;
                match failure {
                    LayerFailure::NoHandler => Self::NoHandler { message },
                    LayerFailure::RecursionLimit(limit) => Self::RecursionLimit(Box::new(limit)),
                    LayerFailure::TimedOut(after) => Self::TimedOut { message, after },
                    LayerFailure::NotStarted(after) => Self::NotStarted { message, after },
                    LayerFailure::Overloaded => Self::Overloaded { message },
                    LayerFailure::Refused(source) => Self::Refused { message, source },
                    #[cfg(feature = "transport")]
                    LayerFailure::Panicked(panic) => Self::Panicked { message, panic },
                    #[cfg(feature = "transport")]
                    LayerFailure::ShutDown => Self::ShutDown { message },
                    #[cfg(any(feature = "testing", feature = "transport"))]
                    LayerFailure::Transport(source) => Self::Transport { message, source },
                    #[cfg(feature = "transport")]
                    LayerFailure::Remote(source) => Self::Remote { message, source },
                }
            }

            fn erased(dispatch: &Self) -> &dyn DispatchFailure
            where
                E: HandlerError,
            {
                dispatch
            }
        }

        impl<E: HandlerError> DispatchFailure for $name<E> {
            fn reason(&self) -> Reason {
                match self {
                    Self::NoHandler { .. } => Reason::NoHandler,
                    Self::Handler(_) => Reason::Handler,
                    #[cfg(feature = "transport")]
                    Self::Remote { .. } => Reason::Handler,
                    Self::TimedOut { .. } => Reason::TimedOut,
                    Self::NotStarted { .. } => Reason::NotStarted,
                    Self::Overloaded { .. } => Reason::Overloaded,
                    Self::Refused { .. } => Reason::Refused,
                    Self::Panicked { .. } => Reason::Panicked,
                    Self::RecursionLimit(_) => Reason::RecursionLimit,
                    Self::ShutDown { .. } => Reason::ShutDown,
                    Self::Transport { .. } => Reason::Transport,
                }
            }

            fn as_error(&self) -> &(dyn Error + 'static) {
                self
            }

            fn handler_error(&self) -> Option<&(dyn Error + 'static)> {
                match self {
                    Self::Handler(error) => Some(error.as_error()),
                    #[cfg(feature = "transport")]
                    Self::Remote { source, .. } => Some(&**source),
                    _ => None,
                }
            }

            fn is_retryable(&self) -> bool {
                Self::is_retryable(self)
            }

            #[cfg(feature = "transport")]
            fn limit(&self) -> Option<Duration> {
                match self {
                    Self::TimedOut { after, .. } | Self::NotStarted { after, .. } => Some(*after),
                    _ => None,
                }
            }

            fn subscribers(&self) -> &[SubscriberError] {
                &[]
            }
        }

        impl<E> OneHandlerFailure for $name<E> {}

        impl<E: HandlerError> fmt::Display for $name<E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::NoHandler { message } => write!(f, concat!("no handler for ", $kind, " `{}`"), message),
                    Self::Handler(error) => fmt::Display::fmt(error, f),
                    #[cfg(feature = "transport")]
                    Self::Remote { source, .. } => source.fmt(f),
                    Self::TimedOut { message, after } => {
                        write!(f, concat!("the handler of ", $kind, " `{}` exceeded its time-out of {:?}"), message, after)
                    }
                    Self::NotStarted { message, after } => {
                        write!(f, concat!("the handler of ", $kind, " `{}` could not start within {:?}"), message, after)
                    }
                    Self::Overloaded { message } => {
                        write!(f, concat!($kind, " `{}` was refused: too many are in flight"), message)
                    }
                    Self::Refused { message, .. } => write!(f, concat!($kind, " `{}` was refused"), message),
                    Self::Panicked { message, .. } => {
                        write!(f, concat!("the handler of ", $kind, " `{}` panicked"), message)
                    }
                    Self::RecursionLimit(limit) => limit.fmt(f),
                    Self::ShutDown { message } => {
                        write!(f, concat!("the bus is shut down, so ", $kind, " `{}` was not sent"), message)
                    }
                    Self::Transport { message, .. } => {
                        write!(f, concat!("the transport of ", $kind, " `{}` failed"), message)
                    }
                }
            }
        }

        impl<E: HandlerError> Error for $name<E> {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                match self {
                    Self::Handler(error) => error.as_error().source(),
                    #[cfg(feature = "transport")]
                    Self::Remote { source, .. } => source.source(),
                    Self::Transport { source, .. } | Self::Refused { source, .. } => Some(source.as_error()),
                    _ => None,
                }
            }
        }
    };
}

one_handler_error! {
    /// Why `send` gave no reply.
    ///
    /// `E` is the query's own error type. `Display` and `source` of [`Handler`](Self::Handler) are those of the
    /// handler's error.
    ///
    /// ```
    /// use linkbus::{Query, SendError, SyncBus};
    ///
    /// #[derive(Query)]
    /// #[query(reply = u32, error = std::num::ParseIntError)]
    /// struct Parse(&'static str);
    ///
    /// let bus = SyncBus::empty().query(|query: Parse| query.0.parse::<u32>()).build().unwrap();
    /// match bus.send(Parse("seven")) {
    ///     Err(SendError::Handler(error)) => assert_eq!(error, "x".parse::<u32>().unwrap_err()),
    ///     other => unreachable!("{other:?}"),
    /// }
    /// ```
    SendError, "query"
}

one_handler_error! {
    /// Why `execute` failed.
    ///
    /// `E` is the command's own error type. `Display` and `source` of [`Handler`](Self::Handler) are those of the
    /// handler's error.
    ExecuteError, "command"
}

one_handler_error! {
    /// Why `dispatch` failed.
    ///
    /// `E` is the task's own error type. `Display` and `source` of [`Handler`](Self::Handler) are those of the
    /// handler's error.
    DispatchError, "task"
}

/// Layers that failed to close. All layers were closed.
#[derive(Debug)]
#[non_exhaustive]
pub struct CloseError {
    /// What each failing layer is called, and what it says, outermost first; at least one.
    pub failures: Vec<(String, AnyError)>,
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.failures.iter().map(|(layer, _)| format!("`{layer}`")).collect();
        write!(f, "closing failed in {}", names.join(", "))
    }
}

impl Error for CloseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failures.first().map(|(_, error)| error.as_error())
    }
}

/// A batch (`execute_many`, `publish_many`, `dispatch_many`) stopped at its first failure.
///
/// ```
/// use linkbus::{Command, SyncBus};
///
/// #[derive(Command)]
/// struct Store(u32);
///
/// let bus = SyncBus::empty()
///     .command(|store: Store| if store.0 < 2 { Ok(()) } else { Err("full") })
///     .build()
///     .unwrap();
/// let error = bus.execute_many((0..5).map(Store)).unwrap_err();
/// assert_eq!(error.completed, 2);
/// assert_eq!(error.error.to_string(), "full");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchError<E> {
    /// How many messages were handled before the one that failed, which is also that message's position, from 0.
    /// Those after it were not sent, but for what was under way then through a transport that
    /// [allows more than one](crate::Bus::execute_many).
    pub completed: usize,
    /// Why that message failed.
    pub error: E,
}

impl<E: Error> fmt::Display for BatchError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} of the batch failed, and the batch ended there", self.completed + 1)
    }
}

impl<E: Error + 'static> Error for BatchError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no user 7")]
    struct NoUser(#[source] std::num::ParseIntError);

    fn all<E: HandlerError>(handler: E) -> Vec<SendError<E>> {
        let message = "users.GetUser";
        vec![
            SendError::NoHandler { message },
            SendError::Handler(handler),
            SendError::TimedOut { message, after: Duration::from_millis(1500) },
            SendError::NotStarted { message, after: Duration::from_millis(1500) },
            SendError::Overloaded { message },
            SendError::Refused { message, source: AnyError::from("not you") },
            SendError::Panicked { message, panic: "secret".into() },
            SendError::recursion(RecursionLimit { limit: 64, path: vec!["a", "a"] }),
            SendError::ShutDown { message },
            SendError::Transport { message, source: AnyError::from("no peer") },
        ]
    }

    #[test]
    fn every_send_error_reads_as_a_sentence_about_the_message() {
        let cause = "x".parse::<i32>().unwrap_err();
        let texts: Vec<_> = all(NoUser(cause)).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "no handler for query `users.GetUser`",
                "no user 7",
                "the handler of query `users.GetUser` exceeded its time-out of 1.5s",
                "the handler of query `users.GetUser` could not start within 1.5s",
                "query `users.GetUser` was refused: too many are in flight",
                "query `users.GetUser` was refused",
                "the handler of query `users.GetUser` panicked",
                "dispatches are nested 64 deep: a -> a",
                "the bus is shut down, so query `users.GetUser` was not sent",
                "the transport of query `users.GetUser` failed",
            ]
        );
    }

    #[test]
    fn the_cause_is_left_to_source() {
        let cause = "x".parse::<i32>().unwrap_err();
        let sources: Vec<_> = all(NoUser(cause)).iter().map(|error| error.source().map(ToString::to_string)).collect();
        assert_eq!(sources[1].as_deref(), Some("invalid digit found in string"));
        assert_eq!(sources[5].as_deref(), Some("not you"));
        assert_eq!(sources[9].as_deref(), Some("no peer"));
        assert_eq!(sources.iter().flatten().count(), 3);
    }

    #[test]
    fn time_outs_limits_and_transports_are_retryable_and_nothing_else_is() {
        let retryable: Vec<_> = all(AnyError::from("x")).iter().map(SendError::is_retryable).collect();
        assert_eq!(retryable, [false, false, true, true, true, false, false, false, false, true]);
    }
}
