//! The connection to the server, and what is known of it.

use std::{future::ready, sync::Arc, time::Duration};

use async_nats::{
    Client, ConnectOptions, Event,
    jetstream::{self, context::ContextBuilder, response::Response},
};
use serde::de::IgnoredAny;
use tokio::sync::watch;

use crate::{
    config::{Login, NatsConfig},
    error::OpenError,
};

/// The oldest server that has what is needed.
const NEEDED: (i64, i64) = (2, 9);
const NEEDED_NAME: &str = "2.9";

/// How long the server has for each try to have a message accepted, and for requests about streams and consumers.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often the server is asked whether it is there: one that is silent three times is taken to be gone, such as behind a network that
/// is cut. With [`CONNECTING`] that is less than the time in which a message has to be accepted, so that it is by another server.
const PING: Duration = Duration::from_secs(2);

/// How long a server has to answer when a connection is made.
const CONNECTING: Duration = Duration::from_secs(2);

/// A connection, which is made again when it breaks.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) link: watch::Receiver<Link>,
}

/// How the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) is_up: bool,
    /// How often it was made.
    pub(crate) connections: u64,
    /// How often messages came faster than they were taken, and were lost.
    pub(crate) overruns: u64,
}

impl Connection {
    pub(crate) async fn open(config: &NatsConfig, role: &str) -> Result<Self, OpenError> {
        config.check()?;
        let (told, link) = watch::channel(Link { is_up: true, connections: 0, overruns: 0 });
        let told = Arc::new(told);
        let options = options(config).await?.name(format!("{} {role}", config.group)).event_callback(move |event| {
            told.send_modify(|link| link.note(&event));
            ready(())
        });
        let servers = config.servers.0.clone();
        let client = options.connect(servers).await;
        let client = client
            .map_err(|source| OpenError::Connect { servers: config.servers.to_string(), source: Box::new(source) })?;
        let jetstream = ContextBuilder::new()
            .timeout(PATIENCE)
            .ack_timeout(PATIENCE)
            .max_ack_inflight(config.publish_window)
            .backpressure_on_inflight(true)
            .build(client.clone());
        let connection = Connection { client, jetstream, link };
        connection.check().await?;
        Ok(connection)
    }

    async fn check(&self) -> Result<(), OpenError> {
        if !self.client.is_server_compatible(NEEDED.0, NEEDED.1, 0) {
            return Err(OpenError::TooOld { version: self.client.server_info().version, needed: NEEDED_NAME });
        }
        // What is in the answer differs from version to version.
        match self.jetstream.request("INFO", &()).await {
            Ok(Response::Ok(IgnoredAny)) => Ok(()),
            Ok(Response::Err { error }) => Err(OpenError::NoJetStream { source: Box::new(error) }),
            Err(error) => Err(OpenError::NoJetStream { source: Box::new(error) }),
        }
    }

    /// The most bytes of a message with its headers.
    pub(crate) fn max_size(&self) -> usize {
        self.client.max_payload()
    }

    /// Waits until the connection breaks; what was under way then has no answer.
    pub(crate) async fn broken(&self) {
        let mut link = self.link.clone();
        // An error is a connection that is closed.
        let _ = link.wait_for(|link| link.is_up).await;
        let _ = link.wait_for(|link| !link.is_up).await;
    }
}

impl Link {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Connected => {
                self.is_up = true;
                self.connections += 1;
            }
            Event::Disconnected | Event::Closed => self.is_up = false,
            Event::SlowConsumer(_) => self.overruns += 1,
            _ => {}
        }
        if !matches!(event, Event::Connected) {
            tracing::warn!(target: "linkbus", "the connection to the NATS server: {event}");
        }
    }
}

async fn options(config: &NatsConfig) -> Result<ConnectOptions, OpenError> {
    let options = ConnectOptions::new().ping_interval(PING).connection_timeout(CONNECTING).retain_servers_order();
    let options = options.require_tls(config.tls.is_required);
    let options = config.tls.roots.iter().fold(options, |options, path| options.add_root_certificates(path.clone()));
    let options = match &config.tls.certificate {
        Some((certificate, key)) => options.add_client_certificate(certificate.clone(), key.clone()),
        None => options,
    };
    Ok(match &config.login {
        Login::Nobody => options,
        Login::Token(token) => options.token(token.clone()),
        Login::Password { user, password } => options.user_and_password(user.clone(), password.clone()),
        Login::NKey(seed) => options.nkey(seed.clone()),
        Login::CredentialsFile(path) => options
            .credentials_file(path)
            .await
            .map_err(|source| OpenError::Credentials { path: path.clone(), source })?,
    })
}
