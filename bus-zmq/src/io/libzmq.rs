//! Sockets of libzmq: the default, and all that there is for `ipc://`.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
    time::Duration,
};

use super::{
    HIGH_WATER, LINGER, RECONNECT, max_message,
    socket::{Dealer, Router, Unsent},
};
use crate::protocol::{Malformed, PeerId};

/// A DEALER of libzmq.
pub(super) struct ZmqDealer {
    socket: zmq::Socket,
    message: zmq::Message,
    /// Dropped after the socket, for which it waits.
    _context: zmq::Context,
}

impl ZmqDealer {
    /// Takes whatever the hub sends, which has a limit for that: a socket with a lower one would end the connection for good.
    pub(super) fn connect(endpoint: &str, id: &[u8]) -> io::Result<Self> {
        let context = zmq::Context::new();
        let socket = context.socket(zmq::DEALER)?;
        bound(&socket)?;
        socket.set_identity(id)?;
        // What cannot be sent stays here, where it can be given up, and not in a socket.
        socket.set_immediate(true)?;
        socket.set_ipv6(is_ipv6(endpoint))?;
        socket.set_linger(0)?;
        socket.set_reconnect_ivl(short_millis(RECONNECT))?;
        socket.set_reconnect_ivl_max(10 * short_millis(RECONNECT))?;
        socket.connect(endpoint)?;
        Ok(ZmqDealer { socket, message: zmq::Message::new(), _context: context })
    }
}

impl Dealer for ZmqDealer {
    fn receive(&mut self) -> Option<&[u8]> {
        self.socket.recv(&mut self.message, zmq::DONTWAIT).ok()?;
        Some(&self.message)
    }

    fn send(&mut self, message: &[u8]) -> Result<(), Unsent> {
        self.socket.send(message, zmq::DONTWAIT).map_err(unsent)
    }

    fn sleep(&mut self, bell: BorrowedFd<'_>, has_unsent: bool, pause: Duration) -> bool {
        let events = if has_unsent { zmq::POLLIN | zmq::POLLOUT } else { zmq::POLLIN };
        sleep(self.socket.as_poll_item(events), bell, pause)
    }
}

/// A ROUTER of libzmq.
pub(super) struct ZmqRouter {
    socket: zmq::Socket,
    id: zmq::Message,
    message: zmq::Message,
    /// Dropped after the socket, for which it waits.
    _context: zmq::Context,
}

impl ZmqRouter {
    pub(super) fn new(max_frame: usize) -> io::Result<Self> {
        let context = zmq::Context::new();
        let socket = context.socket(zmq::ROUTER)?;
        bound(&socket)?;
        // A peer that is gone, or takes nothing more, is an error and not silence.
        socket.set_router_mandatory(true)?;
        // A peer that comes back is itself.
        socket.set_router_handover(true)?;
        socket.set_sndtimeo(0)?;
        socket.set_linger(short_millis(LINGER))?;
        socket.set_maxmsgsize(max_message_size(max_frame))?;
        Ok(ZmqRouter { socket, id: zmq::Message::new(), message: zmq::Message::new(), _context: context })
    }

    /// A message of the protocol has one part.
    fn drop_parts(&mut self) {
        while self.message.get_more() && self.socket.recv(&mut self.message, zmq::DONTWAIT).is_ok() {}
    }
}

impl Router for ZmqRouter {
    fn bind(&mut self, endpoint: &str) -> io::Result<String> {
        // Each endpoint by itself: `tcp://*` would be all addresses of both kinds.
        self.socket.set_ipv6(is_ipv6(endpoint))?;
        self.socket.bind(endpoint)?;
        Ok(self.socket.get_last_endpoint()?.unwrap_or_else(|_| endpoint.to_owned()))
    }

    fn receive(&mut self) -> Option<(PeerId, Result<&[u8], Malformed>)> {
        self.socket.recv(&mut self.id, zmq::DONTWAIT).ok()?;
        self.socket.recv(&mut self.message, zmq::DONTWAIT).ok()?;
        let peer = PeerId::new(&self.id);
        if self.message.get_more() {
            self.drop_parts();
            return Some((peer, Err(Malformed::Unreadable)));
        }
        Some((peer, Ok(&self.message)))
    }

    fn send(&mut self, peer: &PeerId, message: &[u8]) -> Result<(), Unsent> {
        self.socket.send(peer.bytes(), zmq::DONTWAIT | zmq::SNDMORE).map_err(unsent)?;
        self.socket.send(message, zmq::DONTWAIT).map_err(unsent)
    }

    fn sleep(&mut self, bell: BorrowedFd<'_>, pause: Duration) -> bool {
        sleep(self.socket.as_poll_item(zmq::POLLIN), bell, pause)
    }
}

/// Bounds what waits in each of its connections.
fn bound(socket: &zmq::Socket) -> zmq::Result<()> {
    socket.set_sndhwm(HIGH_WATER.into())?;
    socket.set_rcvhwm(HIGH_WATER.into())
}

/// Whether it has an address of IPv6, which libzmq does not read unless it is told to.
fn is_ipv6(endpoint: &str) -> bool {
    endpoint.starts_with("tcp://[")
}

fn sleep(socket: zmq::PollItem<'_>, bell: BorrowedFd<'_>, pause: Duration) -> bool {
    let mut items = [socket, zmq::PollItem::from_fd(bell.as_raw_fd(), zmq::POLLIN)];
    let _ = zmq::poll(&mut items, millis(pause));
    items[1].is_readable()
}

fn unsent(error: zmq::Error) -> Unsent {
    match error {
        zmq::Error::EAGAIN => Unsent::Full,
        _ => Unsent::Gone,
    }
}

fn max_message_size(max_frame: usize) -> i64 {
    i64::try_from(max_message(max_frame)).unwrap_or(i64::MAX)
}

fn short_millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).expect("a short time")
}

/// Rounded up, so that what is due is due then.
fn millis(pause: Duration) -> i64 {
    i64::try_from(pause.as_micros().div_ceil(1000)).unwrap_or(i64::MAX).min(60_000)
}
