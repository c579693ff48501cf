//! Keys, and buses that have them.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bus_zmq::{ClientBuilder, Curve, CurveServer, HubBuilder, SecretKey, WorkerBuilder, Zmq, ZmqHub};
use linkbus::{Bus, Command, Event, Query, transport::Endpoint};
use serde::{Deserialize, Serialize};

use super::support::soon;

#[derive(Query, Serialize, Deserialize)]
#[query(reply = String, name = "curve.Repeat")]
pub(crate) struct Repeat(pub(crate) String, pub(crate) usize);

#[derive(Command, Serialize, Deserialize)]
#[command(name = "curve.Do")]
pub(crate) struct Do(pub(crate) u32);

#[derive(Event, Serialize, Deserialize)]
#[event(name = "curve.Done")]
pub(crate) struct Done(pub(crate) u32);

/// The secret keys of a hub, a client and a worker, and the port that the hub has.
pub(crate) struct Secrets {
    pub(crate) port: u16,
    pub(crate) hub: SecretKey,
    pub(crate) client: SecretKey,
    pub(crate) worker: SecretKey,
}

impl Secrets {
    pub(crate) fn new() -> Self {
        let [hub, client, worker] = [(); 3].map(|()| SecretKey::generate());
        Secrets { port: free_port(), hub, client, worker }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    pub(crate) fn server(&self) -> CurveServer {
        Curve::server(self.hub.clone()).allow([self.client.public_key(), self.worker.public_key()])
    }

    pub(crate) fn hub(&self) -> HubBuilder {
        Zmq::hub().endpoint(format!("tcp://0.0.0.0:{}", self.port)).curve(self.server())
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        let keys = Curve::client(self.client.clone(), self.hub.public_key());
        Zmq::client().endpoint(self.endpoint()).curve(keys)
    }

    pub(crate) fn worker(&self) -> WorkerBuilder {
        let keys = Curve::client(self.worker.clone(), self.hub.public_key());
        Zmq::worker().endpoint(self.endpoint()).curve(keys)
    }

    /// A bus that sends, after the hub has let it in.
    pub(crate) async fn bus(&self) -> Bus {
        sender(self.client()).await
    }

    /// What a worker in another process has to know.
    pub(crate) fn told(&self) -> String {
        format!("{} {} {}", self.port, self.hub.public_key(), self.worker.reveal())
    }
}

/// A port that nobody has.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A bus that sends, after the hub has let it in.
pub(crate) async fn sender(client: ClientBuilder) -> Bus {
    let client = client.connect().unwrap();
    soon(client.ready()).await.unwrap();
    Bus::empty().message::<Repeat>().message::<Do>().message::<Done>().transport(client).build().unwrap()
}

/// A worker in another process: it begins, and does not end.
pub(crate) async fn work_until_killed(told: &str) {
    let [port, hub, secret] = <[&str; 3]>::try_from(told.split(' ').collect::<Vec<_>>()).unwrap();
    let keys = Curve::client(secret.parse().unwrap(), hub.parse().unwrap());
    let stuck = Bus::empty().replayable().command_async(|_: Do| std::future::pending::<()>());
    let worker = Zmq::worker().endpoint(format!("tcp://127.0.0.1:{port}")).curve(keys);
    worker.connect(Endpoint::new(&stuck.build().unwrap()).unwrap()).unwrap().run().await.unwrap();
}

/// A hub with a worker, of which the handled are counted, and a bus that sends to it.
pub(crate) struct Scene {
    pub(crate) secrets: Secrets,
    pub(crate) hub: ZmqHub,
    pub(crate) bus: Bus,
    handled: Arc<AtomicUsize>,
    heard: Arc<AtomicUsize>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Scene::with(Secrets::new(), |client| client).await
    }

    /// One in which the client is another one.
    pub(crate) async fn with(secrets: Secrets, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        let hub = secrets.hub().start().unwrap();
        let [handled, heard] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let (handling, hearing) = (Arc::clone(&handled), Arc::clone(&heard));
        let bus = Bus::empty()
            .replayable()
            .query(|Repeat(text, times): Repeat| text.repeat(times))
            .command(move |_: Do| {
                handling.fetch_add(1, Ordering::Relaxed);
            })
            .subscribe(move |_: &Done| {
                hearing.fetch_add(1, Ordering::Relaxed);
            });
        let worker = secrets.worker().connect(Endpoint::new(&bus.build().unwrap()).unwrap()).unwrap();
        let handle = worker.handle();
        tokio::spawn(worker.run());
        soon(handle.ready()).await.unwrap();
        let bus = sender(change(secrets.client().query_timeout(Duration::from_secs(60)))).await;
        Scene { secrets, hub, bus, handled, heard }
    }

    pub(crate) fn handled(&self) -> usize {
        self.handled.load(Ordering::Relaxed)
    }

    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::Relaxed)
    }

    /// Whatever else happens, who has a key is served.
    pub(crate) async fn honest_is_served(&self) {
        let before = self.handled();
        soon(self.bus.execute(Do(1))).await.unwrap();
        assert_eq!(self.handled(), before + 1);
    }
}
