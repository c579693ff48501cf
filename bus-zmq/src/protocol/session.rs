//! The connection of a client or a worker to its hub, as far as both have it in common.

use std::time::Duration;

use super::{Frame, Hello, Reject, Welcome};

/// How long a hub may take to answer a hello before it is said again, and to be heard of before it is not there.
const PATIENCE: Duration = Duration::from_secs(1);

/// After how many heartbeats in which the other side was not heard it is not there.
pub(super) const MISSED: u32 = 3;

/// The connection of a client or a worker to its hub: hello, heartbeats, and what is lost on the way.
///
/// A session ends, and another begins, when the hub asks for it, when a heartbeat says that frames were lost, and when the hub
/// says goodbye or nothing.
#[derive(Debug)]
pub struct Session {
    hello: Hello,
    heartbeat: Duration,
    /// When hello or a heartbeat was last said.
    said: Option<Duration>,
    /// When the hub was last heard.
    heard: Duration,
    is_welcome: bool,
    refused: Option<Reject>,
    sent: u64,
    received: u64,
}

/// What a session makes of a frame.
#[derive(Debug, PartialEq)]
pub enum Heard {
    /// A new session: whatever was sent in the one before and has no answer gets none.
    Welcome(Welcome),
    /// A frame for the client or worker.
    Frame(Frame),
    /// The hub said the number of the last event.
    Events(u64),
    /// The session is over, and the hub will not begin another.
    Goodbye,
}

impl Session {
    /// A peer that presents itself like this, but for the number of the session.
    pub fn new(hello: Hello) -> Self {
        Session {
            hello,
            heartbeat: PATIENCE,
            said: None,
            heard: Duration::ZERO,
            is_welcome: false,
            refused: None,
            sent: 0,
            received: 0,
        }
    }

    /// Which session it is.
    pub fn number(&self) -> u32 {
        self.hello.session
    }

    /// Whether frames may be sent: a session begins with the welcome, and ends with the next hello.
    pub fn is_welcome(&self) -> bool {
        self.is_welcome
    }

    /// Why the hub takes no session from this peer, if it does not, as long as it is heard of.
    pub fn refused(&self) -> Option<Reject> {
        self.refused
    }

    /// Whether the hub was heard of lately.
    pub fn is_alive(&self, now: Duration) -> bool {
        self.is_welcome && self.is_heard(now)
    }

    /// For how long nothing was heard of the hub.
    pub fn silence(&self, now: Duration) -> Duration {
        now.saturating_sub(self.heard)
    }

    fn is_heard(&self, now: Duration) -> bool {
        self.silence(now) < self.heartbeat.saturating_mul(MISSED)
    }

    /// Notes a frame that arrived; gives what it means to the client or worker.
    pub fn receive(&mut self, frame: Frame, now: Duration, out: &mut Vec<Frame>) -> Option<Heard> {
        self.heard = now;
        match frame {
            Frame::Welcome(welcome) => self.welcome(welcome, now, out).map(Heard::Welcome),
            Frame::Who if self.is_welcome => {
                self.greet(now, out);
                None
            }
            Frame::Reject { id: 0, why } if !self.is_welcome => {
                self.refused = Some(why);
                None
            }
            _ if !self.is_welcome => None,
            Frame::Heartbeat { frames, .. } if frames != self.received => {
                self.greet(now, out);
                None
            }
            Frame::Heartbeat { events, .. } => Some(Heard::Events(events)),
            Frame::Goodbye => {
                self.is_welcome = false;
                Some(Heard::Goodbye)
            }
            frame => {
                self.received += u64::from(frame.is_counted());
                Some(Heard::Frame(frame))
            }
        }
    }

    /// Notes bytes that are no frame: they count, as something was sent.
    pub fn receive_malformed(&mut self) {
        self.received += 1;
    }

    /// Sends a frame of this session; drops it if there is none.
    pub fn send(&mut self, frame: Frame, out: &mut Vec<Frame>) {
        if !self.is_welcome {
            return;
        }
        self.sent += u64::from(frame.is_counted());
        out.push(frame);
    }

    /// Says hello or that it is there, if it is time. A hub that was not heard for three heartbeats is gone.
    pub fn tick(&mut self, now: Duration, out: &mut Vec<Frame>) {
        if now < self.next_tick() {
            return;
        }
        self.forgive_silence(now);
        if self.is_alive(now) {
            self.say_heartbeat(now, out);
        } else {
            self.greet(now, out);
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_tick(&self) -> Duration {
        let pause = if self.is_welcome { self.heartbeat } else { PATIENCE };
        self.said.map_or(Duration::ZERO, |said| said.saturating_add(pause))
    }

    fn say_heartbeat(&mut self, now: Duration, out: &mut Vec<Frame>) {
        self.said = Some(now);
        out.push(Frame::Heartbeat { frames: self.sent, events: 0 });
    }

    /// Who slept itself has not heard what came meanwhile.
    fn forgive_silence(&mut self, now: Duration) {
        if now >= self.next_tick().saturating_add(self.heartbeat) {
            self.heard = now;
        }
    }

    fn greet(&mut self, now: Duration, out: &mut Vec<Frame>) {
        // The hub that refused is gone, and another may not.
        if !self.is_heard(now) {
            self.refused = None;
        }
        self.is_welcome = false;
        self.said = Some(now);
        self.hello.session += 1;
        out.push(Frame::Hello(self.hello.clone()));
    }

    /// The hub has to know that its welcome arrived: it gives no work before.
    fn welcome(&mut self, welcome: Welcome, now: Duration, out: &mut Vec<Frame>) -> Option<Welcome> {
        // One that is late answers an older hello.
        if self.is_welcome || welcome.session != self.hello.session {
            return None;
        }
        self.is_welcome = true;
        self.refused = None;
        self.heartbeat = welcome.heartbeat;
        (self.sent, self.received) = (0, 0);
        self.say_heartbeat(now, out);
        Some(welcome)
    }
}
