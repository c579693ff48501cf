//! What a handler may know about the dispatch that it serves.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    time::{Instant, SystemTime},
};

use uuid::Uuid;

use crate::message::{Message, MessageFacts};

thread_local! {
    /// The identity of the innermost dispatch on this thread whose handler or layers asked for its context.
    static CURRENT: Cell<Option<Identity>> = const { Cell::new(None) };
    /// What the layers know about the dispatch whose handler is about to ask.
    static OFFERED: Cell<Option<Offered>> = const { Cell::new(None) };
}

#[derive(Clone, Copy, Debug)]
struct Identity {
    id: Uuid,
    correlation: Uuid,
}

/// The dispatch that a handler serves: ask for it with a parameter `&Context`.
///
/// It is made for the handlers that ask, and for no others: no id is drawn and no clock is read for the rest. A handler
/// that is reached from inside another one inherits the correlation id of the nearest enclosing handler that asked.
///
/// ```standalone_crate
/// use linkbus::{Command, Context, SyncBus, handler};
///
/// #[derive(Command)]
/// #[command(name = "shop.Ship")]
/// struct Ship;
///
/// #[handler]
/// fn ship(_: Ship, context: &Context) {
///     assert_eq!(context.message().name, "shop.Ship");
///     assert_eq!(context.causation_id(), None); // nobody's handler sent it
///     assert_eq!(context.correlation_id(), context.id());
/// }
///
/// SyncBus::builder().build().unwrap().execute(Ship).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Context {
    identity: Identity,
    causation: Option<Uuid>,
    message: &'static MessageFacts,
    attempt: u32,
    deadline: Option<Instant>,
}

/// What the layers know about a dispatch, on its way into the context of its handler.
#[derive(Clone, Copy)]
pub(crate) struct Offered {
    /// If a layer asked for it before.
    pub(crate) context: Option<Context>,
    pub(crate) attempt: u32,
    pub(crate) deadline: Option<Instant>,
}

impl Offered {
    /// Offers it to the handler that is called next and asks for its context before anything else.
    pub(crate) fn put(self) -> Withdrawn {
        OFFERED.set(Some(self));
        Withdrawn
    }
}

/// Withdraws what is offered when dropped.
pub(crate) struct Withdrawn;

impl Drop for Withdrawn {
    fn drop(&mut self) {
        OFFERED.set(None);
    }
}

impl Context {
    /// The context of a dispatch of `M` that nobody serves: for a unit test of a handler that asks for one.
    ///
    /// ```
    /// # use linkbus::{Command, Context, handler};
    /// # #[derive(Command)]
    /// # struct Ship;
    /// #[handler]
    /// fn ship(_: Ship, context: &Context) {
    ///     println!("shipping for {}", context.correlation_id());
    /// }
    ///
    /// ship(Ship, &Context::of::<Ship>());
    /// ```
    pub fn of<M: Message>() -> Self {
        match OFFERED.take() {
            Some(Offered { context, attempt, deadline }) => {
                context.unwrap_or_else(|| Context::of_message(M::FACTS)).in_attempt(attempt, deadline)
            }
            None => Context::of_message(M::FACTS),
        }
    }

    pub(crate) fn of_message(message: &'static MessageFacts) -> Self {
        Context::of_message_at(message, SystemTime::now())
    }

    /// The same for one who has just looked at the clock.
    pub(crate) fn of_message_at(message: &'static MessageFacts, now: SystemTime) -> Self {
        let id = crate::id::new_at(now);
        let cause = CURRENT.get();
        Context {
            identity: Identity { id, correlation: cause.map_or(id, |cause| cause.correlation) },
            causation: cause.map(|cause| cause.id),
            message,
            attempt: 1,
            deadline: None,
        }
    }

    /// The context of a dispatch that tries again what an earlier one failed at.
    pub(crate) fn of_replay(message: &'static MessageFacts, correlation: Uuid, failed: Uuid) -> Self {
        let mut context = Context::of_message(message);
        context.identity.correlation = correlation;
        Context { causation: Some(failed), ..context }
    }

    /// The context of a dispatch that came from another process.
    #[cfg(feature = "transport")]
    pub(crate) fn of_envelope(message: &'static MessageFacts, envelope: &crate::transport::Envelope) -> Self {
        let identity = Identity { id: envelope.id, correlation: envelope.correlation };
        Context { identity, causation: envelope.causation, message, attempt: envelope.attempt, deadline: None }
    }

    pub(crate) fn in_attempt(self, attempt: u32, deadline: Option<Instant>) -> Self {
        Context { attempt, deadline, ..self }
    }

    /// The id of this dispatch: a UUID version 7, so ids sort by time.
    pub fn id(&self) -> Uuid {
        self.identity.id
    }

    /// The id that everything caused by one first dispatch shares: that dispatch's own id.
    pub fn correlation_id(&self) -> Uuid {
        self.identity.correlation
    }

    /// The id of the dispatch whose handler sent this message; `None` for the first of a chain.
    ///
    /// For a subscriber it is the publication, if a [layer asked for its ids](crate::layer::Dispatch::context).
    pub fn causation_id(&self) -> Option<Uuid> {
        self.causation
    }

    /// The message that is being handled.
    pub fn message(&self) -> &'static MessageFacts {
        self.message
    }

    /// Which attempt this is, counted from 1: a [retry](crate::layer) counts it up.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the dispatch has to be done, if a time-out says so.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Marks what is dispatched from here on, on this thread, as caused by this dispatch.
    #[doc(hidden)]
    #[must_use]
    pub fn enter(&self) -> Entered {
        Entered { outer: CURRENT.replace(Some(self.identity)) }
    }

    /// Runs `handler` with what it dispatches marked as caused by this dispatch.
    #[doc(hidden)]
    pub async fn scope<T>(&self, handler: impl Future<Output = T>) -> T {
        let mut handler = pin!(handler);
        poll_fn(|task| {
            let _entered = self.enter();
            handler.as_mut().poll(task)
        })
        .await
    }
}

/// What caused the work of a thread, for another one that goes on with it.
#[derive(Clone, Copy)]
pub(crate) struct Cause(Option<Identity>);

impl Cause {
    /// That of this thread.
    pub(crate) fn current() -> Self {
        Cause(CURRENT.get())
    }

    /// Makes it that of this thread, until the guard is dropped.
    pub(crate) fn enter(self) -> Entered {
        Entered { outer: CURRENT.replace(self.0) }
    }
}

/// Restores the enclosing context when dropped.
#[doc(hidden)]
pub struct Entered {
    outer: Option<Identity>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
    }
}
