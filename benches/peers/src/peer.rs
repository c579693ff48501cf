//! What is compared, and how it answers.

use std::time::Duration;

use crate::case::Case;

/// One way to get a message to its handler.
pub struct Peer {
    /// Its name and version.
    pub name: &'static str,
    /// What its user has in return for the time it takes, beyond a call.
    pub gives: &'static str,
    /// What it does in a case.
    pub answer: fn(Case) -> Answer,
}

/// What a peer does in a case.
pub enum Answer {
    /// It does the work so many times, and says how long that took, without making itself ready.
    Turns(Box<dyn Fn(u64) -> Duration>),
    /// It cannot, for this reason.
    Cannot(&'static str),
}

impl Answer {
    /// It was not asked.
    #[cfg(not(feature = "many"))]
    pub(crate) const TOO_MANY: Self = Answer::Cannot(
        "not asked: both numbers of types are of one list of 700, which takes a quarter of an hour to compile and has the feature `many`",
    );

    pub(crate) fn turns(work: impl Fn(u64) -> Duration + 'static) -> Self {
        Answer::Turns(Box::new(work))
    }
}
