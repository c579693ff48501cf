//! A tower stack around the dispatches of a message.

use std::{
    error::Error,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use tokio::sync::Mutex;

use super::{
    BoxError, Recognise, TowerService,
    passage::{self, Passage, Passed, Unsuccessful},
};
use crate::{
    error::AnyError,
    layer::{AsyncAround, AsyncNext, Dispatch, Done, LayerFailure},
};

pub(super) struct Gated<S> {
    /// Locked while a dispatch waits for the service to be ready, not while it is under way.
    pub(super) service: Arc<Mutex<S>>,
    pub(super) is_overload: Arc<[Recognise]>,
    pub(super) at_ingress: bool,
}

impl<S: TowerService> Gated<S> {
    async fn ask(&self, passage: Passage) -> Result<Passed, BoxError> {
        let answer = {
            let mut service = self.service.lock().await;
            poll_fn(|task| service.poll_ready(task)).await.map_err(Into::into)?;
            service.call(passage)
        };
        answer.await.map_err(Into::into)
    }

    /// What becomes of a dispatch that did not come to its end.
    fn refuse(&self, dispatch: &mut Dispatch<'_>, answer: Result<Passed, BoxError>) -> Done {
        match answer {
            Err(error) if self.is_overload.iter().any(|is| causes(&*error).any(is)) => {
                dispatch.fail(LayerFailure::Overloaded)
            }
            Err(error) => dispatch.refuse(AnyError::from(error)),
            Ok(Passed { .. }) => dispatch.refuse("a tower layer gave the answer of another dispatch"),
        }
    }
}

impl<S: TowerService> AsyncAround for Gated<S> {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        if self.at_ingress && dispatch.is_nested() {
            return next.run(dispatch).await;
        }
        let (passage, doorway) = passage::open(dispatch);
        let (has_ended, answer) = both(doorway.run(dispatch, next), self.ask(passage)).await;
        if !has_ended {
            return self.refuse(dispatch, answer);
        }
        if let Err(error) = answer {
            note(dispatch, &*error);
        }
        Done(())
    }
}

/// Drives both until the stack has its answer; says too whether the dispatch came to its end.
async fn both(
    inside: impl Future<Output = bool>,
    stack: impl Future<Output = Result<Passed, BoxError>>,
) -> (bool, Result<Passed, BoxError>) {
    let (mut inside, mut stack) = (pin!(inside), pin!(stack));
    let mut has_ended = None;
    let answer = poll_fn(|task| {
        loop {
            if let Poll::Ready(answer) = stack.as_mut().poll(task) {
                return Poll::Ready(answer);
            }
            if has_ended.is_some() {
                return Poll::Pending;
            }
            match inside.as_mut().poll(task) {
                // Once more round: now the stack may have its answer.
                Poll::Ready(ended) => has_ended = Some(ended),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    let answer = answer.await;
    (has_ended.unwrap_or(false), answer)
}

/// The outcome of a dispatch that came to its end stands; an error that the stack adds is not lost all the same.
fn note(dispatch: &Dispatch<'_>, error: &(dyn Error + 'static)) {
    if !causes(error).any(<dyn Error>::is::<Unsuccessful>) {
        let message = dispatch.message().name;
        tracing::warn!(target: "linkbus", message, error, "a tower layer failed after the dispatch was over");
    }
}

/// The error and what caused it.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}
