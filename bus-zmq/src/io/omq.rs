//! Sockets of `omq-tokio`, which are encrypted: a thread of that library moves the bytes.

use std::{
    io,
    os::fd::BorrowedFd,
    sync::{Arc, Mutex, PoisonError},
    task::Waker,
    time::Duration,
};

use omq_tokio::{
    Context, CurveKeypair, CurveServerOptions, Error, Identity, IdentitySocket, Message, MonitorEvent,
    MonitorRecvError, MonitorStream, Options, PeerPublicKey, ReconnectPolicy, Socket, SocketType, TrySendError,
    blocking::{self, RecvWakerRegistration},
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::task::AbortHandle;

use super::{
    HIGH_WATER, LINGER, RECONNECT, Wake, max_message,
    socket::{Dealer, LockedOut, Router, Unsent},
};
use crate::{
    curve::{CurveClient, CurveServer, SecretKey},
    protocol::{Malformed, PeerId},
};

/// How often a connection says that it is there, and a multiple of it after which it is not. Below our own heartbeats, which
/// notice a peer that hangs but not which of its connections does.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long a peer whose key is not allowed waits until it asks again.
const REFUSED: Duration = Duration::from_secs(1);

/// How soon a socket that took nothing more is tried again.
const RETRY: Duration = Duration::from_millis(1);

/// How often whoever is there may break off the handshake until it is not taken for the hub.
const KNOCKS: u32 = 3;

/// Options that both sides have. What is not said here is as in libzmq, but that nothing waits after closing.
fn options() -> Options {
    Options::default()
        .send_hwm(HIGH_WATER.into())
        .recv_hwm(HIGH_WATER.into())
        .heartbeat_interval(HEARTBEAT)
        .heartbeat_timeout(3 * HEARTBEAT)
        .tcp_user_timeout(10 * HEARTBEAT)
}

/// Its own thread, which ends with it.
fn context() -> Context {
    Context::with_name("linkbus-curve")
}

fn pair(secret: &SecretKey) -> CurveKeypair {
    CurveKeypair { public: secret.public_key().0, secret: secret.0.clone() }
}

/// A DEALER that is encrypted.
pub(super) struct OmqDealer {
    socket: blocking::Socket,
    message: Option<Message>,
    /// What came while it wanted to sleep.
    found: Option<Message>,
    door: Arc<Door>,
    watch: AbortHandle,
    _waker: RecvWakerRegistration,
}

impl OmqDealer {
    /// Takes whatever the hub sends, which has a limit for that.
    pub(super) fn connect(endpoint: &str, id: &[u8], curve: &CurveClient, wake: &Arc<Wake>) -> io::Result<Self> {
        let context = context();
        let options = options()
            .identity(id.to_vec())
            .reconnect(ReconnectPolicy::Exponential { min: RECONNECT, max: 10 * RECONNECT })
            .curve_client(pair(&curve.secret), curve.server.0);
        let socket = context.blocking_socket(SocketType::Dealer, options);
        let waker = Waker::from(Arc::clone(wake));
        let registration = socket.register_recv_waker(waker.clone());
        let door = Arc::new(Door::default());
        let watcher = watch(socket.as_ref().clone(), endpoint.to_owned(), socket.monitor(), Arc::clone(&door), waker);
        socket.connect(endpoint).map_err(fault)?;
        let watch = context.handle().spawn(watcher).abort_handle();
        Ok(OmqDealer { socket, message: None, found: None, door, watch, _waker: registration })
    }

    fn is_connected(&self) -> bool {
        self.socket.as_ref().ready_peer_count() > 0
    }
}

impl Drop for OmqDealer {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Dealer for OmqDealer {
    fn receive(&mut self) -> Option<&[u8]> {
        self.message = self.found.take().or_else(|| self.socket.try_recv().ok());
        self.message.as_ref()?.get(0)
    }

    fn locked_out(&self) -> Option<LockedOut> {
        if self.is_connected() { None } else { self.door.locked_out() }
    }

    fn send(&mut self, message: &[u8]) -> Result<(), Unsent> {
        // Otherwise it would wait in the socket, for whatever hub comes next.
        if !self.is_connected() {
            return Err(Unsent::Gone);
        }
        self.socket.try_send(Message::from_slice(message)).map_err(|error| unsent(&error))
    }

    fn sleep(&mut self, bell: BorrowedFd<'_>, has_unsent: bool, pause: Duration) -> bool {
        self.found = self.socket.try_recv().ok();
        let pause = if has_unsent && self.is_connected() { pause.min(RETRY) } else { pause };
        self.found.is_none() && has_rung(bell, pause)
    }
}

/// A ROUTER that is encrypted, and lets those in whose keys it knows.
pub(super) struct OmqRouter {
    socket: blocking::Socket,
    peers: IdentitySocket,
    message: Option<Message>,
    /// What came while it wanted to sleep.
    found: Option<(Identity, Message)>,
    _waker: RecvWakerRegistration,
}

impl OmqRouter {
    pub(super) fn new(max_frame: usize, curve: CurveServer, wake: &Arc<Wake>) -> io::Result<Self> {
        let keys = pair(&curve.secret);
        let admission = CurveServerOptions::default().authenticator(move |peer| curve.admits(&peer.public_key));
        let options = options()
            .max_message_size(max_message(max_frame))
            // A peer that is gone, or takes nothing more, is an error and not silence.
            .router_mandatory(true)
            .linger(LINGER)
            .curve_server_with_options(keys, admission);
        let socket = context().blocking_socket(SocketType::Router, options);
        let waker = socket.register_recv_waker(Waker::from(Arc::clone(wake)));
        let peers = socket.as_ref().identity_routing().map_err(fault)?;
        Ok(OmqRouter { socket, peers, message: None, found: None, _waker: waker })
    }
}

impl Drop for OmqRouter {
    fn drop(&mut self) {
        // Waits for what was said last, as long as that may take.
        let _ = self.socket.clone().close();
    }
}

impl Router for OmqRouter {
    fn bind(&mut self, endpoint: &str) -> io::Result<String> {
        self.socket.bind(endpoint).map(|bound| bound.to_string()).map_err(fault)
    }

    fn receive(&mut self) -> Option<(PeerId, Result<&[u8], Malformed>)> {
        let (identity, message) = self.found.take().or_else(|| self.peers.try_recv_from().ok())?;
        let message = self.message.insert(message);
        let part = message.get(0).filter(|_| message.len() == 1);
        Some((peer_id(&identity), part.ok_or(Malformed::Unreadable)))
    }

    fn send(&mut self, peer: &PeerId, message: &[u8]) -> Result<(), Unsent> {
        let sent = self.peers.try_send_to(routing_id(peer), Message::from_slice(message));
        sent.map_err(|error| unsent(&error))
    }

    fn sleep(&mut self, bell: BorrowedFd<'_>, pause: Duration) -> bool {
        self.found = self.peers.try_recv_from().ok();
        self.found.is_none() && has_rung(bell, pause)
    }
}

/// How many bytes a key has.
const KEY: usize = 32;

/// The key of a peer, and the routing id that it gave itself: nobody can say that he is somebody else.
fn peer_id(identity: &Identity) -> PeerId {
    let key = match identity.peer_info().authentication.public_key {
        Some(PeerPublicKey::Curve(key)) => key,
        _ => [0; KEY],
    };
    PeerId::new(&[&key, identity.as_ref()].concat())
}

fn routing_id(peer: &PeerId) -> &[u8] {
    &peer.bytes()[KEY..]
}

/// What is known of a hub from knocking at its door.
#[derive(Default)]
struct Door(Mutex<Knocked>);

#[derive(Clone, Copy, Default)]
struct Knocked {
    /// How often a connection was broken off before the handshake was over.
    in_vain: u32,
    is_refused: bool,
}

impl Door {
    fn note(&self, event: &MonitorEvent) {
        let mut knocked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            MonitorEvent::Connected { .. } => knocked.in_vain = knocked.in_vain.saturating_add(1),
            MonitorEvent::HandshakeSucceeded { .. } => *knocked = Knocked::default(),
            MonitorEvent::ConnectStopped { .. } => knocked.is_refused = true,
            _ => {}
        }
    }

    fn locked_out(&self) -> Option<LockedOut> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Knocked { is_refused: true, .. } => Some(LockedOut::NotAllowed),
            // The last one may still be let in.
            Knocked { in_vain, .. } if in_vain > KNOCKS => Some(LockedOut::NotTheHub),
            Knocked { .. } => None,
        }
    }
}

/// Notes how a socket fares, and asks again where it was refused.
async fn watch(socket: Socket, endpoint: String, mut monitor: MonitorStream, door: Arc<Door>, waker: Waker) {
    loop {
        let event = match monitor.recv().await {
            Ok(event) => event,
            Err(MonitorRecvError::Lagged(_)) => continue,
            Err(_) => return,
        };
        door.note(&event);
        waker.wake_by_ref();
        if let MonitorEvent::ConnectStopped { .. } = event {
            tokio::time::sleep(REFUSED).await;
            // One that is closed need not connect.
            let _ = socket.connect(&*endpoint).await;
        }
    }
}

/// Sleeps until the bell rings, or this time is over. Whether it rang.
fn has_rung(bell: BorrowedFd<'_>, pause: Duration) -> bool {
    let mut bells = [PollFd::new(&bell, PollFlags::IN)];
    let pause = Timespec::try_from(pause).ok();
    poll(&mut bells, pause.as_ref()).is_ok_and(|rung| rung > 0)
}

fn unsent(error: &TrySendError) -> Unsent {
    match error {
        TrySendError::Full(_) => Unsent::Full,
        _ => Unsent::Gone,
    }
}

fn fault(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::other(error),
    }
}
