//! The thread of a client or a worker that is not in the process of its hub.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    outgoing::Outgoing,
    role::{Role, read},
    socket::Dealer,
    wake::{Sleeper, Wake},
};
use crate::protocol::Frame;

/// How many messages are received before others are sent.
const BURST: usize = 64;

/// Begins a thread that works for the role that `make` gives, over the socket that `connect` gives.
pub(super) fn open_peer<R: Role + 'static, D: Dealer>(
    connect: impl FnOnce(&Arc<Wake>) -> io::Result<D>,
    make: impl FnOnce(Arc<Wake>) -> R,
) -> io::Result<()> {
    let (wake, sleeper) = Wake::new()?;
    let socket = connect(&wake)?;
    let mut peer = Peer { role: make(wake), socket, sleeper, begun: Instant::now(), outgoing: Outgoing::default() };
    thread::Builder::new().name("linkbus-zmq".to_owned()).spawn(move || peer.run())?;
    Ok(())
}

struct Peer<R, D> {
    role: R,
    socket: D,
    sleeper: Sleeper,
    begun: Instant,
    outgoing: Outgoing,
}

impl<R: Role, D: Dealer> Peer<R, D> {
    fn run(&mut self) {
        let mut out = Vec::new();
        while !self.role.is_over() {
            let now = self.begun.elapsed();
            self.role.work(now, &mut out);
            let has_received = self.receive(now, &mut out);
            self.send(&mut out);
            self.role.lock_out(self.socket.locked_out());
            self.role.report();
            if self.sleeper.is_tired(has_received || !self.role.is_quiet()) {
                self.sleep();
            }
        }
        self.role.end();
    }

    /// Whether anything came.
    fn receive(&mut self, now: Duration, out: &mut Vec<Frame>) -> bool {
        for burst in 0..BURST {
            let Some(message) = self.socket.receive() else { return burst > 0 };
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
        // What it does not take now waits until it does.
        let _ = self.outgoing.send(|message| self.socket.send(message));
    }

    /// Sleeps until something comes, can be sent, or is due.
    fn sleep(&mut self) {
        self.sleeper.lie_down();
        let has_rung = self.role.is_quiet() && {
            let pause = self.role.next_work().saturating_sub(self.begun.elapsed());
            self.socket.sleep(self.sleeper.fd(), !self.outgoing.is_empty(), pause)
        };
        self.sleeper.get_up(has_rung);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::BorrowedFd;

    use super::{
        super::{role::Busy, socket::Unsent, wake::has_rung},
        *,
    };

    /// Notes for each sleep whether the bell rang before.
    #[derive(Default)]
    struct Sleeps(Vec<bool>);

    impl Dealer for Sleeps {
        fn receive(&mut self) -> Option<&[u8]> {
            None
        }

        fn send(&mut self, _: &[u8]) -> Result<(), Unsent> {
            Ok(())
        }

        fn sleep(&mut self, bell: BorrowedFd<'_>, _: bool, _: Duration) -> bool {
            self.0.push(has_rung(bell));
            true
        }
    }

    #[test]
    fn what_is_asked_for_just_before_it_sleeps_wakes_it() {
        let (wake, sleeper) = Wake::new().unwrap();
        let mut peer = Peer {
            role: Busy(Arc::clone(&wake)),
            socket: Sleeps::default(),
            sleeper,
            begun: Instant::now(),
            outgoing: Outgoing::default(),
        };
        peer.sleep();
        peer.sleep();
        assert_eq!(peer.socket.0, [true, true]);
        wake.wake();
        assert!(!has_rung(peer.sleeper.fd()), "it is awake");
    }
}
