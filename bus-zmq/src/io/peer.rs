//! The thread of a client or a worker that is not in the process of its hub.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    max_message,
    outgoing::Outgoing,
    role::{Role, read},
    wake::{Sleeper, Wake},
};
use crate::protocol::Frame;

/// How many messages are received before others are sent.
const BURST: usize = 64;

/// How long a socket that is gone is waited for before it is connected again.
const RECONNECT: Duration = Duration::from_millis(50);

/// Begins a thread that connects to this endpoint, and works for the role that `make` gives.
pub(crate) fn open_peer<R: Role + 'static>(
    endpoint: &str,
    id: [u8; 16],
    max_frame: usize,
    make: impl FnOnce(Arc<Wake>) -> R,
) -> io::Result<()> {
    let (wake, sleeper) = Wake::new()?;
    let context = zmq::Context::new();
    let socket = connect(&context, endpoint, &id, max_frame)?;
    let mut peer = Peer {
        role: make(wake),
        socket,
        _context: context,
        sleeper,
        begun: Instant::now(),
        outgoing: Outgoing::default(),
    };
    thread::Builder::new().name("linkbus-zmq".to_owned()).spawn(move || peer.run())?;
    Ok(())
}

fn connect(context: &zmq::Context, endpoint: &str, id: &[u8], max_frame: usize) -> zmq::Result<zmq::Socket> {
    let socket = context.socket(zmq::DEALER)?;
    socket.set_identity(id)?;
    // What cannot be sent stays here, where it can be given up, and not in a socket.
    socket.set_immediate(true)?;
    socket.set_linger(0)?;
    socket.set_maxmsgsize(max_message(max_frame))?;
    let millis = i32::try_from(RECONNECT.as_millis()).expect("a short time");
    socket.set_reconnect_ivl(millis)?;
    socket.set_reconnect_ivl_max(10 * millis)?;
    socket.connect(endpoint)?;
    Ok(socket)
}

struct Peer<R> {
    role: R,
    socket: zmq::Socket,
    sleeper: Sleeper,
    begun: Instant,
    outgoing: Outgoing,
    /// Dropped after the socket, for which it waits.
    _context: zmq::Context,
}

impl<R: Role> Peer<R> {
    fn run(&mut self) {
        let mut out = Vec::new();
        let mut message = zmq::Message::new();
        while !self.role.is_over() {
            let now = self.begun.elapsed();
            self.role.work(now, &mut out);
            let has_received = self.receive(&mut message, now, &mut out);
            self.send(&mut out);
            self.role.report();
            if self.sleeper.is_tired(has_received || !self.role.is_quiet()) {
                self.sleep();
            }
        }
        self.role.end();
    }

    /// Whether anything came.
    fn receive(&mut self, message: &mut zmq::Message, now: Duration, out: &mut Vec<Frame>) -> bool {
        for burst in 0..BURST {
            if self.socket.recv(message, zmq::DONTWAIT).is_err() {
                return burst > 0;
            }
            for frame in read(message) {
                self.role.receive(frame, now, out);
            }
        }
        true
    }

    fn send(&mut self, out: &mut Vec<Frame>) {
        for frame in out.drain(..) {
            self.outgoing.push(&frame);
        }
        // What it does not take now waits for `POLLOUT`.
        let _ = self.outgoing.send(|message| self.socket.send(message, zmq::DONTWAIT));
    }

    /// Sleeps until something comes, can be sent, or is due.
    fn sleep(&self) {
        let mut events = zmq::POLLIN;
        if !self.outgoing.is_empty() {
            events |= zmq::POLLOUT;
        }
        let mut items = [self.socket.as_poll_item(events), zmq::PollItem::from_fd(self.sleeper.fd(), zmq::POLLIN)];
        self.sleeper.lie_down();
        if self.role.is_quiet() {
            let pause = self.role.next_work().saturating_sub(self.begun.elapsed());
            let _ = zmq::poll(&mut items, millis(pause));
        }
        self.sleeper.get_up(items[1].is_readable());
    }
}

/// Rounded up, so that what is due is due then.
pub(super) fn millis(pause: Duration) -> i64 {
    i64::try_from(pause.as_micros().div_ceil(1000)).unwrap_or(i64::MAX).min(60_000)
}
