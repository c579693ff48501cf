//! Which failures are tried again.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind},
    sync::Arc,
};

use crate::layer::{Failed, Reason};

/// Any of these is enough.
#[derive(Clone)]
pub(super) enum Rule {
    Transient,
    Any,
    Error { name: &'static str, is: fn(&(dyn Error + 'static)) -> bool },
    When(Arc<dyn Fn(Failed<'_>) -> bool + Send + Sync>),
}

impl Rule {
    pub(super) fn error<E: Error + 'static>() -> Self {
        let name = crate::message::last_segment(std::any::type_name::<E>());
        Rule::Error { name, is: |error| found::<E>(error).is_some() }
    }

    fn fits(&self, failed: Failed<'_>) -> bool {
        match self {
            Rule::Transient => failed.is_retryable() || anywhere(failed, is_transient),
            Rule::Any => true,
            Rule::Error { is, .. } => anywhere(failed, *is),
            Rule::When(predicate) => predicate(failed),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Transient => f.write_str("transient errors"),
            Rule::Any => f.write_str("any error"),
            Rule::Error { name, .. } => f.write_str(name),
            Rule::When(_) => f.write_str("a predicate"),
        }
    }
}

/// Whether it is tried again by one of `rules`.
pub(super) fn any_fits(rules: &[Rule], failed: Failed<'_>) -> bool {
    !is_hopeless(failed.reason()) && rules.iter().any(|rule| rule.fits(failed))
}

/// What meets the same message again, or may have left things half done: no rule is asked.
fn is_hopeless(reason: Reason) -> bool {
    matches!(reason, Reason::NoHandler | Reason::RecursionLimit | Reason::ShutDown | Reason::Panicked)
}

/// Whether `is` is true of the error that the caller gets, of the handler's own, or of one that either comes from.
fn anywhere(failed: Failed<'_>, is: fn(&(dyn Error + 'static)) -> bool) -> bool {
    let error = failed.error();
    is(error) || in_chain(failed.handler_error().unwrap_or(error), is)
}

fn in_chain(error: &(dyn Error + 'static), is: fn(&(dyn Error + 'static)) -> bool) -> bool {
    is(error) || inside_io(error).is_some_and(is) || error.source().is_some_and(|source| in_chain(source, is))
}

/// An `Arc` or a `Box` leaves the error that is in it out of its `source`.
fn found<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let shared = || error.downcast_ref::<Arc<E>>().map(|error| &**error);
    let boxed = || error.downcast_ref::<Box<E>>().map(|error| &**error);
    error.downcast_ref().or_else(shared).or_else(boxed)
}

/// An `io::Error` made of another error leaves that one out of its `source`.
fn inside_io<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let inner: &'a (dyn Error + Send + Sync + 'static) = found::<io::Error>(error)?.get_ref()?;
    Some(inner)
}

fn is_transient(error: &(dyn Error + 'static)) -> bool {
    #[cfg(feature = "tokio")]
    if error.is::<tokio::time::error::Elapsed>() {
        return true;
    }
    found::<io::Error>(error).is_some_and(|error| is_transient_kind(error.kind()))
}

fn is_transient_kind(kind: ErrorKind) -> bool {
    use ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkDown,
        NetworkUnreachable, NotConnected, TimedOut,
    };
    matches!(
        kind,
        BrokenPipe
            | ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable
            | NotConnected
            | TimedOut
    )
}
