//! Three servers that are one cluster.

use std::{net::TcpListener, path::Path, time::Duration};

use async_nats::jetstream::{
    self,
    consumer::pull,
    context::ContextBuilder,
    stream::{ClusterInfo, Info},
};
use bus_nats::{Nats, NatsConfig, StreamSettings};

use crate::support::{Server, programs, settings, soon};

/// How long each try to ask the cluster for something takes, at most.
const PATIENCE: Duration = Duration::from_millis(250);

pub(crate) struct Cluster {
    pub(crate) nodes: [Server; 3],
}

impl Cluster {
    /// One of each version. It is [ready](Self::ready) after a while.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        programs().into_iter().map(|program| Cluster::start(&program))
    }

    fn start(program: &Path) -> Self {
        let ports = free_ports();
        let routes = ports.map(|port| format!("nats://127.0.0.1:{port}")).join(", ");
        let node = |number: usize| {
            let listens = format!("listen: \"127.0.0.1:{}\", routes: [{routes}]", ports[number]);
            Server::start(program, &format!("server_name: {}\ncluster {{ name: tested, {listens} }}", name(number)))
        };
        Cluster { nodes: [0, 1, 2].map(node) }
    }

    /// All servers, of which that with this number is the first that is connected to; and streams on each of them.
    pub(crate) fn config_from(&self, first: usize) -> NatsConfig {
        let [first, second, third] = [0, 1, 2].map(|place| self.nodes[(first + place) % 3].url());
        let streams = settings(StreamSettings::replicated(3));
        NatsConfig::new(first).server(second).server(third).streams(streams)
    }

    /// Waits until streams can be made.
    pub(crate) async fn ready(&self) {
        let config = self.config_from(0);
        soon(async { while Nats::client(&config).await.is_err() {} }).await;
    }

    /// What the leader of a stream says of it, when there is one.
    pub(crate) async fn stream(&self, name: &str) -> Info {
        self.answer(async |jetstream| Some(jetstream.get_stream(name).await.ok()?.cached_info().clone())).await
    }

    /// Asks until there is an answer.
    async fn answer<T>(&self, ask: impl AsyncFn(jetstream::Context) -> Option<T>) -> T {
        let urls = self.nodes.each_ref().map(|node| node.url().to_owned()).to_vec();
        let asks = async {
            loop {
                let Ok(client) = async_nats::connect(urls.clone()).await else { continue };
                let jetstream = ContextBuilder::new().timeout(PATIENCE).build(client);
                if let Some(answer) = ask(jetstream).await {
                    return answer;
                }
            }
        };
        soon(asks).await
    }

    /// Which node leads a stream.
    pub(crate) async fn leader(&self, stream: &str) -> usize {
        led(self.stream(stream).await.cluster)
    }

    /// Which node leads a consumer.
    pub(crate) async fn leader_of_consumer(&self, stream: &str, consumer: &str) -> usize {
        let ask = async |jetstream: jetstream::Context| {
            let consumer = jetstream.get_consumer_from_stream::<pull::Config, _, _>(consumer, stream).await;
            consumer.ok()?.cached_info().cluster.clone()
        };
        led(Some(self.answer(ask).await))
    }

    /// Waits until each message of a stream is on all nodes.
    pub(crate) async fn in_step(&self, stream: &str) {
        soon(Box::pin(async {
            loop {
                let replicas = self.stream(stream).await.cluster.unwrap().replicas;
                if replicas.iter().filter(|replica| replica.current && !replica.offline).count() == 2 {
                    break;
                }
            }
        }))
        .await;
    }
}

fn led(cluster: Option<ClusterInfo>) -> usize {
    let leader = cluster.and_then(|cluster| cluster.leader).expect("the leader answers");
    (0..3).find(|&number| name(number) == leader).expect("it is one of the three")
}

fn name(number: usize) -> String {
    format!("node{number}")
}

/// Three ports that nobody has at the moment.
fn free_ports() -> [u16; 3] {
    let taken = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    taken.map(|listener| listener.local_addr().unwrap().port())
}
