//! A message on its way through the layers, and what became of it: typed here, erased for the layers.

use std::{any::Any, sync::Arc, time::Instant};

use super::{Failed, LayerFailure, Outcome, notes::Notes};
use crate::{
    context::{Context, Entered, Offered, Withdrawn},
    dispatch::Lent,
    error::Failure,
    handler::Delivered,
    message::{Message, MessageFacts},
    origin::Origin,
};

#[cfg(feature = "testing")]
use crate::testing::{Play, Show};

/// What the dispatch of an `M` comes to, as its caller gets it.
pub type Dispatched<M> =
    Result<<M as Message>::Reply, <<M as Message>::Failure as Failure<<M as Message>::Error>>::Dispatch>;

/// A message and the outcome of its dispatch, in the place where the layers find both.
pub(crate) struct Payload<M: Message> {
    held: Held<M>,
    pub(super) outcome: Option<Dispatched<M>>,
    care: Care,
    particulars: Particulars,
    notes: Notes,
    left: Notes,
}

/// What is done with the message when the handler gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    HandOver,
    /// It is lent, because the handler only borrows it, and there for a layer that calls `next` again.
    Lend,
    /// It is lent, because a layer wants it afterwards.
    Keep,
}

enum Held<M> {
    Here(M),
    Shared(Arc<M>),
    /// Handed over to the handler.
    Gone,
    /// A layer put another message in the place of the one that came to it.
    Replaced(Box<Replaced<M>>),
}

struct Replaced<M> {
    /// The other one: here, shared or gone.
    now: Held<M>,
    /// What it stands for, as long as the layer is under way. It is not gone.
    original: Held<M>,
}

impl<M> Held<M> {
    fn get(&self) -> Option<&M> {
        match self {
            Held::Here(message) => Some(message),
            Held::Shared(message) => Some(message),
            Held::Gone => None,
            Held::Replaced(replaced) => replaced.now.get(),
        }
    }

    /// Where the message is that what is inside gets.
    fn now(&mut self) -> &mut Self {
        match self {
            Held::Replaced(replaced) => &mut replaced.now,
            now => now,
        }
    }

    fn take(&mut self) -> Self {
        std::mem::replace(self.now(), Held::Gone)
    }

    /// Puts `message` in the place of this one, which comes back with [`restore`](Self::restore). One that is gone does not.
    fn replace(&mut self, message: M) {
        if self.get().is_none() {
            *self.now() = Held::Here(message);
            return;
        }
        let original = std::mem::replace(self, Held::Gone);
        *self = Held::Replaced(Box::new(Replaced { now: Held::Here(message), original }));
    }

    /// How many messages stand for others.
    fn replacements(&self) -> usize {
        let mut held = self;
        let mut count = 0;
        while let Held::Replaced(replaced) = held {
            held = &replaced.original;
            count += 1;
        }
        count
    }

    /// Puts back what was there when there were so many [`replacements`](Self::replacements).
    fn restore(&mut self, replacements: usize) {
        for _ in replacements..self.replacements() {
            if let Held::Replaced(replaced) = std::mem::replace(self, Held::Gone) {
                *self = replaced.original;
            }
        }
    }
}

/// What the layers tell each other, and the handler's `&Context`, about the dispatch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Particulars {
    /// Drawn when somebody asks for it.
    pub(crate) context: Option<Context>,
    /// Counted from 1.
    pub(crate) attempt: u32,
    pub(crate) deadline: Option<Instant>,
    /// Whether it came from inside a handler before it went to another thread, where that cannot be seen.
    pub(crate) was_nested: bool,
    /// The place of the one subscriber that the event is for, if it is not for all.
    pub(crate) only_subscriber: Option<usize>,
    /// Whether a dead letter is tried again: then it has its letter, and gets no other.
    pub(crate) is_replay: bool,
    /// Whether it came from another process: then it goes to no other.
    #[cfg(feature = "transport")]
    pub(crate) is_foreign: bool,
    /// Where it was asked for; `None` for what is replayed.
    #[cfg(feature = "testing")]
    pub(crate) origin: Option<crate::message::Location>,
}

impl<M: Message> Payload<M> {
    pub(crate) fn new(message: M, care: Care) -> Self {
        Payload::holding(Held::Here(message), care)
    }

    fn holding(held: Held<M>, care: Care) -> Self {
        let particulars = Particulars {
            context: None,
            attempt: 1,
            deadline: None,
            was_nested: false,
            only_subscriber: None,
            is_replay: false,
            #[cfg(feature = "transport")]
            is_foreign: false,
            #[cfg(feature = "testing")]
            origin: None,
        };
        Payload { held, outcome: None, care, particulars, notes: Notes::default(), left: Notes::default() }
    }

    /// Says where it was asked for.
    #[inline]
    #[cfg_attr(not(feature = "testing"), expect(unused_mut, unused_variables, reason = "nothing is noted without it"))]
    pub(crate) fn from(mut self, origin: Origin) -> Self {
        #[cfg(feature = "testing")]
        {
            self.particulars.origin = Some(origin.location);
        }
        self
    }

    /// For a handler that asks for its context: the ids are drawn here, so that the layers outside get the same.
    pub(crate) fn offered(&mut self) -> Offered {
        let Particulars { context, attempt, deadline, .. } = &mut self.particulars;
        let context = context.get_or_insert_with(|| Context::of_message(M::FACTS));
        Offered { context: Some(*context), attempt: *attempt, deadline: *deadline }
    }

    /// Offers what the layers know to a handler that asks for its context.
    pub(crate) fn offer(&mut self) -> Withdrawn {
        self.offered().put()
    }

    /// Marks what is dispatched from here on as caused by this dispatch, if it has an identity.
    pub(crate) fn cause(&self) -> Option<Entered> {
        self.particulars.context.as_ref().map(Context::enter)
    }

    /// The message, if the handler needs nothing besides: no layer shared it or asked for the ids of the dispatch.
    #[inline]
    pub(crate) fn take_plain(&mut self) -> Option<M> {
        if self.particulars.context.is_some() || !matches!(self.held, Held::Here(_)) {
            return None;
        }
        match std::mem::replace(&mut self.held, Held::Gone) {
            Held::Here(message) => Some(message),
            _ => unreachable!("it was looked at"),
        }
    }

    /// Puts the outcome there, in the place of one that an observer may have put there at the start.
    #[inline]
    pub(crate) fn conclude(&mut self, outcome: Dispatched<M>) {
        let old = self.outcome.replace(outcome);
        if old.is_none() {
            // Said in so many words, because otherwise dropping nothing is a call.
            std::mem::forget(old);
        }
    }

    /// Whether the message is there: if not, it was handed over in an earlier call.
    #[inline]
    pub(crate) fn can_deliver(&self) -> bool {
        self.held.get().is_some()
    }

    /// The message on its way into the handler, and the place where the outcome goes.
    ///
    /// `None` if it was handed over in an earlier call: then there was an outcome, and it stays.
    #[inline]
    pub(crate) fn deliver(&mut self) -> Option<(Delivered<'_, M>, &mut Option<Dispatched<M>>)> {
        if self.care == Care::HandOver && matches!(self.held, Held::Here(_)) {
            let Held::Here(message) = std::mem::replace(&mut self.held, Held::Gone) else { unreachable!() };
            return Some((Delivered::Owned(message), &mut self.outcome));
        }
        Some((Delivered::Shared(self.held.get()?), &mut self.outcome))
    }
}

/// The outcome of a dispatch that is over. It takes the payload apart where it is: a function would have all of it moved.
macro_rules! outcome_of {
    ($payload:expr) => {{
        let $crate::layer::payload::Payload { outcome, .. } = $payload;
        outcome.expect("every way through the layers gives an outcome: `Done` says so")
    }};
}
pub(super) use outcome_of;

const GONE: &str = "the message is gone: a layer that calls `next` again must ask for `Site::keep_message`";

/// A [`Payload`] whose type is forgotten.
pub(crate) trait ErasedPayload: Any + Send {
    fn facts(&self) -> &'static MessageFacts;
    fn message(&self) -> Option<&(dyn Any + Send + Sync)>;
    /// The message for any format; `None` if it is not there, or the type is not `Serialize`.
    fn serialize(&self) -> Option<&dyn erased_serde::Serialize>;
    /// The answer of a query that succeeded, for any format; `None` too if its type is not `Serialize`.
    fn serialize_reply(&self) -> Option<&dyn erased_serde::Serialize>;
    /// The error of a handler that failed, for any format; `None` too if its type is not `Serialize`.
    #[cfg(feature = "transport")]
    fn serialize_error(&self) -> Option<&dyn erased_serde::Serialize>;
    /// Puts there what came back for the message from another process.
    #[cfg(feature = "transport")]
    fn receive(&mut self, received: crate::transport::Received<'_>);
    fn outcome(&self) -> Outcome<'_>;
    fn particulars(&self) -> &Particulars;
    fn particulars_mut(&mut self) -> &mut Particulars;
    /// What observers keep until the end.
    fn notes(&mut self) -> &mut Notes;
    /// What observers keep from the end of one attempt to the start of the next.
    fn left(&mut self) -> &mut Notes;
    /// Says what is done with the message from now on when the handler gets it.
    fn set_care(&mut self, care: Care);
    /// How many messages were put in the place of others that are still wanted.
    fn replacements(&self) -> usize;
    /// Puts back the message that was there when there were so many [`replacements`](Self::replacements).
    fn restore(&mut self, replacements: usize);
    fn fail(&mut self, failure: LayerFailure);
    /// Gives a message that has no reply the outcome of a handler that succeeded.
    fn succeed(&mut self);
    /// Gives a call for which the message is gone its outcome: that of the earlier call, if it came to one. It is logged
    /// then, because what was done is not undone by an error about a call that was not.
    fn gone(&mut self);
    /// The message for several owners, if it is still there.
    fn share(&mut self) -> Option<Arc<dyn Any + Send + Sync>>;
    /// How a message of this type that was [shared](Self::share) is dispatched once more.
    fn again(&self) -> Again;
    /// For a publication, which knows the event by its place only.
    fn lend(&self) -> Option<Lent<'_>>;
    /// The `Option<Dispatched<M>>`.
    fn outcome_any(&mut self) -> &mut dyn Any;
    /// The same dispatch for another thread; this one keeps the message only if it has to.
    fn detach(&mut self) -> Box<dyn ErasedPayload>;
    /// Takes over the outcome of a [detached](Self::detach) one, and its ids if they were drawn there.
    fn adopt(&mut self, detached: Box<dyn ErasedPayload>);
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    /// How a message of this type is shown.
    #[cfg(feature = "testing")]
    fn show(&self) -> Show;
    /// Puts there what a stub answers in the place of a handler.
    #[cfg(feature = "testing")]
    fn answer(&mut self, play: &Play);
}

/// Reads a message and makes it ready for its layers.
pub type Revive = fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<Revived, erased_serde::Error>;

/// A message that was read, whatever its type.
pub struct Revived(pub(crate) Box<dyn ErasedPayload>);

/// Makes a shared message ready for its layers; `None` if it is of another type.
pub(crate) type Again = fn(Arc<dyn Any + Send + Sync>) -> Option<Revived>;

fn again<M: Message>(message: Arc<dyn Any + Send + Sync>) -> Option<Revived> {
    Some(Revived(Box::new(Payload::holding(Held::Shared(message.downcast::<M>().ok()?), Care::Keep))))
}

/// How an `M` is read, where it can be.
pub const fn revive<M: Message>() -> Option<Revive> {
    if M::DESERIALIZE.is_some() { Some(revive_message::<M>) } else { None }
}

fn revive_message<M: Message>(format: &mut dyn erased_serde::Deserializer<'_>) -> Result<Revived, erased_serde::Error> {
    let read = M::DESERIALIZE.expect("asked by `revive`");
    Ok(Revived(Box::new(Payload::new(read(format)?, Care::HandOver))))
}

impl<M: Message> ErasedPayload for Payload<M> {
    fn facts(&self) -> &'static MessageFacts {
        M::FACTS
    }

    fn message(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.held.get().map(|message| message as _)
    }

    fn serialize(&self) -> Option<&dyn erased_serde::Serialize> {
        Some(M::SERIALIZE?(self.held.get()?))
    }

    fn serialize_reply(&self) -> Option<&dyn erased_serde::Serialize> {
        Some(M::SERIALIZE_REPLY?(self.outcome.as_ref()?.as_ref().ok()?))
    }

    #[cfg(feature = "transport")]
    fn serialize_error(&self) -> Option<&dyn erased_serde::Serialize> {
        Some(M::SERIALIZE_ERROR?(M::Failure::own_error(self.outcome.as_ref()?.as_ref().err()?)?))
    }

    #[cfg(feature = "transport")]
    fn receive(&mut self, received: crate::transport::Received<'_>) {
        self.outcome = Some(received.outcome::<M>());
    }

    fn outcome(&self) -> Outcome<'_> {
        match &self.outcome {
            None => Outcome::Pending,
            Some(Ok(_)) => Outcome::Succeeded,
            Some(Err(failure)) => Outcome::Failed(Failed::of(M::Failure::erased(failure))),
        }
    }

    fn particulars(&self) -> &Particulars {
        &self.particulars
    }

    fn particulars_mut(&mut self) -> &mut Particulars {
        &mut self.particulars
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.notes
    }

    fn left(&mut self) -> &mut Notes {
        &mut self.left
    }

    fn set_care(&mut self, care: Care) {
        self.care = care;
    }

    fn replacements(&self) -> usize {
        self.held.replacements()
    }

    fn restore(&mut self, replacements: usize) {
        self.held.restore(replacements);
    }

    fn fail(&mut self, failure: LayerFailure) {
        self.outcome = Some(Err(M::Failure::by_layer(failure, M::FACTS)));
    }

    fn succeed(&mut self) {
        let nothing: &mut dyn Any = &mut Some(());
        let reply = nothing.downcast_mut::<Option<M::Reply>>().and_then(Option::take);
        self.outcome = Some(Ok(reply.expect("only messages without a reply are answered by nobody")));
    }

    #[cold]
    fn gone(&mut self) {
        if self.outcome.is_none() {
            return self.fail(LayerFailure::Refused(GONE.into()));
        }
        tracing::error!(target: "linkbus", message = M::FACTS.name, "{GONE}");
    }

    fn share(&mut self) -> Option<Arc<dyn Any + Send + Sync>> {
        let shared = match self.held.take() {
            Held::Here(message) => Arc::new(message),
            Held::Shared(message) => message,
            Held::Gone | Held::Replaced(_) => return None,
        };
        *self.held.now() = Held::Shared(Arc::clone(&shared));
        Some(shared)
    }

    fn again(&self) -> Again {
        again::<M>
    }

    fn lend(&self) -> Option<Lent<'_>> {
        self.held.get().map(Lent::of)
    }

    fn outcome_any(&mut self) -> &mut dyn Any {
        &mut self.outcome
    }

    fn detach(&mut self) -> Box<dyn ErasedPayload> {
        let held = match self.care {
            Care::HandOver => self.held.take(),
            Care::Lend | Care::Keep => {
                self.share();
                match self.held.now() {
                    Held::Shared(message) => Held::Shared(Arc::clone(message)),
                    _ => Held::Gone,
                }
            }
        };
        let was_nested = self.particulars.was_nested || crate::depth::is_nested();
        let particulars = Particulars { was_nested, ..self.particulars };
        // A call for which the message is gone comes to what the earlier call came to.
        let outcome = if matches!(held, Held::Gone) { self.outcome.take() } else { None };
        Box::new(Payload {
            held,
            outcome,
            care: self.care,
            particulars,
            notes: Notes::default(),
            left: Notes::default(),
        })
    }

    fn adopt(&mut self, detached: Box<dyn ErasedPayload>) {
        let detached = detached.into_any().downcast::<Self>().expect("detached from a payload of this type");
        self.outcome = detached.outcome.or(self.outcome.take());
        self.particulars.context = self.particulars.context.or(detached.particulars.context);
        self.particulars.attempt = detached.particulars.attempt;
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    #[cfg(feature = "testing")]
    fn show(&self) -> Show {
        crate::testing::show::<M>
    }

    #[cfg(feature = "testing")]
    fn answer(&mut self, play: &Play) {
        match self.held.get() {
            Some(message) => self.outcome = Some(crate::testing::answer(message, play)),
            None => self.gone(),
        }
    }
}

impl dyn ErasedPayload {
    /// The payload itself, if it is one of `M`.
    #[inline]
    pub(crate) fn downcast<M: Message>(&mut self) -> Option<&mut Payload<M>> {
        let payload: &mut dyn Any = self;
        payload.downcast_mut()
    }

    /// Replaces the message; gives it back if it is of another type.
    ///
    /// Where a layer wants the message afterwards, what was there before is kept until it is [put back](Self::restore).
    pub(crate) fn replace<M: Message>(&mut self, message: M) -> Result<(), M> {
        let Some(payload) = self.downcast::<M>() else { return Err(message) };
        match payload.care {
            Care::HandOver | Care::Lend => *payload.held.now() = Held::Here(message),
            Care::Keep => payload.held.replace(message),
        }
        Ok(())
    }

    /// The message by value, if it is an `M`: a copy where a layer outside wants it afterwards and there can be one.
    pub(crate) fn take<M: Message>(&mut self) -> Option<M> {
        let payload = self.downcast::<M>()?;
        if let (Care::Keep, Some(clone)) = (payload.care, M::CLONE) {
            return payload.held.get().map(clone);
        }
        match payload.held.take() {
            Held::Here(message) => Some(message),
            Held::Shared(shared) => match Arc::try_unwrap(shared) {
                Ok(message) => Some(message),
                Err(shared) => M::CLONE.map(|clone| clone(&shared)),
            },
            Held::Gone | Held::Replaced(_) => None,
        }
    }

    /// Sets the outcome; gives it back if it is one of another type of message.
    pub(crate) fn finish<M: Message>(&mut self, outcome: Dispatched<M>) -> Result<(), Dispatched<M>> {
        match self.downcast::<M>() {
            Some(payload) => {
                payload.outcome = Some(outcome);
                Ok(())
            }
            None => Err(outcome),
        }
    }

    pub(crate) fn outcome_of<M: Message>(&mut self) -> Option<&mut Dispatched<M>> {
        self.downcast::<M>()?.outcome.as_mut()
    }

    pub(crate) fn take_outcome<M: Message>(&mut self) -> Option<Dispatched<M>> {
        self.downcast::<M>()?.outcome.take()
    }
}
