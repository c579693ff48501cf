//! What a thread needs of a socket, whichever library it is of.

use std::{io, os::fd::RawFd, time::Duration};

use crate::protocol::{Malformed, PeerId};

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// Nothing more fits, for now.
    Full,
    /// Nobody is there.
    Gone,
}

/// The socket of a client or a worker. Nothing waits in it for a hub that is not there.
pub(super) trait Dealer: Send + 'static {
    /// The next message, if one has come.
    fn receive(&mut self) -> Option<&[u8]>;

    /// Takes a message.
    fn send(&mut self, message: &[u8]) -> Result<(), Unsent>;

    /// Sleeps until something comes, or can be sent if anything waits, or the bell rings, or this time is over. Whether it rang.
    fn sleep(&mut self, bell: RawFd, has_unsent: bool, pause: Duration) -> bool;
}

/// The socket of a hub.
pub(super) trait Router: Send + 'static {
    /// Lets peers connect there, too.
    fn bind(&mut self, endpoint: &str) -> io::Result<()>;

    /// The next message, if one has come, and who sent it. One of several parts is malformed.
    fn receive(&mut self) -> Option<(PeerId, Result<&[u8], Malformed>)>;

    /// Takes a message for this peer.
    fn send(&mut self, peer: &PeerId, message: &[u8]) -> Result<(), Unsent>;

    /// Sleeps until something comes, or the bell rings, or this time is over. Whether it rang.
    fn sleep(&mut self, bell: RawFd, pause: Duration) -> bool;
}
