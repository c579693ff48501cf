//! Who may connect from another machine: whoever has a key.

mod key;

use std::{collections::BTreeSet, fmt};

pub use self::key::{KeyError, PublicKey, SecretKey};

/// What a hub, its clients and its workers need to find each other over a network, encrypted and by their keys.
///
/// It is CURVE of ZeroMQ (ZMTP RFC 26): each process has a [`SecretKey`] and gives away its [`PublicKey`]. Clients and workers
/// know the public key of their hub, and the hub knows theirs. Whoever has none of these keys is not let in, and reads nothing.
///
/// # Examples
/// ```
/// use bus_zmq::{Curve, SecretKey, Zmq};
///
/// # fn main() -> Result<(), bus_zmq::OpenError> {
/// let (of_hub, of_client) = (SecretKey::generate(), SecretKey::generate());
/// # let endpoint = "tcp://127.0.0.1:0";
/// // let endpoint = "tcp://0.0.0.0:5555";
/// let hub = Zmq::hub().endpoint(endpoint).curve(Curve::server(of_hub.clone()).allow([of_client.public_key()])).start()?;
/// // let endpoint = "tcp://hub.example:5555";
/// let client = Zmq::client().endpoint(endpoint).curve(Curve::client(of_client, of_hub.public_key())).connect()?;
/// # drop((hub, client));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Curve;

impl Curve {
    /// What a hub needs: its own secret key, and whom it [allows](CurveServer::allow).
    pub fn server(secret: SecretKey) -> CurveServer {
        CurveServer { secret, admission: Admission::default() }
    }

    /// What a client or a worker needs: its own secret key, and the public key of the hub.
    pub fn client(secret: SecretKey, server: PublicKey) -> CurveClient {
        CurveClient { secret, server }
    }
}

/// The keys of a hub, for [`HubBuilder::curve`](crate::HubBuilder::curve): see [`Curve`].
#[derive(Clone, Debug)]
#[must_use = "it is given to `HubBuilder::curve`"]
pub struct CurveServer {
    pub(crate) secret: SecretKey,
    admission: Admission,
}

/// Who is let in.
#[derive(Clone)]
enum Admission {
    Keys(BTreeSet<[u8; 32]>),
    Everybody,
}

impl Default for Admission {
    fn default() -> Self {
        Admission::Keys(BTreeSet::new())
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Admission::Keys(keys) => write!(f, "{} keys", keys.len()),
            Admission::Everybody => f.write_str("everybody"),
        }
    }
}

impl CurveServer {
    /// Lets in who has the secret key to one of these; several calls add up. Each client and worker should have its own: then
    /// one can be left out.
    ///
    /// Without a key here nobody could connect, and the hub does not start.
    pub fn allow(mut self, keys: impl IntoIterator<Item = PublicKey>) -> Self {
        if let Admission::Keys(allowed) = &mut self.admission {
            allowed.extend(keys.into_iter().map(PublicKey::to_bytes));
        }
        self
    }

    /// Lets in whoever knows the public key of the hub and reaches it, with whatever key: everybody there may send, and serve,
    /// anything. What is sent is encrypted all the same.
    pub fn dangerously_allow_everybody(mut self) -> Self {
        self.admission = Admission::Everybody;
        self
    }

    /// Whether nobody could ever connect.
    pub(crate) fn admits_nobody(&self) -> bool {
        matches!(&self.admission, Admission::Keys(keys) if keys.is_empty())
    }

    pub(crate) fn admits(&self, key: &[u8; 32]) -> bool {
        match &self.admission {
            Admission::Keys(keys) => keys.contains(key),
            Admission::Everybody => true,
        }
    }
}

/// The keys of a client or a worker, for [`ClientBuilder::curve`](crate::ClientBuilder::curve) and
/// [`WorkerBuilder::curve`](crate::WorkerBuilder::curve): see [`Curve`].
#[derive(Clone, Debug)]
#[must_use = "it is given to `ClientBuilder::curve` or `WorkerBuilder::curve`"]
pub struct CurveClient {
    pub(crate) secret: SecretKey,
    pub(crate) server: PublicKey,
}
