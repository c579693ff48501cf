//! The error that is made on purpose.

use std::{error::Error, fmt};

use super::{Happened, Mishap};
use crate::message::MessageFacts;

/// The error of a dispatch that a [`Chaos`](super::Chaos) made fail: the source of the error that the caller gets.
///
/// ```
/// use linkbus::{Command, ExecuteError, SyncBus, testing::{Chaos, Injected, Mishap}};
/// # #[derive(Command)]
/// # struct Pay;
/// let bus = SyncBus::empty().command(|_: Pay| ()).layer(Chaos::seeded(1).fails(1.0)).build().unwrap();
/// let error = bus.execute(Pay).unwrap_err();
/// assert!(error.is_retryable() && matches!(error, ExecuteError::Transport { .. }));
/// assert_eq!(Injected::find(&error).unwrap().mishap(), Mishap::Failed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injected {
    pub(super) seed: u64,
    pub(super) happened: Happened,
}

impl Injected {
    /// The one that `error` is, or that it comes from, however many errors are between.
    ///
    /// Of an [`AnyError`](crate::AnyError) ask about its [`as_error`](crate::AnyError::as_error).
    pub fn find<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Injected> {
        std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
    }

    /// The message that it befell.
    pub fn message(&self) -> &'static MessageFacts {
        self.happened.message
    }

    /// Which dispatch of that message, counted from 1.
    pub fn nth(&self) -> u64 {
        self.happened.nth
    }

    /// [`Failed`](Mishap::Failed), [`Dropped`](Mishap::Dropped) or [`AnswerLost`](Mishap::AnswerLost).
    pub fn mishap(&self) -> Mishap {
        self.happened.mishap
    }
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on purpose, by chaos of seed {}: {}", self.seed, self.happened)
    }
}

impl Error for Injected {}
