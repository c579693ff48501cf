//! Somebody at a socket who need not keep to the protocol.
#![allow(dead_code, reason = "no test program needs all of it")]

use std::{cell::RefCell, collections::VecDeque};

use bus_zmq::protocol::{Frame, Hello, Served, frames};

use crate::support::Place;

/// Somebody at a socket.
pub(crate) struct Stranger {
    pub(crate) socket: zmq::Socket,
    /// What came with a frame that was asked for.
    waiting: RefCell<VecDeque<Frame>>,
    _context: zmq::Context,
}

impl Stranger {
    pub(crate) fn new(place: &Place) -> Self {
        Stranger::prepared(place, |_| ())
    }

    pub(crate) fn named(place: &Place, id: &[u8]) -> Self {
        Stranger::prepared(place, |socket| socket.set_identity(id).unwrap())
    }

    pub(crate) fn prepared(place: &Place, prepare: impl FnOnce(&zmq::Socket)) -> Self {
        let context = zmq::Context::new();
        let socket = context.socket(zmq::DEALER).unwrap();
        prepare(&socket);
        socket.set_linger(0).unwrap();
        socket.set_rcvtimeo(10_000).unwrap();
        socket.connect(&place.endpoint()).unwrap();
        Stranger { socket, waiting: RefCell::default(), _context: context }
    }

    pub(crate) fn send(&self, frame: &Frame) {
        let mut bytes = Vec::new();
        frame.append_to(&mut bytes);
        self.socket.send(bytes, 0).unwrap();
    }

    pub(crate) fn hello(&self, serves: Vec<Served>) {
        self.send(&Frame::Hello(Hello { session: 1, credit: 10, events: 10, serves }));
        assert!(matches!(self.receive(), Frame::Welcome(_)));
    }

    /// The next frame that is no heartbeat.
    pub(crate) fn receive(&self) -> Frame {
        loop {
            match self.waiting.borrow_mut().pop_front() {
                Some(Frame::Heartbeat { .. } | Frame::Routes(_)) => continue,
                Some(frame) => return frame,
                None => {}
            }
            let message = self.socket.recv_bytes(0).expect("an answer");
            let read = frames(&message).map(|frame| Frame::from_bytes(frame.unwrap()).unwrap());
            self.waiting.borrow_mut().extend(read);
        }
    }
}
