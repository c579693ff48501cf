//! The part of a payload that has the types of its message, and how the rest reaches it.

use std::{any::Any, sync::Arc};

use super::{
    super::{Failed, LayerFailure, Outcome},
    Common, Dispatched, ErasedPayload, Payload,
};
#[cfg(feature = "testing")]
use crate::testing::{Play, Show};
use crate::{error::Failure, message::Message};

/// A message and the outcome of its dispatch.
pub(crate) struct Parts<M: Message> {
    /// `None` if it was handed over, or is shared.
    pub(super) message: Option<M>,
    pub(in super::super) outcome: Option<Dispatched<M>>,
}

/// [`Parts`] whose type is forgotten.
///
/// It is compiled for each message of a program, so there is no more in it than needs the type.
pub(crate) trait Body: Any + Send {
    fn message(&self) -> Option<&(dyn Any + Send + Sync)>;
    /// The message for several owners, if it is here. Then it no longer is.
    fn share(&mut self) -> Option<Arc<dyn Any + Send + Sync>>;
    /// Exchanges the message with that of parts of the same type.
    fn exchange_message(&mut self, with: &mut dyn Body);
    /// Moves the outcome to parts of the same type, if there is one.
    fn give_outcome(&mut self, to: &mut dyn Body);
    /// A message of this type for any format; `None` if the type is not `Serialize`.
    fn serialize<'m>(&self, message: &'m (dyn Any + Send + Sync)) -> Option<&'m dyn erased_serde::Serialize>;
    /// The answer of a query that succeeded, for any format; `None` too if its type is not `Serialize`.
    fn serialize_reply(&self) -> Option<&dyn erased_serde::Serialize>;
    /// The error of a handler that failed, for any format; `None` too if its type is not `Serialize`.
    #[cfg(feature = "transport")]
    fn serialize_error(&self) -> Option<&dyn erased_serde::Serialize>;
    /// Puts there what came back for the message from another process.
    #[cfg(feature = "transport")]
    fn receive(&mut self, received: crate::transport::Received<'_>);
    fn outcome(&self) -> Outcome<'_>;
    /// The `Option<Dispatched<M>>`.
    fn outcome_any(&mut self) -> &mut dyn Any;
    fn fail(&mut self, failure: LayerFailure);
    /// How a payload of this type is made that has neither message nor outcome.
    fn vacant(&self) -> Vacant;
    /// How a message of this type is shown.
    #[cfg(feature = "testing")]
    fn show(&self) -> Show;
    /// Puts there what a stub answers in the place of a handler, to this message or to one that is `shared`; says whether there
    /// is a message.
    #[cfg(feature = "testing")]
    fn answer(&mut self, shared: Option<&(dyn Any + Send + Sync)>, play: &Play) -> bool;
}

/// Makes a payload of one type that has neither message nor outcome.
pub(crate) type Vacant = fn(Common) -> Box<ErasedPayload>;

fn vacant<M: Message>(common: Common) -> Box<ErasedPayload> {
    Box::new(Payload { common, body: Parts::<M> { message: None, outcome: None } })
}

impl<M: Message> Body for Parts<M> {
    fn message(&self) -> Option<&(dyn Any + Send + Sync)> {
        match &self.message {
            Some(message) => Some(message),
            None => None,
        }
    }

    fn share(&mut self) -> Option<Arc<dyn Any + Send + Sync>> {
        match self.message.take() {
            Some(message) => Some(Arc::new(message)),
            None => None,
        }
    }

    fn exchange_message(&mut self, with: &mut dyn Body) {
        std::mem::swap(&mut with.parts::<M>().message, &mut self.message);
    }

    fn give_outcome(&mut self, to: &mut dyn Body) {
        if self.outcome.is_some() {
            std::mem::swap(&mut to.parts::<M>().outcome, &mut self.outcome);
        }
    }

    fn serialize<'m>(&self, message: &'m (dyn Any + Send + Sync)) -> Option<&'m dyn erased_serde::Serialize> {
        // Constants, so that what cannot be is not compiled.
        if const { M::SERIALIZE.is_none() } {
            return None;
        }
        Some(M::SERIALIZE?(message.downcast_ref()?))
    }

    fn serialize_reply(&self) -> Option<&dyn erased_serde::Serialize> {
        if const { M::SERIALIZE_REPLY.is_none() } {
            return None;
        }
        let Some(Ok(reply)) = &self.outcome else { return None };
        Some(M::SERIALIZE_REPLY?(reply))
    }

    #[cfg(feature = "transport")]
    fn serialize_error(&self) -> Option<&dyn erased_serde::Serialize> {
        if const { M::SERIALIZE_ERROR.is_none() } {
            return None;
        }
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

    fn outcome_any(&mut self) -> &mut dyn Any {
        &mut self.outcome
    }

    fn fail(&mut self, failure: LayerFailure) {
        self.outcome = Some(Err(M::Failure::by_layer(failure, M::FACTS)));
    }

    fn vacant(&self) -> Vacant {
        vacant::<M>
    }

    #[cfg(feature = "testing")]
    fn show(&self) -> Show {
        crate::testing::show::<M>
    }

    #[cfg(feature = "testing")]
    fn answer(&mut self, shared: Option<&(dyn Any + Send + Sync)>, play: &Play) -> bool {
        let message = shared.and_then(|shared| shared.downcast_ref()).or(self.message.as_ref());
        let answer = message.map(|message| crate::testing::answer::<M>(message, play));
        let is_there = answer.is_some();
        self.outcome = answer.or(self.outcome.take());
        is_there
    }
}

impl dyn Body {
    /// The parts themselves, if they are those of `M`.
    #[inline]
    pub(super) fn downcast<M: Message>(&mut self) -> Option<&mut Parts<M>> {
        let parts: &mut dyn Any = self;
        parts.downcast_mut()
    }

    #[inline]
    fn parts<M: Message>(&mut self) -> &mut Parts<M> {
        self.downcast().expect("parts of this type")
    }
}
