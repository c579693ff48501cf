//! What clients and workers are told: where the server is, what is on it, and how messages are handled.

mod servers;

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use linkbus::MessageFacts;

pub(crate) use self::servers::Servers;
use crate::{
    error::OpenError,
    redelivery::Redelivery,
    streams::{StreamSettings, Streams},
};

/// What a client or a worker is told. One for both sides is best: what they do not share is what one of them does not look at.
///
/// ```
/// use std::time::Duration;
/// use bus_nats::{NatsConfig, StreamSettings};
///
/// let config = NatsConfig::new("nats://127.0.0.1:4222")
///     .group("billing")
///     .token("s3cr3t")
///     .streams(StreamSettings::replicated(3))
///     .ack_wait(Duration::from_secs(10));
/// assert!(!format!("{config:?}").contains("s3cr3t"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is given to `Nats::client` or `Nats::worker`"]
pub struct NatsConfig {
    pub(crate) servers: Servers,
    pub(crate) login: Login,
    pub(crate) tls: Tls,
    pub(crate) prefix: String,
    pub(crate) group: String,
    pub(crate) streams: Streams,
    pub(crate) verify_only: bool,
    pub(crate) query_timeout: Duration,
    pub(crate) publish_timeout: Duration,
    pub(crate) publish_window: usize,
    pub(crate) close_within: Duration,
    pub(crate) handling: Handling,
}

/// How a worker handles what comes.
#[derive(Clone, Debug)]
pub(crate) struct Handling {
    pub(crate) redelivery: Redelivery,
    pub(crate) ack_wait: Duration,
    concurrency: usize,
    concurrency_of: BTreeMap<String, usize>,
    pub(crate) prefetch: usize,
    pub(crate) query_backlog: usize,
    pub(crate) hearers: Hearers,
    pub(crate) begin: Begin,
}

impl Handling {
    /// How many messages of a type are handled at once.
    pub(crate) fn concurrency_for(&self, message: &MessageFacts) -> usize {
        self.concurrency_of.get(message.name).copied().unwrap_or(self.concurrency)
    }
}

/// Which of the workers of a group hear an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hearers {
    /// One of them; if it is gone before it is done, another one. Events wait while there is none.
    #[default]
    OnePerGroup,
    /// Each, as long as it is there: for caches and the like. Events do not wait for workers that are not.
    Each,
}

/// With which events a group begins that the server does not know yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Begin {
    /// With those that are published from now on.
    #[default]
    Now,
    /// With all that are kept.
    First,
    /// With the one that has this number in the stream of events.
    Sequence(u64),
}

/// How a program says who it is.
#[derive(Clone, Default)]
pub(crate) enum Login {
    #[default]
    Nobody,
    Token(String),
    Password {
        user: String,
        password: String,
    },
    NKey(String),
    CredentialsFile(PathBuf),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Login::Nobody => f.write_str("Nobody"),
            Login::Token(_) => f.write_str("Token(..)"),
            Login::Password { user, .. } => write!(f, "Password {{ user: {user:?}, .. }}"),
            Login::NKey(_) => f.write_str("NKey(..)"),
            Login::CredentialsFile(path) => write!(f, "CredentialsFile({path:?})"),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    pub(crate) is_required: bool,
    pub(crate) roots: Vec<PathBuf>,
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
}

impl NatsConfig {
    /// A server, such as `nats://127.0.0.1:4222`; `tls://` is encrypted. In `nats://user:password@127.0.0.1` or `nats://token@127.0.0.1`
    /// is a login, which is that of all servers, and is taken if there is no other.
    pub fn new(server: impl Into<String>) -> Self {
        NatsConfig {
            servers: Servers(vec![server.into()]),
            login: Login::default(),
            tls: Tls::default(),
            prefix: "linkbus".to_owned(),
            group: "linkbus".to_owned(),
            streams: Streams::default(),
            verify_only: false,
            query_timeout: Duration::from_secs(5),
            publish_timeout: Duration::from_secs(10),
            publish_window: 1024,
            close_within: Duration::from_secs(10),
            handling: Handling {
                redelivery: Redelivery::default(),
                ack_wait: Duration::from_secs(5),
                concurrency: 32,
                concurrency_of: BTreeMap::new(),
                prefetch: 64,
                query_backlog: 1024,
                hearers: Hearers::default(),
                begin: Begin::default(),
            },
        }
    }

    /// One more server of the same cluster.
    pub fn server(mut self, server: impl Into<String>) -> Self {
        self.servers.0.push(server.into());
        self
    }

    /// What the names of subjects and streams begin with: `linkbus`. Letters, digits, `-` and `_`.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        NatsConfig { prefix: prefix.into(), ..self }
    }

    /// The name of the service: `linkbus`. Each event is heard once in each group.
    pub fn group(self, group: impl Into<String>) -> Self {
        NatsConfig { group: group.into(), ..self }
    }

    /// Says who the program is with a token.
    pub fn token(self, token: impl Into<String>) -> Self {
        NatsConfig { login: Login::Token(token.into()), ..self }
    }

    /// Says who the program is with a name and a password.
    pub fn user_and_password(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        NatsConfig { login: Login::Password { user: user.into(), password: password.into() }, ..self }
    }

    /// Says who the program is with the seed of an NKey: `SU..`.
    pub fn nkey(self, seed: impl Into<String>) -> Self {
        NatsConfig { login: Login::NKey(seed.into()), ..self }
    }

    /// Says who the program is with a file of credentials, as `nsc` writes it.
    pub fn credentials_file(self, path: impl Into<PathBuf>) -> Self {
        NatsConfig { login: Login::CredentialsFile(path.into()), ..self }
    }

    /// Trusts servers with a certificate of these roots, a file in PEM, and no longer those that the system trusts; from now on connections
    /// are encrypted. May be called for several files.
    pub fn root_certificates(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.roots.push(path.into());
        self.require_tls()
    }

    /// Shows the server a certificate, two files in PEM; from now on connections are encrypted.
    pub fn client_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls.certificate = Some((certificate.into(), key.into()));
        self.require_tls()
    }

    /// Connects only if the connection is encrypted.
    pub fn require_tls(mut self) -> Self {
        self.tls.is_required = true;
        self
    }

    /// How the streams are kept: see [`StreamSettings`].
    pub fn streams(mut self, settings: StreamSettings) -> Self {
        self.streams.all(settings);
        self
    }

    /// How long events are kept: 7 days. Other messages are kept until they are handled.
    pub fn keep_events(mut self, age: Duration) -> Self {
        self.streams.events_age = age;
        self
    }

    /// How long dead letters are kept: 30 days.
    pub fn keep_dead_letters(mut self, age: Duration) -> Self {
        self.streams.dead_age = age;
        self
    }

    /// Makes no stream and no consumer: what is missing is an error. For servers that somebody else looks after.
    pub fn verify_only(self) -> Self {
        NatsConfig { verify_only: true, ..self }
    }

    /// How long a client waits for the answer to a query, if its deadline is not before that: 5 s.
    pub fn query_timeout(self, timeout: Duration) -> Self {
        NatsConfig { query_timeout: timeout, ..self }
    }

    /// How long a client tries to have a command, a task or an event accepted, if its deadline is not before that: 10 s.
    pub fn publish_timeout(self, timeout: Duration) -> Self {
        NatsConfig { publish_timeout: timeout, ..self }
    }

    /// How many messages of a client the server may not have accepted yet: 1,024, and at least 1. Further ones wait.
    pub fn publish_window(self, messages: usize) -> Self {
        NatsConfig { publish_window: messages.max(1), ..self }
    }

    /// How long handlers have to finish when a worker is stopped: 10 s. What they do not finish goes to another worker.
    pub fn close_within(self, limit: Duration) -> Self {
        NatsConfig { close_within: limit, ..self }
    }

    /// How often a worker handles a message before it is a dead letter: see [`Redelivery`].
    pub fn redelivery(mut self, redelivery: Redelivery) -> Self {
        self.handling.redelivery = redelivery;
        self
    }

    /// After which silence of a worker the server gives what it had to another one: 5 s, and at least 100 ms. A worker tells
    /// every third of it that its handlers are at work, so they may take longer.
    pub fn ack_wait(mut self, wait: Duration) -> Self {
        self.handling.ack_wait = wait.max(Duration::from_millis(100));
        self
    }

    /// How many messages of a type a worker handles at once: 32, and at least 1.
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.handling.concurrency = messages.max(1);
        self
    }

    /// How many messages of this type, by its wire name, a worker handles at once, in the place of
    /// [`concurrency`](Self::concurrency); at least 1. A name that its bus does not serve is an error when the worker is opened.
    ///
    /// ```
    /// # use bus_nats::NatsConfig;
    /// let config = NatsConfig::new("nats://127.0.0.1:4222").concurrency(64).concurrency_of("shop.Ship", 4);
    /// ```
    pub fn concurrency_of(mut self, message: impl Into<String>, messages: usize) -> Self {
        self.handling.concurrency_of.insert(message.into(), messages.max(1));
        self
    }

    /// How many messages of a type a worker has waiting besides: 64, and at least 1.
    pub fn prefetch(mut self, messages: usize) -> Self {
        self.handling.prefetch = messages.max(1);
        self
    }

    /// How many queries of a type wait in a worker besides those that are handled: 1,024. Further ones are answered with
    /// `Overloaded`.
    pub fn query_backlog(mut self, queries: usize) -> Self {
        self.handling.query_backlog = queries;
        self
    }

    /// Which workers of the group hear an event: see [`Hearers`].
    pub fn hearers(mut self, hearers: Hearers) -> Self {
        self.handling.hearers = hearers;
        self
    }

    /// With which events the group begins: see [`Begin`].
    pub fn begin(mut self, begin: Begin) -> Self {
        self.handling.begin = begin;
        self
    }

    /// A name of [`concurrency_of`](Self::concurrency_of) that is none of these is an error.
    pub(crate) fn check_served(&self, served: &[&MessageFacts]) -> Result<(), OpenError> {
        let is_served = |name: &str| served.iter().any(|message| message.name == name);
        match self.handling.concurrency_of.keys().find(|name| !is_served(name)) {
            Some(name) => Err(OpenError::Setting {
                setting: "message of `concurrency_of`",
                value: name.clone(),
                problem: "the bus of this worker serves none of that name: take a wire name that it has a handler for",
            }),
            None => Ok(()),
        }
    }

    /// How the program says who it is.
    pub(crate) fn login(&self) -> Login {
        match &self.login {
            Login::Nobody => self.servers.login().unwrap_or_default(),
            login => login.clone(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let refuse = |setting, value: &str, problem| Err(OpenError::Setting { setting, value: value.into(), problem });
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.bytes().all(fits) {
            return refuse("prefix", &self.prefix, "take up to 64 letters, digits, `-` and `_`");
        }
        if self.group.is_empty() || self.group.len() > 64 {
            return refuse("group", &self.group, "take the name of the service, up to 64 bytes");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let config = NatsConfig::new("nats://me:s3cr3t@there:4222");
        let logins = [
            config.clone().token("s3cr3t"),
            config.clone().nkey("s3cr3t"),
            config.clone().user_and_password("me", "s3cr3t"),
        ];
        for config in logins {
            assert!(!format!("{config:?} {}", config.servers).contains("s3cr3t"), "{config:?}");
            assert!(format!("{config:?}").contains("nats://there:4222"), "{config:?}");
        }
    }

    #[test]
    fn a_prefix_that_no_subject_can_have_is_refused() {
        for prefix in ["", "a.b", "a b", "ä"] {
            let refused = NatsConfig::new("nats://there").prefix(prefix).check().unwrap_err();
            assert!(matches!(refused, OpenError::Setting { setting: "prefix", .. }), "{refused}");
        }
    }
}
