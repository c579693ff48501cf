//! One dispatch under way, as a layer sees it.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime},
};

use super::{
    Done, LayerFailure, Outcome, SubscriberLimits,
    payload::{Care, Dispatched, ErasedPayload, Particulars},
};
use crate::{
    clock::Clock,
    context::Context,
    error::AnyError,
    handler::HandlerFacts,
    message::{Message, MessageFacts},
    wiring::Route,
};

/// One dispatch under way, as a layer sees it: the message, what is known about it, and in the end what became of it.
///
/// The message is an [`Any`](Self::any) for a layer of all messages, and typed for one that
/// [knows which it wants](Self::get).
///
/// ```
/// use linkbus::{Command, SyncBus, layer::{Dispatch, Observer}};
///
/// #[derive(Command)]
/// struct Pay { cents: u64 }
///
/// struct Watch;
///
/// impl Observer for Watch {
///     fn end(&self, dispatch: &mut Dispatch<'_>) {
///         println!("{}: {}", dispatch.message().name, dispatch.outcome().label());
///     }
/// }
///
/// SyncBus::empty().command(|_: Pay| ()).layer(Watch).build().unwrap().execute(Pay { cents: 5 }).unwrap();
/// ```
pub struct Dispatch<'a> {
    pub(crate) payload: &'a mut ErasedPayload,
    pub(super) route: &'a Route,
    pub(super) clock: &'a Clock,
    attempts: Option<&'a Attempt<'a>>,
    /// How long the subscribers of an event may run, where a layer says so.
    pub(super) limits: Option<&'a SubscriberLimits<'a>>,
    pub(super) started: Option<Instant>,
    pub(super) ending: Ending,
}

/// How a dispatch ended that gave no outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    WithOutcome,
    Panicked,
    Abandoned,
}

/// What goes on after an attempt that came to this outcome: the delay before the next, or nothing.
pub(crate) type Decide<'a> = dyn Fn(&Outcome<'_>) -> Option<Duration> + Send + Sync + 'a;

/// One attempt of a layer that calls what is inside it several times.
///
/// Layers inside may ask whether it is the last; what they are told is what is then done.
pub(crate) struct Attempt<'a> {
    outer: Option<&'a Attempt<'a>>,
    decide: &'a Decide<'a>,
    decision: OnceLock<Option<Duration>>,
}

impl Attempt<'_> {
    /// The delay before the next attempt, if there is one. Only a failure is decided on: another outcome may yet become one.
    pub(crate) fn decision(&self, outcome: &Outcome<'_>) -> Option<Duration> {
        outcome.failed()?;
        *self.decision.get_or_init(|| (self.decide)(outcome))
    }
}

impl<'a> Dispatch<'a> {
    pub(crate) fn new(payload: &'a mut ErasedPayload, route: &'a Route, clock: &'a Clock) -> Self {
        Dispatch { payload, route, clock, attempts: None, limits: None, started: None, ending: Ending::WithOutcome }
    }

    /// The same dispatch, for a part of the time.
    pub(crate) fn reborrow(&mut self) -> Dispatch<'_> {
        let Dispatch { route, clock, attempts, limits, started, ending, .. } = *self;
        Dispatch { payload: &mut *self.payload, route, clock, attempts, limits, started, ending }
    }

    /// What is known about the message.
    pub fn message(&self) -> &'static MessageFacts {
        self.route.message
    }

    /// Its handler or, for an event, its subscribers; empty if there is none.
    pub fn handlers(&self) -> &[HandlerFacts] {
        &self.route.handlers
    }

    /// The message, if it is an `M`.
    ///
    /// `None` too when it was handed over to a handler that takes it by value: a layer that wants the message after the
    /// call says so with [`Site::keep_message`](super::Site::keep_message).
    pub fn get<M: Message>(&self) -> Option<&M> {
        self.payload.message()?.downcast_ref()
    }

    /// The message, whatever its type; `None` when [`get`](Self::get) is.
    pub fn any(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.payload.message()
    }

    /// The message, shared: for a layer that keeps it beyond the dispatch. `None` when [`get`](Self::get) is, and if it is not
    /// `Clone` and goes to a handler that takes it by value: such a message has one owner.
    ///
    /// The first call moves the message into an `Arc`. A handler that takes it by value has it out of there, and gets a copy if
    /// the layer still holds it.
    pub fn share(&mut self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.payload.share()
    }

    /// Puts another message of the same type in the place of this one, for what is inside.
    ///
    /// Layers outside that want the message afterwards, such as retries and dead letters, have the one that came to them:
    /// each attempt begins with it, and it is the one that a letter holds.
    ///
    /// # Errors
    /// Gives `message` back if the dispatch is not one of an `M`.
    pub fn replace<M: Message>(&mut self, message: M) -> Result<(), M> {
        self.payload.replace(message)
    }

    /// What has become of it so far: [`Outcome::Pending`] until the inner layers and the handler have run.
    pub fn outcome(&self) -> Outcome<'_> {
        match self.ending {
            Ending::WithOutcome => self.payload.outcome(),
            Ending::Panicked => Outcome::Panicked,
            Ending::Abandoned => Outcome::Abandoned,
        }
    }

    /// The outcome with its types, to be changed; `None` before there is one, and if the dispatch is not one of an `M`.
    pub fn outcome_of<M: Message>(&mut self) -> Option<&mut Dispatched<M>> {
        self.payload.outcome_of::<M>()
    }

    /// Ends the dispatch with this outcome, whether or not the inner layers and the handler have run.
    ///
    /// # Errors
    /// Gives `outcome` back if the dispatch is not one of an `M`.
    pub fn finish<M: Message>(&mut self, outcome: Dispatched<M>) -> Result<Done, Dispatched<M>> {
        self.payload.finish::<M>(outcome).map(|()| Done(()))
    }

    /// Ends the dispatch with the error `Refused`, whatever the message: the layer did not let it through.
    pub fn refuse(&mut self, reason: impl Into<AnyError>) -> Done {
        self.fail(LayerFailure::Refused(reason.into()))
    }

    /// Ends a dispatch that has no reply as if its handler had succeeded.
    pub(super) fn succeed(&mut self) -> Done {
        self.payload.succeed();
        Done(())
    }

    pub(crate) fn fail(&mut self, failure: LayerFailure) -> Done {
        self.payload.fail(failure);
        Done(())
    }

    /// Ends it as it ended in another process.
    #[cfg(feature = "transport")]
    pub(crate) fn receive(&mut self, received: crate::transport::Received<'_>) -> Done {
        self.payload.receive(received);
        Done(())
    }

    /// The time now, by the clock of the bus.
    #[cfg(feature = "transport")]
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Ends it as the [detached](ErasedPayload::detach) dispatch ended.
    pub(super) fn adopt(&mut self, detached: Box<ErasedPayload>) -> Done {
        self.payload.adopt(detached);
        Done(())
    }

    /// Which attempt this is, counted from 1: each further attempt of any retry around the message counts it up, and nothing
    /// counts it down. At the end it is how many there were so far, inside of a retry and outside of it.
    pub fn attempt(&self) -> u32 {
        self.payload.particulars().attempt
    }

    /// How many attempts after the first there were here: all of them outside the retry, inside it this one or none.
    #[cfg(feature = "metrics")]
    pub(super) fn retries(&self) -> u32 {
        let retries = self.attempt().saturating_sub(1);
        if self.attempts.is_some() { retries.min(1) } else { retries }
    }

    /// Whether the [outcome](Self::outcome) is the last word: no retry outside this layer will try again.
    ///
    /// Right only at the end, when there is an outcome. It is not a guess: what is answered is what the retry then does.
    /// Only inside a [`Timeout`](super::Timeout) on a `SyncBus` it is always true: that is another thread, which may run
    /// on when the retry has gone on.
    pub fn is_last_attempt(&self) -> bool {
        if self.any().is_none() {
            return true;
        }
        let outcome = self.outcome();
        let mut attempt = self.attempts;
        while let Some(one) = attempt {
            if one.decision(&outcome).is_some() {
                return false;
            }
            attempt = one.outer;
        }
        true
    }

    /// When it has to be done, if a time-out outside this layer says so.
    pub fn deadline(&self) -> Option<Instant> {
        self.payload.particulars().deadline
    }

    /// When a message that is for [later](crate::Bus::dispatch_at) is to be handled; `None` for one that is for now, and always
    /// where it is handled.
    #[cfg(feature = "transport")]
    pub fn due(&self) -> Option<SystemTime> {
        self.payload.particulars().due
    }

    /// How long the inner layers and the handler took; so far, if they have not ended.
    ///
    /// `None` unless an observer of this place in the chain asked for the time, with [`Observer::reads_clock`].
    ///
    /// [`Observer::reads_clock`]: super::Observer::reads_clock
    pub fn elapsed(&self) -> Option<Duration> {
        self.started.map(|started| self.clock.now().saturating_duration_since(started))
    }

    /// The ids of the dispatch, the same that the handler sees in its `&Context`. They are drawn by the first call.
    ///
    /// What the handler sends is then caused by this dispatch, even if it does not ask for its context. The subscribers of an
    /// event have ids of their own: if a layer asked before they were called, they are caused by this dispatch and have its
    /// correlation id; else they are caused by whatever it was that published.
    pub fn context(&mut self) -> Context {
        let Particulars { attempt, deadline, context, .. } = *self.payload.particulars();
        let context = context.unwrap_or_else(|| Context::of_message(self.route.message));
        self.payload.particulars_mut().context = Some(context);
        context.in_attempt(attempt, deadline)
    }

    /// Keeps `value` for `observer` until it [takes](Self::take_note) it, at the end: an observer has one state for all
    /// dispatches, and this is how it has one for each.
    ///
    /// Costs an allocation. A note that is not taken is dropped with the dispatch.
    ///
    /// ```
    /// use std::time::Instant;
    /// use linkbus::{Command, SyncBus, layer::{Dispatch, Observer}};
    /// # #[derive(Command)]
    /// # struct Pay;
    ///
    /// struct Stopwatch;
    ///
    /// impl Observer for Stopwatch {
    ///     fn start(&self, dispatch: &mut Dispatch<'_>) {
    ///         dispatch.put_note(self, Instant::now());
    ///     }
    ///     fn end(&self, dispatch: &mut Dispatch<'_>) {
    ///         let started: Option<Instant> = dispatch.take_note(self);
    ///         println!("{:?}", started.unwrap().elapsed());
    ///     }
    /// }
    ///
    /// SyncBus::empty().command(|_: Pay| ()).layer(Stopwatch).build().unwrap().execute(Pay).unwrap();
    /// ```
    pub fn put_note<T: Send + 'static>(&mut self, observer: &(impl super::Observer + ?Sized), value: T) {
        self.payload.notes().put(observer, value);
    }

    /// What `observer` [kept](Self::put_note) last in this dispatch, if it is a `T`.
    pub fn take_note<T: Send + 'static>(&mut self, observer: &(impl super::Observer + ?Sized)) -> Option<T> {
        self.payload.notes().take(observer)
    }

    /// Keeps `value` for `observer` until it [takes](Self::take_left) it when the next attempt starts; if none does, `value`
    /// is dropped with the dispatch.
    ///
    /// Not a [note](Self::put_note), on top of which nothing stays when an observer outside takes its own.
    pub(crate) fn leave<T: Send + 'static>(&mut self, observer: &impl super::Observer, value: T) {
        self.payload.left().put(observer, value);
    }

    /// What `observer` [left](Self::leave) after the attempt before.
    pub(crate) fn take_left<T: Send + 'static>(&mut self, observer: &impl super::Observer) -> Option<T> {
        self.payload.left().take(observer)
    }

    /// Has ids for the dispatch, as [`context`](Self::context) would; `now` is the time on the wall.
    pub(crate) fn identify(&mut self, now: SystemTime) {
        let message = self.route.message;
        let context = &mut self.payload.particulars_mut().context;
        context.get_or_insert_with(|| Context::of_message_at(message, now));
    }

    /// Where it was asked for.
    #[cfg(feature = "testing")]
    pub(crate) fn origin(&self) -> Option<crate::message::Location> {
        self.payload.particulars().origin
    }

    /// Whether it comes from inside a handler.
    pub(crate) fn is_nested(&self) -> bool {
        self.payload.particulars().was_nested || crate::depth::is_nested()
    }

    /// Says what is done with the message from now on when the handler gets it.
    pub(crate) fn set_care(&mut self, care: Care) {
        self.payload.set_care(care);
    }

    pub(crate) fn particulars(&mut self) -> &mut Particulars {
        self.payload.particulars_mut()
    }

    /// The same dispatch, with its subscribers limited.
    pub(super) fn within<'b>(&'b mut self, limits: &'b SubscriberLimits<'b>) -> Dispatch<'b> {
        Dispatch { limits: Some(limits), ..self.reborrow() }
    }

    /// Ends it as a stub would that stands in the place of the handler.
    #[cfg(feature = "testing")]
    pub(crate) fn play(&mut self, play: &crate::testing::Play) -> Done {
        self.payload.answer(play);
        Done(())
    }

    /// The same dispatch with another [detached](ErasedPayload::detach) payload. Nobody tries it again.
    #[cfg(feature = "testing")]
    pub(crate) fn once_more<'b>(&'b mut self, payload: &'b mut ErasedPayload) -> Dispatch<'b> {
        Dispatch { payload, attempts: None, started: None, ..self.reborrow() }
    }

    /// An attempt, after which `decide` says what is done.
    pub(crate) fn attempt_with<'b>(&self, decide: &'b Decide<'b>) -> Attempt<'b>
    where
        'a: 'b,
    {
        Attempt { outer: self.attempts, decide, decision: OnceLock::new() }
    }

    /// The same dispatch, for the time of one attempt.
    pub(crate) fn during<'b>(&'b mut self, attempt: &'b Attempt<'b>) -> Dispatch<'b> {
        Dispatch { attempts: Some(attempt), ..self.reborrow() }
    }
}
