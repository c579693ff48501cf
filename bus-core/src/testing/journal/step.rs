//! One step of an expected order.

use std::any::Any;

use super::note::{Kept, Note};
use crate::message::{Message, MessageFacts};

type Predicate = Box<dyn Fn(&(dyn Any + Send + Sync)) -> bool>;

/// One message of an expected order: made by [`step`] and [`step_where`].
pub struct Step {
    pub(super) facts: &'static MessageFacts,
    fits: Option<Predicate>,
}

/// A message of this type, for [`Journal::assert_order`](super::Journal::assert_order).
pub fn step<M: Message>() -> Step {
    Step { facts: M::FACTS, fits: None }
}

/// A message of this type that `fits`, for [`Journal::assert_order`](super::Journal::assert_order).
pub fn step_where<M: Message>(fits: impl Fn(&M) -> bool + 'static) -> Step {
    let fits: Predicate = Box::new(move |message| message.downcast_ref().is_some_and(&fits));
    Step { facts: M::FACTS, fits: Some(fits) }
}

impl Step {
    pub(super) fn is(&self, note: &Note) -> bool {
        note.facts == self.facts
            && match (&self.fits, &note.message) {
                (None, _) => true,
                (Some(fits), Kept::Message(message, _)) => fits(&**message),
                (Some(_), Kept::Gone(_)) => false,
            }
    }

    pub(super) fn says(&self) -> String {
        let condition = if self.fits.is_some() { " that fits" } else { "" };
        format!("{} {}{condition}", self.facts.kind.verb(), self.facts.name)
    }
}
