//! The inbox around the subscribers of an event: each has its own claim, and they are called one after the other.

use std::{collections::HashMap, error::Error, fmt, ops::Range, time::Duration};

use super::{
    Claim,
    guard::{Admitted, Guard, Refused, Wait, block_on, has_succeeded},
};
use crate::{
    error::{PublishError, SubscriberError, SubscriberFailure},
    handler::HandlerFacts,
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, Next},
    message::MessageFacts,
};

/// A subscriber was not called: another copy of its event was under way there for all the time that there was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyUnderWay {
    /// How long it waited.
    pub waited: Duration,
}

impl fmt::Display for CopyUnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "another copy of the event is under way, and was not done in {:?}: deliver it again", self.waited)
    }
}

impl Error for CopyUnderWay {}

/// The inbox around one event.
pub(super) struct Subscribers {
    guard: Guard,
    /// Of each subscriber, in their order: what its claims are told from others by.
    scopes: Box<[String]>,
}

impl Subscribers {
    pub(super) fn new(guard: Guard, event: &MessageFacts, subscribers: &[HandlerFacts]) -> Self {
        let mut named = HashMap::<_, usize>::new();
        let scope = |subscriber: &HandlerFacts| {
            let (module, name) = (subscriber.location.module, subscriber.name);
            let nth = named.entry((module, name)).and_modify(|nth| *nth += 1).or_insert(1);
            // Closures may have one name.
            format!("{} {module}::{name} {nth}", event.name)
        };
        Subscribers { guard, scopes: subscribers.iter().map(scope).collect() }
    }

    /// Those that the event is for.
    fn places(&self, dispatch: &Dispatch<'_>) -> Range<usize> {
        let only = dispatch.payload.particulars().only_subscriber;
        only.map_or(0..self.scopes.len(), |place| place..place + 1)
    }

    fn let_in(&self, admitted: Admitted, turn: &mut Turn<'_, '_>) -> Option<Box<dyn Claim>> {
        match admitted {
            Admitted::In(claim) => return Some(claim),
            Admitted::Duplicate => self.guard.count_duplicate(),
            Admitted::Not(refused) => {
                self.guard.count_refused(&refused);
                turn.refused(refused);
            }
        }
        None
    }
}

/// What a publication came to, as the payload of an event has it.
type Published = Option<Result<(), PublishError>>;

/// A publication, one subscriber after the other; when it is dropped, it is again for those that it was for.
struct Turn<'w, 'd> {
    dispatch: &'w mut Dispatch<'d>,
    outer: Option<usize>,
    place: usize,
    failures: Vec<SubscriberError>,
    /// What is wrong with the publication as a whole, the first of it.
    fault: Option<PublishError>,
}

impl<'w, 'd> Turn<'w, 'd> {
    fn new(dispatch: &'w mut Dispatch<'d>) -> Self {
        let outer = dispatch.particulars().only_subscriber;
        Turn { dispatch, outer, place: 0, failures: Vec::new(), fault: None }
    }

    fn of(&mut self, place: usize) {
        self.place = place;
        self.dispatch.particulars().only_subscriber = Some(place);
    }

    fn refused(&mut self, refused: Refused) {
        let subscriber = Box::new(self.dispatch.handlers()[self.place]);
        let failure = SubscriberFailure::Handler(refused.into_error());
        self.failures.push(SubscriberError { subscriber, place: self.place, failure });
    }

    fn published(&mut self) -> &mut Published {
        self.dispatch.payload.outcome_any().downcast_mut().expect("the payload of an event")
    }

    /// Takes note of what became of the subscriber.
    fn over(&mut self) {
        match self.published().take() {
            None | Some(Ok(())) => {}
            Some(Err(PublishError::Subscriber(failure))) => self.failures.push(failure),
            Some(Err(PublishError::Several { failures, .. })) => self.failures.extend(failures),
            Some(Err(fault)) => _ = self.fault.get_or_insert(fault),
        }
    }

    /// The outcome of all of them.
    fn finish(mut self) {
        let failures = std::mem::take(&mut self.failures);
        let outcome = match self.fault.take() {
            Some(fault) => Err(fault),
            None if failures.is_empty() => Ok(()),
            None => PublishError::from_failures(self.dispatch.message().name, failures),
        };
        *self.published() = Some(outcome);
    }
}

impl Drop for Turn<'_, '_> {
    fn drop(&mut self) {
        self.dispatch.particulars().only_subscriber = self.outer;
    }
}

/// Whether it may be a copy. What this process publishes is published once, to transports too.
fn may_be_copy(dispatch: &Dispatch<'_>) -> bool {
    let particulars = dispatch.payload.particulars();
    #[cfg(feature = "transport")]
    if particulars.is_foreign {
        return true;
    }
    particulars.only_subscriber.is_some()
}

impl AsyncAround for Subscribers {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        if !may_be_copy(dispatch) {
            return next.run(dispatch).await;
        }
        let (places, name) = (self.places(dispatch), dispatch.message().name);
        let mut turn = Turn::new(dispatch);
        for place in places {
            turn.of(place);
            let admitted = self.guard.admit(turn.dispatch, Some(&self.scopes[place]), Wait::Async).await;
            let Some(claim) = self.let_in(admitted, &mut turn) else { continue };
            next.run(turn.dispatch).await;
            if has_succeeded(turn.dispatch) {
                self.guard.completed(claim.complete().await, name);
            }
            turn.over();
        }
        turn.finish();
        Done(())
    }
}

impl Around for Subscribers {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        if !may_be_copy(dispatch) {
            return next.run(dispatch);
        }
        let (places, name) = (self.places(dispatch), dispatch.message().name);
        let mut turn = Turn::new(dispatch);
        for place in places {
            turn.of(place);
            let admitted = block_on(self.guard.admit(turn.dispatch, Some(&self.scopes[place]), Wait::Blocking));
            let Some(claim) = self.let_in(admitted, &mut turn) else { continue };
            next.run(turn.dispatch);
            if has_succeeded(turn.dispatch) {
                self.guard.completed(block_on(claim.complete()), name);
            }
            turn.over();
        }
        turn.finish();
        Done(())
    }
}
