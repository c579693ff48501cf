use super::Wiring;
#[cfg(feature = "transport")]
use crate::error::PublishError;
use crate::{
    dispatch::Table,
    error::CloseError,
    flavor::Flavor,
    layer::{Explanation, Layered, Stack},
    message::MessageFacts,
};
#[cfg(feature = "testing")]
use {crate::testing::Double, std::sync::Arc};

/// What a bus is: its routes with the layers around them, and what is known about both. Never changed once it is made.
pub struct Core<B: Flavor> {
    pub(crate) table: Table<B>,
    pub(crate) wiring: Wiring,
    pub(crate) stack: Stack<B>,
    /// One for each message, in the order of the wiring.
    pub(crate) explanations: Vec<Explanation>,
    /// The transports, in the order in which they are asked.
    #[cfg(feature = "transport")]
    pub(crate) vias: Vec<std::sync::Arc<crate::transport::Via>>,
    /// What answers for handlers that are not there.
    #[cfg(feature = "testing")]
    pub(crate) double: Option<Double<B>>,
}

impl<B: Flavor> Core<B> {
    pub(crate) fn explanation(&self, message: &'static MessageFacts) -> Option<&Explanation> {
        self.explanations.iter().find(|explanation| explanation.route.message == message)
    }

    /// The layers that stand around a message which the bus learns of now, if it has a double that answers.
    #[cfg(feature = "testing")]
    pub(crate) fn stage(&self, message: &'static MessageFacts) -> Option<Arc<Layered<B>>> {
        Some(self.double.as_ref()?.stage(message, &self.stack))
    }

    /// Gives `inside` the layers around a message; `None` if there are none.
    pub(crate) fn with_layers<T>(
        &self,
        message: &'static MessageFacts,
        inside: impl FnOnce(&Layered<B>) -> T,
    ) -> Option<T> {
        match self.table.layered(message) {
            Some(layered) => Some(inside(layered)),
            #[cfg(feature = "testing")]
            None => self.stage(message).map(|layered| inside(&layered)),
            #[cfg(not(feature = "testing"))]
            None => None,
        }
    }

    /// What becomes of an event that has no subscriber and no layer here. A bus with transports that does not know it
    /// cannot have routed it to any of them.
    #[cfg(feature = "transport")]
    pub(crate) fn unheard(&self, event: &'static MessageFacts) -> Result<(), PublishError> {
        if self.vias.is_empty() || self.explanation(event).is_some() {
            return Ok(());
        }
        let source = "the bus does not know the event, so no transport gets it: \
            add `.message::<E>()` to the builder, or the module that declares it";
        Err(PublishError::Refused { message: event.name, source: source.into() })
    }

    pub(crate) fn close(&self) -> Result<(), CloseError> {
        let failures = self.stack.close();
        if failures.is_empty() { Ok(()) } else { Err(CloseError { failures }) }
    }
}
