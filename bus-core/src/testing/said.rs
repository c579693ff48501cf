//! What errors say where a test is shown what happened.

use std::error::Error;

use crate::{error::text, json::Marks, message::MessageFacts};

/// What `error` and its causes say; nothing if the message has secrets, which they may repeat.
pub(super) fn said(error: &(dyn Error + 'static), message: &MessageFacts) -> Option<String> {
    let said = || text::short(Marks::of_program().scrub(&text::with_causes(error)).into_owned());
    (!message.has_secrets()).then(said)
}
