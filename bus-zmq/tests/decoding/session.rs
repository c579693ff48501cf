//! What must be true of hub, client and worker, whatever they hear. The fuzz target of the folder `fuzz` asks the same.

use std::time::Duration;

use bus_zmq::protocol::{
    Call, Calls, Content, Frame, Hello, Hub, HubOptions, HubStats, Malformed, PeerId, Served, Work, frames,
};
use linkbus::Kind;

/// How many frames of a script could be read.
///
/// A script has frames with a byte in front of each: who says it, and how much time passes before. Client and worker hear all of them
/// as if their hub had said so.
pub(crate) fn play(script: &[u8]) -> usize {
    let mut stage = Stage::new();
    frames(script).map_while(Result::ok).filter(|line| stage.play(line)).count()
}

struct Stage {
    now: Duration,
    hub: Hub,
    client: Calls<()>,
    called: usize,
    worker: Work,
}

/// So small that scripts come to all ends.
fn options() -> HubOptions {
    let mut options = HubOptions::default();
    (options.peers, options.max_attempts, options.max_frame) = (3, 2, 100);
    (options.queue_messages, options.queue_bytes, options.name_bytes) = (4, 600, 300);
    (options.event_messages, options.event_bytes) = (2, 100);
    options
}

impl Stage {
    fn new() -> Self {
        let named = |kind| Served { kind, name: "do".into() };
        let serves = vec![named(Kind::Command), named(Kind::Event)];
        Stage {
            now: Duration::ZERO,
            hub: Hub::new([7; 16], options()),
            client: Calls::new(Duration::from_secs(2)),
            called: 0,
            worker: Work::new(Hello { session: 0, credit: 2, events: 2, serves }),
        }
    }

    /// Whether the line has a frame that can be read.
    fn play(&mut self, line: &[u8]) -> bool {
        let [stamp, bytes @ ..] = line else { return false };
        self.now += Duration::from_millis(100) * u32::from(stamp >> 2);
        let peer = PeerId::new(&[stamp & 3]);
        let frame = Frame::from_bytes(bytes);
        let is_read = frame.is_ok();
        self.hear_in_hub(&peer, frame.clone());
        self.hear_in_client(frame.clone());
        self.hear_in_worker(frame);
        is_read
    }

    fn hear_in_hub(&mut self, peer: &PeerId, frame: Result<Frame, Malformed>) {
        self.hub.tick(self.now);
        match frame {
            Ok(frame) => self.hub.receive(peer, frame, self.now),
            Err(malformed) => self.hub.receive_malformed(peer, malformed, self.now),
        }
        self.hub.take_outbox().iter().for_each(|(_, frame)| can_be_written(frame));
        check(self.hub.stats());
    }

    fn hear_in_client(&mut self, frame: Result<Frame, Malformed>) {
        let mut out = Vec::new();
        let kind = [Kind::Query, Kind::Command, Kind::Event][self.called % 3];
        let limit = Some(Duration::from_secs(1));
        let call = Call { kind, name: "do".into(), content: Content::new(b"", b"hi"), limit, waited: Duration::ZERO };
        self.client.call(call, (), self.now, &mut out);
        self.called += 1;
        match frame {
            Ok(frame) => self.client.receive(frame, self.now, &mut out),
            Err(_) => self.client.receive_malformed(),
        }
        self.client.tick(self.now, &mut out);
        out.iter().for_each(can_be_written);
        self.called -= self.client.take_over().len();
        assert_eq!(self.client.pending(), self.called, "each call ends once");
    }

    fn hear_in_worker(&mut self, frame: Result<Frame, Malformed>) {
        let mut out = Vec::new();
        match frame {
            Ok(frame) => self.worker.receive(frame, self.now, &mut out),
            Err(_) => self.worker.receive_malformed(),
        }
        self.worker.tick(self.now, &mut out);
        for job in self.worker.take_jobs() {
            match job.lease {
                Some(lease) if job.attempt % 2 == 0 => self.worker.give_back(lease, &mut out),
                Some(lease) => self.worker.done(lease, job.content.body().into(), &mut out),
                None => self.worker.finish_event(&mut out),
            }
        }
        out.iter().for_each(can_be_written);
    }
}

fn can_be_written(frame: &Frame) {
    frame.append_to(&mut Vec::new());
}

/// Nothing disappears within the hub, and nothing grows beyond what it allows.
fn check(stats: HubStats) {
    let over = stats.done + stats.failed + stats.rejected + stats.abandoned;
    assert_eq!(stats.accepted, over + (stats.queued + stats.leased) as u64, "{stats:?}");
    assert!(stats.peers <= options().peers && stats.bytes <= options().queue_bytes, "{stats:?}");
}
