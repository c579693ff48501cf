//! The thread of a hub, with the clients and workers that are in its process.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::watch;

#[cfg(feature = "curve")]
use super::omq::OmqRouter;
use super::{
    LINGER,
    libzmq::ZmqRouter,
    outgoing::Outgoing,
    role::{Role, read},
    socket::{Router, Unsent},
    wake::{Inbox, Sleeper, Wake},
};
use crate::{
    address::{Address, Reserved},
    curve::CurveServer,
    drops::Drops,
    error::OpenError,
    protocol::{Hub, HubOptions, HubStats, Numbered, PeerId},
};

/// How many messages are received before others are sent.
const BURST: usize = 256;

/// How soon a peer that took nothing more is tried again.
const RETRY: Duration = Duration::from_millis(1);

/// How often a hub looks after its peers: several times in a heartbeat.
const TICKS_PER_HEARTBEAT: u32 = 4;

/// What a program asks of a hub.
enum Ask {
    /// Somebody of this process.
    Join(PeerId, Box<dyn Role>),
    /// Nothing more is taken; who has something has this long.
    Close(Duration),
}

/// How a program reaches its hub.
#[derive(Clone)]
pub(crate) struct HubPort {
    inbox: Arc<Inbox<Ask>>,
    wake: Arc<Wake>,
    endpoints: Arc<[String]>,
    stats: watch::Receiver<HubStats>,
    is_over: watch::Receiver<bool>,
    /// Says nothing; disconnected when the thread has ended.
    thread: Arc<Mutex<mpsc::Receiver<Infallible>>>,
}

impl HubPort {
    /// Where it is bound.
    pub(crate) fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    pub(crate) fn stats(&self) -> HubStats {
        *self.stats.borrow()
    }

    /// Waits until `condition` is true of what the hub counts; gives that, or `None` if the hub ends before.
    pub(crate) async fn wait_for(&self, condition: impl FnMut(&HubStats) -> bool) -> Option<HubStats> {
        self.stats.clone().wait_for(condition).await.ok().map(|stats| *stats)
    }

    /// Lets somebody of this process join.
    pub(crate) fn join<R: Role + 'static>(&self, id: [u8; 16], make: impl FnOnce(Arc<Wake>) -> R) {
        let joined = self.inbox.push(Ask::Join(PeerId::new(&id), Box::new(make(Arc::clone(&self.wake)))));
        if let Err(Ask::Join(_, mut role)) = joined {
            role.end();
        }
    }

    /// Asks the hub to close, and does not wait for it.
    pub(crate) fn ask_to_close(&self, within: Duration) {
        // A hub that has ended is closed.
        let _ = self.inbox.push(Ask::Close(within));
    }

    /// Blocks until the hub is closed, which was [asked](Self::ask_to_close) to close; for a second at most.
    pub(crate) fn wait_until_closed(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        // It lingers for a while, and has then removed its files.
        let _ = thread.recv_timeout(4 * LINGER);
    }

    /// Waits until the hub is closed.
    pub(crate) async fn closed(&self) {
        // An error is a thread that is gone.
        let _ = self.is_over.clone().wait_for(|is_over| *is_over).await;
    }
}

/// Begins a thread with a hub at these addresses.
pub(crate) fn open_hub(
    addresses: &[Address],
    curve: Option<CurveServer>,
    id: [u8; 16],
    options: HubOptions,
) -> Result<HubPort, OpenError> {
    let max_frame = options.max_frame;
    match curve {
        None => serve(addresses, |_| ZmqRouter::new(max_frame), id, options),
        #[cfg(feature = "curve")]
        Some(curve) => serve(addresses, |wake| OmqRouter::new(max_frame, curve, wake), id, options),
        #[cfg(not(feature = "curve"))]
        Some(never) => match never {},
    }
}

/// Begins a thread with a hub at these addresses, on the socket that `open` gives.
fn serve<S: Router>(
    addresses: &[Address],
    open: impl FnOnce(&Arc<Wake>) -> io::Result<S>,
    id: [u8; 16],
    options: HubOptions,
) -> Result<HubPort, OpenError> {
    let first = addresses.first().expect("a hub has an address");
    let (wake, sleeper) = Wake::new().map_err(|error| first.fault(error))?;
    let mut socket = open(&wake).map_err(|error| first.fault(error))?;
    let (mut places, mut endpoints) = (Vec::new(), Vec::new());
    for address in addresses {
        places.extend(address.reserve()?);
        endpoints.push(socket.bind(address.endpoint()).map_err(|error| address.fault(error))?);
        address.protect()?;
    }
    let (over, is_over) = watch::channel(false);
    let (counted, stats) = watch::channel(HubStats::default());
    let inbox = Arc::new(Inbox::new(Arc::clone(&wake)));
    let (alive, thread) = mpsc::channel();
    let thread = Arc::new(Mutex::new(thread));
    let port = HubPort { inbox: Arc::clone(&inbox), wake, endpoints: endpoints.into(), stats, is_over, thread };
    let pause = options.heartbeat / TICKS_PER_HEARTBEAT;
    let server = Server {
        hub: Hub::new(id, options),
        pause,
        next_tick: Duration::ZERO,
        inbox,
        asked: Vec::new(),
        stats: counted,
        locals: Numbered::default(),
        outgoing: Numbered::default(),
        close_by: None,
        drops: Drops::default(),
        socket,
        sleeper,
        begun: Instant::now(),
        _places: places,
    };
    let run = move || {
        let _alive = alive;
        server.run();
        let _ = over.send(true);
    };
    let thread = thread::Builder::new().name("linkbus-hub".to_owned()).spawn(run);
    thread.map_err(|error| first.fault(error))?;
    Ok(port)
}

struct Server<S> {
    hub: Hub,
    /// Between two ticks.
    pause: Duration,
    next_tick: Duration,
    inbox: Arc<Inbox<Ask>>,
    asked: Vec<Ask>,
    stats: watch::Sender<HubStats>,
    /// Who is in this process.
    locals: Numbered<PeerId, Box<dyn Role>>,
    /// What waits for the others.
    outgoing: Numbered<PeerId, Outgoing>,
    close_by: Option<Duration>,
    drops: Drops,
    socket: S,
    sleeper: Sleeper,
    begun: Instant,
    /// Dropped last: until then nobody else is hub here.
    _places: Vec<Reserved>,
}

impl<S: Router> Server<S> {
    fn run(mut self) {
        loop {
            let now = self.begun.elapsed();
            self.look_at_inbox(now);
            let has_received = self.receive(now);
            if now >= self.next_tick {
                self.next_tick = now.saturating_add(self.pause);
                self.hub.tick(now);
            }
            self.work_locals(now);
            self.send(now);
            self.report(now);
            if self.close_by.is_some_and(|close_by| self.hub.is_idle() || now >= close_by) {
                break;
            }
            if self.sleeper.is_tired(has_received || !self.is_quiet()) {
                self.sleep();
            }
        }
        self.end();
    }

    fn look_at_inbox(&mut self, now: Duration) {
        let mut asked = std::mem::take(&mut self.asked);
        self.inbox.take(&mut asked);
        for ask in asked.drain(..) {
            match ask {
                Ask::Join(id, role) => drop(self.locals.insert(id, role)),
                Ask::Close(within) => {
                    self.hub.close();
                    let close_by = now.saturating_add(within);
                    self.close_by = Some(self.close_by.map_or(close_by, |before| before.min(close_by)));
                }
            }
        }
        self.asked = asked;
    }

    /// Whether anything came.
    fn receive(&mut self, now: Duration) -> bool {
        for burst in 0..BURST {
            let Some((peer, message)) = self.socket.receive() else { return burst > 0 };
            let message = match message {
                Ok(message) => message,
                Err(malformed) => {
                    self.hub.receive_malformed(&peer, malformed, now);
                    continue;
                }
            };
            for frame in read(message) {
                match frame {
                    Ok(frame) => self.hub.receive(&peer, frame, now),
                    Err(malformed) => self.hub.receive_malformed(&peer, malformed, now),
                }
            }
        }
        true
    }

    /// Carries frames between the hub and who is in this process, until nobody has anything to say.
    fn work_locals(&mut self, now: Duration) {
        let mut out = Vec::new();
        for (id, role) in &mut self.locals {
            role.work(now, &mut out);
            for frame in out.drain(..) {
                self.hub.receive(id, frame, now);
            }
        }
        self.deliver(now);
        let hub = &mut self.hub;
        self.locals.retain(|id, role| {
            let is_over = role.is_over();
            if is_over {
                role.end();
                hub.lose(id, now);
            }
            !is_over
        });
    }

    /// Gives what the hub says to who it is for.
    fn deliver(&mut self, now: Duration) {
        let mut out = Vec::new();
        loop {
            let said = self.hub.take_outbox();
            if said.is_empty() {
                return;
            }
            for (id, frame) in said {
                let Some(role) = self.locals.get_mut(&id) else {
                    self.outgoing.entry(id).or_default().push(&frame);
                    continue;
                };
                role.receive(Ok(frame), now, &mut out);
                for frame in out.drain(..) {
                    self.hub.receive(&id, frame, now);
                }
            }
        }
    }

    /// Sends what is there to be sent, and gives up who is gone or takes nothing.
    fn send(&mut self, now: Duration) {
        let (socket, hub) = (&mut self.socket, &mut self.hub);
        // What one peer has not taken may be as much as all that may wait.
        let most = hub.options().queue_bytes.saturating_add(hub.options().event_bytes);
        self.outgoing.retain(|id, outgoing| match outgoing.send(|message| socket.send(id, message)) {
            Err(Unsent::Full) if outgoing.bytes() <= most && outgoing.waits(hub.knows(id), now) => true,
            Err(_) => {
                hub.lose(id, now);
                false
            }
            Ok(()) => false,
        });
        // What that has changed.
        self.deliver(now);
    }

    /// Sends what is left, as far as peers take it in time.
    fn say_last_words(&mut self) {
        let give_up = self.begun.elapsed() + LINGER;
        loop {
            let now = self.begun.elapsed();
            self.send(now);
            if self.outgoing.is_empty() || now >= give_up {
                return;
            }
            thread::sleep(RETRY);
        }
    }

    /// Lets the program know, what is counted first.
    fn report(&mut self, now: Duration) {
        let unsent = self.outgoing.values().map(Outgoing::bytes).sum();
        let stats = HubStats { unsent, ..self.hub.stats() };
        if let Some(events) = self.drops.unlogged(stats.dropped, now) {
            tracing::warn!(
                target: "linkbus", events, all = stats.dropped,
                "a hub dropped events for subscribers that do not keep up, or are gone: `event_queue` says how many may wait",
            );
        }
        self.stats.send_if_modified(|told| std::mem::replace(told, stats) != stats);
        for role in self.locals.values_mut() {
            role.report();
        }
    }

    /// Sleeps until something comes, can be sent, or is due.
    fn sleep(&mut self) {
        self.sleeper.lie_down();
        let has_rung = self.is_quiet() && {
            let pause = self.next_work().saturating_sub(self.begun.elapsed());
            let pause = if self.outgoing.is_empty() { pause } else { pause.min(RETRY) };
            self.socket.sleep(self.sleeper.fd(), pause)
        };
        self.sleeper.get_up(has_rung);
    }

    /// Whether the program has asked for nothing that was not looked at.
    fn is_quiet(&self) -> bool {
        self.inbox.is_empty() && self.locals.values().all(|role| role.is_quiet())
    }

    fn next_work(&self) -> Duration {
        let locals = self.locals.values().map(|role| role.next_work());
        locals.chain([self.next_tick]).chain(self.close_by).min().unwrap_or_default()
    }

    /// Says goodbye, and leaves nothing behind.
    fn end(mut self) {
        self.hub.end();
        self.deliver(self.begun.elapsed());
        self.say_last_words();
        self.report(Duration::MAX);
        for role in self.locals.values_mut() {
            role.end();
        }
        for ask in self.inbox.close() {
            if let Ask::Join(_, mut role) = ask {
                role.end();
            }
        }
    }
}
