//! One step of an expected order.

use std::any::Any;

use super::AnyMessage;
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
    /// Whether it is about this message of its type; `message` says why if that cannot be known.
    pub(super) fn is(&self, message: Result<AnyMessage, String>) -> Result<bool, String> {
        match &self.fits {
            Some(fits) => message.map(|message| fits(&*message)),
            None => Ok(true),
        }
    }

    pub(super) fn says(&self) -> String {
        let condition = if self.fits.is_some() { " that fits" } else { "" };
        format!("{} {}{condition}", self.facts.kind.verb(), self.facts.name)
    }
}
