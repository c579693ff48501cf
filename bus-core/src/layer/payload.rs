//! A message on its way through the layers, and what became of it: typed here, erased for the layers.

mod body;

#[cfg(feature = "transport")]
use std::time::SystemTime;
use std::{any::Any, sync::Arc, time::Instant};

use self::body::Vacant;
pub(crate) use self::body::{Body, Parts};
use super::{LayerFailure, Outcome, notes::Notes};
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
///
/// What the layers do with it needs its type in a few places only, which are in `body`: all else is compiled once, and
/// not for each message.
pub(crate) struct Payload<B: ?Sized> {
    common: Common,
    pub(super) body: B,
}

/// A [`Payload`] whose type is forgotten.
pub(crate) type ErasedPayload = Payload<dyn Body>;

/// What a payload has whatever its type.
pub(crate) struct Common {
    facts: &'static MessageFacts,
    care: Care,
    particulars: Particulars,
    /// The message, where it has several owners; then it is not in the body.
    shared: Option<Arc<dyn Any + Send + Sync>>,
    /// The messages that others were put in the place of, as long as the layer that did it is under way.
    replaced: Option<Box<Original>>,
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

/// A message that another one stands for, in either place.
struct Original {
    body: Box<dyn Body>,
    shared: Option<Arc<dyn Any + Send + Sync>>,
    /// What it stands for itself.
    below: Option<Box<Original>>,
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
    /// Until when a transport keeps it.
    #[cfg(feature = "transport")]
    pub(crate) due: Option<SystemTime>,
    /// Where it was asked for; `None` for what is replayed.
    #[cfg(feature = "testing")]
    pub(crate) origin: Option<crate::message::Location>,
}

impl Common {
    #[inline]
    fn new(facts: &'static MessageFacts, care: Care) -> Self {
        let particulars = Particulars {
            context: None,
            attempt: 1,
            deadline: None,
            was_nested: false,
            only_subscriber: None,
            is_replay: false,
            #[cfg(feature = "transport")]
            is_foreign: false,
            #[cfg(feature = "transport")]
            due: None,
            #[cfg(feature = "testing")]
            origin: None,
        };
        let (notes, left) = (Notes::default(), Notes::default());
        Common { facts, care, particulars, shared: None, replaced: None, notes, left }
    }
}

impl<M: Message> Payload<Parts<M>> {
    #[inline]
    pub(crate) fn new(message: M, care: Care) -> Self {
        Payload { common: Common::new(M::FACTS, care), body: Parts { message: Some(message), outcome: None } }
    }

    /// Says where it was asked for.
    #[inline]
    #[cfg_attr(not(feature = "testing"), expect(unused_mut, unused_variables, reason = "nothing is noted without it"))]
    pub(crate) fn from(mut self, origin: Origin) -> Self {
        #[cfg(feature = "testing")]
        {
            self.common.particulars.origin = Some(origin.location);
        }
        self
    }

    /// Says until when a transport keeps it.
    #[cfg(feature = "transport")]
    pub(super) fn due(mut self, due: SystemTime) -> Self {
        self.common.particulars.due = Some(due);
        self
    }
}

/// The outcome of a dispatch that is over. It takes the payload apart where it is: a function would have all of it moved.
macro_rules! outcome_of {
    ($payload:expr) => {{
        let $crate::layer::payload::Parts { outcome, .. } = $payload.body;
        outcome.expect("every way through the layers gives an outcome: `Done` says so")
    }};
}
pub(super) use outcome_of;

const GONE: &str = "the message is gone: a layer that calls `next` again must ask for `Site::keep_message`";

/// Reads a message and makes it ready for its layers.
pub type Revive = fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<Revived, erased_serde::Error>;

/// A message that was read, whatever its type.
pub struct Revived(pub(crate) Box<ErasedPayload>);

/// Makes a shared message ready for its layers.
#[derive(Clone, Copy)]
pub(crate) struct Again {
    facts: &'static MessageFacts,
    vacant: Vacant,
}

impl Again {
    /// `None` if the message is of another type.
    pub(crate) fn of(self, message: Arc<dyn Any + Send + Sync>) -> Option<Revived> {
        let is_of_it = (*message).type_id() == self.facts.type_id();
        let common = Common { shared: Some(message), ..Common::new(self.facts, Care::Keep) };
        is_of_it.then(|| Revived((self.vacant)(common)))
    }
}

/// How an `M` is read, where it can be.
pub const fn revive<M: Message>() -> Option<Revive> {
    if M::DESERIALIZE.is_some() { Some(revive_message::<M>) } else { None }
}

fn revive_message<M: Message>(format: &mut dyn erased_serde::Deserializer<'_>) -> Result<Revived, erased_serde::Error> {
    let read = M::DESERIALIZE.expect("asked by `revive`");
    Ok(Revived(Box::new(Payload::new(read(format)?, Care::HandOver))))
}

impl ErasedPayload {
    pub(crate) fn facts(&self) -> &'static MessageFacts {
        self.common.facts
    }

    pub(crate) fn message(&self) -> Option<&(dyn Any + Send + Sync)> {
        match &self.common.shared {
            Some(message) => Some(&**message),
            None => self.body.message(),
        }
    }

    /// The message for any format; `None` if it is not there, or the type is not `Serialize`.
    pub(crate) fn serialize(&self) -> Option<&dyn erased_serde::Serialize> {
        self.body.serialize(self.message()?)
    }

    /// The answer of a query that succeeded, for any format; `None` too if its type is not `Serialize`.
    pub(crate) fn serialize_reply(&self) -> Option<&dyn erased_serde::Serialize> {
        self.body.serialize_reply()
    }

    /// The error of a handler that failed, for any format; `None` too if its type is not `Serialize`.
    #[cfg(feature = "transport")]
    pub(crate) fn serialize_error(&self) -> Option<&dyn erased_serde::Serialize> {
        self.body.serialize_error()
    }

    /// Puts there what came back for the message from another process.
    #[cfg(feature = "transport")]
    pub(crate) fn receive(&mut self, received: crate::transport::Received<'_>) {
        self.body.receive(received);
    }

    pub(crate) fn outcome(&self) -> Outcome<'_> {
        self.body.outcome()
    }

    pub(crate) fn particulars(&self) -> &Particulars {
        &self.common.particulars
    }

    pub(crate) fn particulars_mut(&mut self) -> &mut Particulars {
        &mut self.common.particulars
    }

    /// What observers keep until the end.
    pub(crate) fn notes(&mut self) -> &mut Notes {
        &mut self.common.notes
    }

    /// What observers keep from the end of one attempt to the start of the next.
    pub(crate) fn left(&mut self) -> &mut Notes {
        &mut self.common.left
    }

    /// Says what is done with the message from now on when the handler gets it.
    pub(crate) fn set_care(&mut self, care: Care) {
        self.common.care = care;
    }

    pub(crate) fn fail(&mut self, failure: LayerFailure) {
        self.body.fail(failure);
    }

    /// Gives a message that has no reply the outcome of a handler that succeeded.
    pub(crate) fn succeed(&mut self) {
        self.body.succeed();
    }

    /// Gives a call for which the message is gone its outcome: that of the earlier call, if it came to one. It is logged
    /// then, because what was done is not undone by an error about a call that was not.
    #[cold]
    pub(crate) fn gone(&mut self) {
        if matches!(self.outcome(), Outcome::Pending) {
            return self.fail(LayerFailure::Refused(GONE.into()));
        }
        tracing::error!(target: "linkbus", message = self.facts().name, "{GONE}");
    }

    /// For a handler that asks for its context: the ids are drawn here, so that the layers outside get the same.
    pub(crate) fn offered(&mut self) -> Offered {
        let facts = self.common.facts;
        let Particulars { context, attempt, deadline, .. } = &mut self.common.particulars;
        let context = context.get_or_insert_with(|| Context::of_message(facts));
        Offered { context: Some(*context), attempt: *attempt, deadline: *deadline }
    }

    /// Offers what the layers know to a handler that asks for its context.
    pub(crate) fn offer(&mut self) -> Withdrawn {
        self.offered().put()
    }

    /// Marks what is dispatched from here on as caused by this dispatch, if it has an identity.
    #[inline]
    pub(crate) fn cause(&self) -> Option<Entered> {
        self.common.particulars.context.as_ref().map(Context::enter)
    }

    /// The message for several owners, if it is still there; `None` too if the handler takes it and cannot have a copy.
    pub(crate) fn share(&mut self) -> Option<Arc<dyn Any + Send + Sync>> {
        if self.common.care == Care::HandOver && !self.common.facts.abilities.clone {
            return None;
        }
        if self.common.shared.is_none() {
            self.common.shared = self.body.share();
        }
        self.common.shared.clone()
    }

    /// How a message of this type that was [shared](Self::share) is dispatched once more.
    pub(crate) fn again(&self) -> Again {
        Again { facts: self.common.facts, vacant: self.body.vacant() }
    }

    /// For a publication, which knows the event by its place only.
    pub(crate) fn lend(&self) -> Option<Lent<'_>> {
        self.message().map(|message| Lent::of(message, self.common.facts))
    }

    /// The `Option<Dispatched<M>>`.
    pub(crate) fn outcome_any(&mut self) -> &mut dyn Any {
        self.body.outcome_any()
    }

    /// How many messages were put in the place of others that are still wanted.
    pub(crate) fn replacements(&self) -> usize {
        std::iter::successors(self.common.replaced.as_ref(), |original| original.below.as_ref()).count()
    }

    /// Puts back the message that was there when there were so many [`replacements`](Self::replacements).
    pub(crate) fn restore(&mut self, replacements: usize) {
        for _ in replacements..self.replacements() {
            if let Some(mut original) = self.common.replaced.take() {
                original.body.exchange_message(&mut self.body);
                (self.common.shared, self.common.replaced) = (original.shared, original.below);
            }
        }
    }

    /// The same dispatch for another thread; this one keeps the message only if it has to.
    pub(crate) fn detach(&mut self) -> Box<ErasedPayload> {
        let shared = match self.common.care {
            Care::HandOver => self.common.shared.take(),
            Care::Lend | Care::Keep => self.share(),
        };
        let was_nested = self.common.particulars.was_nested || crate::depth::is_nested();
        let particulars = Particulars { was_nested, ..self.common.particulars };
        let common = Common { particulars, shared, ..Common::new(self.common.facts, self.common.care) };
        let mut detached = self.body.vacant()(common);
        self.body.exchange_message(&mut detached.body);
        // A call for which the message is gone comes to what the earlier call came to.
        if detached.message().is_none() {
            self.body.give_outcome(&mut detached.body);
        }
        detached
    }

    /// Takes over the outcome of a [detached](Self::detach) one, its ids if they were drawn there, and its message if that
    /// went along and did not reach the handler.
    #[allow(clippy::boxed_local, reason = "it has no size outside of a box, and is used up")]
    pub(crate) fn adopt(&mut self, mut detached: Box<ErasedPayload>) {
        detached.body.give_outcome(&mut self.body);
        if self.message().is_none() {
            self.body.exchange_message(&mut detached.body);
            self.common.shared = detached.common.shared.take();
        }
        let theirs = detached.common.particulars;
        let own = &mut self.common.particulars;
        own.context = own.context.or(theirs.context);
        own.attempt = theirs.attempt;
    }

    /// How a message of this type is shown.
    #[cfg(feature = "testing")]
    pub(crate) fn show(&self) -> Show {
        self.body.show()
    }

    /// Puts there what a stub answers in the place of a handler.
    #[cfg(feature = "testing")]
    pub(crate) fn answer(&mut self, play: &Play) {
        if !self.body.answer(self.common.shared.as_deref(), play) {
            self.gone();
        }
    }

    /// The message on its way into the handler, and the place where the outcome goes.
    ///
    /// `None` if it was handed over in an earlier call: [`gone`](Self::gone) says what the outcome is then.
    ///
    /// # Panics
    /// If the payload is not one of `M`.
    #[inline]
    pub(crate) fn deliver<M: Message>(&mut self) -> Option<(Delivered<'_, M>, &mut Option<Dispatched<M>>)> {
        let Payload { common, body } = self;
        let Parts { message, outcome } = body.downcast().expect("a payload of the message that is handled");
        if common.care == Care::HandOver {
            let message = message.take().or_else(|| unshare(&mut common.shared))?;
            return Some((Delivered::Owned(message), outcome));
        }
        let lent = match &common.shared {
            Some(shared) => shared.downcast_ref(),
            None => message.as_ref(),
        };
        Some((Delivered::Shared(lent?), outcome))
    }

    /// Replaces the message; gives it back if it is of another type.
    ///
    /// Where a layer wants the message afterwards, what was there before is kept until it is [put back](Self::restore).
    pub(crate) fn replace<M: Message>(&mut self, message: M) -> Result<(), M> {
        let Payload { common, body } = self;
        let Some(parts) = body.downcast::<M>() else { return Err(message) };
        let (shared, owned) = (common.shared.take(), parts.message.replace(message));
        if common.care == Care::Keep && (shared.is_some() || owned.is_some()) {
            let body = Box::new(Parts::<M> { message: owned, outcome: None });
            common.replaced = Some(Box::new(Original { body, shared, below: common.replaced.take() }));
        }
        Ok(())
    }

    /// The message by value, if it is an `M`: a copy where a layer outside wants it afterwards and there can be one.
    pub(crate) fn take<M: Message>(&mut self) -> Option<M> {
        if let (Care::Keep, Some(clone)) = (self.common.care, M::CLONE) {
            return self.message()?.downcast_ref().map(clone);
        }
        let Payload { common, body } = self;
        body.downcast::<M>()?.message.take().or_else(|| unshare(&mut common.shared))
    }

    /// Sets the outcome; gives it back if it is one of another type of message.
    pub(crate) fn finish<M: Message>(&mut self, outcome: Dispatched<M>) -> Result<(), Dispatched<M>> {
        match self.body.downcast::<M>() {
            Some(parts) => {
                parts.outcome = Some(outcome);
                Ok(())
            }
            None => Err(outcome),
        }
    }

    pub(crate) fn outcome_of<M: Message>(&mut self) -> Option<&mut Dispatched<M>> {
        self.body.downcast::<M>()?.outcome.as_mut()
    }

    pub(crate) fn take_outcome<M: Message>(&mut self) -> Option<Dispatched<M>> {
        self.body.downcast::<M>()?.outcome.take()
    }
}

/// The message by value where it has several owners: a copy if the others still have it and there can be one.
#[cold]
fn unshare<M: Message>(shared: &mut Option<Arc<dyn Any + Send + Sync>>) -> Option<M> {
    match Arc::try_unwrap(shared.take()?.downcast().ok()?) {
        Ok(message) => Some(message),
        Err(shared) => M::CLONE.map(|clone| clone(&shared)),
    }
}
