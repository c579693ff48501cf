//! Clients: what a bus sends through.

mod alarms;
mod answers;
mod role;
mod room;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use linkbus::{
    AnyError, Kind,
    layer::Reason,
    transport::{Answer, Completion, Delivery, Features, Order, Parcel, RemoteError, Transport, Undelivered},
};
use tokio::sync::{oneshot, watch};

use self::{
    answers::Answers,
    role::{Ask, ClientRole, Link, Waiter},
    room::{Room, Taken},
};
use crate::{
    contact::{Contact, Lookout},
    error::{NotReady, OpenError},
    hub::ZmqHub,
    io::{Inbox, Place},
    protocol::{Call, Content, MAX_TEXT, Outcome, Reject},
    reach::{Reach, reaches_a_hub},
};

/// How a client is made: [`Zmq::client`](crate::Zmq::client).
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is connected"]
pub struct ClientBuilder {
    reach: Reach,
    settings: Settings,
}

#[derive(Clone, Debug)]
struct Settings {
    query_timeout: Duration,
    hub_grace: Duration,
    max_frame: usize,
    in_flight: usize,
    in_flight_bytes: usize,
    close_within: Duration,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        let settings = Settings {
            query_timeout: Duration::from_secs(5),
            hub_grace: Duration::from_secs(10),
            max_frame: 1 << 20,
            in_flight: 10_000,
            in_flight_bytes: 64 << 20,
            close_within: Duration::from_secs(10),
        };
        ClientBuilder { reach: Reach::default(), settings }
    }
}

impl ClientBuilder {
    reaches_a_hub!();

    /// How long an answer to a query is waited for, if its deadline is not before that: 5 s. One that finds no hub in this time says so.
    pub fn query_timeout(mut self, timeout: Duration) -> Self {
        self.settings.query_timeout = timeout;
        self
    }

    /// How long messages wait for a hub that is not there: 10 s, and no longer than for an answer.
    pub fn hub_grace(mut self, grace: Duration) -> Self {
        self.settings.hub_grace = grace;
        self
    }

    /// The most bytes of a message with its envelope that is sent: 1 MiB, or less if the hub takes less. Answers may have as many as
    /// the hub allows.
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.settings.max_frame = bytes;
        self
    }

    /// How many messages may be without an answer: 10,000, and at least 1. Further ones wait before they are sent, no longer than for
    /// an answer. Who waits longest has no precedence: whoever finds room takes it.
    pub fn in_flight(mut self, messages: usize) -> Self {
        self.settings.in_flight = messages.max(1);
        self
    }

    /// How many bytes these messages may have, with their envelopes: 64 MiB. Further ones wait in the same way, and a large one may
    /// wait while small ones find room. One that has more than this by itself is sent when no other is under way.
    pub fn in_flight_bytes(mut self, bytes: usize) -> Self {
        self.settings.in_flight_bytes = bytes.max(1);
        self
    }

    /// How long closing waits for answers: 10 s.
    pub fn close_within(mut self, limit: Duration) -> Self {
        self.settings.close_within = limit;
        self
    }

    /// Connects to the hub, which need not be there yet.
    ///
    /// # Errors
    /// [`OpenError`] if the endpoint cannot be used.
    pub fn connect(self) -> Result<ZmqClient, OpenError> {
        ZmqClient::open(self.reach.there()?, self.settings)
    }

    /// Joins a hub of this process: no socket is between them. The endpoint is not looked at.
    ///
    /// # Errors
    /// [`OpenError`], as for [`connect`](Self::connect).
    pub fn join(self, hub: &ZmqHub) -> Result<ZmqClient, OpenError> {
        ZmqClient::open(Reach::here(hub), self.settings)
    }
}

/// Carries messages to a hub: a [`Transport`] for [`Builder::transport`](linkbus::Builder::transport).
///
/// Clones are one client. It closes with its bus, or when the last clone is dropped, which does not wait for answers.
#[derive(Clone, Debug)]
pub struct ZmqClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    endpoint: String,
    settings: Settings,
    inbox: Arc<Inbox<Ask>>,
    answers: Arc<Answers>,
    in_flight: Room,
    link: watch::Receiver<Link>,
}

impl ZmqClient {
    fn open(place: Place, settings: Settings) -> Result<Self, OpenError> {
        let endpoint = place.name();
        let (state, link) = watch::channel(Link::Unready(Contact::Connecting));
        let (mut inbox, answers) = (None, Arc::default());
        let lookout = Lookout::new("client", endpoint.clone(), settings.hub_grace);
        place.open(|wake| {
            let asks = inbox.insert(Arc::new(Inbox::new(wake)));
            ClientRole::new(Arc::clone(asks), Arc::clone(&answers), state, settings.hub_grace, lookout)
        })?;
        let inbox = inbox.expect("the role was made");
        let in_flight = Room::new(settings.in_flight, settings.in_flight_bytes);
        Ok(ZmqClient { shared: Arc::new(Shared { endpoint, settings, inbox, answers, in_flight, link }) })
    }

    /// Waits until the hub has answered. Whoever was ready before a message is sent can get it.
    ///
    /// # Errors
    /// [`NotReady`] if it does not, within the [grace](ClientBuilder::hub_grace), or refuses.
    pub async fn ready(&self) -> Result<(), NotReady> {
        self.link(|_| true).await
    }

    /// The wire names that have workers now, as far as the hub has told.
    pub fn routes(&self) -> Vec<String> {
        match &*self.shared.link.borrow() {
            Link::Ready(routes) => routes.clone(),
            _ => Vec::new(),
        }
    }

    /// Waits until these names have workers, however long the hub is there without them.
    ///
    /// # Errors
    /// [`NotReady`], as for [`ready`](Self::ready).
    pub async fn served<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Result<(), NotReady> {
        let names: Vec<_> = names.into_iter().collect();
        self.link(|routes| names.iter().all(|name| routes.iter().any(|route| route == name.as_ref()))).await
    }

    /// Waits until there is a hub, at which what has workers is enough.
    async fn link(&self, is_enough: impl Fn(&[String]) -> bool) -> Result<(), NotReady> {
        let mut link = self.shared.link.clone();
        let settled = link.wait_for(|link| match link {
            Link::Ready(routes) => is_enough(routes),
            Link::Unready(contact) => *contact != Contact::Connecting,
            Link::Over => true,
        });
        match settled.await.as_deref() {
            Ok(Link::Ready(_)) => Ok(()),
            Ok(Link::Unready(contact)) => Err(contact.problem(&self.shared.endpoint).unwrap_or(NotReady::Closed)),
            Ok(Link::Over) | Err(_) => Err(NotReady::Closed),
        }
    }

    async fn call(&self, mut call: Call) -> Result<Outcome, Undelivered> {
        let room = match self.shared.in_flight.take_now(call.content.len()) {
            Some(room) => room,
            None => self.wait_for_room(&mut call).await?,
        };
        let (answer, outcome) = oneshot::channel();
        let asked = self.shared.inbox.push(Ask::Call(call, Waiter { answer, _room: room }));
        asked.map_err(|_| Undelivered::Closed)?;
        let outcome = outcome.await;
        self.shared.answers.give_out();
        outcome.map_err(|_| Undelivered::Closed)
    }

    /// Waits for room no longer than for an answer.
    async fn wait_for_room(&self, call: &mut Call) -> Result<Taken, Undelivered> {
        let begun = Instant::now();
        let (ring, alarm) = oneshot::channel();
        let asked = self.shared.inbox.push(Ask::Wake(call.limit.unwrap_or(Duration::MAX), ring));
        asked.map_err(|_| Undelivered::Closed)?;
        tokio::select! {
            biased;
            room = self.shared.in_flight.take(call.content.len()) => {
                call.waited = begun.elapsed();
                Ok(room)
            }
            // The alarm is dropped with the client.
            end = alarm => Err(match (end, call.limit) {
                (Ok(()), Some(limit)) => self.shared.no_room(limit),
                _ => Undelivered::Closed,
            }),
        }
    }
}

impl Transport for ZmqClient {
    fn name(&self) -> &'static str {
        "zmq"
    }

    fn features(&self) -> Features {
        let mut features = Features::default();
        features.commands = Delivery::AtLeastOnce;
        features.events = Delivery::AtMostOnce;
        features.completion = Completion::Handled;
        features.order = Order::Unordered;
        features.max_size = self.shared.settings.max_frame;
        features
    }

    async fn carry(&self, parcel: Parcel) -> Result<Answer, Undelivered> {
        let Parcel { envelope, body } = parcel;
        if envelope.name.len() > MAX_TEXT {
            return Err(Undelivered::TooLarge { size: envelope.name.len(), limit: MAX_TEXT });
        }
        let content = Content::written(|out| envelope.append_to(out), &body);
        let (size, limit) = (content.len(), self.shared.settings.max_frame);
        if size > limit {
            return Err(Undelivered::TooLarge { size, limit });
        }
        let left = envelope.deadline.and_then(|_| envelope.time_left(SystemTime::now()));
        let timeout = (envelope.kind == Kind::Query).then_some(self.shared.settings.query_timeout);
        let limit = left.into_iter().chain(timeout).min();
        let call = Call { kind: envelope.kind, name: envelope.name, content, limit, waited: Duration::ZERO };
        self.shared.answer(self.call(call).await?, size)
    }

    async fn close(&self) -> Result<(), AnyError> {
        // One that has ended is closed.
        let _ = self.shared.inbox.push(Ask::Leave(self.shared.settings.close_within));
        // An error is a thread that is gone.
        let _ = self.shared.link.clone().wait_for(|link| matches!(link, Link::Over)).await;
        Ok(())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = self.inbox.push(Ask::Leave(Duration::ZERO));
    }
}

impl Shared {
    /// What an outcome is for the bus.
    fn answer(&self, outcome: Outcome, size: usize) -> Result<Answer, Undelivered> {
        match outcome {
            Outcome::Done(body) => Ok(Answer::Done(body)),
            Outcome::Failed(error) => remote_error(&error).map(|error| Answer::Failed(Box::new(error))),
            Outcome::TimedOut(limit) => Err(Undelivered::TimedOut(limit)),
            Outcome::Rejected(Reject::NoHandler) => Err(Undelivered::NoHandler),
            Outcome::Rejected(Reject::Overloaded) => Err(Undelivered::Overloaded),
            Outcome::TooLarge(limit) => Err(Undelivered::TooLarge { size, limit }),
            Outcome::Rejected(why @ Reject::Expired) => {
                Ok(Answer::Failed(Box::new(RemoteError::new(Reason::NotStarted, why.to_string()))))
            }
            Outcome::Closed => Err(Undelivered::Closed),
            Outcome::Rejected(why) => Err(Undelivered::Failed(why.into())),
            Outcome::Lost => Err(Undelivered::Failed("the connection to the hub broke while it was under way".into())),
            Outcome::GivenUp => Err(Undelivered::Failed(
                "the client was closed before there was an answer, and it may have been handled: `close_within` says how long \
                 closing waits"
                    .into(),
            )),
            Outcome::NoHub(after) => Err(self.no_hub(&self.link.borrow(), after)),
        }
    }

    /// Why there was no room in this time: without a hub, what has room keeps it.
    fn no_room(&self, limit: Duration) -> Undelivered {
        match &*self.link.borrow() {
            link @ Link::Unready(_) => self.no_hub(link, limit),
            Link::Ready(_) | Link::Over => Undelivered::TimedOut(limit),
        }
    }

    /// Why there is no hub after this time.
    fn no_hub(&self, link: &Link, after: Duration) -> Undelivered {
        let kept_out = match link {
            Link::Unready(contact @ (Contact::LockedOut(_) | Contact::Refused(_))) => contact.problem(&self.endpoint),
            _ => None,
        };
        let problem = kept_out.unwrap_or_else(|| NotReady::NoHub { endpoint: self.endpoint.clone(), after });
        Undelivered::Failed(problem.into())
    }
}

fn remote_error(error: &[u8]) -> Result<RemoteError, Undelivered> {
    RemoteError::from_bytes(error).map_err(Undelivered::Failed)
}
