//! What is compared, and how it answers.

use crate::{case::Case, span::Span};

/// One way to get a message to its handler.
pub struct Peer {
    /// Its name and version.
    pub name: &'static str,
    /// What its user has in return for the time it takes, beyond a call.
    pub gives: &'static str,
    /// What it does in a case.
    pub answer: fn(Case) -> Answer,
}

/// Does the work so many times, and says when.
pub type Turns = Box<dyn FnMut(u64) -> Span>;

/// What a peer does in a case.
pub enum Answer {
    /// The work, made ready once by this: what is built there is in no turn.
    Turns(Box<dyn Fn() -> Turns>),
    /// It cannot, for this reason.
    Cannot(&'static str),
    /// It could, or nearly, and is not measured, for this reason.
    NotAsked(&'static str),
}

impl Answer {
    /// It was not asked.
    #[cfg(not(feature = "many"))]
    pub(crate) const TOO_MANY: Self = Answer::NotAsked(
        "both numbers of types are of one list of 700, which takes minutes to compile and has the feature `many`",
    );

    pub(crate) fn turns<W: FnMut(u64) -> Span + 'static>(ready: impl Fn() -> W + 'static) -> Self {
        Answer::Turns(Box::new(move || Box::new(ready())))
    }
}
