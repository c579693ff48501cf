//! What a thread needs of a socket, whichever library it is of.

use std::{io, os::fd::BorrowedFd, time::Duration};

use crate::protocol::{Malformed, PeerId};

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// Nothing more fits, for now.
    Full,
    /// Nobody is there.
    Gone,
}

/// Why somebody is there and does not let this process in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "curve"), expect(dead_code, reason = "nobody has keys"))]
pub(crate) enum LockedOut {
    /// The hub does not allow the key of this process.
    NotAllowed,
    /// Whoever is there does not have the key of the hub.
    NotTheHub,
}

impl LockedOut {
    /// What is wrong, and what to do.
    pub(crate) fn problem(self) -> &'static str {
        match self {
            LockedOut::NotAllowed => {
                "the hub does not know the key of this process: give its public key to `CurveServer::allow` there"
            }
            LockedOut::NotTheHub => {
                "whoever is there does not have the key of the hub: give the public key of the hub to `Curve::client` \
                 here, and its secret key to `Curve::server` there"
            }
        }
    }
}

/// The socket of a client or a worker. Nothing waits in it for a hub that is not there.
pub(super) trait Dealer: Send + 'static {
    /// The next message, if one has come.
    fn receive(&mut self) -> Option<&[u8]>;

    /// Why the hub does not let this process in, as far as that is known.
    fn locked_out(&self) -> Option<LockedOut> {
        None
    }

    /// Takes a message.
    fn send(&mut self, message: &[u8]) -> Result<(), Unsent>;

    /// Sleeps until something comes, or can be sent if anything waits, or the bell rings, or this time is over. Whether it rang.
    fn sleep(&mut self, bell: BorrowedFd<'_>, has_unsent: bool, pause: Duration) -> bool;
}

/// The socket of a hub.
pub(super) trait Router: Send + 'static {
    /// Lets peers connect there, too; gives where that is, with the port that the system chose if it was to.
    fn bind(&mut self, endpoint: &str) -> io::Result<String>;

    /// The next message, if one has come, and who sent it. One of several parts is malformed.
    fn receive(&mut self) -> Option<(PeerId, Result<&[u8], Malformed>)>;

    /// Takes a message for this peer.
    fn send(&mut self, peer: &PeerId, message: &[u8]) -> Result<(), Unsent>;

    /// Sleeps until something comes, or the bell rings, or this time is over. Whether it rang.
    fn sleep(&mut self, bell: BorrowedFd<'_>, pause: Duration) -> bool;
}
