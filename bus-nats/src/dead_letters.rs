//! What workers gave up, as a store of dead letters.

mod background;
mod stored;
mod stream;

use std::sync::Arc;

use linkbus::{
    Uuid,
    layer::dead_letter::{DeadLetter, DeadLetterStore, Filter, StoreError},
    transport::Codec,
};

pub(crate) use self::stored::{ATTEMPTS, CONSUMER, ERROR, REASON, SEQUENCE, STREAM};
use self::{background::Background, stream::DeadStream};
use crate::{config::NatsConfig, connection::Connection, error::OpenError, streams::Setup};

/// The dead letters on the server: a [`DeadLetterStore`] of what workers gave up. Made by
/// [`Nats::dead_letters`](crate::Nats::dead_letters).
///
/// It has the letters of all commands and tasks, and those of events of its [group](NatsConfig::group). What the handler's error
/// said is in a letter, its type and causes are not.
///
/// [`Replay`](linkbus::layer::dead_letter::Replay) tries them again on a bus, and so it depends on the bus where:
///
/// - on one that sends through a [client](crate::NatsClient), a command or a task is with the server again, under a new id, and its
///   letter is deleted when it is kept there. If a worker gives it up once more, that is a new letter. An inbox at the worker takes
///   it for another message, unless it is told a [key](linkbus::layer::Inbox::key);
/// - on one with the handlers, it is handled there, and an event by the subscribers of that bus alone: other groups, which had it,
///   do not hear it again.
///
/// Each call waits for the server, for up to 10 s, and blocks its thread meanwhile. The connection is in a thread of its own, so a
/// call may come from any other; one of a runtime that has something better to do is spared with `spawn_blocking`. Listing letters
/// reads the headers of all.
///
/// Workers write letters; [`append`](DeadLetterStore::append) takes none.
///
/// ```no_run
/// use bus_nats::{Nats, NatsConfig};
/// use linkbus::{Bus, Command, layer::dead_letter::{DeadLetterStore as _, Filter, Replay}};
///
/// #[derive(Command, serde::Serialize, serde::Deserialize)]
/// #[command(name = "shop.Ship")]
/// struct Ship { order: u32 }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = NatsConfig::new("nats://127.0.0.1:4222");
/// let letters = Nats::dead_letters(&config).await?;
/// for letter in letters.list(&Filter::of::<Ship>(), 10)? {
///     println!("order {}: {:?}", letter.read::<Ship>()?.order, letter.error.text);
/// }
///
/// let client = Nats::client(&config).await?;
/// let bus = Bus::empty().message::<Ship>().transport(client).replayable().build()?;
/// let report = Replay::new(&letters, &bus).all(&Filter::of::<Ship>()).await?;
/// println!("{} are on their way again", report.handled());
/// # Ok(())
/// # }
/// ```
pub struct NatsDeadLetters {
    stream: DeadStream,
    background: Background,
}

impl NatsDeadLetters {
    pub(crate) async fn open(config: &NatsConfig) -> Result<Self, OpenError> {
        let background = Background::start().map_err(|error| OpenError::request("starting a thread", error))?;
        let config = config.clone();
        let opened = background.begin(async move {
            let connection = Connection::open(&config, "dead letters").await?;
            let mut setup = Setup::new(&connection, &config);
            connection.permitted(setup.streams(&config)).await?;
            setup.finish()?;
            DeadStream::open(connection, &config).await
        });
        Ok(NatsDeadLetters { stream: opened.await?, background })
    }

    /// Understands one more format of messages, or another one in the place of one with the same media type: that which is given to
    /// [`Endpoint::codec`](linkbus::transport::Endpoint::codec). MessagePack and JSON are understood without being asked for.
    #[must_use]
    pub fn codec(mut self, codec: impl Codec) -> Self {
        self.stream.codecs.insert(0, Arc::new(codec));
        self
    }
}

impl DeadLetterStore for NatsDeadLetters {
    fn append(&self, _: DeadLetter) -> Result<(), StoreError> {
        Err(StoreError::other(
            "the workers write the dead letters on the server: give `DeadLetters` a store of this process, such as `FileStore`",
        ))
    }

    fn ids(&self, filter: &Filter) -> Result<Vec<Uuid>, StoreError> {
        let (stream, filter) = (self.stream.clone(), filter.clone());
        self.background.wait(async move { stream.ids(&filter).await })
    }

    fn get(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        let stream = self.stream.clone();
        self.background.wait(async move { stream.get(id).await })
    }

    fn count(&self) -> Result<usize, StoreError> {
        self.ids(&Filter::any()).map(|ids| ids.len())
    }

    fn delete(&self, id: Uuid) -> Result<bool, StoreError> {
        let stream = self.stream.clone();
        self.background.wait(async move { stream.delete(id).await })
    }

    fn note_replay(&self, id: Uuid) -> Result<(), StoreError> {
        let stream = self.stream.clone();
        self.background.wait(async move { stream.note_replay(id).await })
    }

    fn close(&self) -> Result<(), StoreError> {
        self.background.stop();
        Ok(())
    }
}
