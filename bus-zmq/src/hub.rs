//! Hubs: what clients and workers connect to.

use std::{fmt, time::Duration};

use linkbus::Uuid;

use crate::{
    address::Address,
    curve::CurveServer,
    error::OpenError,
    io::{HubPort, open_hub},
    protocol::{HubOptions, HubStats, NoWorker},
};

/// How a hub is made: [`Zmq::hub`](crate::Zmq::hub).
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is started"]
pub struct HubBuilder {
    endpoints: Vec<String>,
    is_unencrypted_allowed: bool,
    curve: Option<CurveServer>,
    options: HubOptions,
    close_within: Duration,
}

impl Default for HubBuilder {
    fn default() -> Self {
        HubBuilder {
            endpoints: Vec::new(),
            is_unencrypted_allowed: false,
            curve: None,
            options: HubOptions::default(),
            close_within: Duration::from_secs(10),
        }
    }
}

impl HubBuilder {
    /// Where it is reached: `ipc:///run/shop/bus` or `tcp://127.0.0.1:5555`; several calls are several ways to it.
    ///
    /// Default: the socket `default` in the folder `$XDG_RUNTIME_DIR/linkbus` or, without that, `/tmp/linkbus-UID`: all
    /// processes of one user have the same. The folder of a socket has to belong to this user, and nobody else may use it
    /// (mode 0700); it is made if it is not there.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoints.push(endpoint.into());
        self
    }

    /// Lets other machines connect, although everybody on the way can read and change what is sent, and everybody there can
    /// send: there are no passwords and no keys.
    pub fn dangerously_without_encryption(mut self) -> Self {
        self.is_unencrypted_allowed = true;
        self
    }

    /// Lets other machines connect, if they have a key that is allowed: [`Curve::server`](crate::Curve::server). Then all
    /// endpoints are `tcp://`, such as `tcp://0.0.0.0:5555`, and whoever connects needs a key, on this machine as well.
    #[cfg(feature = "curve")]
    pub fn curve(mut self, curve: CurveServer) -> Self {
        self.curve = Some(curve);
        self
    }

    /// How often hub and peers say that they are there: 1 s. Who misses three is gone, and its work goes to others.
    pub fn heartbeat(mut self, pause: Duration) -> Self {
        self.options.heartbeat = pause.max(Duration::from_millis(1));
        self
    }

    /// The most bytes of a message with its envelope: 1 MiB. A client has a [bound](crate::ClientBuilder::max_frame) of its own, too.
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.options.max_frame = bytes;
        self
    }

    /// How many messages of one name may wait for a worker: 200,000. Further ones are refused as overload.
    pub fn queue_messages(mut self, messages: usize) -> Self {
        self.options.queue_messages = messages;
        self
    }

    /// How many bytes all messages may have that wait or are with workers: 256 MiB. Further ones are refused as overload. Each counts
    /// as its bytes and 128 more, which is about what the hub needs beside them.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.options.queue_bytes = bytes;
        self
    }

    /// How often a command or task is given to a worker that is gone afterwards: 5, and at least 1. Then its sender has an error. Of
    /// those that are given for the last time, a worker has one at a time, so that nothing is given up for what ended it.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.max_attempts = attempts.max(1);
        self
    }

    /// How long commands and tasks wait for a worker to come back, when the last one is gone or the hub is new: 10 s.
    pub fn worker_grace(mut self, grace: Duration) -> Self {
        self.options.worker_grace = grace;
        self
    }

    /// What becomes of commands and tasks that no worker has served since the hub began, or for [`worker_grace`](Self::worker_grace):
    /// they are refused at once ([`NoWorker::Reject`]), so that a name that nobody knows is an error and does not fill the queues.
    /// Whoever starts clients before workers lets them wait ([`NoWorker::Queue`]), or calls
    /// [`served`](crate::ZmqClient::served) first.
    pub fn no_worker(mut self, policy: NoWorker) -> Self {
        self.options.no_worker = policy;
        self
    }

    /// How many clients and workers there may be: 1,024.
    pub fn peers(mut self, peers: usize) -> Self {
        self.options.peers = peers;
        self
    }

    /// How many bytes the names may have that all clients and workers serve and subscribe to: 64 MiB. Each counts as its bytes and 64
    /// more, for each peer that has it. Who has more is refused as overload.
    ///
    /// Different names are 65,535 at most, and together no longer than `max_frame` or, if that is less, 64 KiB: clients get a list.
    pub fn name_bytes(mut self, bytes: usize) -> Self {
        self.options.name_bytes = bytes;
        self
    }

    /// How many events, and how many bytes of them, may wait for each subscriber: 10,000 and 16 MiB. Further ones are dropped
    /// for it and counted, on both sides.
    pub fn event_queue(mut self, events: usize, bytes: usize) -> Self {
        (self.options.event_messages, self.options.event_bytes) = (events, bytes);
        self
    }

    /// How long closing waits for what workers have: 10 s.
    pub fn close_within(mut self, limit: Duration) -> Self {
        self.close_within = limit;
        self
    }

    /// Binds its endpoints, and serves them in a thread.
    ///
    /// # Errors
    /// [`OpenError`] if an endpoint cannot be used, or another hub serves it.
    pub fn start(self) -> Result<ZmqHub, OpenError> {
        let mut endpoints = self.endpoints;
        if endpoints.is_empty() {
            endpoints.push(Address::of_this_user());
        }
        let parsed = endpoints.iter().map(|endpoint| match &self.curve {
            Some(_) => Address::parse_encrypted(endpoint),
            None => Address::parse(endpoint, self.is_unencrypted_allowed),
        });
        let addresses = parsed.collect::<Result<Vec<_>, _>>()?;
        #[cfg(feature = "curve")]
        if self.curve.as_ref().is_some_and(CurveServer::admits_nobody) {
            return Err(OpenError::NobodyAllowed { endpoint: endpoints.swap_remove(0) });
        }
        let port = open_hub(&addresses, self.curve, Uuid::now_v7().into_bytes(), self.options)?;
        Ok(ZmqHub { port, close_within: self.close_within })
    }
}

/// Gives what clients send to the workers that serve it. One for each program of several processes, in one of them or alone.
///
/// Dropping it closes it without waiting for what workers have. That blocks until its socket is removed, for a quarter of a
/// second if a peer takes nothing more, and never longer than a second: better [`close`](ZmqHub::close) it.
pub struct ZmqHub {
    port: HubPort,
    close_within: Duration,
}

impl fmt::Debug for ZmqHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZmqHub").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl ZmqHub {
    /// Where it is reached: what clients and workers are given. Each is as [`HubBuilder::endpoint`] was told, in that order, with the
    /// port that the system chose in the place of port 0.
    ///
    /// ```
    /// # use bus_zmq::Zmq;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hub = Zmq::hub().endpoint("tcp://127.0.0.1:0").start()?;
    /// let client = Zmq::client().endpoint(&hub.endpoints()[0]).connect()?;
    /// client.ready().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn endpoints(&self) -> &[String] {
        self.port.endpoints()
    }

    /// The first of its [endpoints](Self::endpoints). Most hubs have one.
    ///
    /// # Panics
    /// Never: a hub has one.
    pub fn endpoint(&self) -> &str {
        &self.endpoints()[0]
    }

    /// What it counted, and what is there now.
    pub fn stats(&self) -> HubStats {
        self.port.stats()
    }

    /// Waits until `condition` is true of what it counts, which it looks at whenever that changes; gives that, or `None` if the
    /// hub ends before.
    ///
    /// A hub that [is idle](HubStats::is_idle) after a command was answered has also seen the end of what its handler
    /// published, and of what came of that, as far as each handler waited for what it sent:
    ///
    /// ```
    /// # use bus_zmq::{HubStats, Zmq};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// let hub = Zmq::hub().endpoint(format!("ipc://{}/run/bus", folder.path().display())).start()?;
    /// assert!(hub.wait_for(HubStats::is_idle).await.is_some());
    /// hub.close().await;
    /// assert!(hub.wait_for(|stats| stats.peers > 0).await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_for(&self, condition: impl FnMut(&HubStats) -> bool) -> Option<HubStats> {
        self.port.wait_for(condition).await
    }

    /// Takes nothing more, waits for what workers have [as long as it may](HubBuilder::close_within), and removes its socket.
    /// What was waiting is refused, and its senders know. Once more does nothing.
    pub async fn close(&self) {
        self.port.ask_to_close(self.close_within);
        self.port.closed().await;
    }

    pub(crate) fn port(&self) -> &HubPort {
        &self.port
    }
}

impl Drop for ZmqHub {
    fn drop(&mut self) {
        self.port.ask_to_close(Duration::ZERO);
        self.port.wait_until_closed();
    }
}
