//! The two ends of a dispatch that goes through a tower stack: what the stack handles, and what runs the dispatch.
//!
//! A tower request is owned and may go anywhere; a dispatch is borrowed and stays where it is. So the request is a token:
//! when it arrives inside the stack the dispatch may begin, and when the dispatch is over the token's answer says so.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Instant,
};

use tokio::sync::oneshot;

use crate::{
    layer::{AsyncNext, Dispatch, Outcome, Reason},
    message::MessageFacts,
};

/// One dispatch that asks to be let in: the request that tower services get.
///
/// It says which dispatch it is, and does not hold the message. It cannot be cloned: a dispatch goes in once.
#[derive(Debug)]
pub struct Passage {
    message: &'static MessageFacts,
    attempt: u32,
    deadline: Option<Instant>,
    crossing: Crossing,
}

impl Passage {
    /// What is known about the message.
    pub fn message(&self) -> &'static MessageFacts {
        self.message
    }

    /// Which attempt it is, counted from 1; a retry of the bus outside the tower layer counts it up.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When it has to be done, if a time-out of the bus outside the tower layer says so.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

/// The dispatch came to its end, and the handler succeeded: the response of tower services. Only the bus makes one.
#[derive(Debug)]
pub struct Passed(());

/// The dispatch came to its end with an error, or was given up: the error of the service that tower layers wrap.
///
/// What it says is for tower layers that look at errors. The caller gets the error itself, with its type.
#[derive(Debug)]
pub struct Unsuccessful {
    message: &'static str,
    reason: Option<Reason>,
    is_retryable: bool,
}

impl Unsuccessful {
    /// In which way it failed; `None` if nobody waits for it any more.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// What the error says of itself, such as [`SendError::is_retryable`](crate::SendError::is_retryable).
    pub fn is_retryable(&self) -> bool {
        self.is_retryable
    }
}

impl fmt::Display for Unsuccessful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.reason.map_or("abandoned", Reason::label);
        write!(f, "the dispatch of `{}` did not succeed: {label}", self.message)
    }
}

impl std::error::Error for Unsuccessful {}

/// The innermost service, which tower layers are put around: lets the dispatch begin, and waits for its end.
#[derive(Clone, Debug)]
pub struct Inside(());

impl Inside {
    pub(super) fn new() -> Self {
        Inside(())
    }
}

impl tower_service::Service<Passage> for Inside {
    type Response = Passed;
    type Error = Unsuccessful;
    type Future = Crossing;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unsuccessful>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, passage: Passage) -> Crossing {
        passage.crossing
    }
}

/// The dispatch under way, as the tower layers wait for it. It begins when this is polled first; dropping this ends it.
#[derive(Debug)]
pub struct Crossing {
    message: &'static str,
    begin: Option<oneshot::Sender<()>>,
    outcome: oneshot::Receiver<Result<Passed, Unsuccessful>>,
}

impl Future for Crossing {
    type Output = Result<Passed, Unsuccessful>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(begin) = self.begin.take() {
            // If nobody listens any more, the other end is closed too, and says so.
            let _ = begin.send(());
        }
        let message = self.message;
        let gone = |_| Err(Unsuccessful { message, reason: None, is_retryable: false });
        Pin::new(&mut self.outcome).poll(task).map(|ended| ended.unwrap_or_else(gone))
    }
}

/// The end of a passage that has the dispatch.
pub(super) struct Doorway {
    beginning: oneshot::Receiver<()>,
    ended: oneshot::Sender<Result<Passed, Unsuccessful>>,
}

/// Both ends of one passage.
pub(super) fn open(dispatch: &Dispatch<'_>) -> (Passage, Doorway) {
    let (begin, beginning) = oneshot::channel();
    let (ended, outcome) = oneshot::channel();
    let message = dispatch.message();
    let crossing = Crossing { message: message.name, begin: Some(begin), outcome };
    let passage = Passage { message, attempt: dispatch.attempt(), deadline: dispatch.deadline(), crossing };
    (passage, Doorway { beginning, ended })
}

impl Doorway {
    /// Runs the dispatch when it is let in; says whether it came to its end.
    ///
    /// It does not if the stack drops what waits for it: then the dispatch is dropped at once.
    pub(super) async fn run(mut self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> bool {
        if self.beginning.await.is_err() {
            return false;
        }
        let has_ended = {
            let mut inside = pin!(next.run(dispatch));
            poll_fn(|task| match self.ended.poll_closed(task) {
                Poll::Ready(()) => Poll::Ready(false),
                Poll::Pending => inside.as_mut().poll(task).map(|_| true),
            })
            .await
        };
        if has_ended {
            // Whether the stack still wants to know or not: the dispatch is over.
            let _ = self.ended.send(outcome(dispatch));
        }
        has_ended
    }
}

fn outcome(dispatch: &Dispatch<'_>) -> Result<Passed, Unsuccessful> {
    let Outcome::Failed(failed) = dispatch.outcome() else { return Ok(Passed(())) };
    let (reason, is_retryable) = (Some(failed.reason()), failed.is_retryable());
    Err(Unsuccessful { message: dispatch.message().name, reason, is_retryable })
}
