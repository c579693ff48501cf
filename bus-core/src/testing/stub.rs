//! What a fake answers.

use std::{
    any::{Any, TypeId},
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    handler::{HandlerFacts, IntoOutcome},
    message::{Location, Message},
};

/// What a stub does with a message.
pub(crate) type Answer<M> = Box<dyn Fn(&M) -> Result<<M as Message>::Reply, <M as Message>::Error> + Send + Sync>;

/// The stubs of a fake, by type of message.
#[derive(Default)]
pub(crate) struct Stubs(Mutex<HashMap<TypeId, Script>>);

/// The stubs of one message.
#[derive(Default)]
struct Script {
    /// Used up from the front, each so many times.
    first: VecDeque<(usize, Stub)>,
    then: Option<Stub>,
}

/// One stub.
#[derive(Clone)]
pub(crate) struct Stub {
    /// An [`Answer`] to the message of the script.
    answer: Arc<dyn Any + Send + Sync>,
    delay: Duration,
    /// Where it was set up.
    location: Location,
}

/// What is played for one message.
pub(crate) struct Play(Option<Stub>);

impl Stubs {
    /// Takes the stub that is next for this message.
    pub(crate) fn play(&self, message: TypeId) -> Play {
        Play(self.scripts().get_mut(&message).and_then(Script::next))
    }

    pub(super) fn clear(&self) {
        self.scripts().clear();
    }

    pub(super) fn has(&self, message: TypeId) -> bool {
        self.scripts().contains_key(&message)
    }

    fn add<M: Message>(&self, times: Option<usize>, stub: Stub) {
        let mut scripts = self.scripts();
        let script = scripts.entry(TypeId::of::<M>()).or_default();
        match times {
            Some(times) => script.first.push_back((times, stub)),
            None => script.then = Some(stub),
        }
    }

    fn scripts(&self) -> MutexGuard<'_, HashMap<TypeId, Script>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Script {
    fn next(&mut self) -> Option<Stub> {
        while let Some((left, stub)) = self.first.front_mut() {
            if *left > 0 {
                *left -= 1;
                return Some(stub.clone());
            }
            self.first.pop_front();
        }
        self.then.clone()
    }
}

impl Play {
    /// No stub: what has a reply to give fails, everything else succeeds.
    pub(crate) fn nothing() -> Self {
        Play(None)
    }

    /// How long it waits before it answers.
    pub(crate) fn delay(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |stub| stub.delay)
    }

    /// The answer to an `M`; `None` if there is no stub.
    pub(crate) fn answer<M: Message>(&self, message: &M) -> Option<Result<M::Reply, M::Error>> {
        let answer = self.0.as_ref()?.answer.downcast_ref::<Answer<M>>()?;
        Some(answer(message))
    }

    /// The stub, as the handler that it stands for.
    pub(crate) fn handler<M: Message>(&self) -> HandlerFacts {
        let location = self.0.as_ref().map_or(M::FACTS.location, |stub| stub.location);
        HandlerFacts::new("stub", "", location, M::FACTS, false, &[], false)
    }
}

/// What a fake is to answer to messages of one type: made by [`Fake::on`](super::Fake::on).
///
/// [`once`](Self::once) and [`times`](Self::times) make a stub that is used up; such stubs come first, in the order in which they
/// were set up. A stub without them stays, and takes the place of the one that stayed before.
///
/// ```
/// use linkbus::{AnyError, Query, testing::SyncFakeBus};
///
/// #[derive(Query)]
/// #[query(reply = u32)]
/// struct Stock { item: u32 }
///
/// let fake = SyncFakeBus::new();
/// fake.on::<Stock>().reply(3);
/// fake.on::<Stock>().once().fail("the warehouse is closed");
/// let stock = || fake.bus().send(Stock { item: 1 });
/// assert_eq!(stock().unwrap_err().to_string(), "the warehouse is closed");
/// assert_eq!(stock().unwrap(), 3);
/// fake.on::<Stock>().reply_with(|stock: &Stock| stock.item * 2);
/// assert_eq!(stock().unwrap(), 2);
/// ```
#[must_use = "a stub answers nothing until it is told what: `reply`, `reply_with`, `fail`, `panic`"]
pub struct On<'a, M: Message> {
    stubs: &'a Stubs,
    times: Option<usize>,
    delay: Duration,
    location: Location,
    message: std::marker::PhantomData<fn(M)>,
}

impl<'a, M: Message> On<'a, M> {
    pub(super) fn new(stubs: &'a Stubs, location: Location) -> Self {
        On { stubs, times: None, delay: Duration::ZERO, location, message: std::marker::PhantomData }
    }

    /// Only for the next message that no earlier stub is there for.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Only for so many messages.
    pub fn times(self, times: usize) -> Self {
        On { times: Some(times), ..self }
    }

    /// Answers later: waits by the clock of the bus, so in virtual time where that is a
    /// [`ManualClock`](crate::clock::ManualClock).
    pub fn after(self, delay: Duration) -> Self {
        On { delay, ..self }
    }

    /// Answers with a copy of this value; `()` for what has no reply.
    pub fn reply(self, value: M::Reply)
    where
        M::Reply: Clone + Sync,
    {
        self.put(move |_| Ok(value.clone()));
    }

    /// Answers with these values, one after the other, and then with what is set up besides.
    #[expect(clippy::missing_panics_doc, reason = "each is taken once")]
    pub fn reply_each(self, values: impl IntoIterator<Item = M::Reply>) {
        let On { stubs, delay, location, .. } = self;
        for value in values {
            let value = Mutex::new(Some(value));
            let take = move || value.lock().unwrap_or_else(PoisonError::into_inner).take();
            On::<M> { times: Some(1), delay, ..On::new(stubs, location) }
                .put(move |_| Ok(take().expect("a stub for one message answers once")));
        }
    }

    /// Answers what the closure makes of the message: the reply, or a `Result` of it.
    pub fn reply_with<O>(self, answer: impl Fn(&M) -> O + Send + Sync + 'static)
    where
        O: IntoOutcome<M::Reply, M::Error>,
    {
        self.put(move |message| answer(message).into_outcome());
    }

    /// Fails with this error, or a copy of what is made into it: a text will do where the message leaves its error open.
    pub fn fail<E>(self, error: E)
    where
        E: Into<M::Error> + Clone + Send + Sync + 'static,
    {
        self.put(move |_| Err(error.clone().into()));
    }

    /// Panics with this text when there is a message, as a handler does that panics.
    #[expect(clippy::missing_panics_doc, reason = "it is not this that panics")]
    pub fn panic(self, text: impl Into<String>) {
        let text = text.into();
        self.put(move |_| panic!("{text}"));
    }

    fn put(self, answer: impl Fn(&M) -> Result<M::Reply, M::Error> + Send + Sync + 'static) {
        let answer: Answer<M> = Box::new(answer);
        let stub = Stub { answer: Arc::new(answer), delay: self.delay, location: self.location };
        self.stubs.add::<M>(self.times, stub);
    }
}
