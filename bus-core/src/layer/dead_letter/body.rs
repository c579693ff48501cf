//! The message of a letter: shared, or as JSON without its secrets.

use std::sync::Arc;

use super::{super::Dispatch, Body, Keeps, Withheld, letter::SharedMessage};
use crate::json::{self, Redaction, Unwritten, Written};

/// The message of this dispatch, as `keeps` wants it.
pub(super) fn of(dispatch: &mut Dispatch<'_>, keeps: Keeps, redaction: &Redaction) -> Body {
    match keeps {
        Keeps::Message => {
            let again = dispatch.payload.again();
            let message = dispatch.share();
            message.map_or(Body::Withheld(Withheld::Gone), |message| Body::Message(SharedMessage { message, again }))
        }
        Keeps::Json => as_json(dispatch, redaction),
    }
}

fn as_json(dispatch: &Dispatch<'_>, redaction: &Redaction) -> Body {
    let Some(message) = dispatch.payload.serialize() else { return Body::Withheld(Withheld::Gone) };
    let mut text = Vec::new();
    // How much is too much is the store's to say.
    let written = json::write(message, redaction, usize::MAX, &mut text);
    match (written, String::from_utf8(text)) {
        (Ok(Written { is_redacted: false }), Ok(text)) => Body::Json(Arc::from(text)),
        (Ok(Written { is_redacted: true }), Ok(text)) => Body::Redacted(Arc::from(text)),
        (Err(Unwritten::SecretNotFound), _) => Body::Withheld(Withheld::SecretNotFound),
        (Err(Unwritten::TooDeep), _) => Body::Withheld(Withheld::TooDeep),
        _ => Body::Withheld(Withheld::NotSerialized),
    }
}
