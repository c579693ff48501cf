//! Handlers of what cannot leave the process.

use std::sync::Arc;

use linkbus::handler;

use crate::messages::Share;

#[handler]
fn share(query: Share) -> Arc<str> {
    query.0
}

linkbus::module! { messages: [Share], handlers: [share] }
