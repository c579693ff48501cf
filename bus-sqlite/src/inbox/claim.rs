//! A claim, in the hands of the bus.

use std::sync::mpsc::Sender;

use linkbus::layer::inbox::{Claim, InboxError, InboxFuture};
use tokio::sync::oneshot;

use super::{running::Held, worker::Request};

/// Where the answer to a request goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, InboxError>>;

/// Asks the thread of the inbox, at once; the future only waits for the answer.
pub(super) fn ask<T: Send + 'static>(
    requests: &Sender<Request>,
    request: impl FnOnce(Answer<T>) -> Request,
) -> InboxFuture<T> {
    let (answer, answered) = oneshot::channel();
    let _ = requests.send(request(answer));
    Box::pin(async { answered.await.unwrap_or_else(|_| Err(InboxError::other("the inbox is closed"))) })
}

/// A message that is ours: released when this is dropped, also on its way here.
pub(super) struct OwnClaim {
    held: Option<Held>,
    requests: Sender<Request>,
}

impl OwnClaim {
    pub(super) fn new(held: Held, requests: Sender<Request>) -> Self {
        OwnClaim { held: Some(held), requests }
    }
}

impl Claim for OwnClaim {
    fn complete(mut self: Box<Self>) -> InboxFuture<()> {
        let held = self.held.take().expect("it is completed once");
        ask(&self.requests, |answer| Request::Complete { held, answer })
    }
}

impl Drop for OwnClaim {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let _ = self.requests.send(Request::Release { held });
        }
    }
}
