//! What a stub answers, as its caller gets it.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::stub::Play;
use crate::{
    error::{Failure, panic_text},
    json::Marks,
    layer::{Dispatched, LayerFailure},
    message::{Kind, Message, nothing},
};

/// The message as its `Debug` shows it, without the secrets of its parts; nothing of one that has secrets itself.
pub(crate) fn show<M: Message>(message: &(dyn Any + Send + Sync)) -> Option<String> {
    struct Shown<'a, M: Message>(&'a M, fn(&M, &mut fmt::Formatter<'_>) -> fmt::Result);

    impl<M: Message> fmt::Debug for Shown<'_, M> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.1(self.0, f)
        }
    }

    let debug = M::DEBUG.filter(|_| !M::FACTS.has_secrets())?;
    let shown = format!("{:?}", Shown(message.downcast_ref()?, debug));
    Some(crate::error::text::short(Marks::of_program().scrub(&shown).into_owned()))
}

/// What becomes of `message` where `play` stands in the place of its handler.
pub(crate) fn answer<M: Message>(message: &M, play: &Play) -> Dispatched<M> {
    match played(message, play) {
        Some(outcome) => outcome.map_err(|failure| failure.of_stub(play.handler::<M>())),
        None if M::FACTS.kind == Kind::Query => Err(M::Failure::by_layer(LayerFailure::NoHandler, M::FACTS)),
        None => Ok(nothing::<M>()),
    }
}

/// What the stub says, if there is one. A panic is caught where one of a subscriber would be.
fn played<M: Message>(message: &M, play: &Play) -> Option<Result<M::Reply, M::Failure>> {
    let answer = || Some(play.answer(message)?.map_err(M::Failure::handler));
    if M::FACTS.kind.has_one_handler() {
        return answer();
    }
    let caught = catch_unwind(AssertUnwindSafe(answer));
    caught.unwrap_or_else(|panic| Some(Err(M::Failure::of_panic(M::FACTS, panic_text(&*panic)))))
}
