//! Handlers of what cannot leave the process.
#![expect(clippy::needless_pass_by_value, reason = "the very object is given back")]

use std::sync::Arc;

use linkbus::handler;

use crate::messages::Share;

#[handler]
fn share(query: Share) -> Arc<str> {
    query.0
}

linkbus::module! { messages: [Share], handlers: [share] }
