//! Why a request did not succeed, in terms that a script and an HTTP API share.

use contracts::{Unavailable, orders::OrderError, stock::StockError, users::UserError};
use linkbus::{ExecuteError, HandlerError, SendError};

/// Why a request did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// What sort of failure it is.
    pub reason: Reason,
    /// What to tell the one who asked. Nothing about the inside of the program.
    text: String,
}

/// What sorts of failure there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is about something that does not exist.
    Unknown,
    /// It contradicts what is there.
    Conflict,
    /// It may work later.
    Unavailable,
}

impl Failure {
    /// A failure that is not the caller's fault; `cause` goes to the journal only.
    pub(crate) fn unavailable(cause: &Unavailable) -> Self {
        tracing::error!("{}", cause.reason());
        Failure { reason: Reason::Unavailable, text: cause.to_string() }
    }

    fn unknown(error: &impl ToString) -> Self {
        Failure { reason: Reason::Unknown, text: error.to_string() }
    }

    fn conflict(error: &impl ToString) -> Self {
        Failure { reason: Reason::Conflict, text: error.to_string() }
    }
}

impl From<Unavailable> for Failure {
    fn from(error: Unavailable) -> Self {
        Failure::unavailable(&error)
    }
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Unknown(_) => Failure::unknown(&error),
            UserError::Taken(_) => Failure::conflict(&error),
            UserError::Unavailable(cause) => cause.into(),
        }
    }
}

impl From<StockError> for Failure {
    fn from(error: StockError) -> Self {
        match error {
            StockError::Unknown(_) => Failure::unknown(&error),
            StockError::Short { .. } => Failure::conflict(&error),
            StockError::Unavailable(cause) => cause.into(),
        }
    }
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Unknown(_) => Failure::unknown(&error),
            OrderError::Taken(_) => Failure::conflict(&error),
            OrderError::User(error) => error.into(),
            OrderError::Stock(error) => error.into(),
            OrderError::Unavailable(cause) => cause.into(),
        }
    }
}

impl<E: HandlerError + Into<Failure>> From<SendError<E>> for Failure {
    fn from(error: SendError<E>) -> Self {
        match error {
            SendError::Handler(refusal) => refusal.into(),
            bus => Unavailable::because(&bus).into(),
        }
    }
}

impl<E: HandlerError + Into<Failure>> From<ExecuteError<E>> for Failure {
    fn from(error: ExecuteError<E>) -> Self {
        match error {
            ExecuteError::Handler(refusal) => refusal.into(),
            bus => Unavailable::because(&bus).into(),
        }
    }
}
