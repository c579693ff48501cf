//! The connection to the server, and what is known of it.

use std::{error::Error, fs::File, future::ready, io, path::Path, sync::Arc, time::Duration};

use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerError,
    jetstream::{self, context::ContextBuilder, response::Response},
};
use serde::de::IgnoredAny;
use tokio::sync::watch;

use crate::{
    config::{Login, NatsConfig},
    error::OpenError,
    permissions::Denials,
};

/// The oldest server that has what is needed.
const NEEDED: (i64, i64) = (2, 9);
const NEEDED_NAME: &str = "2.9";

/// The oldest server that keeps messages until they are due.
const KEEPS_FOR_LATER: (i64, i64) = (2, 12);

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
    pub(crate) denials: Denials,
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
        let (told, denials) = (Arc::new(told), Denials::new());
        let denied = denials.clone();
        let options = options(config).await?.name(format!("{} {role}", config.group)).event_callback(move |event| {
            if let Event::ServerError(ServerError::Other(text)) = &event {
                denied.note(text);
            }
            told.send_if_modified(|link| link.note(&event));
            ready(())
        });
        let client = options.connect(config.servers.hosts()).await;
        let client = client.map_err(|error| not_connected(config, error))?;
        let jetstream = ContextBuilder::new()
            .timeout(PATIENCE)
            .ack_timeout(PATIENCE)
            .max_ack_inflight(config.publish_window)
            .backpressure_on_inflight(true)
            .build(client.clone());
        let connection = Connection { client, jetstream, link, denials };
        connection.permitted(connection.check()).await?;
        Ok(connection)
    }

    /// Opens something that needs all it asks for: what is not permitted is an error at once.
    pub(crate) async fn permitted<T>(
        &self,
        opening: impl Future<Output = Result<T, OpenError>>,
    ) -> Result<T, OpenError> {
        let opened = self.denials.unless_any(Box::pin(opening)).await;
        opened.unwrap_or_else(|denied| Err(OpenError::Permission { source: Box::new(denied) }))
    }

    /// Asks whether the server has what is needed. What was said to it before has arrived when it answers.
    pub(crate) async fn check(&self) -> Result<(), OpenError> {
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

    /// Whether the server keeps messages until they are due. One that does not would take them for messages like any other.
    pub(crate) fn keeps_for_later(&self) -> bool {
        self.client.is_server_compatible(KEEPS_FOR_LATER.0, KEEPS_FOR_LATER.1, 0)
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
    /// Whether something is otherwise now.
    fn note(&mut self, event: &Event) -> bool {
        let before = *self;
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
        *self != before
    }
}

fn not_connected(config: &NatsConfig, error: ConnectError) -> OpenError {
    use ConnectErrorKind::{Authentication, AuthorizationViolation, Tls};
    let (servers, kind) = (config.servers.to_string(), error.kind());
    let is_of_encryption = kind == Tls || is_of_encryption(&error);
    let source = Box::new(error);
    match kind {
        Authentication | AuthorizationViolation => OpenError::Login { servers, source },
        _ if is_of_encryption => OpenError::Encryption { servers, source },
        _ => OpenError::Connect { servers, source },
    }
}

/// Whether it is what the other side said, or showed, when the connection was to be encrypted.
fn is_of_encryption(error: &ConnectError) -> bool {
    let error = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    error.and_then(io::Error::get_ref).is_some_and(|inner| inner.downcast_ref::<async_nats::rustls::Error>().is_some())
}

/// The path of a file that can be read.
fn readable(path: &Path) -> Result<&Path, OpenError> {
    File::open(path).map(|_| path).map_err(|source| OpenError::Certificate { path: path.to_owned(), source })
}

async fn options(config: &NatsConfig) -> Result<ConnectOptions, OpenError> {
    let options = ConnectOptions::new().ping_interval(PING).connection_timeout(CONNECTING).retain_servers_order();
    let mut options = options.require_tls(config.tls.is_required);
    for root in &config.tls.roots {
        options = options.add_root_certificates(readable(root)?.to_owned());
    }
    if let Some((certificate, key)) = &config.tls.certificate {
        options = options.add_client_certificate(readable(certificate)?.to_owned(), readable(key)?.to_owned());
    }
    Ok(match config.login() {
        Login::Nobody => options,
        Login::Token(token) => options.token(token),
        Login::Password { user, password } => options.user_and_password(user, password),
        Login::NKey(seed) => options.nkey(seed),
        Login::CredentialsFile(path) => {
            options.credentials_file(&path).await.map_err(|source| OpenError::Credentials { path, source })?
        }
    })
}
