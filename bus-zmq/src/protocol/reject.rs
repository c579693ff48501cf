//! Why the hub has no answer.

use std::fmt;

/// Why a message was not handled, or is not known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reject {
    /// No worker serves it: it was not handled.
    NoHandler,
    /// The queue for it is full: it was not handled. Of a peer: there are too many.
    Overloaded,
    /// It is larger than the hub takes: it was not handled.
    TooLarge,
    /// The frame has a version, or a type, that the hub does not know.
    Unknown,
    /// The hub is closing: it was not handled.
    Closing,
    /// Its deadline was over before it was given to a worker: it was not handled.
    Expired,
    /// A worker that had it is gone, or was not done when the hub closed, and it is not given to another: it may have been handled.
    WorkerGone,
    /// Each worker that had it is gone, and it is not given to another: it may be what ended them.
    Poisonous,
}

impl Reject {
    const ALL: [Reject; 8] = [
        Reject::NoHandler,
        Reject::Overloaded,
        Reject::TooLarge,
        Reject::Unknown,
        Reject::Closing,
        Reject::Expired,
        Reject::WorkerGone,
        Reject::Poisonous,
    ];

    /// Its number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Reject::NoHandler => 1,
            Reject::Overloaded => 2,
            Reject::TooLarge => 3,
            Reject::Unknown => 4,
            Reject::Closing => 5,
            Reject::Expired => 6,
            Reject::WorkerGone => 7,
            Reject::Poisonous => 8,
        }
    }

    /// What is true of a message that so many workers had before: it may have been handled.
    pub(super) fn after(self, attempts: u32) -> Self {
        if attempts == 0 || self == Reject::Poisonous { self } else { Reject::WorkerGone }
    }

    /// The one with this number.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        Reject::ALL.into_iter().find(|reject| reject.code() == code)
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reject::NoHandler => "no worker serves the message",
            Reject::Overloaded => "the hub has as many messages waiting, or as many peers, as it may",
            Reject::TooLarge => "the message is larger than the hub takes",
            Reject::Unknown => "the hub does not know this version of the protocol: use the same version of bus-zmq",
            Reject::Closing => "the hub is closing",
            Reject::Expired => "the deadline was over before a worker was free",
            Reject::WorkerGone => {
                "a worker that had the message is gone or was not done in time: it may have been handled"
            }
            Reject::Poisonous => "each worker that had the message is gone, and it is not tried again",
        })
    }
}

impl std::error::Error for Reject {}
