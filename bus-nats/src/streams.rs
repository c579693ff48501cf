//! The streams and consumers on the server: made if they are missing, compared if they are there.

mod compare;

use std::time::Duration;

use async_nats::jetstream::{
    Context, ErrorCode,
    consumer::{Consumer, pull},
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::{Config, ConsumerErrorKind, DiscardPolicy, RetentionPolicy, StorageType, Stream},
};
use linkbus::Kind;

use self::compare::{consumer_differences, stream_differences};
use crate::{
    config::NatsConfig,
    connection::Connection,
    error::{Difference, Differences, OpenError},
    names,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long it is known how often a message was begun, and how far a key is, and how many bytes each of both may take.
const NOTES_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const NOTES_BYTES: i64 = 64 << 20;

/// How streams are kept: on one server, in files, with up to 1 GiB each, and 2 min in which a message that is sent twice is one,
/// unless set.
///
/// ```
/// use bus_nats::{Storage, StreamSettings, WhenFull};
///
/// let mut settings = StreamSettings::replicated(3);
/// settings.max_bytes = 16 << 30;
/// settings.events_when_full = WhenFull::Refuse;
/// assert_eq!(settings.storage, Storage::File);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamSettings {
    /// On how many servers of a cluster each message is: 1, 3 or 5.
    pub replicas: usize,
    /// Where messages are.
    pub storage: Storage,
    /// The most bytes of a stream, which the server sets aside. A full one of commands, tasks or dead letters refuses further ones.
    pub max_bytes: u64,
    /// How long the server knows a message again that is sent a second time.
    pub duplicate_window: Duration,
    /// What becomes of events when their stream is full.
    pub events_when_full: WhenFull,
}

/// Where messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Storage {
    /// In files. The server does not wait for the disk unless its `sync_interval` is `always`.
    File,
    /// In memory: gone with the server.
    Memory,
}

/// What a full stream of events does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Gives up the oldest event, whoever has not heard it.
    DropOldest,
    /// Refuses the new one: its sender gets an error.
    Refuse,
}

impl Default for StreamSettings {
    fn default() -> Self {
        StreamSettings {
            replicas: 1,
            storage: Storage::File,
            max_bytes: 1 << 30,
            duplicate_window: Duration::from_secs(120),
            events_when_full: WhenFull::DropOldest,
        }
    }
}

impl StreamSettings {
    /// On so many servers of a cluster.
    pub fn replicated(replicas: usize) -> Self {
        StreamSettings { replicas, ..StreamSettings::default() }
    }
}

/// How all streams are kept.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    settings: StreamSettings,
    pub(crate) events_age: Duration,
    pub(crate) dead_age: Duration,
}

impl Default for Streams {
    fn default() -> Self {
        Streams { settings: StreamSettings::default(), events_age: 7 * DAY, dead_age: 30 * DAY }
    }
}

impl Streams {
    pub(crate) fn all(&mut self, settings: StreamSettings) {
        self.settings = settings;
    }

    /// What there has to be.
    fn wanted(&self, prefix: &str) -> Vec<Config> {
        let of = |name: &str| self.stream(prefix, name);
        let work = |kind| Config { retention: RetentionPolicy::WorkQueue, ..of(names::token(kind)) };
        let events_when_full = match self.settings.events_when_full {
            WhenFull::DropOldest => DiscardPolicy::Old,
            WhenFull::Refuse => DiscardPolicy::New,
        };
        let events = Config { discard: events_when_full, max_age: self.events_age, ..of(names::token(Kind::Event)) };
        let dead = Config { max_age: self.dead_age, ..of("dead") };
        let notes = |name| {
            let all = of(name);
            Config { max_messages_per_subject: 1, max_age: NOTES_AGE, max_bytes: all.max_bytes.min(NOTES_BYTES), ..all }
        };
        // A note of an order that gives way costs time and no message.
        let order = Config { discard: DiscardPolicy::Old, ..notes("order") };
        vec![work(Kind::Command), work(Kind::Task), events, dead, notes("attempts"), order]
    }

    /// What keeps messages for later. A server that does it cannot refuse one: it drops the oldest of a full stream, so this one is
    /// never full, and the bytes are looked at beforehand.
    fn later(&self, prefix: &str) -> Config {
        Config {
            subjects: names::of_later(prefix),
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::Old,
            max_bytes: -1,
            allow_message_schedules: true,
            ..self.stream(prefix, "later")
        }
    }

    /// The most bytes of a stream.
    pub(crate) fn max_bytes(&self) -> u64 {
        self.settings.max_bytes
    }

    /// A stream of everything below a subject.
    fn stream(&self, prefix: &str, name: &str) -> Config {
        let StreamSettings { replicas, storage, max_bytes, duplicate_window, .. } = self.settings;
        Config {
            name: format!("{prefix}_{name}"),
            subjects: vec![format!("{prefix}.{name}.>")],
            discard: DiscardPolicy::New,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            max_message_size: -1,
            max_bytes: i64::try_from(max_bytes).unwrap_or(i64::MAX),
            num_replicas: replicas,
            duplicate_window,
            storage: match storage {
                Storage::File => StorageType::File,
                Storage::Memory => StorageType::Memory,
            },
            ..Config::default()
        }
    }
}

/// Makes what is missing, if that is allowed, and finds what differs.
pub(crate) struct Setup<'a> {
    jetstream: &'a Context,
    may_make: bool,
    keeps_for_later: bool,
    differences: Vec<Difference>,
}

impl<'a> Setup<'a> {
    pub(crate) fn new(connection: &'a Connection, config: &NatsConfig) -> Self {
        Setup {
            jetstream: &connection.jetstream,
            may_make: !config.verify_only,
            keeps_for_later: connection.keeps_for_later(),
            differences: Vec::new(),
        }
    }

    pub(crate) async fn streams(&mut self, config: &NatsConfig) -> Result<(), OpenError> {
        for wanted in config.streams.wanted(&config.prefix) {
            match self.stream(&wanted).await? {
                Some(found) => self.differences.extend(stream_differences(&wanted, &found.cached_info().config)),
                None => self.differences.push(Difference::Missing { what: stream_called(&wanted.name) }),
            }
        }
        self.later(&config.streams.later(&config.prefix)).await
    }

    /// The stream of messages for later, without which everything else works.
    async fn later(&mut self, wanted: &Config) -> Result<(), OpenError> {
        if self.keeps_for_later
            && let Some(found) = self.stream(wanted).await?
        {
            self.differences.extend(stream_differences(wanted, &found.cached_info().config));
        }
        Ok(())
    }

    /// Whether there is this stream of messages for later.
    pub(crate) async fn has_later(&self, stream: &str) -> Result<bool, OpenError> {
        Ok(self.keeps_for_later && self.existing(stream).await?.is_some())
    }

    async fn stream(&self, wanted: &Config) -> Result<Option<Stream>, OpenError> {
        if let Some(found) = self.existing(&wanted.name).await? {
            return Ok(Some(found));
        }
        if !self.may_make {
            return Ok(None);
        }
        match self.jetstream.create_stream(wanted).await {
            Ok(made) => Ok(Some(made)),
            Err(error) => {
                // Another process was faster.
                let taken = if is_taken(&error.kind()) { self.existing(&wanted.name).await? } else { None };
                let refused = || OpenError::request(format!("making {}", stream_called(&wanted.name)), error);
                taken.map(Some).ok_or_else(refused)
            }
        }
    }

    async fn existing(&self, name: &str) -> Result<Option<Stream>, OpenError> {
        match self.jetstream.get_stream(name).await {
            Ok(stream) => Ok(Some(stream)),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(refusal) if is_unknown_stream(&refusal) => Ok(None),
                _ => Err(OpenError::request(format!("looking for {}", stream_called(name)), error)),
            },
        }
    }

    /// The consumer of a stream; `None` if it is missing or another one, which is noted.
    pub(crate) async fn consumer(
        &mut self,
        stream: &str,
        wanted: &pull::Config,
    ) -> Result<Option<Consumer<pull::Config>>, OpenError> {
        let name = wanted.name.as_deref().or(wanted.durable_name.as_deref()).unwrap_or_default();
        let what = format!("the consumer `{name}` of the stream `{stream}`");
        // What is no work of an operator is made in any case: it is gone with its worker.
        let may_make = self.may_make || wanted.durable_name.is_none();
        let found = match self.existing_consumer(stream, name, &what).await? {
            None if may_make => Some(make_consumer(self.jetstream, stream, wanted, &what).await?),
            found => found,
        };
        let Some(found) = found else {
            self.differences.push(Difference::Missing { what });
            return Ok(None);
        };
        let differences = consumer_differences(&what, wanted, &found.cached_info().config);
        self.differences.extend(differences);
        Ok(Some(found))
    }

    async fn existing_consumer(
        &self,
        stream: &str,
        name: &str,
        what: &str,
    ) -> Result<Option<Consumer<pull::Config>>, OpenError> {
        match self.jetstream.get_consumer_from_stream(name, stream).await {
            Ok(consumer) => Ok(Some(consumer)),
            Err(error) => match error.kind() {
                ConsumerErrorKind::JetStream(refusal) if is_missing(&refusal) => Ok(None),
                _ => Err(OpenError::request(format!("looking for {what}"), error)),
            },
        }
    }

    /// All that differs, if anything does.
    pub(crate) fn finish(self) -> Result<(), OpenError> {
        if self.differences.is_empty() { Ok(()) } else { Err(OpenError::Differences(Differences(self.differences))) }
    }
}

/// Makes a consumer, or finds the one that another process made in the meantime.
async fn make_consumer(
    jetstream: &Context,
    stream: &str,
    wanted: &pull::Config,
    what: &str,
) -> Result<Consumer<pull::Config>, OpenError> {
    let made = jetstream.create_consumer_on_stream(wanted.clone(), stream).await;
    made.map_err(|error| match error.kind() {
        ConsumerErrorKind::JetStream(refusal) if is_unknown_stream(&refusal) => {
            OpenError::Differences(Differences(vec![Difference::Missing { what: stream_called(stream) }]))
        }
        _ => OpenError::request(format!("making {what}"), error),
    })
}

/// Whether there is no such stream.
pub(crate) fn is_unknown_stream(refusal: &async_nats::jetstream::Error) -> bool {
    refusal.error_code() == ErrorCode::STREAM_NOT_FOUND
}

/// Whether there is no such consumer, or no stream that could have it.
fn is_missing(refusal: &async_nats::jetstream::Error) -> bool {
    [ErrorCode::CONSUMER_NOT_FOUND, ErrorCode::STREAM_NOT_FOUND].contains(&refusal.error_code())
}

/// Whether there is a stream of that name, or of those subjects, which is said of one that is just being made.
fn is_taken(kind: &CreateStreamErrorKind) -> bool {
    let taken = [ErrorCode::STREAM_NAME_EXIST, ErrorCode::STREAM_SUBJECT_OVERLAP];
    matches!(kind, CreateStreamErrorKind::JetStream(refusal) if taken.contains(&refusal.error_code()))
}

fn stream_called(name: &str) -> String {
    format!("the stream `{name}`")
}
